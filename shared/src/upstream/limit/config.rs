//! Settings of the limits.

use std::time::Duration;

use crate::config::Section;

/// Settings of the concurrency limits of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitConfig {
    /// The limit of an endpoint of which nothing is known yet.
    pub initial: u32,
    /// The smallest limit.
    pub min: u32,
    /// The largest limit.
    pub max: u32,
    /// How far latency may rise above its least before the limit falls, in percent,
    pub tolerance_percent: u32,
    /// unless it is no longer than this, which says more of a busy machine than of the service.
    pub tolerated: Duration,
    /// Calls that may wait for a place.
    pub queue_length: u32,
    /// How long they may wait.
    pub queue_time: Duration,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self {
            initial: 10,
            min: 3,
            max: 1000,
            tolerance_percent: 25,
            tolerated: Duration::from_millis(30),
            queue_length: 1000,
            queue_time: Duration::from_millis(30),
        }
    }
}

impl LimitConfig {
    /// Reads the keys of the section `limit`.
    pub fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        let config = Self {
            initial: section.integer(
                "initial",
                default.initial,
                1..=100_000,
                "The calls in flight to an endpoint, to begin with; from there on its latency decides.",
            ),
            min: section.integer(
                "min",
                default.min,
                1..=100_000,
                "The calls in flight to an endpoint that are allowed in any case.",
            ),
            max: section.integer(
                "max",
                default.max,
                1..=100_000,
                "The calls in flight to an endpoint that are allowed at most. Equal to min: a fixed limit.",
            ),
            tolerance_percent: section.integer(
                "tolerance_percent",
                default.tolerance_percent,
                0..=1000,
                "How far an endpoint's latency may rise above its least before fewer calls are sent there, in percent.",
            ),
            tolerated: section.duration(
                "tolerated",
                default.tolerated,
                Duration::ZERO..=Duration::from_secs(60),
                "Latency up to this is never too much, whatever the least: it says more of a busy machine.",
            ),
            queue_length: section.integer(
                "queue_length",
                default.queue_length,
                0..=100_000,
                "Calls that may wait for a place; one more is refused at once as overloaded.",
            ),
            queue_time: section.duration(
                "queue_time",
                default.queue_time,
                Duration::ZERO..=Duration::from_secs(60),
                "How long a call may wait for a place: longer while limits grow, at most 8ms while there is too much to do.",
            ),
        };
        if config.min > config.max {
            section.reject("min", "at most max of the same upstream");
        }
        if config.initial < config.min || config.initial > config.max {
            section.reject("initial", "between min and max of the same upstream");
        }
        config
    }
}
