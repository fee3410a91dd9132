//! The way of a request to the service.

use std::{
    future::{pending, poll_fn},
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
};

use tokio::{
    io::AsyncWriteExt as _,
    net::tcp::{ReadHalf, WriteHalf},
};

use super::{
    BlackHole,
    connection::End,
    framing::{Body, MOST_HEAD},
    gate::Gate,
    wire::fill,
};

/// A request on its way.
pub(super) struct Upload<'a> {
    pub(super) inbox: &'a mut Vec<u8>,
    pub(super) gate: &'a Gate,
    /// Becomes true when all of it is sent.
    pub(super) sent: &'a AtomicBool,
}

impl Upload<'_> {
    /// Sends the request, and then watches the client while it waits. Ends only if nothing is to go on.
    pub(super) async fn run(
        self,
        client: &mut ReadHalf<'_>,
        service: &mut WriteHalf<'_>,
        head: usize,
        mut body: Body,
    ) -> End {
        let mut count = head + body.take(&self.inbox[head..], None);
        loop {
            if service.write_all(&self.inbox[..count]).await.is_err() {
                // What the service had to say before is still to be passed on.
                return pending().await;
            }
            self.inbox.drain(..count);
            if body.is_done() {
                break;
            }
            match fill(client, self.inbox).await {
                Ok(1..) => {}
                Ok(0) => return self.half_closed(service).await,
                Err(_) => return End::Gone,
            }
            self.gate.pass(BlackHole::Requests).await;
            count = body.take(self.inbox, None);
        }
        self.sent.store(true, Ordering::Relaxed);
        while self.inbox.len() <= MOST_HEAD {
            match fill(client, self.inbox).await {
                Ok(1..) => {}
                Ok(0) => return self.half_closed(service).await,
                Err(_) => return End::Gone,
            }
        }
        pending().await
    }

    /// The client sends no more; what becomes of the answer is for the service to decide, unless the
    /// answer would never get there.
    async fn half_closed(&self, service: &mut WriteHalf<'_>) -> End {
        if self.gate.is_shut(BlackHole::Answers) {
            return End::Gone;
        }
        // If this fails the service has gone, which is seen where its answer is read.
        let _ = service.shutdown().await;
        pending().await
    }
}

/// Goes on with an upload until all is sent.
pub(super) async fn sending(
    mut upload: Pin<&mut impl Future<Output = End>>,
    sent: &AtomicBool,
) -> Option<End> {
    poll_fn(|cx| match upload.as_mut().poll(cx) {
        Poll::Ready(end) => Poll::Ready(Some(end)),
        Poll::Pending if sent.load(Ordering::Relaxed) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}
