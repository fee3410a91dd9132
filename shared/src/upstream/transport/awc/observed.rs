//! A connection that tells the exchange going on over it what happens on the wire.
//!
//! awc does not say whether a request was sent, whether its connection came from the pool, or whether a body ended
//! by its framing or because the connection did. The connection knows. It is polled only from within the future of
//! the exchange that uses it, so a task-local value is enough to tell the right one.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_rt::net::{ActixStream, Ready, TcpStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

tokio::task_local! {
    static CURRENT: Rc<Exchange>;
}

/// What was seen of one request and its answer.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    opened: Cell<bool>,
    sent: Cell<bool>,
    received: Cell<bool>,
    ended: Cell<bool>,
}

impl Exchange {
    /// Whether a byte of the request went out.
    pub(super) fn sent(&self) -> bool {
        self.sent.get()
    }

    /// Whether a byte of an answer came.
    pub(super) fn received(&self) -> bool {
        self.received.get()
    }

    /// Whether the request went out on a connection that was not opened for it.
    pub(super) fn reused(&self) -> bool {
        self.sent.get() && !self.opened.get()
    }

    /// From here on what is seen belongs to the body. Before, pooled connections may have been found closed.
    pub(super) fn head_received(&self) {
        self.ended.set(false);
    }

    /// Whether the connection ended since the head.
    pub(super) fn connection_ended(&self) -> bool {
        self.ended.get()
    }
}

/// Runs `work`, noting in `exchange` what happens on the connections it polls.
pub(super) async fn during<F: Future>(exchange: Rc<Exchange>, work: F) -> F::Output {
    CURRENT.scope(exchange, work).await
}

/// Notes that a connection was opened for the current exchange.
pub(super) fn opened() {
    note(|exchange| exchange.opened.set(true));
}

fn note(seen: impl FnOnce(&Exchange)) {
    // Outside any exchange a connection is only being closed.
    _ = CURRENT.try_with(|exchange| seen(exchange));
}

/// A TCP stream under observation.
#[derive(Debug)]
pub(super) struct Observed(TcpStream);

impl Observed {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(stream)
    }
}

impl AsyncRead for Observed {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.get_mut().0).poll_read(cx, buf);
        match &outcome {
            Poll::Ready(Ok(())) if buf.filled().len() > before => note(|exchange| {
                // Bytes on a pooled connection before the request went out belong to no exchange: awc drops it.
                exchange.received.set(exchange.sent.get());
            }),
            Poll::Ready(_) => note(|exchange| exchange.ended.set(true)),
            Poll::Pending => {}
        }
        outcome
    }
}

impl AsyncWrite for Observed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.get_mut().0).poll_write(cx, buf);
        note_written(&outcome);
        outcome
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.get_mut().0).poll_write_vectored(cx, bufs);
        note_written(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

fn note_written(outcome: &Poll<io::Result<usize>>) {
    // A failed write counts: some of it may have left before.
    if outcome.is_ready() {
        note(|exchange| exchange.sent.set(true));
    }
}

impl ActixStream for Observed {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.0, cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.0, cx)
    }
}
