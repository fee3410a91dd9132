//! What is kept of latencies: of the calls of a window, and of those with next to nothing beside them.

use super::Instant;

/// The calls of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Samples {
    pub(super) start: Instant,
    pub(super) count: u32,
    /// In seconds, and of their squares.
    sum: f64,
    squares: f64,
    pub(super) most_in_flight: u32,
}

impl Samples {
    pub(super) fn new(now: Instant, in_flight: u32) -> Self {
        Self {
            start: now,
            count: 0,
            sum: 0.0,
            squares: 0.0,
            most_in_flight: in_flight,
        }
    }

    pub(super) fn add(&mut self, latency: f64) {
        self.count += 1;
        self.sum += latency;
        self.squares += latency * latency;
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum / f64::from(self.count)
    }

    /// How far the mean may be off by chance: its standard error.
    pub(super) fn doubt(&self) -> f64 {
        let (mean, count) = (self.mean(), f64::from(self.count));
        let variance = (self.squares / count - mean * mean).max(0.0);
        (variance / count).sqrt()
    }
}

/// What a call takes with next to nothing beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base {
    /// In seconds.
    pub(super) mean: f64,
    pub(super) count: u32,
    /// Whether it is of such calls, and not just of the first.
    pub(super) is_alone: bool,
}

impl Base {
    pub(super) const NOTHING: Self = Self {
        mean: 0.0,
        count: 0,
        is_alone: false,
    };

    pub(super) fn add(&mut self, latency: f64) {
        /// As many answers are worth a new mean.
        const MANY: u32 = 32;
        self.count = (self.count + 1).min(MANY);
        self.mean += (latency - self.mean) / f64::from(self.count);
    }
}
