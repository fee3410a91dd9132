//! From ready to stopped.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};

use tokio::sync::{Notify, watch};

/// How far a server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Serving.
    Ready,
    /// Still serving, but readiness is 503 and every answer announces the end of its connection.
    Draining,
    /// Nobody listens any more. What is in flight is finished, what still comes on a kept connection is answered as
    /// while draining, and connections that stay idle are closed.
    Stopping,
}

impl Phase {
    /// Its name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
        }
    }
}

/// The phase, as those who act on it see it.
#[derive(Debug, Clone)]
pub(super) struct Lifecycle(watch::Receiver<Phase>);

impl Lifecycle {
    pub(super) fn begin() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Ready);
        (sender, Self(receiver))
    }

    pub(super) fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Waits until the server is stopping.
    pub(super) async fn stopping(&mut self) {
        let stopping = self.0.wait_for(|phase| *phase == Phase::Stopping).await;
        if stopping.is_err() {
            // The server was dropped without a stop.
            pending::<()>().await;
        }
    }
}

/// The connections that are open, over all worker threads.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Arc<Open>);

#[derive(Debug, Default)]
struct Open {
    count: AtomicUsize,
    none_left: Notify,
}

/// One open connection; closed when dropped.
#[derive(Debug)]
pub(super) struct Connection(Connections);

impl Connections {
    pub(super) fn open(&self) -> Connection {
        self.0.count.fetch_add(1, Relaxed);
        Connection(self.clone())
    }

    /// Waits until none is open. For one waiter at a time.
    pub(super) async fn closed(&self) {
        while self.0.count.load(Acquire) > 0 {
            self.0.none_left.notified().await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let open = &self.0.0;
        if open.count.fetch_sub(1, AcqRel) == 1 {
            // Without a waiter it is kept for the next one, who looks at the count again.
            open.none_left.notify_one();
        }
    }
}
