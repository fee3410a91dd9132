//! Bodies on their way through, in both directions. Neither holds more than what one reading brings.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::time::{Sleep, sleep};

use crate::serve::RequestId;
use crate::serve::life::{InWork, Life};
use crate::upstream::{Error, Instant, Streamed};

/// A request's body, as its upload and its refusal share it.
pub(super) type Shared = Rc<RefCell<Payload>>;

/// Why a request's body ended early.
#[derive(Debug)]
pub(super) enum Fault {
    TooLarge,
    /// The client was silent for too long.
    TooSlow,
    Broken(PayloadError),
}

/// A request's body on its way to a service.
pub(super) struct FromClient {
    pub(super) payload: Shared,
    /// How many bytes may still come.
    pub(super) left: u64,
    /// How long the client may be silent; for ever, where something else counts.
    pub(super) idle: Option<Duration>,
    pub(super) timer: Option<Pin<Box<Sleep>>>,
    pub(super) life: Option<Rc<Life>>,
}

impl Stream for FromClient {
    type Item = Result<Bytes, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut *self.payload.borrow_mut()).poll_next(cx);
        match next {
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(Fault::Broken(error)))),
            Poll::Ready(Some(Ok(piece))) => {
                self.timer = None;
                if let Some(life) = &self.life {
                    life.moved();
                }
                let Some(left) = self.left.checked_sub(piece.len() as u64) else {
                    return Poll::Ready(Some(Err(Fault::TooLarge)));
                };
                self.left = left;
                Poll::Ready(Some(Ok(piece)))
            }
            Poll::Pending => {
                let Some(idle) = self.idle else {
                    return Poll::Pending;
                };
                let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(idle)));
                ready!(timer.as_mut().poll(cx));
                Poll::Ready(Some(Err(Fault::TooSlow)))
            }
        }
    }
}

/// An answer's body on its way to the client.
pub(super) struct ToClient {
    pub(super) streamed: Streamed,
    pub(super) size: BodySize,
    pub(super) life: Option<Rc<Life>>,
    /// While the service is waited for, so that its silence is not taken for the client's.
    pub(super) waiting: Option<InWork>,
    /// Whether actix leaves the chunks to us although it announces them.
    pub(super) chunks: bool,
    pub(super) is_over: bool,
    /// Why it has broken off, until that was said.
    pub(super) failed: Option<Error>,
    pub(super) id: RequestId,
    pub(super) since: Instant,
}

impl MessageBody for ToClient {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(error) = self.failed.take() {
            self.is_over = true;
            return Poll::Ready(Some(Err(error.into())));
        }
        if self.is_over {
            return Poll::Ready(None);
        }
        let Poll::Ready(next) = self.streamed.poll_next(cx) else {
            if self.waiting.is_none() {
                self.waiting = self.life.as_ref().map(Life::work);
            }
            return Poll::Pending;
        };
        self.waiting = None;
        Poll::Ready(match next {
            Some(Ok(piece)) if self.chunks => Some(Ok(chunk(&piece))),
            Some(Ok(piece)) => Some(Ok(piece)),
            Some(Err(error)) => {
                let (id, time) = (self.id.as_str(), self.since.elapsed().as_millis());
                log::warn!("{id}: the answer broke off after {time} ms: {error}");
                // Asked again, it ends the connection, so that the client sees that something is missing. Not before
                // actix has written what there was: it drops that with the error.
                self.failed = Some(error);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            None => {
                self.is_over = true;
                self.chunks.then(|| Ok(Bytes::from_static(b"0\r\n\r\n")))
            }
        })
    }
}

fn chunk(piece: &Bytes) -> Bytes {
    let mut head = String::with_capacity(10);
    // Writing to a String cannot fail.
    _ = write!(head, "{:x}\r\n", piece.len());
    Bytes::from([head.as_bytes(), piece, b"\r\n"].concat())
}

/// The answer to a request whose body was not read to its end, which is held until the answer has gone out: actix then
/// closes the connection and does not read on.
pub(super) struct Refusing {
    pub(super) text: Bytes,
    pub(super) _body: Shared,
}

impl MessageBody for Refusing {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.text.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let text = std::mem::take(&mut self.text);
        Poll::Ready((!text.is_empty()).then_some(Ok(text)))
    }
}
