//! Headers: what a request's must be, and what every answer carries.

use std::net::Ipv6Addr;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HOST, HeaderMap, HeaderValue, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::uri::Authority;
use actix_web::http::{StatusCode, Version};

use super::Problem;

/// The longest target, in bytes. RFC 9110 asks for 8,000 to be supported at least, of servers in general; no path of
/// this one comes near 2 KiB.
const MAX_URI: usize = 2 * 1024;

/// The longest target of a request that is passed on: what RFC 9110, section 4.1, asks for.
const MAX_PASSED_URI: usize = 8_000;

/// The largest head of a request, in bytes: request line and header fields.
const MAX_HEAD: usize = 16 * 1024;

/// Refuses a head that no route should have to look at.
pub(super) fn check(request: &ServiceRequest) -> Result<(), Problem> {
    check_up_to(request, MAX_URI)
}

/// The same for a request that is passed on.
pub(super) fn check_passed(request: &ServiceRequest) -> Result<(), Problem> {
    check_up_to(request, MAX_PASSED_URI)
}

fn check_up_to(request: &ServiceRequest, max_uri: usize) -> Result<(), Problem> {
    let target = request
        .uri()
        .path_and_query()
        .map_or(1, |target| target.as_str().len());
    if target > max_uri {
        return Err(too_long(max_uri));
    }
    let fields = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    if target + fields.sum::<usize>() > MAX_HEAD {
        return Err(head_too_large());
    }
    if is_host_valid(request.headers(), request.version()) {
        Ok(())
    } else {
        Err(invalid_host())
    }
}

pub(super) fn uri_too_long() -> Problem {
    too_long(MAX_URI)
}

fn too_long(max_uri: usize) -> Problem {
    Problem::new(
        StatusCode::URI_TOO_LONG,
        "uriTooLong",
        "The target is too long",
        format!("A target (path and query) has at most {max_uri} bytes."),
    )
}

pub(super) fn head_too_large() -> Problem {
    Problem::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headTooLarge",
        "The head of the request is too large",
        format!("Request line and header fields have at most {MAX_HEAD} bytes together."),
    )
}

pub(super) fn invalid_host() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalidHost",
        "The Host header is not valid",
        "A request has exactly one Host header, of the form host or host:port.",
    )
}

/// RFC 9112, section 3.2: a server answers 400 to a request without, with several, or with an invalid `Host`.
fn is_host_valid(headers: &HeaderMap, version: Version) -> bool {
    let mut hosts = headers.get_all(HOST);
    match (hosts.next(), hosts.next()) {
        (None, _) => version < Version::HTTP_11,
        (Some(host), None) => host.is_empty() || is_authority(host.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

fn is_authority(host: &[u8]) -> bool {
    let Ok(authority) = Authority::try_from(host) else {
        return false;
    };
    let port = authority.as_str().strip_prefix(authority.host());
    let literal = authority
        .host()
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    literal.is_none_or(|address| address.parse::<Ipv6Addr>().is_ok())
        && !authority.host().is_empty()
        && !authority.as_str().contains('@')
        // A port may be empty (RFC 3986, section 3.2.3).
        && port.is_some_and(|port| matches!(port, "" | ":") || authority.port_u16().is_some())
}

/// What an answer may do in a browser: nothing, since it is data. A page of ours brings its own policy.
const DATA_ONLY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Says who may keep an answer that says nothing of it: nobody, and with a tag who asks each time. Without a word a cache
/// might guess (RFC 9111, section 4.2.2).
pub(super) fn keep_explicitly(headers: &mut HeaderMap) {
    if !headers.contains_key(CACHE_CONTROL) {
        let unsaid = if headers.contains_key(ETAG) {
            "no-cache"
        } else {
            "no-store"
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(unsaid));
    }
}

/// Adds `name` to what the answer varies by, unless it is there.
pub(super) fn vary(headers: &mut HeaderMap, name: &'static str) {
    let said: Vec<_> = headers.get_all(VARY).map(HeaderValue::as_bytes).collect();
    let has = said
        .iter()
        .flat_map(|field| field.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|member| member == b"*" || member.eq_ignore_ascii_case(name.as_bytes()));
    if has {
        return;
    }
    let value = if said.is_empty() {
        Ok(HeaderValue::from_static(name))
    } else {
        HeaderValue::from_bytes(&[&said.join(&b", "[..]), name.as_bytes()].join(&b", "[..]))
    };
    if let Ok(value) = value {
        headers.insert(VARY, value);
    }
}

/// Adds what every answer carries.
pub(super) fn secure(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, DATA_ONLY);
    }
}
