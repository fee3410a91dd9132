//! A second attempt beside one that takes long ("hedged requests", Dean and Barroso, "The Tail at Scale", 2013): the
//! first good answer wins, and the other attempt is dropped.

use std::time::Duration;

use super::BudgetConfig;
use super::latency::Quantiles;
use crate::config::Section;

/// Settings of the hedges of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HedgeConfig {
    /// Whether there are any.
    pub enabled: bool,
    /// The shortest time after which an attempt gets a hedge, however fast the upstream is otherwise.
    pub after_at_least: Duration,
    /// What hedges may cost.
    pub budget: BudgetConfig,
}

impl Default for HedgeConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            after_at_least: Duration::from_millis(10),
            budget: BudgetConfig::HEDGES,
        }
    }
}

impl HedgeConfig {
    /// Reads the keys of the section `hedge`.
    pub fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            enabled: section.flag(
                "enabled",
                default.enabled,
                "Whether a slow attempt gets a second one beside it, to another endpoint. The first good answer wins.",
            ),
            after_at_least: section.duration(
                "after_at_least",
                default.after_at_least,
                Duration::from_millis(1)..=Duration::from_secs(60),
                "When: after the time that 99 of 100 recent attempts took, but not before this.",
            ),
            budget: BudgetConfig::read(
                section,
                default.budget,
                [
                    "Second attempts allowed, as a percentage of the requests of the last ten seconds.",
                    "Second attempts allowed each second beside that.",
                ],
            ),
        }
    }

    /// How long an attempt goes on alone. While nothing is known of the upstream's latency it is a tenth of what an
    /// attempt may take.
    pub(super) fn delay(&self, known: Option<Quantiles>, attempt_timeout: Duration) -> Duration {
        let usual = known.map_or(attempt_timeout / 10, |known| known.p99);
        usual.max(self.after_at_least)
    }
}

#[cfg(test)]
mod tests;
