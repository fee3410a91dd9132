//! How bytes reach a service and come back.

use std::fmt;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::{Context, Endpoint, Request, Response};

pub mod awc;
pub mod forward;
pub mod grpc;
#[cfg(test)]
pub(crate) mod scripted;

/// One attempt, as the transport gets it.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The instance to ask.
    pub endpoint: &'a Endpoint,
    /// What to ask.
    pub request: &'a Request,
    /// What the call belongs to: its headers are passed on.
    pub context: &'a Context,
    /// The time this call has left, passed on to the service.
    pub remaining: Duration,
}

/// A protocol's client, bound to its worker thread. Dropping the future it returns cancels the attempt and closes
/// what was opened for it. It knows no policy: time-outs, repeats and limits are drawn around it.
pub trait Transport: fmt::Debug {
    /// Sends the request and reads the answer to its end.
    ///
    /// An `Ok` is a whole answer, as long as announced, to this very request; anything else is a [`TransportError`].
    fn send<'a>(
        &'a self,
        attempt: Attempt<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, TransportError>>;
}

/// Why no whole answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportError {
    /// No connection: nothing of the request was sent.
    Connect(String),
    /// Opening the connection took too long: nothing of the request was sent.
    ConnectTimeout,
    /// A pooled connection turned out closed before a byte of an answer came, as happens when the service closes it
    /// as idle in the same moment. It may all the same have read the request.
    StaleConnection,
    /// The connection was lost before a byte of an answer came. The request may have been read.
    Disconnected(String),
    /// The service broke off this one exchange of a connection that is still good. The request may have been read.
    Reset(String),
    /// The service says that it has not begun with the request.
    Unprocessed(String),
    /// The connection ended within the answer.
    CutShort(&'static str),
    /// Bytes came that are no answer to the request.
    Invalid(String),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(why) => write!(f, "cannot connect: {why}"),
            Self::ConnectTimeout => f.write_str("connecting took too long"),
            Self::StaleConnection => f.write_str("the pooled connection was closed"),
            Self::Disconnected(why) => write!(f, "connection lost before an answer: {why}"),
            Self::Reset(why) => write!(f, "broke off before an answer: {why}"),
            Self::Unprocessed(why) => write!(f, "refused before it began: {why}"),
            Self::CutShort(what) => write!(f, "answered with {what} cut short"),
            Self::Invalid(why) => f.write_str(why),
        }
    }
}
