//! HTTP/1.1 over awc, with what is known to be treacherous in it made safe.
//!
//! The only room that names awc. What it guards against, each shown by a test in `tests/transport`:
//! an interim answer taken as final, bodies cut short, bodies delimited by the end of the connection, compressed bodies
//! that no limit bounds, redirects, look-ups of names that block, and pooled connections that are closed.

#![expect(
    clippy::disallowed_types,
    reason = "this is the one place for awc's client"
)]

use std::rc::Rc;
use std::sync::Arc;

use actix_service::fn_service;
use actix_tls::connect::{
    ConnectError as TcpError, ConnectInfo, Connection, Connector as TcpConnector,
};
use awc::error::{ConnectError, PayloadError, SendRequestError};
use awc::http::header as wire;
use awc::http::{Uri, Version};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use http::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, LAST_MODIFIED, RETRY_AFTER, SET_COOKIE, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use self::observed::{Exchange, Observed};
use self::outgoing::Origins;
use super::super::{Cluster, Response};
use super::{Attempt, Transport, TransportError};

mod interim;
mod observed;
mod outgoing;

/// The headers of an answer that somebody reads. To copy all of them costs more than to read the body. A `const` would be
/// made anew for each header that is looked for in it.
static KEPT: [(wire::HeaderName, HeaderName); 9] = [
    (wire::AGE, AGE),
    (wire::CACHE_CONTROL, CACHE_CONTROL),
    (wire::DATE, DATE),
    (wire::ETAG, ETAG),
    (wire::EXPIRES, EXPIRES),
    (wire::LAST_MODIFIED, LAST_MODIFIED),
    (wire::RETRY_AFTER, RETRY_AFTER),
    (wire::SET_COOKIE, SET_COOKIE),
    (wire::VARY, VARY),
];

/// One awc client for one cluster on one worker thread: its pool's places and waiting line are shared with no other
/// upstream, so a hung service cannot hold up a healthy one.
#[derive(Debug)]
pub struct AwcTransport {
    cluster: Arc<Cluster>,
    client: Pool,
    origins: Origins,
}

struct Pool(awc::Client);

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pool")
    }
}

impl AwcTransport {
    /// A transport to `cluster` for the current thread.
    #[must_use]
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let client = pool(&cluster);
        Self {
            cluster,
            client,
            origins: Origins::default(),
        }
    }

    async fn exchange(
        &self,
        attempt: Attempt<'_>,
        exchange: &Exchange,
    ) -> Result<Response, TransportError> {
        let request = self.origins.request(&self.client.0, attempt)?;
        let sent = if attempt.request.announces_body() {
            request.send_body(attempt.request.body.clone())
        } else {
            // Not `send`, which announces a body of no bytes.
            request.send_body(actix_web::body::None::new())
        };
        let mut received = sent.await.map_err(|error| exchange.explain(error))?;
        exchange.head_received();
        if received.status().is_informational() {
            // Others were left out where they came in. This one ends HTTP on the connection, which awc would pool.
            return Err(TransportError::Invalid(format!(
                "answered {} to what asked for no other protocol",
                received.status()
            )));
        }
        let framing = framing(&received, &attempt.request.method);
        let response = Response {
            status: StatusCode::from_u16(received.status().as_u16())
                .map_err(|_| TransportError::Invalid("answered with no valid status".to_owned()))?,
            code: None,
            headers: kept(&received),
            body: Bytes::new(),
        };
        let announced = match framing {
            Framing::Unknown => {
                // awc hands out an empty body and pools the connection that carries the real one.
                return Err(TransportError::Invalid(
                    "answered with a body delimited by closing the connection".to_owned(),
                ));
            }
            Framing::None => return Ok(response),
            Framing::Body(announced) => announced,
        };
        let mut codings = received.headers().get_all(wire::CONTENT_ENCODING);
        if codings.any(|coding| coding != "identity") {
            return Err(TransportError::Invalid(
                "answered with a content coding that was not accepted".to_owned(),
            ));
        }
        let limit = self.cluster.config().max_response_bytes as usize;
        if announced.is_some_and(|length| length > limit as u64) {
            return Err(TransportError::Invalid(format!(
                "announced a body of more than {limit} bytes"
            )));
        }
        let body = read_body(&mut received, limit, exchange).await?;
        if announced.is_some_and(|length| length != body.len() as u64) {
            return Err(TransportError::Invalid(
                "answered with a body cut short".to_owned(),
            ));
        }
        Ok(Response { body, ..response })
    }
}

impl Transport for AwcTransport {
    fn send<'a>(
        &'a self,
        attempt: Attempt<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(async move {
            let exchange = Rc::new(Exchange::default());
            let outcome =
                observed::during(Rc::clone(&exchange), self.exchange(attempt, &exchange)).await;
            if outcome.is_err() {
                // awc may have pooled the connection with somebody's bytes still to come on it: the next caller would
                // get them. Nothing may be awaited before this. A new pool would not do: a call that has yet to take
                // its connection from the old one would still find it there.
                exchange.close_connection();
            }
            outcome
        })
    }
}

fn pool(cluster: &Cluster) -> Pool {
    let config = cluster.config();
    let tcp = TcpConnector::default().service();
    let connect = fn_service(move |info: ConnectInfo<Uri>| connect(tcp.clone(), info));
    let connector = awc::Connector::new()
        .connector(Rc::new(connect))
        .timeout(config.connect_timeout)
        .conn_keep_alive(config.idle_timeout)
        // Never the bound: the cluster's own limit refuses at once where this one would queue without end.
        .limit(config.max_in_flight as usize);
    let client = awc::Client::builder()
        .connector(connector)
        .max_http_version(Version::HTTP_11)
        .disable_redirects()
        .disable_timeout()
        .no_default_headers()
        .finish();
    Pool(client)
}

/// Opens a connection to the address that the target names: discovery has looked up its name long before.
async fn connect(
    tcp: actix_tls::connect::ConnectorService,
    info: ConnectInfo<Uri>,
) -> Result<Connection<Uri, Observed>, TcpError> {
    let authority = info.request().authority();
    let socket = authority.and_then(|socket| socket.as_str().parse().ok());
    let info = info.set_addr(socket);
    let opened = actix_service::Service::call(&tcp, info).await?;
    // Without it a request in two segments waits for the delayed acknowledgement of its first.
    opened.io_ref().set_nodelay(true).map_err(TcpError::Io)?;
    observed::opened();
    let (stream, request) = opened.into_parts();
    Ok(Connection::new(request, Observed::new(stream)))
}

/// How the length of a body is known (RFC 9112, section 6.3).
enum Framing {
    None,
    /// In chunks, or with the length that was announced. In chunks and announced all the same, it has to agree.
    Body(Option<u64>),
    Unknown,
}

fn framing<S>(response: &awc::ClientResponse<S>, method: &Method) -> Framing {
    let headers = response.headers();
    if method == Method::HEAD || matches!(response.status().as_u16(), 204 | 304) {
        return Framing::None;
    }
    let announced = headers.get(wire::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.trim().parse().ok());
    if let Some(coding) = headers.get(wire::TRANSFER_ENCODING) {
        // awc also lets `identity` pass, and any coding of HTTP/1.0, and then does not decode it.
        let coding = coding.as_bytes().trim_ascii();
        return match response.version() {
            Version::HTTP_11 if coding.eq_ignore_ascii_case(b"chunked") => Framing::Body(announced),
            _ => Framing::Unknown,
        };
    }
    match announced {
        // awc reads this one to the end of the connection in HTTP/1.0.
        Some(0) => Framing::None,
        Some(length) => Framing::Body(Some(length)),
        None => Framing::Unknown,
    }
}

fn kept<S>(response: &awc::ClientResponse<S>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(4);
    for (name, value) in response.headers() {
        let kept = KEPT.iter().find(|(wire, _)| wire == name);
        if let (Some((_, name)), Ok(value)) = (kept, HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    headers
}

async fn read_body<S>(
    response: &mut awc::ClientResponse<S>,
    limit: usize,
    exchange: &Exchange,
) -> Result<Bytes, TransportError>
where
    S: futures_util::Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut length = 0;
    while let Some(chunk) = response.next().await {
        let chunk = chunk.map_err(|error| {
            if exchange.connection_ended() {
                TransportError::CutShort("a body")
            } else {
                TransportError::Invalid(format!("answered with an unreadable body: {error}"))
            }
        })?;
        length += chunk.len();
        if length > limit {
            return Err(TransportError::Invalid(format!(
                "answered with a body of more than {limit} bytes"
            )));
        }
        if first.is_empty() {
            first = chunk;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&chunk);
        }
    }
    // awc reports the end of the connection like the end of the body.
    if exchange.connection_ended() {
        return Err(TransportError::CutShort("a body"));
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}

impl Exchange {
    /// What an error of awc's means, by what was seen on the connection. awc's own words do not tell: the same
    /// `Disconnected` stands for a refused connection and for one that closed with the request half done.
    fn explain(&self, error: SendRequestError) -> TransportError {
        if self.received() && self.connection_ended() {
            return TransportError::CutShort("a head");
        }
        if self.received() {
            return TransportError::Invalid(format!("answered with what is no HTTP: {error}"));
        }
        match error {
            SendRequestError::Connect(ConnectError::Timeout) if !self.sent() => {
                TransportError::ConnectTimeout
            }
            SendRequestError::Connect(error) if !self.sent() => {
                TransportError::Connect(error.to_string())
            }
            error if !self.sent() => TransportError::Connect(error.to_string()),
            SendRequestError::Connect(_)
            | SendRequestError::Send(_)
            | SendRequestError::Response(_)
                if self.reused() =>
            {
                TransportError::StaleConnection
            }
            error => TransportError::Disconnected(error.to_string()),
        }
    }
}
