//! Calls to a service that stands behind the BFF: one visible stack of policies over a transport.
//!
//! ```text
//!   cache                 above everything, so that what is kept is given while nothing else works
//!     single flight       above the repeats, so that a herd of callers shares one series of attempts
//!       total deadline    above the repeats, so that they never stretch an answer past it
//!         retry, budgeted above the limit, so that waiting to repeat holds no place
//!           hedge         beside an attempt, so that a slow endpoint costs milliseconds and not its time-out
//!             limit       a place at an endpoint for each attempt; a short line, or a refusal that costs nothing
//!               balance   chosen for each attempt afresh, past those that are left alone
//!                 breaker   above the attempt's time, so that it sees time-outs
//!                   attempt time  connect, head and body together: the transport's own stop at the head
//!                     transport   bytes in, bytes out
//!                       validation   status classified, body decoded: what cannot be read is a failed attempt
//! ```
//!
//! A policy is a plain state machine that is handed the time; [`Client`] drives them all, on one page each:
//! `client/cached.rs` down to the single flight, `client/series.rs` down to the limit, `client/attempt.rs` the rest.
//! Where the endpoints are is a matter of discovery: one task for each upstream that looks their names up.
//!
//! What all worker threads share lives in a [`Cluster`]; each worker has a [`Client`] of its own on top of it,
//! because the HTTP client underneath is bound to its thread.

pub mod deadline;

mod answer;
mod balance;
mod batch;
mod breaker;
mod budget;
mod cache;
mod choice;
mod classify;
mod client;
mod cluster;
mod code;
#[cfg(test)]
mod concurrency;
mod config;
mod endpoint;
mod error;
mod flight;
mod forward;
mod freshness;
mod generations;
mod hedge;
mod latency;
mod limit;
mod place;
mod queue;
mod request;
mod resolve;
mod response;
mod retry;
mod retry_after;
#[cfg(test)]
mod simulation;
mod sync;
pub mod transport;
mod window;

pub use answer::{Answer, CacheStatus, Forwarded, Freshness, Origin, StaleCause};
pub use balance::BalanceConfig;
pub use batch::{Batch, messages};
pub use breaker::BreakerConfig;
pub use budget::{Budget, BudgetConfig};
pub use cache::CacheConfig;
pub use classify::ResponseClass;
pub use client::Client;
pub use cluster::{Cluster, ClusterReport};
pub use code::Code;
pub use config::{Config, GrpcConfig, Protocol};
pub use deadline::{Deadline, Instant};
pub use endpoint::{Endpoint, EndpointAddress, EndpointReport};
pub use error::{Error, ErrorKind};
pub use forward::{AnswerBody, Answered, ForwardError, Forwarder, Limits, Outgoing, Streamed};
pub use hedge::HedgeConfig;
pub use limit::LimitConfig;
pub use request::{Context, Importance, Request};
pub use resolve::{DiscoveryConfig, ServiceName, Target};
pub use response::{Response, Undecodable};
pub use retry::RetryConfig;
pub use transport::forward::{Length, RequestHead, ResponseHead};
