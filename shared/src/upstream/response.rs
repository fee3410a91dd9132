//! What an upstream said.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use prost::Message;
use serde::de::DeserializeOwned;

use super::Code;
use super::retry_after::{Pushback, pushback, retry_after};

/// A whole answer of a service: the body was read to its end and is as long as announced.
#[derive(Debug, Clone)]
pub struct Response {
    /// The final status; of a gRPC call the one that says nearly the same as its code.
    pub status: StatusCode,
    /// What a gRPC service said; `None` over HTTP.
    pub code: Option<Code>,
    /// The headers that a policy or a service's client reads, as received; the transport names them.
    pub headers: HeaderMap,
    /// The body, complete; of a gRPC call the one message of the answer.
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

    /// The body read as a protobuf message.
    ///
    /// # Errors
    /// [`Undecodable`] says what is wrong with it, never what stood there.
    pub fn message<T: Message + Default>(&self) -> Result<T, Undecodable> {
        T::decode(self.body.clone()).map_err(Undecodable::message)
    }

    /// When the service wants to be asked again: `Retry-After`, as seconds or as a date, a day at most (RFC 9110,
    /// section 10.2.3); of a gRPC call its pushback.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.code {
            None => retry_after(&self.headers, SystemTime::now()),
            Some(_) => match pushback(&self.headers)? {
                Pushback::After(wait) => Some(wait),
                Pushback::Never => None,
            },
        }
    }

    /// Whether the service does not want to be asked again.
    pub(super) fn forbids_repeats(&self) -> bool {
        self.code.is_some() && pushback(&self.headers) == Some(Pushback::Never)
    }

    /// The status in the words of its protocol, for a log.
    pub(super) fn answered(&self) -> String {
        self.code
            .map_or_else(|| self.status.to_string(), |code| code.to_string())
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

    /// Why bytes are no message of the kind that they should be.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "it is what a failed reading leaves"
    )]
    pub fn message(error: prost::DecodeError) -> Self {
        // It names fields and kinds, and no text of theirs.
        Self(format!("no such message: {error}"))
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
