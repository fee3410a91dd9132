//! What a request carries beside its target: how long its sender waits, and how it is traced.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header as wire;
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest};
use http::header::{HeaderName, HeaderValue};

use super::{Problem, RequestId};
use crate::upstream::{Context, Deadline, Importance, Instant};

const EXPECTED: wire::HeaderName = wire::HeaderName::from_static("x-envoy-expected-rq-timeout-ms");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Trace context (W3C): passed on as it is, whoever reads it. Each name as it is received, and as it is sent.
const TRACE: [(wire::HeaderName, HeaderName); 2] = [
    (
        wire::HeaderName::from_static("traceparent"),
        HeaderName::from_static("traceparent"),
    ),
    (
        wire::HeaderName::from_static("tracestate"),
        HeaderName::from_static("tracestate"),
    ),
];

/// The caller of a route: hand `context` to every upstream call made for it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What goes along with every call: deadline, request id, trace context.
    pub context: Context,
}

impl Caller {
    /// The caller of `request`, who waits for `allowed` at most.
    pub(super) fn of(
        request: &ServiceRequest,
        id: &RequestId,
        now: Instant,
        allowed: Duration,
    ) -> Self {
        let mut deadline = Deadline::after(now, allowed);
        if let Some(expected) = expected(request) {
            deadline = deadline.at_most(now, expected);
        }
        let mut propagate = Vec::with_capacity(1 + TRACE.len());
        propagate.extend(
            HeaderValue::from_bytes(id.as_header().as_bytes()).map(|id| (X_REQUEST_ID, id)),
        );
        for (received, name) in TRACE {
            let value = request.headers().get(received);
            propagate.extend(
                value
                    .and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok())
                    .map(|value| (name, value)),
            );
        }
        Self {
            context: Context {
                deadline,
                propagate: Arc::from(propagate),
                importance: Importance::Required,
            },
        }
    }
}

impl Caller {
    /// Whether the caller of `request` says how long it waits.
    pub(super) fn has_said(request: &ServiceRequest) -> bool {
        expected(request).is_some()
    }
}

/// The time that the caller says it waits; nothing for what is no whole number of milliseconds above zero.
fn expected(request: &ServiceRequest) -> Option<Duration> {
    let milliseconds = request
        .headers()
        .get(EXPECTED)?
        .to_str()
        .ok()?
        .parse()
        .ok()
        .filter(|ms| *ms > 0)?;
    Some(Duration::from_millis(milliseconds))
}

impl FromRequest for Caller {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Missing only where a route is mounted without the edge.
        ready(
            request
                .extensions()
                .get::<Self>()
                .cloned()
                .ok_or_else(|| Problem::internal().into()),
        )
    }
}
