//! What an upstream said.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::retry_after::retry_after;

/// A whole answer of a service: the body was read to its end and is as long as announced.
#[derive(Debug, Clone)]
pub struct Response {
    /// The final status.
    pub status: StatusCode,
    /// The headers that a policy or a service's client reads, as received; the transport names them.
    pub headers: HeaderMap,
    /// The body, complete.
    pub body: Bytes,
}

impl Response {
    /// The body read as JSON.
    ///
    /// # Errors
    /// [`Undecodable`] says where reading stopped, never what stood there: the text may be personal data.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Undecodable> {
        Undecodable::or_read(&self.body)
    }

    /// What `Retry-After` asks for, as seconds or as a date; a day at most (RFC 9110, section 10.2.3).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers, SystemTime::now())
    }
}

/// Why a body that arrived whole still is no answer to what was asked. Fit for a log: no text of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable(String);

impl Undecodable {
    /// An answer that is wrong for the reason given.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// JSON read as a `T`.
    ///
    /// # Errors
    /// As [`Response::json`].
    pub fn or_read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Self> {
        serde_json::from_slice(json).map_err(|error| Self::json(&error))
    }

    pub(super) fn json(error: &serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "JSON ends too soon",
            serde_json::error::Category::Data => "JSON of another shape",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "not JSON",
        };
        Self(format!(
            "{what}, line {} column {}",
            error.line(),
            error.column()
        ))
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
