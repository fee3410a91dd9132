//! How much of the traffic an endpoint deserves: power of two choices (Mitzenmacher, 2001) over a peak-sensitive
//! moving average of its latency, as in Finagle's "peak EWMA" balancer.

use std::time::Duration;

use super::Instant;
use crate::config::Section;

/// Settings of the balance between the endpoints of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceConfig {
    /// The time in which an old latency loses two thirds of its weight.
    pub decay: Duration,
    /// The latency that an endpoint is thought to have before it has answered once.
    pub default_latency: Duration,
}

impl Default for BalanceConfig {
    fn default() -> Self {
        Self {
            decay: Duration::from_secs(10),
            default_latency: Duration::from_millis(30),
        }
    }
}

impl BalanceConfig {
    /// Reads the keys of the section `balance`.
    pub fn read(section: &mut Section<'_>) -> Self {
        const MILLISECOND: Duration = Duration::from_millis(1);
        const HOUR: Duration = Duration::from_secs(3600);
        let default = Self::default();
        Self {
            decay: section.duration(
                "decay",
                default.decay,
                100 * MILLISECOND..=HOUR,
                "The time in which an old latency loses two thirds of its weight.",
            ),
            default_latency: section.duration(
                "default_latency",
                default.default_latency,
                MILLISECOND..=Duration::from_secs(60),
                "The latency that an endpoint is thought to have before it has answered once.",
            ),
        }
    }
}

/// How an endpoint stands when a call is to be placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    /// In seconds.
    average: f64,
    pending: u32,
}

impl Standing {
    /// What a further call costs.
    pub(super) fn cost(self) -> f64 {
        self.average * (f64::from(self.pending) + 1.0)
    }

    /// Whether this one is to be asked rather than `other`; `None` if it is all the same. The weights are those of SRV
    /// records: who has twice as much of it may have twice as much to do.
    pub(super) fn is_better(self, weight: u16, other: Self, others: u16) -> Option<bool> {
        /// Averages this near to each other say more of the last few calls than of the endpoints. Otherwise a slightly
        /// slower one would get nothing while there is little to do, and nobody would know how it is.
        const ALIKE: f64 = 2.0;
        let (weight, others) = (f64::from(weight), f64::from(others));
        let are_alike =
            self.average <= other.average * ALIKE && other.average <= self.average * ALIKE;
        let differ = weight.total_cmp(&others).is_ne();
        let load = |standing: Self, weight: f64| {
            let load = if are_alike && differ {
                // Not a whole call more but a random part (exponential): of those with nothing to do each is asked as
                // often as its weight says, and not the heaviest every time.
                f64::from(standing.pending) - (1.0 - fastrand::f64()).ln()
            } else if are_alike {
                f64::from(standing.pending) + 1.0
            } else {
                standing.cost()
            };
            load / weight
        };
        let (own, theirs) = (load(self, weight), load(other, others));
        #[expect(
            clippy::float_cmp,
            reason = "the same is the same; nearly is not all the same"
        )]
        let same = own == theirs;
        (!same).then_some(own < theirs)
    }
}

/// The latency of one endpoint as the balance sees it: up at once, down slowly.
#[derive(Debug)]
pub(super) struct Load {
    config: BalanceConfig,
    /// In seconds, as it was at `at`.
    average: f64,
    at: Instant,
    answered: bool,
    /// Whether anything is known of it at all.
    known: bool,
    /// Its latency by real answers alone: what it falls back to when a failure is forgiven.
    calm: f64,
    /// How often in a row another endpoint, asked later, answered sooner.
    overtaken: u32,
    /// How many calls could have come to it since the last one that did.
    passed_over: u32,
}

/// Who was overtaken is tried by one call after so long, and after so many calls that could have come to it. What is
/// held against it is a guess, and fades slowly; nobody would know for how long it has been well again.
const TRIED_AFTER: Duration = Duration::from_secs(2);
const TRIED_AFTER_CALLS: u32 = 200;

impl Load {
    /// An endpoint of which nothing is known.
    pub(super) fn new(config: BalanceConfig, now: Instant) -> Self {
        let average = config.default_latency.as_secs_f64();
        Self {
            config,
            average,
            at: now,
            answered: false,
            known: false,
            calm: average,
            overtaken: 0,
            passed_over: 0,
        }
    }

    /// The average at `now`, in seconds. It fades while nothing is observed, so that everybody is asked again some day.
    pub(super) fn average(&self, now: Instant) -> f64 {
        let age = now.saturating_duration_since(self.at);
        if age.is_zero() {
            return self.average;
        }
        self.average * (-age.as_secs_f64() / self.config.decay.as_secs_f64()).exp()
    }

    /// How it stands with `pending` calls in flight.
    pub(super) fn standing(&self, pending: u32, now: Instant) -> Standing {
        let is_tried = self.is_guess(now) && self.passed_over >= TRIED_AFTER_CALLS;
        let average = if (!self.known || is_tried) && pending == 0 {
            // One call finds out.
            0.0
        } else {
            self.average(now)
        };
        Standing { average, pending }
    }

    /// Whether its average is no more than a guess by now.
    fn is_guess(&self, now: Instant) -> bool {
        self.overtaken > 0 && now.saturating_duration_since(self.at) >= TRIED_AFTER
    }

    /// A call could come to it.
    pub(super) fn looked_at(&mut self) {
        self.passed_over = self.passed_over.saturating_add(1);
    }

    /// A call comes to it.
    pub(super) fn asked(&mut self) {
        self.passed_over = 0;
    }

    /// It answered after `latency`.
    pub(super) fn answered(&mut self, latency: Duration, now: Instant) {
        let latency = latency.as_secs_f64();
        let is_guess = self.is_guess(now);
        self.overtaken = 0;
        if self.answered && !is_guess {
            self.observe(latency, now);
        } else {
            // Nothing worth averaging with.
            self.set(latency, now);
        }
        self.calm = if self.answered {
            0.9 * self.calm + 0.1 * latency
        } else {
            latency
        };
        self.answered = true;
    }

    /// It failed after `latency`: counts as slow, for to fail fast must not attract traffic.
    pub(super) fn failed(&mut self, latency: Duration, at_least: Duration, now: Instant) {
        self.observe(latency.max(at_least).as_secs_f64(), now);
    }

    /// Its caller left after `age`: it would have taken at least as long.
    pub(super) fn cancelled(&mut self, age: Duration, now: Instant) {
        if age.as_secs_f64() > self.average(now) {
            self.set(age.as_secs_f64(), now);
        }
    }

    /// Another endpoint answered sooner. Once may be bad luck; each further time in a row counts twice as much, to
    /// `at_most`, or an endpoint that never answers would look no slower than the wait for the other one.
    pub(super) fn overtaken(&mut self, age: Duration, at_most: Duration, now: Instant) {
        let worth = age.saturating_mul(1 << self.overtaken.min(16));
        self.overtaken += 1;
        self.cancelled(worth.min(at_most.max(age)), now);
    }

    /// It works again: what was held against it is forgotten.
    pub(super) fn forgive(&mut self, now: Instant) {
        self.overtaken = 0;
        if self.calm < self.average(now) {
            self.set(self.calm, now);
        }
    }

    /// It works again, and answered after `latency`.
    pub(super) fn restart(&mut self, latency: Duration, now: Instant) {
        self.overtaken = 0;
        self.answered = true;
        self.calm = latency.as_secs_f64();
        self.set(self.calm, now);
    }

    fn observe(&mut self, latency: f64, now: Instant) {
        let age = now.saturating_duration_since(self.at).as_secs_f64();
        if latency > self.average(now) {
            self.set(latency, now);
        } else {
            let weight = (-age / self.config.decay.as_secs_f64()).exp();
            self.set(self.average * weight + latency * (1.0 - weight), now);
        }
    }

    fn set(&mut self, average: f64, now: Instant) {
        self.average = average;
        self.known = true;
        // Threads may come with a `now` a little older than another's.
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests;
