//! Calls to a service that stands behind the BFF: one visible stack of policies over a transport.
//!
//! ```text
//!   total deadline        above the repeat, so that repeats never stretch an answer past it
//!     repeat, budgeted    a stale pooled socket only; above the limit, so that a repeat holds no second permit
//!       in-flight limit   above the choice of an endpoint, so that a refusal costs nothing
//!         endpoint        chosen for each attempt afresh: round robin
//!           attempt time  connect, head and body together: the transport's own time-outs stop at the head
//!             transport   bytes in, bytes out
//!               validation   status classified, body decoded: an undecodable answer is a failed attempt
//! ```
//!
//! What all worker threads share lives in a [`Cluster`]; each worker has a [`Client`] of its own on top of it,
//! because the HTTP client underneath is bound to its thread.

pub mod deadline;

mod budget;
mod classify;
mod client;
mod cluster;
mod config;
mod discovery;
mod endpoint;
mod error;
mod freshness;
mod request;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the cluster still uses the discovery before it")
)]
mod resolve;
mod response;
mod retry_after;
pub mod transport;

pub use budget::{BudgetConfig, RetryBudget};
pub use classify::ResponseClass;
pub use client::Client;
pub use cluster::{Cluster, ClusterReport};
pub use config::Config;
pub use deadline::{Deadline, Instant};
pub use endpoint::{Endpoint, EndpointAddress, EndpointReport};
pub use error::{Error, ErrorKind};
pub use request::{Context, Request};
pub use resolve::{DiscoveryConfig, ServiceName, Target};
pub use response::{Answer, Freshness, Response, Undecodable};
