//! HTTP/1.1 for requests that are passed on: head by head and piece by piece, without a task of its own.
//!
//! awc hands out whole answers and hides what a proxy has to know: which bytes went out, where an answer that comes
//! early ends, and a connection after `101`. hyper tells it, but at the price of a task for each connection, and of the
//! answer that a service gave before it closed with the request half sent. So the exchange is driven here, by whoever
//! polls it: nothing is read that nobody has asked for, which is all of the backpressure.
//!
//! The only place that names httparse. What is read is held against RFC 9112 as a recipient that others rely on has
//! to: what can be understood in two ways is refused.

mod chunked;
mod connection;
mod exchange;
mod framing;
mod head;
mod incoming;
mod upload;

pub(in crate::upstream) use connection::{Connection, Pool};
pub(in crate::upstream) use exchange::{Broken, exchange};
pub use head::{RequestHead, ResponseHead};
pub use incoming::Incoming;
pub(in crate::upstream) use upload::Upload;
pub use upload::{Length, Outgoing};

/// The largest head of an answer, in bytes, and of all interim answers before it.
const MAX_HEAD: usize = 64 * 1024;

/// How much is read at once.
const PIECE: usize = 32 * 1024;
