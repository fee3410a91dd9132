//! What all worker threads share of one upstream.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use serde::Serialize;

use super::discovery::Addresses;
use super::endpoint::InFlight;
use super::{Config, Endpoint, EndpointReport, Instant, RetryBudget};

/// One upstream: its instances and the state of its policies. One for each process, behind an `Arc`.
#[derive(Debug)]
pub struct Cluster {
    /// The upstream's name, in settings, logs and reports.
    name: Arc<str>,
    config: Config,
    endpoints: Vec<(Endpoint, Addresses)>,
    /// Where round robin stands.
    next: AtomicUsize,
    /// Calls in flight over all worker threads, bounded by `config.max_in_flight`.
    in_flight: AtomicU64,
    refused: AtomicU64,
    pub(super) budget: RetryBudget,
}

impl Cluster {
    /// A cluster of the endpoints in `config`. Names begin to be looked up on the current Tokio runtime, which has
    /// to outlive the cluster's use.
    #[must_use]
    pub fn new(name: &str, config: Config) -> Arc<Self> {
        let endpoints = config
            .endpoints
            .iter()
            .map(|address| {
                (
                    Endpoint::new(address.clone()),
                    Addresses::follow(address, config.dns_refresh),
                )
            })
            .collect();
        Arc::new(Self {
            name: name.into(),
            budget: RetryBudget::new(config.budget, Instant::now()),
            config,
            endpoints,
            next: AtomicUsize::new(0),
            in_flight: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// The upstream's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The endpoint whose turn it is; `None` for a cluster without any.
    pub(super) fn pick(&self) -> Option<&Endpoint> {
        let turn = self.next.fetch_add(1, Relaxed);
        self.endpoints
            .get(turn.checked_rem(self.endpoints.len())?)
            .map(|(endpoint, _)| endpoint)
    }

    /// A place in flight, or `None` when all are taken.
    pub(super) fn admit(&self) -> Option<InFlight<'_>> {
        let guard = InFlight(&self.in_flight);
        if self.in_flight.fetch_add(1, Relaxed) < u64::from(self.config.max_in_flight) {
            return Some(guard);
        }
        self.refused.fetch_add(1, Relaxed);
        None
    }

    /// The socket addresses behind `authority`, in the order in which to try them. Waits for the first look-up of a
    /// name to succeed.
    pub(super) async fn addresses(&self, authority: &str) -> Vec<SocketAddr> {
        match self
            .endpoints
            .iter()
            .find(|(endpoint, _)| endpoint.address().authority() == authority)
        {
            Some((_, addresses)) => addresses.in_turn().await,
            None => Vec::new(),
        }
    }

    /// The cluster as an operator wants to see it.
    #[must_use]
    pub fn report(&self) -> ClusterReport {
        let now = Instant::now();
        ClusterReport {
            name: Arc::clone(&self.name),
            in_flight: self.in_flight.load(Relaxed),
            max_in_flight: self.config.max_in_flight,
            refused: self.refused.load(Relaxed),
            retry_budget_left: self.budget.balance(now),
            endpoints: self
                .endpoints
                .iter()
                .map(|(endpoint, addresses)| ResolvedReport {
                    endpoint: endpoint.report(now),
                    addresses: addresses.known(),
                })
                .collect(),
        }
    }
}

/// A cluster for the operator's eyes: counts since the process began.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    name: Arc<str>,
    in_flight: u64,
    max_in_flight: u32,
    refused: u64,
    retry_budget_left: u64,
    endpoints: Vec<ResolvedReport>,
}

#[derive(Debug, Serialize)]
struct ResolvedReport {
    #[serde(flatten)]
    endpoint: EndpointReport,
    addresses: Vec<String>,
}
