//! The point in time after which an answer is of no use any more.

use std::time::Duration;

/// Tokio's clock, which tests can pause; the only clock of this crate.
pub use tokio::time::Instant;

/// When a piece of work has to be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `allowed` from `now` on.
    #[must_use]
    pub fn after(now: Instant, allowed: Duration) -> Self {
        Self(now + allowed)
    }

    /// This deadline, or `allowed` from `now` on if that is sooner.
    #[must_use]
    pub fn at_most(self, now: Instant, allowed: Duration) -> Self {
        self.min(Self::after(now, allowed))
    }

    /// The time left at `now`; zero once it is over.
    #[must_use]
    pub fn remaining(self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// The deadline as a point in time.
    #[must_use]
    pub fn instant(self) -> Instant {
        self.0
    }
}
