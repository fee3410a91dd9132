//! An order service and a customer service that make up their data, to stand behind a BFF in tests,
//! in the demo and in benchmarks.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use mock_services::{Options, fault::Fault, orders};
//!
//! let service = orders::start(&Options::default())?;
//! service.faults().set(vec![Fault::status(503).route("/orders/{id}").times(2)]);
//! println!("{}/orders/1 fails twice, then answers", service.url());
//! service.stop(true).await;
//! # Ok(())
//! # }
//! ```
//!
//! Orders can be placed and cancelled. Two instances of a service, which keep the same orders, are two that
//! are started with one [`Store`](orders::Store):
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use mock_services::{Options, fault::Fault, orders};
//!
//! let options = Options {
//!     store: Some(orders::Store::new()),
//!     ..Options::default()
//! };
//! let (one, other) = (orders::start(&options)?, orders::start(&options)?);
//! one.faults().set(vec![Fault::status(503).after().route("/orders").times(1)]);
//! println!("POST {}/orders places an order and fails", one.url());
//! println!("POST {}/orders with the same key gives that order", other.url());
//! assert_eq!(one.placed(), other.placed());
//! # Ok(())
//! # }
//! ```
//!
//! What no server does by itself (resets, cut bodies, silence), [`proxy`] does in front of one.
//!
//! The records' shapes are written out here and not shared with the BFFs on purpose: were both sides
//! to use one type, a change of contract would pass unnoticed.

mod answer;
mod body;
pub mod cli;
mod contract;
pub mod customers;
mod dice;
pub mod fault;
pub mod fixtures;
mod grpc;
pub mod orders;
mod params;
pub mod proxy;
pub mod raw;
mod server;

use std::net::{Ipv4Addr, SocketAddr};

pub use server::Running;

/// What a service is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes any free one, see [`Running::addr`].
    pub listen: SocketAddr,
    /// Where to listen for gRPC, if anywhere: the same records and rules by the contracts in `proto/`.
    /// Port 0 takes any free one, see [`Running::grpc_addr`].
    pub grpc: Option<SocketAddr>,
    /// The same seed makes the same records.
    pub seed: u64,
    /// The made-up orders have the ids 1 to this; those that are placed have the ids that follow.
    pub orders: u64,
    /// Customers have the ids 1 to this; customer 56 is there in any case.
    pub customers: u64,
    /// Threads that answer HTTP requests; gRPC calls are answered inside the runtime of the caller.
    pub workers: usize,
    /// Makes `/faults` reachable. [`Running::faults`] works without it.
    pub faults: bool,
    /// The `Cache-Control` of records; the service's own if absent: `max-age=5` of orders, `max-age=60` of customers.
    pub cache_control: Option<String>,
    /// The `cache-control` that records come with over gRPC, where services have none by themselves.
    pub grpc_cache_control: Option<String>,
    /// Whether records have an `ETag`, without which nobody can ask for what is newer.
    pub etag: bool,
    /// Where the order service keeps what is written; a store of its own if absent. Services that are
    /// started with clones of one store keep the same orders, as instances of one service do.
    pub store: Option<orders::Store>,
    /// Makes the customer service one without batches: `GET /customers?ids=` is answered with this
    /// status, which is 404, 405 or 501, and `BatchGetCustomers` with `UNIMPLEMENTED`.
    pub no_batch: Option<u16>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            grpc: None,
            seed: 1,
            orders: 10_000,
            customers: 1_000,
            workers: 1,
            faults: false,
            cache_control: None,
            grpc_cache_control: None,
            etag: true,
            store: None,
            no_batch: None,
        }
    }
}
