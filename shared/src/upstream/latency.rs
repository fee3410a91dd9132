//! How long an upstream takes, as quantiles over the last seconds.

use std::time::Duration;

use super::Instant;

/// Eight buckets for each doubling: a quantile is at most an eighth too high.
const PER_DOUBLING: u32 = 8;
/// The first bucket holds all that is shorter, in microseconds.
const SHORTEST: u64 = 64;
const BUCKETS: usize = 21 * PER_DOUBLING as usize;

/// A generation is filled for so long, and then kept as long again.
const GENERATION: Duration = Duration::from_secs(5);

/// How long a quantile that was read holds.
const READ_HOLDS: Duration = Duration::from_millis(100);

/// Fewer answers than this say nothing about a quantile.
const ENOUGH: u32 = 20;

/// A histogram of two generations.
#[derive(Debug)]
pub(super) struct Latencies {
    counts: [Vec<u32>; 2],
    totals: [u32; 2],
    start: Instant,
    read: Option<(Instant, Option<Quantiles>)>,
    /// What was known last.
    last: Option<Quantiles>,
}

/// What is read of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantiles {
    /// Half of the answers took no longer.
    pub(super) p50: Duration,
    /// Of a hundred answers, ninety-nine took no longer.
    pub(super) p99: Duration,
}

impl Latencies {
    /// An empty histogram.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            counts: [vec![0; BUCKETS], vec![0; BUCKETS]],
            totals: [0; 2],
            start: now,
            read: None,
            last: None,
        }
    }

    /// Adds an answer.
    pub(super) fn add(&mut self, latency: Duration, now: Instant) {
        self.turn(now);
        self.counts[0][bucket(latency)] += 1;
        self.totals[0] += 1;
    }

    /// The quantiles, a tenth of a second old at most; `None` after fewer than twenty answers.
    pub(super) fn quantiles(&mut self, now: Instant) -> Option<Quantiles> {
        if let Some((at, read)) = self.read
            && now.saturating_duration_since(at) < READ_HOLDS
        {
            return read;
        }
        self.turn(now);
        let total = self.totals[0] + self.totals[1];
        let read = (total >= ENOUGH).then(|| Quantiles {
            p50: self.at_rank(total.div_ceil(2)),
            p99: self.at_rank(total - total / 100),
        });
        self.read = Some((now, read));
        self.last = read.or(self.last);
        read
    }

    /// The quantiles, or those that were known last: an upstream that is asked once a second is never known for long.
    pub(super) fn last_quantiles(&mut self, now: Instant) -> Option<Quantiles> {
        self.quantiles(now).or(self.last)
    }

    /// The upper end of the bucket that holds the answer of this rank, counted from 1.
    fn at_rank(&self, rank: u32) -> Duration {
        let mut below = 0;
        for index in 0..BUCKETS {
            below += self.counts[0][index] + self.counts[1][index];
            if below >= rank {
                return upper_end(index);
            }
        }
        upper_end(BUCKETS - 1)
    }

    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.start);
        if age < GENERATION {
            return;
        }
        self.counts.swap(0, 1);
        self.totals.swap(0, 1);
        let (forgotten, start) = if age < 2 * GENERATION {
            // Not from now on: what was added since is as old as it is.
            (0..1, self.start + GENERATION)
        } else {
            (0..2, now)
        };
        for generation in forgotten {
            self.counts[generation].fill(0);
            self.totals[generation] = 0;
        }
        self.start = start;
    }
}

fn bucket(latency: Duration) -> usize {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    if micros < SHORTEST {
        return 0;
    }
    let doubling = (micros / SHORTEST).ilog2();
    let within = (micros >> doubling) - SHORTEST;
    let index = u64::from(doubling * PER_DOUBLING) + within * u64::from(PER_DOUBLING) / SHORTEST;
    usize::try_from(index).map_or(BUCKETS - 1, |index| (index + 1).min(BUCKETS - 1))
}

fn upper_end(index: usize) -> Duration {
    let (doubling, within) = (
        index as u64 / u64::from(PER_DOUBLING),
        index as u64 % u64::from(PER_DOUBLING),
    );
    Duration::from_micros((SHORTEST + within * SHORTEST / u64::from(PER_DOUBLING)) << doubling)
}

#[cfg(test)]
mod tests;
