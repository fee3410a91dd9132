//! Settings of one upstream.

use std::time::Duration;

use super::{
    BalanceConfig, BreakerConfig, CacheConfig, DiscoveryConfig, HedgeConfig, LimitConfig,
    RetryConfig, Target,
};
use crate::config::Section;

/// What a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 with JSON.
    Http,
    /// gRPC over HTTP/2 without TLS.
    Grpc,
}

/// Settings that only gRPC has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcConfig {
    /// How often an idle connection is asked for a sign of life; zero for never. Five minutes is the least that gRPC
    /// servers put up with unless told otherwise (gRFC A8).
    pub keep_alive: Duration,
    /// How long such a sign may take.
    pub keep_alive_timeout: Duration,
    /// How often an instance is asked whether it is healthy, where it offers that; zero for never.
    pub health_interval: Duration,
}

impl Default for GrpcConfig {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(300),
            // gRPC's own (gRFC A8).
            keep_alive_timeout: Duration::from_secs(20),
            health_interval: Duration::from_secs(5),
        }
    }
}

impl GrpcConfig {
    /// Reads the keys of the section `grpc`.
    pub fn read(section: &mut Section<'_>) -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        let default = Self::default();
        Self {
            keep_alive: section.duration(
                "keep_alive",
                default.keep_alive,
                Duration::ZERO..=2 * HOUR,
                "How often a connection is pinged (HTTP/2 PING), so that one that is dead is found; 0 for never. Services may close connections that are pinged too often.",
            ),
            keep_alive_timeout: section.duration(
                "keep_alive_timeout",
                default.keep_alive_timeout,
                Duration::from_millis(1)..=HOUR,
                "How long the answer to a ping may take before the connection is given up.",
            ),
            health_interval: section.duration(
                "health_interval",
                default.health_interval,
                Duration::ZERO..=HOUR,
                "How often each instance is asked for its health (grpc.health.v1), where it offers that; 0 for never. One that is not serving gets no calls while another is.",
            ),
        }
    }
}

/// All that can be set for one upstream: the sum of its policies' settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What the service speaks.
    pub protocol: Protocol,
    /// Where instances of the service listen.
    pub endpoints: Vec<Target>,
    /// How they are looked up.
    pub discovery: DiscoveryConfig,
    /// The time for one call, repeats included.
    pub deadline: Duration,
    /// The time for one attempt: connect, head and body together.
    pub attempt_timeout: Duration,
    /// The time for opening a connection.
    pub connect_timeout: Duration,
    /// How long an idle connection is kept for the next call.
    pub idle_timeout: Duration,
    /// Calls in flight over all worker threads; one more is refused at once.
    pub max_in_flight: u32,
    /// The largest body that is read, in bytes.
    pub max_response_bytes: u32,
    /// What is kept of its answers.
    pub cache: CacheConfig,
    /// When a failed attempt is repeated.
    pub retry: RetryConfig,
    /// When a slow attempt gets a second one beside it.
    pub hedge: HedgeConfig,
    /// How many calls an endpoint gets at once.
    pub limit: LimitConfig,
    /// How calls are spread over endpoints.
    pub balance: BalanceConfig,
    /// When an endpoint is left alone.
    pub breaker: BreakerConfig,
    /// What only gRPC has.
    pub grpc: GrpcConfig,
}

impl Config {
    /// The defaults for a service at `endpoints`.
    #[must_use]
    pub fn new(endpoints: Vec<Target>) -> Self {
        Self {
            protocol: Protocol::Http,
            endpoints,
            discovery: DiscoveryConfig::default(),
            deadline: Duration::from_secs(2),
            attempt_timeout: Duration::from_millis(800),
            connect_timeout: Duration::from_millis(300),
            // An actix service closes an idle connection after five seconds: stay well below it.
            idle_timeout: Duration::from_secs(3),
            max_in_flight: 1000,
            max_response_bytes: 1024 * 1024,
            cache: CacheConfig::default(),
            retry: RetryConfig::default(),
            hedge: HedgeConfig::default(),
            limit: LimitConfig::default(),
            balance: BalanceConfig::default(),
            breaker: BreakerConfig::default(),
            grpc: GrpcConfig::default(),
        }
    }

    /// Reads the section of one upstream, whose endpoints are `default_endpoint` where none are given.
    pub fn read(section: &mut Section<'_>, default_endpoint: &str) -> Self {
        const MILLISECOND: Duration = Duration::from_millis(1);
        const MINUTE: Duration = Duration::from_secs(60);
        let protocol = section.choice(
            "protocol",
            Protocol::Http,
            &[("http", Protocol::Http), ("grpc", Protocol::Grpc)],
            "What the service speaks: HTTP/1.1 with JSON, or gRPC over HTTP/2, both without TLS.",
        );
        let endpoints = section.list(
            "endpoints",
            &[default_endpoint],
            "an address such as \"http://10.0.0.7:8081\", a name such as \"http://service:8081\" or an SRV record such as \"srv+http://_http._tcp.service\"",
            Target::parse,
            "Where the service listens. Each address that a name stands for is an endpoint of its own.",
        );
        let default = Self::new(Vec::new());
        let config = Self {
            protocol,
            endpoints,
            discovery: DiscoveryConfig::read(section),
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
                "The time for opening a connection.",
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
                "Calls in flight at the same time, over all endpoints; one more is refused at once as overloaded.",
            ),
            max_response_bytes: section.integer(
                "max_response_bytes",
                default.max_response_bytes,
                1024..=1024 * 1024 * 1024,
                "The largest body that is read, in bytes; a larger one is an invalid answer.",
            ),
            cache: section.section("cache", CacheConfig::read),
            retry: section.section("retry", RetryConfig::read),
            hedge: section.section("hedge", HedgeConfig::read),
            limit: section.section("limit", LimitConfig::read),
            balance: section.section("balance", BalanceConfig::read),
            breaker: section.section("breaker", BreakerConfig::read),
            grpc: section.section("grpc", GrpcConfig::read),
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
