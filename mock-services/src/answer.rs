//! The answers all routes give: cacheable JSON and problems.

use std::hash::{DefaultHasher, Hasher};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
};
use serde::Serialize;

/// 200 with the record, or 304 for a client that has it.
pub(crate) fn json(
    req: &HttpRequest,
    cache_control: &'static str,
    record: &impl Serialize,
) -> HttpResponse {
    let body = serde_json::to_vec(record).expect("records have string keys only");
    let tag = entity_tag(&body);
    let known = has_already(req, &tag);
    let mut response = HttpResponse::build(if known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    });
    response
        .insert_header((CACHE_CONTROL, cache_control))
        .insert_header((ETAG, tag));
    if known {
        response.finish()
    } else {
        response.content_type("application/json").body(body)
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
}

/// An RFC 9457 problem.
pub(crate) fn problem(status: StatusCode, detail: &str) -> HttpResponse {
    let problem = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Unknown"),
        status: status.as_u16(),
        detail,
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
