//! What a call brought, and how it came about.

use std::sync::Arc;
use std::time::Duration;

use super::ErrorKind;

/// A decoded answer, and how good it is.
#[derive(Debug)]
pub struct Answer<T> {
    /// What the service said; shared with the cache.
    pub value: Arc<T>,
    /// Where it comes from.
    pub origin: Origin,
    /// For how long a private cache may use it from now on, by the service's own words.
    pub freshness: Freshness,
    /// Different for different answers: a hash of what the service sent.
    pub validator: u64,
    /// What the cache did.
    pub cache: CacheStatus,
}

/// Where an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The service was asked for it just now.
    Fresh,
    /// It was kept, and is still fresh.
    Cached {
        /// Since the service made it.
        age: Duration,
    },
    /// It was kept, and is older than the service wants.
    Stale {
        /// Since the service made it.
        age: Duration,
        /// Why there is nothing newer.
        cause: StaleCause,
    },
}

/// Why an answer is not renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaleCause {
    /// It is being renewed, and the service allows to give it meanwhile (RFC 5861, section 3).
    Revalidating,
    /// To renew it failed (RFC 5861, section 4): in this way, for the reason in words for an operator.
    Failed(ErrorKind, Box<str>),
}

/// For how long an answer may be used again without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// Not to be kept at all.
    NoStore,
    /// Fresh for so long from now; zero where the service says nothing.
    For(Duration),
}

/// What the cache did for an answer, in the terms of `Cache-Status` (RFC 9211).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStatus {
    /// Why the service was asked; `None` for a hit.
    pub forwarded: Option<Forwarded>,
    /// The status with which the service answered, where that is more than a 200.
    pub status: Option<u16>,
    /// Whether the answer was kept.
    pub stored: bool,
    /// Whether another request's call was shared.
    pub collapsed: bool,
    /// How long what was kept is still fresh, in seconds; below zero since when it is not.
    pub ttl: Option<i64>,
}

/// Why a request went on to the service (RFC 9211, section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    /// There is no cache for it.
    Bypass,
    /// Nothing was kept for it.
    UriMiss,
    /// What was kept is stale.
    Stale,
}

impl Forwarded {
    /// The token of RFC 9211.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::UriMiss => "uri-miss",
            Self::Stale => "stale",
        }
    }
}
