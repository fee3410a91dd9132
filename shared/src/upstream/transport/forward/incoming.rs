//! The body of an answer, read as it is asked for.

use std::cell::Cell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep, sleep_until};

use super::chunked::Found;
use super::connection::{Connection, Pool, poll_read};
use super::framing::Framing;
use super::upload::Upload;
use super::{PIECE, RequestHead, ResponseHead};
use crate::upstream::Instant;

/// How long the last words of a client that has left may take to be written, after a change of protocol.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The body of an answer, or what follows a change of protocol. Dropped before its end, it closes the connection.
#[derive(Debug)]
pub struct Incoming {
    framing: Framing,
    address: SocketAddr,
    /// Gone when the body has ended.
    read: Option<OwnedReadHalf>,
    /// Missing while the rest of the request is being sent.
    write: Option<OwnedWriteHalf>,
    buffer: BytesMut,
    rest: Option<Rest>,
    pool: Rc<Pool>,
    /// Whether the connection can carry another request.
    keeps: bool,
    /// How long nothing may move.
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    moved: Rc<Cell<Instant>>,
}

/// The rest of a request, sent by a task of its own until this is dropped.
#[derive(Debug)]
struct Rest(Rc<Notify>);

impl Drop for Rest {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Incoming {
    /// What comes behind `head`, which has come on `connection`. `is_sent` says whether the request was sent in full;
    /// if not, it goes on being sent. Nothing may be silent for longer than `idle`.
    pub(in crate::upstream) fn new<S, E>(
        connection: Connection,
        (request, mut upload, is_sent): (&RequestHead, Upload<S>, bool),
        head: &ResponseHead,
        pool: &Rc<Pool>,
        idle: Duration,
    ) -> Result<Self, String>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + 'static,
        E: 'static,
    {
        let switches = head.status == 101;
        let framing = if switches {
            Framing::UntilClose
        } else {
            Framing::of(head, request)?
        };
        let closes = head.is_old || head.has_member("connection", "close");
        let is_bounded = !matches!(framing, Framing::UntilClose);
        let mut incoming = Self {
            framing,
            address: connection.address,
            read: Some(connection.read),
            write: None,
            buffer: connection.buffer,
            rest: None,
            pool: Rc::clone(pool),
            keeps: is_sent && is_bounded && !closes,
            idle,
            timer: None,
            moved: Rc::clone(&upload.moved),
        };
        if switches {
            upload.switch();
        }
        if switches || !is_sent {
            let gone = Rc::new(Notify::new());
            incoming.rest = Some(Rest(Rc::clone(&gone)));
            actix_rt::spawn(send_rest(upload, connection.write, gone, switches));
        } else {
            incoming.write = Some(connection.write);
        }
        Ok(incoming)
    }

    /// The length of what is to come, where it is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.framing.length()
    }

    /// The whole body, if its length is known and all of it has come with its head.
    pub(in crate::upstream) fn whole(&mut self) -> Option<Bytes> {
        let length = usize::try_from(self.length()?).ok()?;
        if length > self.buffer.len() {
            return None;
        }
        let whole = self.buffer.split_to(length).freeze();
        self.end();
        Some(whole)
    }

    /// The next piece; none behind the end.
    ///
    /// # Errors
    /// In words, why there will be no further one.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, String>>> {
        loop {
            if self.read.is_none() {
                return Poll::Ready(None);
            }
            match self.framing.decode(&mut self.buffer) {
                Ok(Found::Data(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(Found::End) => {
                    self.end();
                    return Poll::Ready(None);
                }
                Ok(Found::Nothing) => {}
                Err(why) => return self.fail(why),
            }
            match ready!(self.poll_more(cx)) {
                Ok(0) if matches!(self.framing, Framing::UntilClose) => {
                    self.keeps = false;
                    self.end();
                    return Poll::Ready(None);
                }
                Ok(0) => return self.fail("answered with a body cut short"),
                Ok(_) => {}
                Err(why) => return self.fail(why),
            }
        }
    }

    /// Reads more, unless nothing has moved for too long.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, String>> {
        let Some(read) = &self.read else {
            return Poll::Ready(Ok(0));
        };
        if let Poll::Ready(read) = poll_read(read, &mut self.buffer, PIECE, cx) {
            self.moved.set(Instant::now());
            return Poll::Ready(read.map_err(|error| format!("lost in its answer: {error}")));
        }
        loop {
            let due = self.moved.get() + self.idle;
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            ready!(timer.as_mut().poll(cx));
            if due <= Instant::now() {
                let why = format!("nothing moved for {} ms", self.idle.as_millis());
                return Poll::Ready(Err(why));
            }
            // Something has moved since it was set.
            timer.as_mut().reset(due);
        }
    }

    fn fail(&mut self, why: impl Into<String>) -> Poll<Option<Result<Bytes, String>>> {
        self.keeps = false;
        self.end();
        Poll::Ready(Some(Err(why.into())))
    }

    /// Gives the connection to the next request, or closes it.
    fn end(&mut self) {
        self.rest = None;
        let halves = (self.read.take(), self.write.take());
        // Bytes behind an answer belong to no request.
        if let (Some(read), Some(write)) = halves
            && self.keeps
            && self.buffer.is_empty()
        {
            self.pool.keep(Connection {
                address: self.address,
                read,
                write,
                buffer: std::mem::take(&mut self.buffer),
                reused: true,
            });
        }
    }
}

/// Sends what is left of a request while its answer is read, until the answer ends.
async fn send_rest<S, E>(
    mut upload: Upload<S>,
    write: OwnedWriteHalf,
    gone: Rc<Notify>,
    switches: bool,
) where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let ended = async {
        gone.notified().await;
        if switches {
            sleep(LAST_WORDS).await;
        }
    };
    let is_sent = tokio::select! {
        biased;
        sent = poll_fn(|cx| upload.poll(&write, cx)) => sent.is_ok(),
        () = ended => false,
    };
    if is_sent && !switches {
        // Dropped, it would close its direction, which many a service takes for a client that has left.
        write.forget();
    }
}
