//! What an instance is told to do, and what it has seen.

use serde::{Deserialize, Serialize};

/// What an instance does with each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Behaviour {
    /// The time that its work takes.
    pub(crate) latency_ms: u64,
    /// How many requests it works on at once, the others waiting in turn; 0 for all that come. As in a service with a
    /// pool of threads, work that was taken on is done even if nobody waits for it any more.
    pub(crate) slots: usize,
    /// Answers 500 at once to one request in so many: 0 never, 1 always.
    pub(crate) fail_one_in: u32,
    /// How many of a hundred bodies end in their middle, and the connection with them.
    pub(crate) cut_percent: u32,
    /// How many of a hundred answers follow a 103.
    pub(crate) hints_percent: u32,
    /// Reads requests and never answers.
    pub(crate) hang: bool,
    /// Sends an answer byte by byte with this time between them; 0 for all at once.
    pub(crate) drip_ms: u64,
    /// What it says in `Cache-Control`.
    pub(crate) cache_control: String,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            slots: 0,
            fail_one_in: 0,
            cut_percent: 0,
            hints_percent: 0,
            hang: false,
            drip_ms: 0,
            // Where a figure is not about the cache, nothing comes out of one.
            cache_control: "no-store".to_owned(),
        }
    }
}

impl Behaviour {
    /// Answers after this time.
    pub(crate) fn latency(latency_ms: u64) -> Self {
        Self {
            latency_ms,
            ..Self::default()
        }
    }
}

/// What an instance has seen since it was started.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Requests: the attempts of whoever calls.
    pub(crate) requests: u64,
    /// Bodies cut short.
    pub(crate) cut: u64,
    /// Answers that followed a 103.
    pub(crate) hinted: u64,
    /// Requests by hundredth of a second since 1970, where any came; only if asked for.
    pub(crate) arrivals: Vec<(u64, u64)>,
    /// The last path segment of requests whose caller closed before its answer, and when in microseconds since 1970;
    /// only if asked for.
    pub(crate) gone: Vec<(u64, u64)>,
}
