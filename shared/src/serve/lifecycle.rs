//! From ready to stopped.

use tokio::sync::watch;

/// How far a server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Serving.
    Ready,
    /// Still serving, but readiness is 503 and every answer announces the end of its connection.
    Draining,
    /// Finishing what is in flight; actix closes idle connections.
    Stopping,
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
}
