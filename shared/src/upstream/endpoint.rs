//! One instance of a service, and what the BFF sees of it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::uri::{Authority, Uri};
use serde::Serialize;

use super::balance::{Load, Standing};
use super::breaker::{Admission, Breaker, CallEnd, Pass};
use super::limit::{Limit, Outlook, Sample};
use super::{Config, ErrorKind, Instant};

/// Where an instance listens: `http://host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointAddress(Authority);

impl EndpointAddress {
    /// Reads a base address.
    ///
    /// # Errors
    /// In words, what is wrong with `text`: another scheme, a path, user information, no host, a port out of range.
    pub fn parse(text: &str) -> Result<Self, String> {
        let uri: Uri = text
            .parse()
            .map_err(|_| "is no address of the form http://host:port".to_owned())?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err(
                    "https is not spoken to upstreams; use http inside, or a mesh that adds TLS"
                        .to_owned(),
                );
            }
            _ => return Err("has to begin with http://".to_owned()),
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains('#') {
            return Err("takes no path, query or fragment: host and port only".to_owned());
        }
        let authority = uri.authority().ok_or("has no host")?;
        if authority.as_str().contains('@') {
            return Err("takes no user information".to_owned());
        }
        if authority.host().is_empty() {
            return Err("has no host".to_owned());
        }
        let port = authority
            .as_str()
            .strip_prefix(authority.host())
            .unwrap_or_default();
        if !port.is_empty() && !port[1..].parse::<u16>().is_ok_and(|port| port != 0) {
            return Err("has a port that is not between 1 and 65535".to_owned());
        }
        Ok(Self(authority.clone()))
    }

    /// Host and port as they stand in the address; the `Host` of requests to it.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.0.as_str()
    }

    /// The host alone: a name or an IP address, an IPv6 one without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, 80 where none is named.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(80)
    }
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

/// An instance as all worker threads see it.
#[derive(Debug)]
pub struct Endpoint {
    /// Different for each endpoint of a cluster, for as long as it lives.
    id: u64,
    socket: SocketAddr,
    authority: Arc<str>,
    health: Mutex<Health>,
    attempts: AtomicU64,
    failures: AtomicU64,
    last_failure: Mutex<Option<(ErrorKind, Instant)>>,
    /// Whether connections to it are tried in the background.
    watched: AtomicBool,
    /// Whether it says that it takes calls; also where it says nothing.
    serving: AtomicBool,
}

/// What the policies know of an endpoint.
#[derive(Debug)]
struct Health {
    breaker: Breaker,
    load: Load,
    limit: Limit,
}

/// What an endpoint offers to a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Offer {
    /// To try whether it works again.
    Probe,
    /// To take it.
    Call {
        /// What the balance compares.
        standing: Standing,
        /// At least half of its places are taken.
        pressed: bool,
    },
    /// Nothing before another call ends.
    Full,
    /// Nothing before that time.
    Open(Instant),
}

/// How an attempt ended, as the policies of its endpoint care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptEnd {
    /// With a real answer, be it a 404.
    Answered,
    /// It was told that there is too much to do (429).
    Throttled,
    /// Not within its time.
    TimedOut {
        /// It got no further than to connect.
        unreachable: bool,
    },
    /// Its connection was lost: perhaps the instance is gone.
    Disconnected,
    /// In another way: a failed connection, a 5xx, an answer that could not be read.
    Failed {
        /// It got no further than to connect.
        unreachable: bool,
    },
    /// Its caller left.
    Cancelled,
    /// Another endpoint, asked later, answered sooner.
    Overtaken,
}

impl AttemptEnd {
    /// Whether it says that perhaps nobody is there. No call may come soon to find out, since the balance sends them
    /// elsewhere.
    pub(super) fn is_watched(self) -> bool {
        match self {
            Self::Disconnected => true,
            Self::TimedOut { unreachable } | Self::Failed { unreachable } => unreachable,
            Self::Answered | Self::Throttled | Self::Cancelled | Self::Overtaken => false,
        }
    }

    fn for_breaker(self) -> CallEnd {
        match self {
            Self::Answered => CallEnd::Success,
            Self::Throttled => CallEnd::Throttled,
            Self::TimedOut { unreachable } | Self::Failed { unreachable } => {
                CallEnd::Failure { unreachable }
            }
            Self::Disconnected => CallEnd::Failure { unreachable: false },
            Self::Cancelled => CallEnd::Cancelled,
            Self::Overtaken => CallEnd::Overtaken,
        }
    }

    fn for_limit(self, took: Duration) -> Sample {
        match self {
            Self::Answered => Sample::Answered(took),
            Self::TimedOut { .. } => Sample::TimedOut(took),
            Self::Throttled | Self::Disconnected | Self::Failed { .. } => Sample::Failed,
            Self::Cancelled | Self::Overtaken => Sample::None,
        }
    }
}

impl Endpoint {
    pub(super) fn new(
        id: u64,
        socket: SocketAddr,
        authority: Arc<str>,
        config: &Config,
        now: Instant,
    ) -> Self {
        Self {
            id,
            socket,
            authority,
            health: Mutex::new(Health {
                breaker: Breaker::new(config.breaker, now),
                load: Load::new(config.balance, now),
                limit: Limit::new(config.limit, now),
            }),
            attempts: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            last_failure: Mutex::new(None),
            watched: AtomicBool::new(false),
            serving: AtomicBool::new(true),
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Where to connect to.
    #[must_use]
    pub fn socket(&self) -> SocketAddr {
        self.socket
    }

    /// What it is called: the `Host` of requests to it.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What a call would get at `now`.
    pub(super) fn offer(&self, now: Instant) -> Offer {
        let mut health = self.health();
        match health.breaker.admission(now) {
            Admission::Refused(until) => Offer::Open(until),
            _ if !health.limit.offers_room() => Offer::Full,
            Admission::Probe => Offer::Probe,
            Admission::Call => {
                health.load.looked_at();
                Offer::Call {
                    standing: health.load.standing(health.limit.in_flight(), now),
                    pressed: health.limit.is_pressed(),
                }
            }
        }
    }

    /// Takes a place; `None` if somebody else was faster. To be given back with [`end`](Self::end).
    pub(super) fn begin(&self, now: Instant) -> Option<Pass> {
        let mut health = self.health();
        if !health.limit.offers_room() {
            return None;
        }
        let pass = health.breaker.begin(now)?;
        health.limit.acquire();
        health.load.asked();
        self.attempts.fetch_add(1, Relaxed);
        Some(pass)
    }

    /// Notes how an attempt ended that began with `pass` and took so long, out of at most `allowed`. The state that its
    /// circuit is in since, if that is another.
    pub(super) fn end(
        &self,
        pass: Pass,
        end: AttemptEnd,
        took: Duration,
        allowed: Duration,
        now: Instant,
    ) -> Option<&'static str> {
        let mut health = self.health();
        let (before, _) = health.breaker.state();
        let closed = health.breaker.end(pass, end.for_breaker(), now);
        health.limit.release(end.for_limit(took), now);
        let load = &mut health.load;
        match end {
            AttemptEnd::Answered if closed => load.restart(took, now),
            AttemptEnd::Answered => load.answered(took, now),
            AttemptEnd::Throttled
            | AttemptEnd::TimedOut { .. }
            | AttemptEnd::Disconnected
            | AttemptEnd::Failed { .. } => {
                load.failed(took, allowed / 10, now);
            }
            AttemptEnd::Cancelled => load.cancelled(took, now),
            AttemptEnd::Overtaken => load.overtaken(took, allowed, now),
        }
        let (after, _) = health.breaker.state();
        (before != after).then_some(after)
    }

    /// Notes why an attempt failed, for reports.
    pub(super) fn failed(&self, kind: ErrorKind, now: Instant) {
        self.failures.fetch_add(1, Relaxed);
        *self
            .last_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some((kind, now));
    }

    /// A connection was made in the background.
    pub(super) fn reachable(&self, now: Instant) {
        let mut health = self.health();
        health.breaker.reachable(now);
        health.load.forgive(now);
    }

    /// A connection was tried in the background, and nobody answered.
    pub(super) fn unreachable(&self, now: Instant) {
        self.health().breaker.unreachable(now);
    }

    /// Takes on trying connections in the background; false if somebody does already.
    pub(super) fn begin_watch(&self) -> bool {
        !self.watched.swap(true, Relaxed)
    }

    pub(super) fn end_watch(&self) {
        self.watched.store(false, Relaxed);
    }

    /// Notes what it says of its health; whether that is something else than before.
    pub(super) fn set_serving(&self, serving: bool) -> bool {
        self.serving.swap(serving, Relaxed) != serving
    }

    pub(super) fn is_serving(&self) -> bool {
        self.serving.load(Relaxed)
    }

    /// What becomes of its limit next; `None` while it is left alone.
    pub(super) fn outlook(&self, now: Instant) -> Option<Outlook> {
        let health = self.health();
        let is_asked = matches!(health.breaker.admission(now), Admission::Call);
        is_asked.then(|| health.limit.outlook(now))
    }

    /// Calls a second that it answers at its limit; `None` while that is not known.
    pub(super) fn throughput(&self) -> Option<f64> {
        self.health().limit.throughput()
    }

    pub(super) fn report(&self, now: Instant) -> EndpointReport {
        let last = *self
            .last_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let health = self.health();
        let (state, since) = health.breaker.state();
        EndpointReport {
            address: self.to_string(),
            breaker: state,
            serving: self.is_serving(),
            breaker_since_seconds: now.saturating_duration_since(since).as_secs(),
            average_ms: milliseconds(health.load.average(now)),
            least_ms: health
                .limit
                .least()
                .map(|least| milliseconds(least.as_secs_f64())),
            in_flight: health.limit.in_flight(),
            limit: health.limit.current(),
            attempts: self.attempts.load(Relaxed),
            failures: self.failures.load(Relaxed),
            last_failure: last.map(|(kind, at)| FailureReport {
                kind: kind.name(),
                seconds_ago: now.saturating_duration_since(at).as_secs(),
            }),
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        // Each policy is whole between any two calls: a panic elsewhere does not spoil it.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Endpoint {
    /// Where it was found, and what it is called if that is more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket = self.socket.to_string();
        write!(f, "http://{}", self.authority)?;
        if *self.authority == *socket {
            return Ok(());
        }
        write!(f, " at {socket}")
    }
}

/// With two digits behind the point: more is noise.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 100_000.0).round() / 100.0
}

/// An endpoint for the operator's eyes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointReport {
    address: String,
    /// closed, open or halfOpen.
    breaker: &'static str,
    breaker_since_seconds: u64,
    /// False where it says by itself that it is not; over gRPC only.
    serving: bool,
    /// The latency that the balance reckons with.
    average_ms: f64,
    /// The least latency that the limit reckons with.
    least_ms: Option<f64>,
    in_flight: u32,
    limit: u32,
    attempts: u64,
    failures: u64,
    last_failure: Option<FailureReport>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FailureReport {
    kind: &'static str,
    seconds_ago: u64,
}
