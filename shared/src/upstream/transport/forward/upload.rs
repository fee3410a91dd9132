//! What goes out: the head, and the body piece by piece as the service takes it.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::Stream;
use tokio::net::tcp::OwnedWriteHalf;

use super::RequestHead;
use crate::upstream::Instant;

/// How the length of a request's body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So many bytes.
    Known(u64),
    /// In chunks.
    Chunked,
}

/// What a request carries behind its head.
#[derive(Debug)]
pub enum Outgoing<S> {
    /// Nothing.
    Nothing,
    /// A body.
    Body(Length, S),
    /// What follows once the service has agreed to another protocol (RFC 9110, section 7.8).
    Upgrade(S),
}

/// Why the sending of a request ended early.
#[derive(Debug)]
pub(super) enum Unsent<E> {
    /// The service takes no more.
    Write(io::Error),
    /// The client gives no more.
    Body(E),
}

/// A request on its way out.
#[derive(Debug)]
pub(in crate::upstream) struct Upload<S> {
    out: BytesMut,
    piece: Bytes,
    outgoing: Outgoing<S>,
    /// Of a body with a known length.
    left: u64,
    is_complete: bool,
    /// Whether anything of the body was taken from the client: then the request cannot be sent again.
    pub(in crate::upstream) is_taken: bool,
    /// When anything moved last, in either direction.
    pub(super) moved: Rc<Cell<Instant>>,
}

impl<S> Upload<S> {
    pub(in crate::upstream) fn new(outgoing: Outgoing<S>, now: Instant) -> Self {
        let left = match outgoing {
            Outgoing::Body(Length::Known(length), _) => length,
            _ => 0,
        };
        Self {
            out: BytesMut::new(),
            piece: Bytes::new(),
            is_complete: false,
            outgoing,
            left,
            is_taken: false,
            moved: Rc::new(Cell::new(now)),
        }
    }

    /// Begins anew, which is possible for as long as nothing of the body was taken.
    pub(super) fn begin(&mut self, head: &RequestHead, authority: &str, remaining: Duration) {
        let length;
        let framing = match &self.outgoing {
            Outgoing::Nothing => "",
            Outgoing::Body(Length::Chunked, _) => "transfer-encoding: chunked\r\n",
            Outgoing::Body(Length::Known(bytes), _) => {
                length = format!("content-length: {bytes}\r\n");
                &length
            }
            Outgoing::Upgrade(_) => "connection: upgrade\r\n",
        };
        self.out.clear();
        head.write(authority, framing, remaining, &mut self.out);
        self.is_complete = !matches!(self.outgoing, Outgoing::Body(..));
    }

    /// Whether the service takes what there is, and the client is waited for.
    pub(super) fn waits_for_client(&self) -> bool {
        self.out.is_empty() && self.piece.is_empty()
    }

    /// The way is free: from now on everything is passed on as it comes, until it ends.
    pub(super) fn switch(&mut self) {
        self.is_complete = !self.upgrades();
    }

    /// Whether another protocol was asked for.
    pub(super) fn upgrades(&self) -> bool {
        matches!(self.outgoing, Outgoing::Upgrade(_))
    }
}

impl<S, E> Upload<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    /// Sends what can be sent; ready when everything was.
    pub(super) fn poll(
        &mut self,
        write: &OwnedWriteHalf,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Unsent<E>>> {
        loop {
            ready!(self.poll_write(write, cx)).map_err(Unsent::Write)?;
            if self.is_complete {
                return Poll::Ready(Ok(()));
            }
            let (chunked, body) = match &mut self.outgoing {
                Outgoing::Nothing => return Poll::Ready(Ok(())),
                Outgoing::Body(length, body) => (*length == Length::Chunked, body),
                Outgoing::Upgrade(body) => (false, body),
            };
            let piece = ready!(Pin::new(body).poll_next(cx));
            self.is_taken = true;
            match piece {
                Some(Err(error)) => return Poll::Ready(Err(Unsent::Body(error))),
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    if chunked {
                        // Writing to a buffer that grows cannot fail.
                        _ = write!(self.out, "{:x}\r\n", piece.len());
                    } else {
                        self.left = self.left.saturating_sub(piece.len() as u64);
                    }
                    self.piece = piece;
                }
                None => {
                    self.is_complete = true;
                    if chunked {
                        self.out.extend_from_slice(b"0\r\n\r\n");
                    } else if self.left > 0 {
                        // The caller counts, and says so itself.
                        return Poll::Ready(Err(Unsent::Write(
                            io::ErrorKind::UnexpectedEof.into(),
                        )));
                    }
                }
            }
        }
    }

    /// Writes all that is at hand.
    fn poll_write(&mut self, write: &OwnedWriteHalf, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waits_for_client() {
            let written = if self.piece.is_empty() {
                write.try_write(&self.out)
            } else {
                write.try_write_vectored(&[IoSlice::new(&self.out), IoSlice::new(&self.piece)])
            };
            match written {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(length) => {
                    self.moved.set(Instant::now());
                    let of_out = length.min(self.out.len());
                    self.out.advance(of_out);
                    self.piece.advance(length - of_out);
                    let chunked = matches!(self.outgoing, Outgoing::Body(Length::Chunked, _));
                    if chunked && length > of_out && self.piece.is_empty() {
                        self.out.extend_from_slice(b"\r\n");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(write.as_ref().poll_write_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}
