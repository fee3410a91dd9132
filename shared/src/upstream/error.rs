//! Why a call to an upstream brought no answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What went wrong, in the words that clients are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The deadline or the attempt's time was over.
    Timeout,
    /// It failed so often that it is left alone for a while: it was not asked.
    CircuitOpen,
    /// Too much to do: our own limit, or the service's (429).
    Overloaded,
    /// Nobody there, the connection lost before an answer, or a 5xx.
    Unavailable,
    /// An answer came and could not be used: malformed, cut short, of another shape, or not to what was asked.
    InvalidResponse,
    /// The service says that the thing asked for does not exist.
    NotFound,
}

impl ErrorKind {
    /// The kind's stable name, as clients see it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::CircuitOpen => "circuitOpen",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::InvalidResponse => "invalidResponse",
            Self::NotFound => "notFound",
        }
    }
}

/// A call that brought no answer. `Display` is for logs: it names upstream and cause, and must not reach a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    upstream: Arc<str>,
    detail: String,
    retry_after: Option<Duration>,
    maybe_processed: bool,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, upstream: &Arc<str>, detail: impl Into<String>) -> Self {
        Self {
            kind,
            upstream: Arc::clone(upstream),
            detail: detail.into(),
            retry_after: None,
            maybe_processed: true,
        }
    }

    /// The time for a whole composition was over before this source had answered.
    #[must_use]
    pub fn deadline() -> Self {
        Self::new(
            ErrorKind::Timeout,
            &Arc::from("composition"),
            "the deadline of the whole answer was reached",
        )
    }

    pub(crate) fn with_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..self
        }
    }

    pub(crate) fn never_sent(self) -> Self {
        Self {
            maybe_processed: false,
            ..self
        }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The cluster's name.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// The cause in words for an operator; may name hosts and addresses.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// When to come back, if the service said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the service may have acted on the request: true unless it certainly never received it. A connection
    /// that closed after the request went out says nothing about what was done with it.
    #[must_use]
    pub fn maybe_processed(&self) -> bool {
        self.maybe_processed
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.upstream, self.kind.name(), self.detail)
    }
}

impl std::error::Error for Error {}
