//! Whether a failed attempt is repeated, and when.
//!
//! The first repeat goes to another endpoint at once; from the second on it waits a random time below a bound that
//! doubles: "full jitter" (Brooker, "Exponential Backoff and Jitter", 2015).

use std::time::Duration;

use super::BudgetConfig;
use crate::config::Section;

/// Settings of the repeats of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryConfig {
    /// Further attempts after the first.
    pub repeats: u32,
    /// The bound of the first wait.
    pub backoff: Duration,
    /// The bound of any wait.
    pub backoff_at_most: Duration,
    /// What repeats may cost.
    pub budget: BudgetConfig,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            repeats: 2,
            backoff: Duration::from_millis(25),
            backoff_at_most: Duration::from_millis(250),
            budget: BudgetConfig::RETRIES,
        }
    }
}

impl RetryConfig {
    /// Reads the keys of the section `retry`.
    pub fn read(section: &mut Section<'_>) -> Self {
        const MILLISECOND: Duration = Duration::from_millis(1);
        const MINUTE: Duration = Duration::from_secs(60);
        let default = Self::default();
        let config = Self {
            repeats: section.integer(
                "repeats",
                default.repeats,
                0..=10,
                "Further attempts after a failed one, for methods that are idempotent. The first is made at once.",
            ),
            backoff: section.duration(
                "backoff",
                default.backoff,
                MILLISECOND..=MINUTE,
                "How long the second repeat waits at most; each further one at most twice as long. The time is random.",
            ),
            backoff_at_most: section.duration(
                "backoff_at_most",
                default.backoff_at_most,
                MILLISECOND..=MINUTE,
                "How long any repeat waits at most.",
            ),
            budget: BudgetConfig::read(
                section,
                default.budget,
                [
                    "Repeats allowed, as a percentage of the requests of the last ten seconds.",
                    "Repeats allowed each second beside that, so that a quiet upstream can be asked again at all.",
                ],
            ),
        };
        if config.backoff > config.backoff_at_most {
            section.reject("backoff", "at most backoff_at_most of the same upstream");
        }
        config
    }
}

/// What is known of a failed attempt when its repeat is decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed {
    /// Whether another attempt may end otherwise: not after a 404, and not after a refusal of our own.
    pub(super) repeatable: bool,
    /// Whether its cause was the end of a connection: a pooled one that the service had closed meanwhile, or one that
    /// ended within the answer.
    pub(super) connection_ended: bool,
    /// When the service wants to be asked again.
    pub(super) retry_after: Option<Duration>,
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The failure stands.
    GiveUp,
    /// Another attempt, after this time.
    Repeat(Duration),
}

/// The repeats of one call.
#[derive(Debug)]
pub(super) struct Retry {
    config: RetryConfig,
    may_repeat: bool,
    made: u32,
    connection_forgiven: bool,
}

impl Retry {
    /// No repeat yet. A request that must not be done twice has none at all.
    pub(super) fn new(config: RetryConfig, is_idempotent: bool) -> Self {
        Self {
            config,
            may_repeat: is_idempotent,
            made: 0,
            connection_forgiven: false,
        }
    }

    /// What follows `failed`, with `remaining` left until the deadline and, or not, another endpoint to go to.
    /// `random` is between 0 and 1. Whether the budget allows it, is not asked here.
    pub(super) fn next(
        &mut self,
        failed: Failed,
        elsewhere: bool,
        remaining: Duration,
        random: f64,
    ) -> Step {
        if !self.may_repeat || !failed.repeatable || remaining.is_zero() {
            return Step::GiveUp;
        }
        // That a connection ended says little about the service: the next one most likely lasts. So the first such
        // failure of a call has a repeat beside those that are set, which the budget pays like any other.
        if failed.connection_ended && !self.connection_forgiven {
            self.connection_forgiven = true;
            return Step::Repeat(Duration::ZERO);
        }
        if self.made >= self.config.repeats {
            return Step::GiveUp;
        }
        let mut wait = match (self.made, elsewhere) {
            (0, true) => Duration::ZERO,
            (0, false) => self.bound(0).mul_f64(random),
            (made, _) => self.bound(made - 1).mul_f64(random),
        };
        if let Some(after) = failed.retry_after
            && !elsewhere
        {
            // It speaks for itself, not for the others.
            wait = wait.max(after);
        }
        if wait >= remaining {
            return Step::GiveUp;
        }
        self.made += 1;
        Step::Repeat(wait)
    }

    fn bound(&self, doublings: u32) -> Duration {
        self.config
            .backoff
            .saturating_mul(2u32.saturating_pow(doublings))
            .min(self.config.backoff_at_most)
    }
}

#[cfg(test)]
mod tests;
