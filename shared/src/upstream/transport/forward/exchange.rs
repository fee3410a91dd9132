//! A request out and the head of its answer in, both at once.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{FutureExt as _, Stream};
use std::future::poll_fn;
use tokio::time::sleep_until;

use super::connection::poll_read;
use super::upload::{Unsent, Upload};
use super::{Connection, MAX_HEAD, RequestHead, ResponseHead};
use crate::upstream::forward::Limits;
use crate::upstream::transport::TransportError;
use crate::upstream::{Endpoint, Instant};

/// Why no head of an answer came.
#[derive(Debug)]
pub(in crate::upstream) enum Broken<E> {
    /// What happened on the wire.
    Transport(TransportError),
    /// The service neither took the request nor answered in time.
    Timeout,
    /// The client's body ended early.
    Body(E),
}

/// What was received so far in an exchange.
struct Receiving {
    /// Bytes of interim answers.
    interim: usize,
    /// Bytes that were looked at and are no whole head.
    seen: usize,
}

/// Sends the request, and returns with the head of the final answer: after the request was sent in full, or before, if
/// the service answers early. When the sending was complete is in the second place.
pub(in crate::upstream) async fn exchange<S, E>(
    connection: &mut Connection,
    endpoint: &Endpoint,
    head: &RequestHead,
    upload: &mut Upload<S>,
    limits: &Limits,
) -> Result<(ResponseHead, Option<Instant>), Broken<E>>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let begin = Instant::now();
    let remaining = limits.until_head(begin).saturating_duration_since(begin);
    upload.begin(head, endpoint.authority(), remaining);
    let mut timer = pin!(sleep_until(limits.until_head(begin)));
    let (mut sent, mut refused) = (None, None);
    let mut receiving = Receiving {
        interim: 0,
        seen: 0,
    };
    let mut moved = begin;
    let head = poll_fn(|cx| {
        if sent.is_none() && refused.is_none() {
            match upload.poll(&connection.write, cx) {
                Poll::Ready(Ok(())) => {
                    let now = Instant::now();
                    sent = Some(now);
                    if upload.is_taken {
                        timer.as_mut().reset(limits.until_head(now));
                    }
                }
                Poll::Ready(Err(Unsent::Body(error))) => {
                    return Poll::Ready(Err(Broken::Body(error)));
                }
                // Why, it may have said before: that is to be read first.
                Poll::Ready(Err(Unsent::Write(error))) => refused = Some(error),
                Poll::Pending => {
                    if moved != upload.moved.get() {
                        moved = upload.moved.get();
                        timer.as_mut().reset(limits.until_moved(moved));
                    }
                }
            }
        }
        match poll_head(connection, &mut receiving, cx) {
            Poll::Ready(Ok(head)) => return Poll::Ready(Ok(head)),
            Poll::Ready(Err(error)) => {
                let error = explain(
                    error,
                    connection,
                    &receiving,
                    upload.is_taken,
                    refused.as_ref(),
                );
                return Poll::Ready(Err(Broken::Transport(error)));
            }
            Poll::Pending => {}
        }
        while timer.as_mut().poll_unpin(cx).is_ready() {
            let now = Instant::now();
            if sent.is_some() || !upload.waits_for_client() || limits.is_over(now) {
                return Poll::Ready(Err(Broken::Timeout));
            }
            // Whoever hands out the body bounds its silence.
            timer.as_mut().reset(limits.until_moved(now));
        }
        Poll::Pending
    });
    let head = head.await?;
    if head.status == 101 && !upload.upgrades() {
        let why = "answered 101 to what asked for no other protocol".to_owned();
        return Err(Broken::Transport(TransportError::Invalid(why)));
    }
    Ok((head, sent))
}

/// The head of the final answer. Interim ones are left out (RFC 9110, section 15.2): the one that a client may wait
/// for, 100, was sent when its request was taken in.
fn poll_head(
    connection: &mut Connection,
    receiving: &mut Receiving,
    cx: &mut Context<'_>,
) -> Poll<Result<ResponseHead, Unread>> {
    loop {
        if connection.buffer.len() > receiving.seen {
            let before = connection.buffer.len();
            match ResponseHead::take(&mut connection.buffer).map_err(Unread::Invalid)? {
                None => receiving.seen = before,
                Some(head) if head.status < 200 && head.status != 101 => {
                    receiving.interim += before - connection.buffer.len();
                    receiving.seen = 0;
                    if receiving.interim > MAX_HEAD {
                        let why = format!("sent interim answers of more than {MAX_HEAD} bytes");
                        return Poll::Ready(Err(Unread::Invalid(why)));
                    }
                    continue;
                }
                Some(head) => return Poll::Ready(Ok(head)),
            }
        }
        let read = ready!(poll_read(
            &connection.read,
            &mut connection.buffer,
            8 * 1024,
            cx
        ));
        match read {
            Ok(0) => return Poll::Ready(Err(Unread::Ended)),
            Ok(_) => {}
            Err(error) => return Poll::Ready(Err(Unread::Lost(error))),
        }
    }
}

enum Unread {
    Invalid(String),
    Ended,
    Lost(io::Error),
}

/// What the end of the exchange means, by what was seen on the connection.
fn explain(
    unread: Unread,
    connection: &Connection,
    receiving: &Receiving,
    is_taken: bool,
    refused: Option<&io::Error>,
) -> TransportError {
    let why = match unread {
        Unread::Invalid(why) => return TransportError::Invalid(why),
        Unread::Ended => "it was closed".to_owned(),
        Unread::Lost(error) => error.to_string(),
    };
    if receiving.interim > 0 || !connection.buffer.is_empty() {
        return TransportError::CutShort("a head");
    }
    if connection.reused && !is_taken {
        return TransportError::StaleConnection;
    }
    TransportError::Disconnected(refused.map_or(why, ToString::to_string))
}
