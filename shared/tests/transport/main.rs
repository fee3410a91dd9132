//! The HTTP transport and the policy stack on top of it, against servers that misbehave byte by byte.

mod answers;
mod arbitrary;
mod calls;
mod cancellation;
mod framing;
mod informational;
mod isolation;
mod limits;
mod names;
mod repeats;
mod requests;
mod server;
mod timeouts;
