//! What a status means for the policies, decided once.

use http::StatusCode;

use super::ErrorKind;
use super::endpoint::AttemptEnd;
use super::transport::TransportError;

/// The classes of answer that policies tell apart. Finagle's response classifier is the model: one decision,
/// read by every policy alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseClass {
    /// 2xx: the body is to be decoded.
    Success,
    /// 404 or 410: the service works, the thing asked for is not there.
    NotFound,
    /// 429: the service works and has too much to do.
    Throttled,
    /// 5xx, or 408 (the service did not get our request in time): it does not work just now.
    Unavailable,
    /// Any other 4xx: the service refuses what we asked; asking again will not help.
    Refused,
    /// 1xx, 3xx and what is no status at all: not an answer to what was asked. Redirects are not followed.
    Unexpected,
}

impl ResponseClass {
    /// The class of `status`.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            200..=299 => Self::Success,
            404 | 410 => Self::NotFound,
            429 => Self::Throttled,
            408 | 500..=599 => Self::Unavailable,
            400..=499 => Self::Refused,
            _ => Self::Unexpected,
        }
    }
}

/// What it means that no whole answer came: for whoever asked, and for the endpoint.
pub(super) fn of_transport(error: &TransportError) -> (ErrorKind, AttemptEnd) {
    match error {
        TransportError::Invalid(_) => (
            ErrorKind::InvalidResponse,
            AttemptEnd::Failed { unreachable: false },
        ),
        TransportError::ConnectTimeout => (
            ErrorKind::Timeout,
            AttemptEnd::TimedOut { unreachable: true },
        ),
        TransportError::Connect(_) => (
            ErrorKind::Unavailable,
            AttemptEnd::Failed { unreachable: true },
        ),
        // Nobody's fault: it was idle for too long.
        TransportError::StaleConnection => (ErrorKind::Unavailable, AttemptEnd::Cancelled),
        TransportError::Disconnected(_) => (ErrorKind::Unavailable, AttemptEnd::Disconnected),
    }
}

impl TransportError {
    /// Whether nothing of the request can have been received.
    pub(super) fn is_before_sending(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::ConnectTimeout)
    }
}
