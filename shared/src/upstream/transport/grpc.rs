//! Unary gRPC calls over tonic and hyper, without TLS.
//!
//! The only place that names tonic. tonic frames messages and reads statuses; the connections are kept here, one for each
//! worker thread and endpoint, because a policy has to know what tonic's own channel does not tell: whether a call was
//! sent at all, whether the service said a status or tonic made it up, and whether a connection is still alive.
//!
//! What is guarded against, each shown by a test in `tests/grpc`: a status that never came, a message cut short or followed
//! by another, what is no gRPC at all, messages without bound, streams and connections that are broken off, and a
//! connection that nothing comes out of any more.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures_util::future::LocalBoxFuture;
use http::header::{CACHE_CONTROL, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::{Request as GrpcRequest, Status};

use self::connection::{Connections, Live};
use self::exchange::{Exchange, Stream};
use super::super::retry_after::PUSHBACK;
use super::super::{Cluster, Code, Response};
use super::{Attempt, Transport, TransportError};

mod connection;
mod exchange;
pub(in crate::upstream) mod health;

/// The metadata of an answer that somebody reads. gRPC knows no caching of its own, but what a service says of it in the
/// words of HTTP is heard. Not `etag`: gRPC has no way to ask for what is newer.
const KEPT: [HeaderName; 2] = [CACHE_CONTROL, PUSHBACK];

/// On how many connections a call is tried that none of them took.
const TRIES: u32 = 3;

/// What stands before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Connections to the endpoints of one cluster from one worker thread.
#[derive(Debug)]
pub struct GrpcTransport {
    cluster: Arc<Cluster>,
    connections: Rc<Connections>,
}

impl GrpcTransport {
    /// A transport to `cluster` for the current thread.
    #[must_use]
    pub fn new(cluster: Arc<Cluster>) -> Self {
        Self {
            cluster,
            connections: Rc::default(),
        }
    }

    async fn exchange(&self, attempt: Attempt<'_>) -> Result<Response, TransportError> {
        let path = PathAndQuery::try_from(&*attempt.request.target)
            .map_err(|error| TransportError::Connect(format!("no valid method: {error}")))?;
        let mut tries = 0;
        loop {
            let live = self
                .connections
                .to(attempt.endpoint, self.cluster.config())
                .await?;
            let exchange = Exchange::default();
            let outcome = self.on(&live, &exchange, path.clone(), attempt).await;
            if !exchange.is_unsent() {
                return outcome;
            }
            // The service may end a connection at any time. That this one had ended shows only now, before anything was
            // sent, and so says nothing about the call.
            self.connections.give_up(attempt.endpoint.id(), &live.state);
            tries += 1;
            if tries == TRIES {
                let why = "every connection was closed at once";
                return Err(TransportError::Unprocessed(why.to_owned()));
            }
        }
    }

    /// Asks on a connection, and says what came of it.
    async fn on(
        &self,
        live: &Live,
        exchange: &Exchange,
        path: PathAndQuery,
        attempt: Attempt<'_>,
    ) -> Result<Response, TransportError> {
        let config = self.cluster.config();
        // Dropped with the call: a connection that has been silent all along is given up.
        let mut watch = self.connections.watch(attempt.endpoint, live, config);
        let limit = config.max_response_bytes as usize;
        let outcome = ask(live, exchange, limit, path, request(attempt)).await;
        watch.ended(exchange.has_head());
        let (code, metadata, message) = match (outcome, exchange.failure(), exchange.code()) {
            (Ok((message, metadata)), _, Some(Code::Ok)) => (Code::Ok, metadata, message),
            (Err(_), Some(failure), _) => return Err(failure),
            // In its own words, and not in tonic's.
            (Err(status), None, Some(code)) if code != Code::Ok => {
                (code, status.metadata().clone(), Bytes::new())
            }
            (outcome, ..) => {
                let status = outcome
                    .err()
                    .unwrap_or_else(|| Status::internal("no status"));
                return Err(TransportError::Invalid(format!(
                    "answered with what is no gRPC: {}",
                    exchange.what(&status)
                )));
            }
        };
        Ok(response(code, &metadata, message))
    }
}

impl Transport for GrpcTransport {
    fn send<'a>(
        &'a self,
        attempt: Attempt<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, TransportError>> {
        Box::pin(self.exchange(attempt))
    }
}

/// Asks, and reads the answer to its end: one message, and after it that all went well.
async fn ask(
    live: &Live,
    exchange: &Exchange,
    limit: usize,
    path: PathAndQuery,
    request: GrpcRequest<Bytes>,
) -> Result<(Bytes, MetadataMap), Status> {
    let stream = Stream::new(live, exchange);
    let mut grpc = Grpc::with_origin(stream, live.origin.clone()).max_decoding_message_size(limit);
    let answer = grpc.server_streaming(request, path, Whole).await?;
    let (mut metadata, mut messages, _) = answer.into_parts();
    let Some(message) = messages.message().await? else {
        return Err(exchange.refuse("no message"));
    };
    if messages.message().await?.is_some() {
        return Err(exchange.refuse("more than one message"));
    }
    if exchange.bytes() != PREFIX + message.len() {
        return Err(exchange.refuse("more than its message"));
    }
    let trailers = messages.trailers().await?;
    let mut name = None;
    for (next, value) in trailers.unwrap_or_default().into_headers() {
        // Of several values only the first has the name with it.
        name = next.or(name);
        if let Some(name) = &name {
            metadata.as_mut().append(name.clone(), value);
        }
    }
    Ok((message, metadata))
}

fn request(attempt: Attempt<'_>) -> GrpcRequest<Bytes> {
    let mut request = GrpcRequest::new(attempt.request.body.clone());
    let passed_on = attempt.context.propagate.iter();
    let passed_on = passed_on.map(|(name, value)| (name, value));
    let headers: &mut HeaderMap = request.metadata_mut().as_mut();
    for (name, value) in passed_on.chain(&attempt.request.headers) {
        // A name may stand there more than once.
        headers.append(name.clone(), value.clone());
    }
    // tonic writes it as `grpc-timeout`. Less than a millisecond would be told as none at all.
    request.set_timeout(attempt.remaining.max(Duration::from_millis(1)));
    request
}

fn response(code: Code, metadata: &MetadataMap, body: Bytes) -> Response {
    let said: &HeaderMap = metadata.as_ref();
    let mut headers = HeaderMap::with_capacity(1);
    for name in KEPT {
        for value in said.get_all(&name) {
            headers.append(name.clone(), HeaderValue::clone(value));
        }
    }
    Response {
        status: code.http_status(),
        code: Some(code),
        headers,
        body,
    }
}

/// Messages as they are: what they mean is read elsewhere.
#[derive(Debug, Clone, Copy)]
struct Whole;

impl Codec for Whole {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Whole {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(message);
        Ok(())
    }
}

impl Decoder for Whole {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = message.remaining();
        Ok(Some(message.copy_to_bytes(length)))
    }
}

/// Connections by what they lead to.
type ByEndpoint<T> = HashMap<u64, T>;
