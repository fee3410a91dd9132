//! The gRPC transport and the policy stack on top of it.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

mod answers;
mod arbitrary;
mod broken;
mod cache;
mod calls;
mod codes;
mod frames;
mod health;
mod leaving;
mod policies;
mod requests;
mod server;
mod silence;
