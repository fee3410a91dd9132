//! A composed answer: its body, and what its headers say of its sources.

use std::fmt::Write as _;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderName, HeaderValue, LOCATION};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use twox_hash::XxHash3_64;

use super::Problem;
use super::telemetry::push_milliseconds;
use crate::compose::{Provenance, Reason, Source, SourceState};
use crate::upstream::Freshness;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const JSON: &str = "application/json";
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

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
/// `no-store` when one of them is degraded; `Server-Timing` (W3C) tells each source's time in milliseconds and state,
/// `Cache-Status` (RFC 9211) what its cache did. A complete answer has an `ETag`: a weak one, since the same is said with
/// other ages.
///
/// # Errors
/// A view that cannot be written as JSON is an internal problem.
pub fn composed<V: Serialize>(
    view: &V,
    sources: &[(&'static str, &Provenance)],
) -> Result<HttpResponse, Problem> {
    let body = json(view)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, cache_control(sources)));
    if let Some(etag) = etag(sources) {
        response.insert_header((ETAG, etag));
    }
    Ok(of_sources(response, JSON, body, sources))
}

/// A 201 with `body` as its JSON: what a request has made, which is found at `location`, an absolute path or a URI.
/// Nobody keeps the answer to such a request, so it is `no-store` and has no `ETag`; `Server-Timing` and `Cache-Status`
/// are as [`composed`] has them.
///
/// # Errors
/// A body that cannot be written as JSON, or a location that no header can hold, is an internal problem.
pub fn created<V: Serialize>(
    location: &str,
    body: &V,
    sources: &[(&'static str, &Provenance)],
) -> Result<HttpResponse, Problem> {
    let location = HeaderValue::from_str(location).map_err(|error| {
        log::error!("a location cannot be a header's value: {error}");
        Problem::internal()
    })?;
    let body = json(body)?;
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, location));
    Ok(of_sources(unkept(response), JSON, body, sources))
}

/// A 200 with `body` as its JSON: what has come of a request that changes something. In everything else it is as
/// [`created`] without the location.
///
/// # Errors
/// A body that cannot be written as JSON is an internal problem.
pub fn changed<V: Serialize>(
    body: &V,
    sources: &[(&'static str, &Provenance)],
) -> Result<HttpResponse, Problem> {
    let body = json(body)?;
    let response = unkept(HttpResponse::Ok());
    Ok(of_sources(response, JSON, body, sources))
}

/// An answer whose `body` a BFF has written itself, in a media type of its own. If it is `kept`, `Cache-Control` is as
/// [`composed`] has it, else `no-store`; it has no `ETag`. `Server-Timing` and `Cache-Status` are as [`composed`] has them.
#[must_use]
pub fn written(
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    sources: &[(&'static str, &Provenance)],
    kept: bool,
) -> HttpResponse {
    let mut response = HttpResponseBuilder::new(status);
    if kept {
        response.insert_header((CACHE_CONTROL, cache_control(sources)));
    } else {
        response = unkept(response);
    }
    of_sources(response, content_type, body, sources)
}

fn json<V: Serialize>(view: &V) -> Result<Vec<u8>, Problem> {
    // Room for most answers, so that it need not grow.
    let mut body = Vec::with_capacity(1024);
    serde_json::to_writer(&mut body, view).map_err(|error| {
        log::error!("a view cannot be written as JSON: {error}");
        Problem::internal()
    })?;
    Ok(body)
}

fn unkept(mut response: HttpResponseBuilder) -> HttpResponseBuilder {
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    response
}

/// The answer with its body, and with what is told of each source in its head and to the access line.
fn of_sources(
    mut response: HttpResponseBuilder,
    content_type: &'static str,
    body: Vec<u8>,
    sources: &[(&'static str, &Provenance)],
) -> HttpResponse {
    response.content_type(content_type);
    // A field without a member says nothing.
    if !sources.is_empty() {
        response
            .insert_header((SERVER_TIMING, server_timing(sources)))
            .insert_header((CACHE_STATUS, cache_status(sources)));
    }
    let mut response = response.body(body);
    let lines = sources.iter().map(|(name, provenance)| SourceLine {
        name,
        source: provenance.source,
        took: provenance.took,
        detail: provenance.detail.clone(),
    });
    response.extensions_mut().insert(Sources(lines.collect()));
    response
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

/// Of what the sources said, and of the version of this program, which may say it in another way; `None` where one of
/// them is degraded.
fn etag(sources: &[(&'static str, &Provenance)]) -> Option<String> {
    let mut all = VERSION;
    for (name, provenance) in sources {
        if provenance.source.state.is_degraded() {
            return None;
        }
        all = XxHash3_64::oneshot_with_seed(all, name.as_bytes());
        all = XxHash3_64::oneshot_with_seed(all, &provenance.validator?.to_le_bytes());
    }
    Some(weak_tag(all))
}

/// A weak entity tag that stands for `hash`.
pub(super) fn weak_tag(hash: u64) -> String {
    let mut tag = String::with_capacity(20);
    tag.push_str("W/\"");
    for place in (0..16).rev() {
        #[expect(clippy::cast_possible_truncation, reason = "four bits")]
        let digit = (hash >> (4 * place)) as u32 & 0xf;
        tag.extend(char::from_digit(digit, 16));
    }
    tag.push('"');
    tag
}

/// The program's version as a number, since views change with it.
const VERSION: u64 = {
    let text = env!("CARGO_PKG_VERSION").as_bytes();
    let (mut number, mut index) = (0_u64, 0);
    while index < text.len() {
        number = number.wrapping_mul(31).wrapping_add(text[index] as u64);
        index += 1;
    }
    number
};

/// One member for each source, named after it, in the order in which they were asked.
fn cache_status(sources: &[(&'static str, &Provenance)]) -> String {
    let mut value = String::with_capacity(40 * sources.len());
    for (name, Provenance { source, cache, .. }) in sources {
        if !value.is_empty() {
            value.push_str(", ");
        }
        value.push_str(name);
        let cache = cache.unwrap_or_default();
        match (cache.forwarded, source.state) {
            (Some(forwarded), _) => {
                value.push_str("; fwd=");
                value.push_str(forwarded.token());
            }
            // Nobody was asked.
            (None, SourceState::Default | SourceState::Omitted)
                if source.reason == Some(Reason::CircuitOpen) => {}
            (None, SourceState::Default | SourceState::Omitted) => value.push_str("; fwd=miss"),
            (None, _) => value.push_str("; hit"),
        }
        if let Some(status) = cache.status {
            value.push_str("; fwd-status=");
            push_number(&mut value, status.into());
        }
        if let Some(ttl) = cache.ttl {
            value.push_str("; ttl=");
            push_number(&mut value, ttl);
        }
        if cache.stored {
            value.push_str("; stored");
        }
        if cache.collapsed {
            value.push_str("; collapsed");
        }
        if let Some(reason) = source.reason {
            value.push_str("; detail=");
            value.push_str(reason.name());
        }
    }
    value
}

fn push_number(out: &mut String, number: i64) {
    // Writing to a String cannot fail.
    _ = write!(out, "{number}");
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
