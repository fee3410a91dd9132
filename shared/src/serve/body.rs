//! Bodies: the time a request's may take to arrive, and how a large answer's goes out.
//!
//! actix has no time-out for either. Without one, a body that drips holds its route and its connection for ever.

use std::cell::Cell;
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::HttpMessage as _;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::time::{Sleep, sleep};

use super::admission::KeptPlace;
use super::life::Answering;

/// An answer's body goes to the connection in pieces of this size, so that one that moves can be told from one that
/// nobody reads. actix writes to the socket whenever it holds as much.
const PIECE: usize = 32 * 1024;

/// Whether a request's body came too slowly.
#[derive(Debug, Clone, Default)]
pub(super) struct TooSlow(Rc<Cell<bool>>);

impl TooSlow {
    pub(super) fn get(&self) -> bool {
        self.0.get()
    }
}

/// Gives the body of `request`, if it has one, `time` from now on to arrive. A route that still waits for it then
/// gets an error in its place.
pub(super) fn bound(request: &mut ServiceRequest, time: Duration) -> TooSlow {
    let too_slow = TooSlow::default();
    match request.take_payload() {
        Payload::None => {}
        payload => {
            let body = Bounded {
                payload,
                end: Box::pin(sleep(time)),
                too_slow: too_slow.clone(),
            };
            request.set_payload(Payload::Stream {
                payload: Box::pin(body),
            });
        }
    }
    too_slow
}

struct Bounded {
    payload: Payload,
    end: Pin<Box<Sleep>>,
    too_slow: TooSlow,
}

impl Stream for Bounded {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // What is there is taken, however late its reader comes.
        if let Poll::Ready(piece) = Pin::new(&mut self.payload).poll_next(cx) {
            return Poll::Ready(piece);
        }
        ready!(self.end.as_mut().poll(cx));
        self.too_slow.0.set(true);
        Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
    }
}

/// What an answer holds until its body has been handed over in full, or is given up.
pub(super) struct Held {
    /// The connection, which lives for as long as the client reads.
    answering: Option<Answering>,
    /// The request's place among those in flight.
    _place: Option<KeptPlace>,
}

impl Held {
    pub(super) fn new(answering: Option<Answering>, place: Option<KeptPlace>) -> Self {
        Self {
            answering,
            _place: place,
        }
    }
}

/// The same body, which holds what `hold` gives it. A body that is handed over at once holds nothing.
pub(super) fn paced(body: BoxBody, hold: impl FnOnce() -> Held) -> BoxBody {
    let size = body.size();
    if size == BodySize::None {
        return body;
    }
    let (piece, body) = match body.try_into_bytes() {
        Ok(bytes) if bytes.len() <= PIECE => return BoxBody::new(bytes),
        Ok(bytes) => (bytes, BoxBody::new(())),
        Err(body) => (Bytes::new(), body),
    };
    BoxBody::new(Paced {
        piece,
        body,
        size,
        held: hold(),
    })
}

struct Paced {
    piece: Bytes,
    body: BoxBody,
    size: BodySize,
    held: Held,
}

impl MessageBody for Paced {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.piece.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(cx)) {
                Some(Ok(piece)) => self.piece = piece,
                end => return Poll::Ready(end),
            }
        }
        if let Some(answering) = &self.held.answering {
            answering.moved();
        }
        let length = self.piece.len().min(PIECE);
        Poll::Ready(Some(Ok(self.piece.split_to(length))))
    }
}

/// The answer to HEAD: the length of `body` as the header says it, and nothing that could go out. actix leaves out
/// the body by itself, but with several requests in one packet it goes by the last of them.
pub(super) fn without(body: BoxBody) -> (Option<u64>, BoxBody) {
    match body.size() {
        BodySize::None => (None, body),
        BodySize::Sized(length) => (Some(length), BoxBody::new(Nothing)),
        BodySize::Stream => (None, BoxBody::new(Nothing)),
    }
}

/// The body of an answer to HEAD whose headers were made elsewhere.
pub(super) fn nothing() -> BoxBody {
    BoxBody::new(Nothing)
}

/// A body that is framed by hand and empty.
struct Nothing;

impl MessageBody for Nothing {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}
