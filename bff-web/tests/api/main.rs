//! bff-web through its ports: real servers, real sockets, faults injected.

#![expect(
    clippy::unwrap_used,
    reason = "helpers are part of a test: what they cannot do is its failure"
)]

mod admin;
mod bad_input;
mod caching;
mod caller;
mod cancel;
mod docs;
mod helpers;
mod logs;
mod openapi;
mod orders;
mod passed_on;
mod resilience;
mod settings;
mod shutdown;
