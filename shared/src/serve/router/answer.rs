//! A service's answer as its client gets it.

use std::rc::Rc;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody};
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, UPGRADE, VIA};
use actix_web::http::{ConnectionType, Method, StatusCode, Version};

use super::body::ToClient;
use crate::serve::life::Life;
use crate::serve::{RequestId, body};
use crate::upstream::{AnswerBody, Answered, Instant, ResponseHead};

/// What of the request its answer depends on.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) version: Version,
    /// Whether it asked for WebSocket, granted or not.
    pub(super) for_websocket: bool,
    pub(super) id: RequestId,
    pub(super) since: Instant,
}

/// The answer, without what belongs to the connection that it came on, and with `via`.
pub(super) fn response(
    answered: Answered,
    asked: &Asked,
    via: &str,
    life: Option<&Rc<Life>>,
) -> Option<HttpResponse> {
    let Answered { head, body } = answered;
    let status = StatusCode::from_u16(head.status).ok()?;
    let is_bodiless = asked.method == Method::HEAD || status == StatusCode::NOT_MODIFIED;
    let mut response = HttpResponse::new(status);
    let headers = response.headers_mut();
    copy(&head, headers, is_bodiless);
    let via = HeaderValue::try_from(format!("1.{} {via}", u8::from(!head.is_old()))).ok()?;
    headers.append(VIA, via);
    let size = match &body {
        _ if is_bodiless => BodySize::None,
        AnswerBody::Whole(bytes) => BodySize::Sized(bytes.len() as u64),
        AnswerBody::Streamed(body) => body.length().map_or(BodySize::Stream, BodySize::Sized),
    };
    if status == StatusCode::SWITCHING_PROTOCOLS {
        response
            .headers_mut()
            .insert(UPGRADE, HeaderValue::from_static("websocket"));
        response
            .head_mut()
            .set_connection_type(ConnectionType::Upgrade);
    } else if asked.for_websocket {
        // actix has taken the rest of the connection for the request's body.
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    let is_open = size == BodySize::Stream && status != StatusCode::SWITCHING_PROTOCOLS;
    if is_open && asked.version < Version::HTTP_11 {
        // It knows no chunks: the end of the connection ends the body.
        response.head_mut().no_chunking(true);
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    if asked.method == Method::HEAD {
        response.head_mut().no_chunking(true);
    }
    let body = match body {
        _ if asked.method == Method::HEAD => body::nothing(),
        _ if size == BodySize::None => BoxBody::new(actix_web::body::None::new()),
        AnswerBody::Whole(bytes) => BoxBody::new(bytes),
        AnswerBody::Streamed(streamed) => BoxBody::new(ToClient {
            streamed,
            size,
            life: life.cloned(),
            waiting: None,
            // To such a request actix announces chunks and writes none.
            chunks: is_open && asked.for_websocket && asked.version >= Version::HTTP_11,
            is_over: false,
            failed: None,
            id: asked.id.clone(),
            since: asked.since,
        }),
    };
    Some(response.set_body(body))
}

fn copy(head: &ResponseHead, headers: &mut HeaderMap, is_bodiless: bool) {
    for (name, value) in head.fields() {
        let Ok(name) = HeaderName::from_bytes(name) else {
            continue;
        };
        if name == CONTENT_LENGTH {
            // actix writes it where there is a body; without one, it says what a body would have.
            if is_bodiless
                && !headers.contains_key(&name)
                && let Ok(value) = HeaderValue::from_maybe_shared(value)
            {
                headers.insert(name, value);
            }
            continue;
        }
        let is_hop_by_hop = matches!(
            name.as_str(),
            "connection"
                | "keep-alive"
                | "proxy-authenticate"
                | "proxy-connection"
                | "te"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
        );
        if is_hop_by_hop || is_named(head, &name) {
            continue;
        }
        if let Ok(value) = HeaderValue::from_maybe_shared(value) {
            headers.append(name, value);
        }
    }
}

/// Whether `Connection` names the field (RFC 9110, section 7.6.1).
fn is_named(head: &ResponseHead, name: &HeaderName) -> bool {
    let options = head.values("connection");
    let mut options = options.flat_map(|value| value.split(|byte| *byte == b','));
    options.any(|option| {
        option
            .trim_ascii()
            .eq_ignore_ascii_case(name.as_str().as_bytes())
    })
}
