//! One call on a connection, and what is seen of it beside what tonic says.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use h2::Reason;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http2::SendRequest;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

use super::connection::{Live, State};
use crate::upstream::Code;
use crate::upstream::transport::TransportError;

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// What stands beside a status and nobody reads. tonic does, panics at details that are no base64, and makes another status
/// of one whose text it cannot read.
const UNREAD: [HeaderName; 2] = [
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
];

/// What was seen of a call.
#[derive(Debug, Clone, Default)]
pub(super) struct Exchange(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// The status that came: not tonic's idea of one.
    code: Option<Code>,
    /// Whether the head of an answer came.
    head: bool,
    /// Bytes of the answer's body.
    bytes: usize,
    /// How the connection or the stream failed.
    failure: Option<TransportError>,
    /// Whether the connection was closed before it was sent.
    unsent: bool,
    /// Why the answer is none, in our words.
    refusal: Option<String>,
}

impl Exchange {
    /// The status of an answer that was not refused.
    pub(super) fn code(&self) -> Option<Code> {
        let seen = self.seen();
        seen.code.filter(|_| seen.refusal.is_none())
    }

    pub(super) fn bytes(&self) -> usize {
        self.seen().bytes
    }

    pub(super) fn failure(&self) -> Option<TransportError> {
        self.seen().failure.take()
    }

    pub(super) fn has_head(&self) -> bool {
        self.seen().head
    }

    pub(super) fn is_unsent(&self) -> bool {
        self.seen().unsent
    }

    /// Refuses an answer, whose own status then counts no more.
    pub(super) fn refuse(&self, what: impl Into<String>) -> Status {
        self.seen().refusal.get_or_insert(what.into());
        Status::internal("")
    }

    /// What is wrong with the answer: no text of the service's.
    pub(super) fn what(&self, status: &Status) -> String {
        let refusal = self.seen().refusal.take();
        refusal.unwrap_or_else(|| status.message().to_owned())
    }

    /// Reads the status in a head or in trailers, if there is one.
    fn read(&self, headers: &mut HeaderMap) -> Result<(), Status> {
        for name in UNREAD {
            headers.remove(name);
        }
        let Some(status) = headers.get(GRPC_STATUS) else {
            return Ok(());
        };
        let code = code(status).ok_or_else(|| self.refuse("a status that is no number"))?;
        self.seen().code = Some(code);
        Ok(())
    }

    /// Notes how it failed, for whoever finds that tonic has a status for it.
    fn failed(&self, error: &hyper::Error, state: &State) {
        let mut seen = self.seen();
        let failure = explain(error, seen.head, state);
        seen.failure.get_or_insert(failure);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The status that a field names; every number is one.
fn code(value: &HeaderValue) -> Option<Code> {
    let text = value.to_str().ok()?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    number.map(Code::of)
}

/// What an error of hyper's means (RFC 9113, sections 6.8 and 8.7).
fn explain(error: &hyper::Error, head: bool, state: &State) -> TransportError {
    let h2 = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<h2::Error>());
    let why = h2.map_or_else(|| error.to_string(), ToString::to_string);
    if head && h2.is_none_or(h2::Error::is_io) {
        return TransportError::CutShort("an answer");
    }
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
            let mut response = sent.await.map_err(|mut failed| {
                if failed.take_message().is_some() {
                    // Closed in the very moment in which it was chosen.
                    exchange.seen().unsent = true;
                } else {
                    exchange.failed(failed.error(), &state);
                }
                Status::unavailable("")
            })?;
            exchange.seen().head = true;
            exchange.read(response.headers_mut())?;
            let is_grpc = response
                .headers()
                .get(CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
            let encoding = response.headers().get(GRPC_ENCODING);
            if encoding.is_some_and(|encoding| encoding != "identity") {
                return Err(exchange.refuse("compressed, which nobody asked for"));
            }
            match exchange.code() {
                // It would come after the message.
                Some(Code::Ok) => return Err(exchange.refuse("no message")),
                None if !is_grpc => {
                    let status = response.status().as_u16();
                    if matches!(status, 429 | 502..=504) {
                        // A proxy before the service that says for it what it cannot say itself
                        // (grpc/doc/http-grpc-status-mapping.md).
                        exchange.seen().code = Some(Code::Unavailable);
                        return Err(Status::unavailable(""));
                    }
                    return Err(exchange.refuse(format!("HTTP status {status}")));
                }
                _ => {}
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
            Ok(mut frame) => {
                if let Some(data) = frame.data_ref() {
                    self.exchange.seen().bytes += data.len();
                }
                if let Some(trailers) = frame.trailers_mut() {
                    self.exchange.read(trailers)?;
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
