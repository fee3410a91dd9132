//! An aggregate from outside the crate: the example of docs/compose.md, compiled and asked, and the page held to it.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

mod page;
mod service;
mod shipments;
