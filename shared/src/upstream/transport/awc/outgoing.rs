//! What is sent: the head of a request, without what could be made once and not for each.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use awc::http::header as wire;
use awc::http::uri::{Authority, Parts, PathAndQuery, Scheme};
use awc::http::{Method, Uri};
use http::HeaderName;

use crate::upstream::transport::{Attempt, TransportError};

/// The time a call has left, in milliseconds: Envoy's header, which meshes honour.
const REMAINING: wire::HeaderName = wire::HeaderName::from_static("x-envoy-expected-rq-timeout-ms");

/// What is passed on with every request: names that need not be read anew.
static KNOWN: [wire::HeaderName; 3] = [
    wire::HeaderName::from_static("x-request-id"),
    wire::HeaderName::from_static("traceparent"),
    wire::HeaderName::from_static("tracestate"),
];

/// How many endpoints are remembered: as they come and go, all are forgotten now and then.
const MOST: usize = 256;

/// The endpoints of a cluster, in awc's types.
#[derive(Debug, Default)]
pub(super) struct Origins(RefCell<HashMap<u64, Origin>>);

#[derive(Debug, Clone)]
struct Origin {
    /// The address that is connected to.
    socket: Authority,
    host: wire::HeaderValue,
}

impl Origins {
    /// A request without its body.
    ///
    /// # Errors
    /// Its target or its method is none.
    pub(super) fn request(
        &self,
        client: &awc::Client,
        attempt: Attempt<'_>,
    ) -> Result<awc::ClientRequest, TransportError> {
        let origin = self.of(attempt)?;
        let uri = uri(origin.socket, &attempt.request.target)?;
        let method = Method::from_bytes(attempt.request.method.as_str().as_bytes())
            .map_err(|error| unsent("method", error))?;
        let mut request = client.request(method, uri).no_decompress();
        write_headers(request.headers_mut(), attempt, origin.host);
        Ok(request)
    }

    fn of(&self, attempt: Attempt<'_>) -> Result<Origin, TransportError> {
        let mut known = self.0.borrow_mut();
        let id = attempt.endpoint.id();
        if let Some(origin) = known.get(&id) {
            return Ok(origin.clone());
        }
        let socket = attempt.endpoint.socket().to_string();
        let origin = Origin {
            socket: Authority::try_from(socket).map_err(|error| unsent("address", error))?,
            host: wire::HeaderValue::from_str(attempt.endpoint.authority())
                .map_err(|error| unsent("host", error))?,
        };
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id, origin.clone());
        Ok(origin)
    }
}

fn uri(socket: Authority, target: &str) -> Result<Uri, TransportError> {
    if !target.starts_with('/') {
        return Err(unsent("target", "no path"));
    }
    let mut parts = Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(socket);
    let target = PathAndQuery::try_from(target).map_err(|error| unsent("target", error))?;
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).map_err(|error| unsent("target", error))
}

fn unsent(what: &str, why: impl std::fmt::Display) -> TransportError {
    TransportError::Connect(format!("no valid {what}: {why}"))
}

/// Sets them in place: each step of awc's builder moves the whole request.
fn write_headers(headers: &mut wire::HeaderMap, attempt: Attempt<'_>, host: wire::HeaderValue) {
    let passed_on = attempt.context.propagate.iter();
    let passed_on = passed_on.map(|(name, value)| (name, value));
    for (name, value) in passed_on.chain(&attempt.request.headers) {
        if let (Some(name), Ok(value)) = (
            on_wire(name),
            wire::HeaderValue::from_bytes(value.as_bytes()),
        ) {
            // A name may stand there more than once.
            headers.append(name, value);
        }
    }
    if !headers.contains_key(wire::ACCEPT) {
        let json = wire::HeaderValue::from_static("application/json");
        headers.insert(wire::ACCEPT, json);
    }
    // awc itself leaves out the ports 80 and 443, the latter wrongly for http.
    headers.insert(wire::HOST, host);
    let identity = wire::HeaderValue::from_static("identity");
    headers.insert(wire::ACCEPT_ENCODING, identity);
    headers.insert(REMAINING, milliseconds(attempt.remaining));
}

/// The same name in awc's version of http.
fn on_wire(name: &HeaderName) -> Option<wire::HeaderName> {
    let known = KNOWN.iter().find(|known| known.as_str() == name.as_str());
    known
        .cloned()
        .or_else(|| wire::HeaderName::from_bytes(name.as_str().as_bytes()).ok())
}

fn milliseconds(remaining: Duration) -> wire::HeaderValue {
    u64::try_from(remaining.as_millis())
        .map_or(u64::MAX, |left| left.max(1))
        .into()
}
