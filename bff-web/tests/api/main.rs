//! bff-web through its ports: real servers, real sockets, faults injected.

#![expect(
    clippy::unwrap_used,
    reason = "helpers are part of a test: what they cannot do is its failure"
)]

mod admin;
mod after_writes;
mod bad_input;
mod browser;
mod caching;
mod caller;
mod cancel;
mod cancellations;
mod customers;
mod docs;
mod graphql;
mod helpers;
mod list_calls;
mod list_cursors;
mod lists;
mod logs;
mod openapi;
mod order_bodies;
mod orders;
mod passed_on;
mod resilience;
mod settings;
mod shutdown;
mod writes;
