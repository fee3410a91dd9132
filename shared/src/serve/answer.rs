//! A composed answer: its body, and what its headers say of its sources.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderName};
use serde::Serialize;

use super::Problem;
use super::telemetry::push_milliseconds;
use crate::compose::{Provenance, Source};
use crate::upstream::Freshness;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What the access line says of one source.
#[derive(Debug, Clone)]
pub(super) struct SourceLine {
    pub(super) name: &'static str,
    pub(super) source: Source,
    pub(super) took: Duration,
    pub(super) detail: Option<Box<str>>,
}

/// The sources of an answer, in its extensions, for the access line.
#[derive(Debug, Clone)]
pub(super) struct Sources(pub(super) Vec<SourceLine>);

/// A 200 with `view` as its JSON. `Cache-Control` is private with the smallest remaining freshness of the sources, or
/// `no-store` when one of them is degraded; `Server-Timing` (W3C) tells each source's time in milliseconds and state.
///
/// # Errors
/// A view that cannot be written as JSON is an internal problem.
pub fn composed<V: Serialize>(
    view: &V,
    sources: &[(&'static str, &Provenance)],
) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_vec(view).map_err(|error| {
        log::error!("a view cannot be written as JSON: {error}");
        Problem::internal()
    })?;
    let mut response = HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, cache_control(sources)))
        .insert_header((SERVER_TIMING, server_timing(sources)))
        .body(body);
    let lines = sources.iter().map(|(name, provenance)| SourceLine {
        name,
        source: provenance.source,
        took: provenance.took,
        detail: provenance.detail.clone(),
    });
    response.extensions_mut().insert(Sources(lines.collect()));
    Ok(response)
}

fn cache_control(sources: &[(&'static str, &Provenance)]) -> String {
    let degraded = sources
        .iter()
        .any(|(_, provenance)| provenance.source.state.is_degraded());
    let freshness = sources
        .iter()
        .map(|(_, provenance)| provenance.freshness.unwrap_or(Freshness::NoStore))
        .min();
    match freshness {
        Some(Freshness::For(left)) if !degraded => format!("private, max-age={}", left.as_secs()),
        _ => "no-store".to_owned(),
    }
}

fn server_timing(sources: &[(&'static str, &Provenance)]) -> String {
    let mut value = String::with_capacity(48 * sources.len());
    for (name, Provenance { source, took, .. }) in sources {
        if !value.is_empty() {
            value.push_str(", ");
        }
        value.push_str(name);
        value.push_str(";dur=");
        push_milliseconds(&mut value, *took);
        value.push_str(";desc=\"");
        value.push_str(source.state.name());
        if let Some(reason) = source.reason {
            value.push(' ');
            value.push_str(reason.name());
        }
        value.push('"');
    }
    value
}
