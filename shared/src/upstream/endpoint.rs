//! One instance of a service, and what the BFF sees of it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use http::uri::{Authority, Uri};
use serde::Serialize;

use super::{Error, ErrorKind, Instant};

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
    address: EndpointAddress,
    in_flight: AtomicU64,
    attempts: AtomicU64,
    failures: AtomicU64,
    last_failure: Mutex<Option<(ErrorKind, Instant)>>,
}

impl Endpoint {
    pub(super) fn new(address: EndpointAddress) -> Self {
        Self {
            address,
            in_flight: AtomicU64::new(0),
            attempts: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            last_failure: Mutex::new(None),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &EndpointAddress {
        &self.address
    }

    /// Counts an attempt from here until the guard is dropped, however it ends.
    pub(super) fn begin(&self) -> InFlight<'_> {
        self.attempts.fetch_add(1, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(&self.in_flight)
    }

    /// Notes a failed attempt. That a thing does not exist is an answer, not a failure.
    pub(super) fn failed(&self, error: &Error, now: Instant) {
        if error.kind() != ErrorKind::NotFound {
            self.failures.fetch_add(1, Relaxed);
            *self
                .last_failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some((error.kind(), now));
        }
    }

    pub(super) fn report(&self, now: Instant) -> EndpointReport {
        let last = *self
            .last_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        EndpointReport {
            address: self.address.to_string(),
            in_flight: self.in_flight.load(Relaxed),
            attempts: self.attempts.load(Relaxed),
            failures: self.failures.load(Relaxed),
            last_failure: last.map(|(kind, at)| FailureReport {
                kind: kind.name(),
                seconds_ago: now.saturating_duration_since(at).as_secs(),
            }),
        }
    }
}

/// Takes one off a counter when dropped, so that a cancelled call is not counted for ever.
pub(super) struct InFlight<'a>(pub(super) &'a AtomicU64);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// An endpoint for the operator's eyes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointReport {
    address: String,
    in_flight: u64,
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
