//! bff-mobile through its ports: real servers, real sockets, faults injected.
//!
//! What both BFFs have from `bff-shared` is tested at length in bff-web; here is what differs, and that it is wired.

#![expect(
    clippy::unwrap_used,
    reason = "helpers are part of a test: what they cannot do is its failure"
)]

mod admin;
mod bad_input;
mod caching;
mod cancellations;
mod cursors;
mod helpers;
mod home;
mod lists;
mod new_orders;
mod openapi;
mod orders;
mod resilience;
mod settings;
mod writes;
mod written;
