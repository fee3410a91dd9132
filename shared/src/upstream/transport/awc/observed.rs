//! A connection that tells the exchange going on over it what happens on the wire.
//!
//! awc does not say whether a request was sent, whether its connection came from the pool, or whether a body ended
//! by its framing or because the connection did. The connection knows. It is polled only from within the future of
//! the exchange that uses it, so a task-local value is enough to tell the right one.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use actix_rt::net::{ActixStream, Ready, TcpStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::interim::Interim;

tokio::task_local! {
    static CURRENT: Rc<Exchange>;
}

/// What was seen of one request and its answer.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    opened: Cell<bool>,
    sent: Cell<bool>,
    /// Bytes of the answer while its head is not complete; what comes later is not counted.
    received: Cell<usize>,
    head_received: Cell<bool>,
    ended: Cell<bool>,
    interim: RefCell<Interim>,
    /// The connection that the request went out on.
    carrier: RefCell<Weak<Stream>>,
}

/// The largest head of an answer, interim ones before it included. Beyond it lies a name that makes awc's parser panic: one of 64 KiB.
const MAX_HEAD: usize = 64 * 1024;

/// A stream, or nothing once it was closed. Shared, because awc gives no way to one that it has pooled.
type Stream = RefCell<Option<TcpStream>>;

impl Exchange {
    /// Whether a byte of the request went out.
    pub(super) fn sent(&self) -> bool {
        self.sent.get()
    }

    /// Whether a byte of an answer came.
    pub(super) fn received(&self) -> bool {
        self.received.get() > 0
    }

    /// Counts bytes that came, refuses those of a head without end, and takes interim answers out of them.
    fn receive(&self, buf: &mut ReadBuf<'_>, before: usize) -> io::Result<()> {
        // Bytes on a pooled connection before the request went out belong to no exchange: awc drops it.
        if !self.sent.get() || self.head_received.get() {
            return Ok(());
        }
        let read = &buf.filled()[before..];
        self.received.set(self.received.get() + read.len());
        if self.received.get() > MAX_HEAD {
            return Err(io::Error::other("a head of more than 64 KiB"));
        }
        let mut interim = self.interim.borrow_mut();
        if !interim.is_plain(read) {
            interim.feed(read);
            buf.set_filled(before);
            hand_on(&mut interim, buf);
        }
        Ok(())
    }

    /// Whether something read before was left to hand on.
    fn left_over(&self, buf: &mut ReadBuf<'_>) -> bool {
        let mut interim = self.interim.borrow_mut();
        let any = interim.is_ready();
        hand_on(&mut interim, buf);
        any
    }

    /// Whether the request went out on a connection that was not opened for it.
    pub(super) fn reused(&self) -> bool {
        self.sent.get() && !self.opened.get()
    }

    /// Closes the connection that carried the request, wherever awc has put it, so that it is not used again.
    pub(super) fn close_connection(&self) {
        if let Some(stream) = self.carrier.borrow().upgrade() {
            stream.take();
        }
    }

    /// From here on what is seen belongs to the body. Before, pooled connections may have been found closed.
    pub(super) fn head_received(&self) {
        self.ended.set(false);
        self.head_received.set(true);
    }

    /// Whether the connection ended since the head.
    pub(super) fn connection_ended(&self) -> bool {
        self.ended.get()
    }
}

fn hand_on(interim: &mut Interim, buf: &mut ReadBuf<'_>) {
    for byte in interim.take(buf.remaining()) {
        buf.put_slice(&[byte]);
    }
}

/// Runs `work`, noting in `exchange` what happens on the connections it polls.
pub(super) fn during<F: Future>(
    exchange: Rc<Exchange>,
    work: F,
) -> impl Future<Output = F::Output> {
    CURRENT.scope(exchange, work)
}

/// Notes that a connection was opened for the current exchange.
pub(super) fn opened() {
    note(|exchange| exchange.opened.set(true));
}

fn note(seen: impl FnOnce(&Exchange)) {
    // Outside any exchange a connection is only being closed.
    _ = CURRENT.try_with(|exchange| seen(exchange));
}

/// A TCP stream under observation. Once closed it reads as ended, which awc's pool takes as a reason to drop it.
#[derive(Debug)]
pub(super) struct Observed(Rc<Stream>);

impl Observed {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(Rc::new(RefCell::new(Some(stream))))
    }

    fn note_written(&self, outcome: &Poll<io::Result<usize>>) {
        // A failed write counts: some of it may have left before.
        if outcome.is_ready() {
            note(|exchange| {
                if !exchange.sent.replace(true) {
                    exchange.carrier.replace(Rc::downgrade(&self.0));
                }
            });
        }
    }
}

fn closed<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl AsyncRead for Observed {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if CURRENT.try_with(|exchange| exchange.left_over(buf)) == Ok(true) {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let mut stream = self.0.borrow_mut();
        loop {
            let outcome = match stream.as_mut() {
                Some(stream) => Pin::new(stream).poll_read(cx, buf),
                None => Poll::Ready(Ok(())),
            };
            match &outcome {
                Poll::Ready(Ok(())) if buf.filled().len() > before => {
                    // Outside any exchange nobody reads.
                    CURRENT
                        .try_with(|exchange| exchange.receive(buf, before))
                        .unwrap_or(Ok(()))?;
                    if buf.filled().len() > before {
                        return outcome;
                    }
                    // All of it was interim: there may be more.
                }
                Poll::Ready(_) => {
                    note(|exchange| exchange.ended.set(true));
                    return outcome;
                }
                Poll::Pending => return outcome,
            }
        }
    }
}

impl AsyncWrite for Observed {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = match self.0.borrow_mut().as_mut() {
            Some(stream) => Pin::new(stream).poll_write(cx, buf),
            None => closed(),
        };
        self.note_written(&outcome);
        outcome
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.borrow_mut().as_mut() {
            Some(stream) => Pin::new(stream).poll_flush(cx),
            None => closed(),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.borrow_mut().as_mut() {
            Some(stream) => Pin::new(stream).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = match self.0.borrow_mut().as_mut() {
            Some(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            None => closed(),
        };
        self.note_written(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.0
            .borrow()
            .as_ref()
            .is_some_and(AsyncWrite::is_write_vectored)
    }
}

impl ActixStream for Observed {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.0
            .borrow()
            .as_ref()
            .map_or_else(closed, |stream| ActixStream::poll_read_ready(stream, cx))
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        self.0
            .borrow()
            .as_ref()
            .map_or_else(closed, |stream| ActixStream::poll_write_ready(stream, cx))
    }
}
