//! Two counts over the last so many seconds.

use std::time::Duration;

use super::Instant;

/// Into how many pieces a window is cut: what leaves it, leaves it a tenth at a time.
const PIECES: u32 = 10;

/// A sliding window over two counts, in ten pieces. It forgets what is older than its length, give or take a piece.
#[derive(Debug)]
pub(super) struct Window {
    start: Instant,
    piece: Duration,
    /// The piece that is being filled, counted from `start` on.
    newest: u64,
    counts: [[u32; 2]; PIECES as usize],
    sums: [u64; 2],
}

impl Window {
    /// An empty window of `length`.
    pub(super) fn new(length: Duration, now: Instant) -> Self {
        Self {
            start: now,
            piece: (length / PIECES).max(Duration::from_millis(1)),
            newest: 0,
            counts: [[0; 2]; PIECES as usize],
            sums: [0; 2],
        }
    }

    /// Adds to both counts.
    pub(super) fn add(&mut self, now: Instant, more: [u32; 2]) {
        self.slide(now);
        let newest = &mut self.counts[place(self.newest)];
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
        self.counts = [[0; 2]; PIECES as usize];
        self.sums = [0; 2];
    }

    fn slide(&mut self, now: Instant) {
        // A thread may come with a `now` a little older than another's: it counts in the newest piece.
        let elapsed = now.saturating_duration_since(self.start).as_micros();
        let piece = u64::try_from(elapsed / self.piece.as_micros()).unwrap_or(u64::MAX);
        if piece <= self.newest {
            return;
        }
        if piece - self.newest >= u64::from(PIECES) {
            self.clear();
        } else {
            for gone in self.newest + 1..=piece {
                let gone = std::mem::take(&mut self.counts[place(gone)]);
                self.sums[0] -= u64::from(gone[0]);
                self.sums[1] -= u64::from(gone[1]);
            }
        }
        self.newest = piece;
    }
}

/// Where the counts of a piece are.
fn place(piece: u64) -> usize {
    usize::try_from(piece % u64::from(PIECES)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
