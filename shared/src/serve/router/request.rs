//! What of a request goes on to a service, and what is put in its place.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE, VIA,
};
use actix_web::http::uri::Authority;
use actix_web::http::{Method, Version};

use super::Route;
use super::peers::Trusted;
use crate::serve::{Caller, Problem};
use crate::upstream::{Length, RequestHead};

/// The fields that go on whatever the settings say: content, negotiation, conditions, ranges.
fn is_base(name: &str) -> bool {
    matches!(
        name,
        "accept"
            | "accept-charset"
            | "accept-encoding"
            | "accept-language"
            | "cache-control"
            | "content-disposition"
            | "content-encoding"
            | "content-language"
            | "content-type"
            | "idempotency-key"
            | "if-match"
            | "if-modified-since"
            | "if-none-match"
            | "if-range"
            | "if-unmodified-since"
            | "last-event-id"
            | "origin"
            | "pragma"
            | "prefer"
            | "range"
            | "user-agent"
    )
}

/// The fields of a WebSocket's opening handshake (RFC 6455, section 4.1).
fn is_handshake(name: &str) -> bool {
    matches!(
        name,
        "sec-websocket-extensions"
            | "sec-websocket-key"
            | "sec-websocket-protocol"
            | "sec-websocket-version"
    )
}

/// What a request carries behind its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bodiless,
    Body(Length),
    WebSocket,
}

/// What `request` carries; a request that cannot be is refused.
pub(super) fn kind(request: &ServiceRequest, route: &Route) -> Result<Kind, Problem> {
    let headers = request.headers();
    // actix refuses what has both, or either of them twice.
    let announced = headers.get(CONTENT_LENGTH).map(|length| {
        let length = length
            .to_str()
            .ok()
            .and_then(|length| length.trim().parse().ok());
        length.ok_or_else(|| Problem::bad_request("The header Content-Length is no number."))
    });
    let announced: Option<u64> = announced.transpose()?;
    let is_chunked = headers.contains_key(TRANSFER_ENCODING);
    if asks_for_websocket(headers) {
        if is_chunked || announced.is_some_and(|length| length > 0) {
            let why = "A request for another protocol has no body.";
            return Err(Problem::bad_request(why));
        }
        let is_handshake = *request.method() == Method::GET
            && request.version() >= Version::HTTP_11
            && has_option(headers, "upgrade")
            && headers.contains_key(SEC_WEBSOCKET_VERSION);
        if route.config.websocket && is_handshake {
            return Ok(Kind::WebSocket);
        }
        // A server may leave a wish for another protocol aside (RFC 9110, section 7.8).
    }
    let most = u64::from(route.config.max_request_bytes);
    match announced {
        Some(length) if length > most => Err(route.too_large()),
        Some(length) => Ok(Kind::Body(Length::Known(length))),
        None if is_chunked => Ok(Kind::Body(Length::Chunked)),
        None if matches!(
            *request.method(),
            Method::POST | Method::PUT | Method::PATCH
        ) =>
        {
            Ok(Kind::Body(Length::Known(0)))
        }
        None => Ok(Kind::Bodiless),
    }
}

/// Whether actix takes all that follows the head for one endless body.
pub(super) fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let mut protocols = headers.get_all(UPGRADE);
    protocols.any(|protocol| {
        protocol
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"websocket")
    })
}

/// Whether `Connection` has this option.
fn has_option(headers: &HeaderMap, option: &str) -> bool {
    let mut options = headers.get_all(CONNECTION).flat_map(|value| {
        let options = value.as_bytes().split(|byte| *byte == b',');
        options.map(<[u8]>::trim_ascii)
    });
    options.any(|name| name.eq_ignore_ascii_case(option.as_bytes()))
}

/// The head that goes on.
pub(super) fn head(
    request: &ServiceRequest,
    route: &Route,
    kind: Kind,
    caller: &Caller,
    (trusted, via): (&Trusted, &str),
) -> RequestHead {
    let headers = request.headers();
    let target = route.target(request.uri());
    let mut head = RequestHead::new(request.method().as_str(), &target);
    let is_named = headers.contains_key(CONNECTION);
    for (name, value) in headers {
        let goes_on = is_base(name.as_str())
            || route.config.request_headers.contains(name)
            || (kind == Kind::WebSocket && is_handshake(name.as_str()));
        // What Connection names is for us alone (RFC 9110, section 7.6.1).
        if goes_on && !(is_named && has_option(headers, name.as_str())) {
            head.field(name.as_str(), value.as_bytes());
        }
    }
    if kind == Kind::WebSocket {
        head.field("upgrade", b"websocket");
    }
    for (name, value) in caller.context.propagate.iter() {
        head.field(name.as_str(), value.as_bytes());
    }
    head.field("via", via_of(headers, request.version(), via).as_bytes());
    // The target's own host counts more than the field (RFC 9112, section 3.2.2).
    let authority = request.uri().authority().map(Authority::as_str);
    let host = authority.map(|whole| whole.rsplit_once('@').map_or(whole, |(_, host)| host));
    let host = host
        .or_else(|| headers.get(HOST)?.to_str().ok())
        .unwrap_or_default();
    let peer = request.peer_addr().map(|peer| peer.ip());
    trusted.forward(peer, host, headers, &mut head);
    head
}

/// Who was before, and ourselves (RFC 9110, section 7.6.3).
fn via_of(headers: &HeaderMap, version: Version, own: &str) -> String {
    let mut text = String::with_capacity(16);
    for before in headers.get_all(VIA).filter_map(|value| value.to_str().ok()) {
        text.push_str(before);
        text.push_str(", ");
    }
    text.push_str(if version < Version::HTTP_11 {
        "1.0 "
    } else {
        "1.1 "
    });
    text.push_str(own);
    text
}

/// Whether no setting may let this field through: it belongs to a single connection, or is ours to say.
pub(super) fn is_ours(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-forwarded-")
        || is_handshake(name)
        || matches!(
            name,
            "connection"
                | "content-length"
                | "expect"
                | "forwarded"
                | "host"
                | "keep-alive"
                | "proxy-authenticate"
                | "proxy-authorization"
                | "proxy-connection"
                | "te"
                | "traceparent"
                | "tracestate"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
                | "via"
                | "x-envoy-expected-rq-timeout-ms"
                | "x-real-ip"
                | "x-request-id"
        )
}
