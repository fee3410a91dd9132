//! The answers all routes give: cacheable JSON and problems.

use std::{
    hash::{DefaultHasher, Hasher},
    io,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH},
    },
};
use serde::Serialize;

use crate::Options;

/// What every record may be used for, and what it can be asked for again by.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    cache_control: HeaderValue,
    etag: bool,
}

impl Terms {
    pub(crate) fn new(options: &Options, cache_control: &'static str) -> io::Result<Self> {
        let cache_control = match &options.cache_control {
            None => HeaderValue::from_static(cache_control),
            Some(text) => HeaderValue::from_str(text)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
        };
        Ok(Self {
            cache_control,
            etag: options.etag,
        })
    }
}

/// 200 with the record, or 304 for a client that has it.
pub(crate) fn json(req: &HttpRequest, record: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(record).expect("records have string keys only");
    let terms = req.app_data::<Terms>().expect("every service has them");
    let tag = terms.etag.then(|| entity_tag(&body));
    let known = tag.as_deref().is_some_and(|tag| has_already(req, tag));
    let mut response = HttpResponse::build(if known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    });
    response.insert_header((CACHE_CONTROL, terms.cache_control.clone()));
    if let Some(tag) = tag {
        response.insert_header((ETAG, tag));
    }
    if known {
        response.finish()
    } else {
        response.content_type("application/json").body(body)
    }
}

/// The record as the outcome of a write, which is nobody's to keep.
pub(crate) fn plain_json(status: StatusCode, record: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).json(record)
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

/// What is wrong with one field of a body.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    /// Where it stands, as in `lines[0].quantity`.
    pub(crate) field: String,
    /// What it must be.
    pub(crate) detail: String,
}

/// An RFC 9457 problem.
pub(crate) fn problem(status: StatusCode, detail: &str) -> HttpResponse {
    problem_of(status, detail, &[])
}

/// A 400 that says of each field what is wrong with it.
pub(crate) fn invalid(errors: &[FieldError]) -> HttpResponse {
    problem_of(StatusCode::BAD_REQUEST, &all_of(errors), errors)
}

/// Everything that is wrong, in one line.
pub(crate) fn all_of(errors: &[FieldError]) -> String {
    let each = errors
        .iter()
        .map(|error| format!("{} {}", error.field, error.detail));
    each.collect::<Vec<_>>().join("; ")
}

fn problem_of(status: StatusCode, detail: &str, errors: &[FieldError]) -> HttpResponse {
    let problem = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Unknown"),
        status: status.as_u16(),
        detail,
        errors,
    };
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, "application/problem+json"))
        .json(problem)
}

pub(crate) fn bad_request(detail: &str) -> HttpResponse {
    problem(StatusCode::BAD_REQUEST, detail)
}

pub(crate) fn not_found(detail: &str) -> HttpResponse {
    problem(StatusCode::NOT_FOUND, detail)
}

fn entity_tag(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    format!("\"{:016x}\"", hasher.finish())
}

/// Compares weakly, as `If-None-Match` asks for. Our tags hold no comma, so splitting at every comma
/// finds them even next to tags that do.
fn has_already(req: &HttpRequest, tag: &str) -> bool {
    req.headers()
        .get_all(IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|theirs| theirs == "*" || theirs.strip_prefix("W/").unwrap_or(theirs) == tag)
}
