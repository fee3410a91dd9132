//! The HTTP transport and the policy stack on top of it, against servers that misbehave byte by byte.

mod calls;
mod framing;
mod informational;
mod limits;
mod repeats;
mod server;
