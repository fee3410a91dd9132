//! Settings of one upstream.

use std::time::Duration;

use super::{BudgetConfig, EndpointAddress};
use crate::config::Section;

/// All that can be set for one upstream: the sum of its policies' settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where instances of the service listen.
    pub endpoints: Vec<EndpointAddress>,
    /// The time for one call, repeats included.
    pub deadline: Duration,
    /// The time for one attempt: connect, head and body together.
    pub attempt_timeout: Duration,
    /// The time for opening a connection, name look-up included.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept for the next call.
    pub idle_timeout: Duration,
    /// Calls in flight over all worker threads; one more is refused at once.
    pub max_in_flight: u32,
    /// The largest body that is read, in bytes.
    pub max_response_bytes: u32,
    /// How often names of endpoints are looked up again.
    pub dns_refresh: Duration,
    /// What repeats may cost.
    pub budget: BudgetConfig,
}

impl Config {
    /// The defaults for a service at `endpoints`.
    #[must_use]
    pub fn new(endpoints: Vec<EndpointAddress>) -> Self {
        Self {
            endpoints,
            deadline: Duration::from_secs(2),
            attempt_timeout: Duration::from_millis(800),
            connect_timeout: Duration::from_millis(300),
            // An actix service closes an idle connection after five seconds: stay well below it.
            idle_timeout: Duration::from_secs(3),
            max_in_flight: 1000,
            max_response_bytes: 1024 * 1024,
            dns_refresh: Duration::from_secs(5),
            budget: BudgetConfig::default(),
        }
    }

    /// Reads the section of one upstream, whose endpoints are `default_endpoint` where none are given.
    pub fn read(section: &mut Section<'_>, default_endpoint: &str) -> Self {
        const MILLISECOND: Duration = Duration::from_millis(1);
        const MINUTE: Duration = Duration::from_secs(60);
        let endpoints = section.list(
            "endpoints",
            &[default_endpoint],
            "a base address such as \"http://10.0.0.7:8081\", one for each instance",
            EndpointAddress::parse,
            "Where the service listens. A name may stand for several addresses; calls go round all endpoints.",
        );
        let default = Self::new(Vec::new());
        let config = Self {
            endpoints,
            deadline: section.duration(
                "deadline",
                default.deadline,
                MILLISECOND..=MINUTE,
                "The time for one call to the service, repeats included.",
            ),
            attempt_timeout: section.duration(
                "attempt_timeout",
                default.attempt_timeout,
                MILLISECOND..=MINUTE,
                "The time for one attempt: connect, head and body together.",
            ),
            connect_timeout: section.duration(
                "connect_timeout",
                default.connect_timeout,
                MILLISECOND..=MINUTE,
                "The time for opening a connection, name look-up included.",
            ),
            idle_timeout: section.duration(
                "idle_timeout",
                default.idle_timeout,
                Duration::ZERO..=10 * MINUTE,
                "How long an idle connection is kept. Stay below what the service keeps it for (5s for actix).",
            ),
            max_in_flight: section.integer(
                "max_in_flight",
                default.max_in_flight,
                1..=100_000,
                "Calls in flight at the same time; one more is refused at once as overloaded.",
            ),
            max_response_bytes: section.integer(
                "max_response_bytes",
                default.max_response_bytes,
                1024..=1024 * 1024 * 1024,
                "The largest body that is read, in bytes; a larger one is an invalid answer.",
            ),
            dns_refresh: section.duration(
                "dns_refresh",
                default.dns_refresh,
                Duration::from_secs(1)..=60 * MINUTE,
                "How often the names of endpoints are looked up again. The last good addresses are kept.",
            ),
            budget: section.section("retry", BudgetConfig::read),
        };
        if config.attempt_timeout > config.deadline {
            section.reject(
                "attempt_timeout",
                "at most the deadline of the same upstream",
            );
        }
        if config.connect_timeout > config.attempt_timeout {
            section.reject(
                "connect_timeout",
                "at most the attempt_timeout of the same upstream",
            );
        }
        config
    }
}
