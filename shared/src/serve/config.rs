//! Settings of the server itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::CorsConfig;
use super::router::{RouteConfig, Surroundings, faults, network, own_paths};
use super::telemetry::LogConfig;
use crate::config::Section;
use crate::upstream::Protocol;

/// The name that says least.
const VIA: &str = "bff";

/// How a BFF serves. The numbers that are no settings are in `edge` and `server`, with their reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where operators and orchestrators connect; never to be published.
    pub admin_listen: SocketAddr,
    /// Worker threads; 0 for one for each core.
    pub workers: u32,
    /// The time for a whole answer. A caller may ask for less.
    pub deadline: Duration,
    /// How long an idle connection of a client is kept.
    pub keep_alive: Duration,
    /// The time in which a client has to send the head of a request.
    pub head_timeout: Duration,
    /// The time in which the body of a request has to arrive.
    pub body_timeout: Duration,
    /// Connections open at once for each worker thread; further ones wait to be accepted.
    pub max_connections: u32,
    /// Requests in flight at once over all worker threads, from the head to the end of the answer; one more is
    /// refused with a 503.
    pub max_requests: u32,
    /// Seals the cursors of lists; the same for all instances that answer the same clients. `None` for one of its own,
    /// made at start.
    pub cursor_secret: Option<String>,
    /// Whether answers are compressed for clients that take it.
    pub compression: bool,
    /// How long readiness is 503, while requests are still served, before the server stops.
    pub drain_delay: Duration,
    /// How long requests in flight may take after that.
    pub stop_timeout: Duration,
    /// What is logged, and how.
    pub log: LogConfig,
    /// What this server is called in `Via` (RFC 9110, section 7.6.3).
    pub via: String,
    /// The proxies whose word on their clients is taken: what they send in `Forwarded` and `X-Forwarded-*`.
    pub trusted_proxies: Vec<IpNet>,
    /// Requests that go on to an upstream as they come.
    pub routes: Vec<RouteConfig>,
    /// Which pages of other origins may read answers. [`Config::read`] leaves it at none: a BFF whose clients are browsers
    /// reads it from a section of its own.
    pub cors: CorsConfig,
}

impl Config {
    /// The defaults of a BFF that listens on `port`, and for operators on `admin_port`.
    #[must_use]
    pub fn new(port: u16, admin_port: u16) -> Self {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            listen: local(port),
            admin_listen: local(admin_port),
            workers: 0,
            deadline: Duration::from_secs(2),
            keep_alive: Duration::from_secs(30),
            head_timeout: Duration::from_secs(3),
            body_timeout: Duration::from_secs(10),
            max_connections: 4096,
            max_requests: 4096,
            cursor_secret: None,
            compression: true,
            drain_delay: Duration::from_secs(3),
            stop_timeout: Duration::from_secs(5),
            log: LogConfig::default(),
            via: VIA.to_owned(),
            trusted_proxies: Vec::new(),
            routes: Vec::new(),
            cors: CorsConfig::default(),
        }
    }

    /// Refuses routes to upstreams whose protocol is not HTTP: a route passes on what it gets. To be called once all
    /// settings are read.
    pub fn check_routes(
        &self,
        settings: &mut Section<'_>,
        protocol_of: impl Fn(&str) -> Option<Protocol>,
    ) {
        for route in &self.routes {
            if protocol_of(&route.upstream) == Some(Protocol::Grpc) {
                settings.reject(
                    &format!("routes.{}.upstream", route.name),
                    "an upstream whose protocol is \"http\": a route passes on what it gets",
                );
            }
        }
    }

    /// Reads the server's keys; `default` holds the ports of this BFF, and `surroundings` what its routes may lead to.
    pub fn read(section: &mut Section<'_>, default: &Self, surroundings: Surroundings) -> Self {
        const MILLISECOND: Duration = Duration::from_millis(1);
        const SECOND: Duration = Duration::from_secs(1);
        let config = Self {
            listen: section.address("listen", default.listen, "Where clients connect."),
            admin_listen: section.address(
                "admin_listen",
                default.admin_listen,
                "Where operators and orchestrators connect: health and the state of upstreams. Never publish it.",
            ),
            workers: section.integer("workers", default.workers, 0..=1024, "Worker threads; 0 for one for each core."),
            deadline: section.duration(
                "deadline",
                default.deadline,
                MILLISECOND..=60 * SECOND,
                "The time for a whole answer. A caller may ask for less with X-Envoy-Expected-Rq-Timeout-Ms.",
            ),
            keep_alive: section.duration(
                "keep_alive",
                default.keep_alive,
                SECOND..=3600 * SECOND,
                "How long an idle connection of a client is kept.",
            ),
            head_timeout: section.duration(
                "head_timeout",
                default.head_timeout,
                // actix's clock for it ticks twice a second: it ends up to half a second early.
                SECOND..=60 * SECOND,
                "The time in which a client has to send the head of a request.",
            ),
            body_timeout: section.duration(
                "body_timeout",
                default.body_timeout,
                100 * MILLISECOND..=600 * SECOND,
                "The time in which the body of a request has to arrive, from its head on.",
            ),
            max_connections: section.integer(
                "max_connections",
                default.max_connections,
                1..=1_000_000,
                "Connections open at once for each worker thread; further ones wait to be accepted.",
            ),
            max_requests: section.integer(
                "max_requests",
                default.max_requests,
                1..=1_000_000,
                "Requests in flight at once, over all worker threads; one more is refused with a 503.",
            ),
            cursor_secret: section.text(
                "cursor_secret",
                "",
                "16 characters or more, or none",
                |text| match text.len() {
                    0 => Ok(None),
                    16.. => Ok(Some(text.to_owned())),
                    _ => Err("is too short: anybody could guess it".to_owned()),
                },
                "Seals the cursors of lists. Several instances behind one balancer need the same; an empty one stands \
                 for one made at start.",
            ),
            compression: section.flag(
                "compression",
                default.compression,
                "Whether answers of 1 kB to 1 MiB are compressed (br, zstd, gzip) for clients that take it.",
            ),
            drain_delay: section.duration(
                "drain_delay",
                default.drain_delay,
                Duration::ZERO..=300 * SECOND,
                "After SIGTERM: how long readiness is 503 while requests are still served, so that balancers notice.",
            ),
            stop_timeout: section.duration(
                "stop_timeout",
                default.stop_timeout,
                Duration::ZERO..=300 * SECOND,
                "How long requests in flight may take once the server stops.",
            ),
            log: section.section("log", LogConfig::read),
            via: section.text(
                "via",
                VIA,
                "a name of letters, digits, hyphens, dots and underscores",
                via,
                "What this server is called in the header Via of what it passes on.",
            ),
            trusted_proxies: section.list_or_none(
                "trusted_proxies",
                "a network such as \"10.0.0.0/8\" or an IP address",
                network,
                "The proxies before this server: what they say of their clients in Forwarded and X-Forwarded-* is passed on.",
            ),
            routes: section.sections("routes", "name", |name, section| {
                RouteConfig::read(section, name, surroundings.upstreams)
            }),
            cors: default.cors.clone(),
        };
        if !config.routes.is_empty() {
            for (index, why) in faults(&config.routes, &own_paths(surroundings)) {
                let key = format!("routes.{}.prefix", config.routes[index].name);
                section.reject(&key, why);
            }
        }
        if config.listen == config.admin_listen && config.listen.port() != 0 {
            section.reject("admin_listen", "another address than listen");
        }
        config
    }
}

fn via(text: &str) -> Result<String, String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_name) {
        return Err(String::new());
    }
    Ok(text.to_owned())
}
