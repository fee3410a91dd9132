//! One call on a connection, and what is seen of it beside what tonic says.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use h2::Reason;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, Request, Response};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http2::SendRequest;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

use super::connection::{Live, State};
use crate::upstream::transport::TransportError;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// What was seen of a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Exchange(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Whether a status came, and not only tonic's idea of one.
    status: AtomicBool,
    /// Whether the head of an answer came.
    head: AtomicBool,
    /// How the connection or the stream failed.
    failure: Mutex<Option<TransportError>>,
    /// Why the answer is none, in our words.
    refusal: Mutex<Option<String>>,
}

impl Exchange {
    pub(super) fn has_status(&self) -> bool {
        self.0.status.load(Relaxed)
    }

    pub(super) fn failure(&self) -> Option<TransportError> {
        take(&self.0.failure)
    }

    /// Refuses an answer, whose own status then counts no more.
    pub(super) fn refuse(&self, what: &str) -> Status {
        self.0.status.store(false, Relaxed);
        put(&self.0.refusal, what.to_owned());
        Status::internal(what)
    }

    /// What is wrong with the answer: no text of the service's.
    pub(super) fn what(&self, status: &Status) -> String {
        take(&self.0.refusal).unwrap_or_else(|| status.message().to_owned())
    }

    fn saw(&self, headers: &HeaderMap) {
        if headers.contains_key(GRPC_STATUS) {
            self.0.status.store(true, Relaxed);
        }
    }

    /// Notes how it failed, for whoever finds that tonic has a status for it.
    fn failed(&self, error: &hyper::Error, state: &State) {
        let head = self.0.head.load(Relaxed);
        put(&self.0.failure, explain(error, head, state));
    }
}

fn put<T>(slot: &Mutex<Option<T>>, value: T) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    slot.get_or_insert(value);
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// What an error of hyper's means (RFC 9113, sections 6.8 and 8.7).
fn explain(error: &hyper::Error, head: bool, state: &State) -> TransportError {
    let h2 = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<h2::Error>());
    let why = h2.map_or_else(|| error.to_string(), ToString::to_string);
    if head {
        return TransportError::Invalid(format!("broke off its answer: {why}"));
    }
    let Some(h2) = h2 else {
        return TransportError::Disconnected(why);
    };
    match h2.reason() {
        Some(Reason::REFUSED_STREAM) if h2.is_remote() => TransportError::Unprocessed(why),
        // Streams that it has begun with go on after it.
        Some(_) if h2.is_go_away() && h2.is_remote() => {
            if state.was_used() {
                TransportError::StaleConnection
            } else {
                TransportError::Unprocessed(why)
            }
        }
        Some(_) if h2.is_reset() && h2.is_remote() => TransportError::Reset(why),
        // Found by our side in what came.
        Some(_) => TransportError::Invalid(format!("answered with what is no HTTP/2: {why}")),
        None => TransportError::Disconnected(why),
    }
}

/// A connection as tonic uses it, for one call.
#[derive(Debug)]
pub(super) struct Stream {
    sender: SendRequest<Body>,
    state: Arc<State>,
    exchange: Exchange,
}

impl Stream {
    pub(super) fn new(live: &Live, exchange: &Exchange) -> Self {
        Self {
            sender: live.sender.clone(),
            state: Arc::clone(&live.state),
            exchange: exchange.clone(),
        }
    }
}

impl Service<Request<Body>> for Stream {
    type Response = Response<Observed>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // That it is closed is found when it is asked: then it is known that nothing was sent.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let sent = self.sender.try_send_request(request);
        let (exchange, state) = (self.exchange.clone(), Arc::clone(&self.state));
        async move {
            let response = sent.await.map_err(|mut failed| {
                if failed.take_message().is_some() {
                    // Closed in the very moment in which it was chosen.
                    put(&exchange.0.failure, TransportError::StaleConnection);
                } else {
                    exchange.failed(failed.error(), &state);
                }
                Status::unavailable("")
            })?;
            exchange.0.head.store(true, Relaxed);
            exchange.saw(response.headers());
            let is_grpc = response
                .headers()
                .get(CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
            if !is_grpc && !exchange.has_status() {
                let what = format!("HTTP status {} and no gRPC", response.status().as_u16());
                return Err(exchange.refuse(&what));
            }
            Ok(response.map(|body| Observed {
                body,
                state,
                exchange,
            }))
        }
        .boxed()
    }
}

/// The body of an answer on its way to tonic.
#[derive(Debug)]
pub(super) struct Observed {
    body: Incoming,
    state: Arc<State>,
    exchange: Exchange,
}

impl HttpBody for Observed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.exchange.saw(trailers);
                }
                Ok(frame)
            }
            Err(error) => {
                self.exchange.failed(&error, &self.state);
                Err(Status::unavailable(""))
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
