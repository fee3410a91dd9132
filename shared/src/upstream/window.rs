//! Two counts over the last so many seconds.

use std::time::Duration;

use super::Instant;

/// Into how many pieces a window is cut: what leaves it, leaves it a tenth at a time.
const PIECES: usize = 10;

/// A sliding window over two counts, in ten pieces. It forgets what is older than its length, give or take a piece.
#[derive(Debug)]
pub(super) struct Window {
    start: Instant,
    piece: Duration,
    /// The piece that is being filled, counted from `start` on.
    newest: u64,
    counts: [[u32; 2]; PIECES],
    sums: [u64; 2],
}

impl Window {
    /// An empty window of `length`.
    pub(super) fn new(length: Duration, now: Instant) -> Self {
        Self {
            start: now,
            piece: (length / PIECES as u32).max(Duration::from_millis(1)),
            newest: 0,
            counts: [[0; 2]; PIECES],
            sums: [0; 2],
        }
    }

    /// Adds to both counts.
    pub(super) fn add(&mut self, now: Instant, more: [u32; 2]) {
        self.slide(now);
        let newest = &mut self.counts[(self.newest % PIECES as u64) as usize];
        for index in 0..2 {
            newest[index] += more[index];
            self.sums[index] += u64::from(more[index]);
        }
    }

    /// Both counts as they are at `now`.
    pub(super) fn sums(&mut self, now: Instant) -> [u64; 2] {
        self.slide(now);
        self.sums
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.counts = [[0; 2]; PIECES];
        self.sums = [0; 2];
    }

    fn slide(&mut self, now: Instant) {
        // A thread may come with a `now` a little older than another's: it counts in the newest piece.
        let elapsed = now.saturating_duration_since(self.start).as_micros();
        let piece = u64::try_from(elapsed / self.piece.as_micros()).unwrap_or(u64::MAX);
        if piece <= self.newest {
            return;
        }
        if piece - self.newest >= PIECES as u64 {
            self.clear();
        } else {
            for gone in self.newest + 1..=piece {
                let gone = &mut self.counts[(gone % PIECES as u64) as usize];
                for index in 0..2 {
                    self.sums[index] -= u64::from(gone[index]);
                }
                *gone = [0; 2];
            }
        }
        self.newest = piece;
    }
}
