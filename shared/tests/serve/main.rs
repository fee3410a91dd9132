//! The server against clients that do not behave, and against faults of its own routes.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

mod arbitrary;
mod body;
mod client;
mod conditional;
mod connections;
mod draining;
mod errors;
mod gone;
mod head;
mod malformed;
mod overload;
mod panics;
mod pipelining;
mod server;
mod slow;
mod stopping;
