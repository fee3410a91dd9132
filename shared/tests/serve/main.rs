//! The server against clients that do not behave, and against faults of its own routes.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

mod arbitrary;
mod body;
mod client;
mod compress;
mod conditional;
mod connections;
mod cors;
mod draining;
mod errors;
mod gone;
mod head;
mod kept;
mod malformed;
mod options;
mod overload;
mod panics;
mod pipelining;
mod server;
mod slow;
mod stopping;
