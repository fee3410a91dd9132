//! The services that stand behind the BFFs: what can be set for them, and what is shared of them.

use std::sync::Arc;

use super::customer::CustomerClient;
use super::order::OrderClient;
use crate::config::Section;
use crate::upstream::{self, Client, Cluster, Protocol, Target};

/// Settings of the services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicesConfig {
    /// The order service.
    pub orders: upstream::Config,
    /// The customer service.
    pub customers: upstream::Config,
}

impl ServicesConfig {
    /// What the services are called as upstreams.
    pub const NAMES: [&'static str; 2] = ["orders", "customers"];

    /// The defaults, for services at these addresses.
    #[must_use]
    pub fn new(orders: Target, customers: Target) -> Self {
        Self {
            orders: upstream::Config::new(vec![orders]),
            customers: upstream::Config::new(vec![customers]),
        }
    }

    /// What the upstream `name` speaks, if there is one of that name.
    #[must_use]
    pub fn protocol_of(&self, name: &str) -> Option<Protocol> {
        let configs = [&self.orders, &self.customers];
        let named = Self::NAMES.into_iter().zip(configs);
        named
            .filter(|(known, _)| *known == name)
            .map(|(_, config)| config.protocol)
            .next()
    }

    /// Reads the section `upstreams`.
    pub fn read(upstreams: &mut Section<'_>) -> Self {
        let mut service = |name, default| {
            upstreams.section(name, |section| upstream::Config::read(section, default))
        };
        let [orders, customers] = Self::NAMES;
        Self {
            orders: service(orders, "http://127.0.0.1:8081"),
            customers: service(customers, "http://127.0.0.1:8082"),
        }
    }
}

/// The services that the aggregates ask, as one worker thread holds them.
#[derive(Debug, Clone)]
pub struct OrderDesk {
    pub(super) orders: OrderClient,
    pub(super) customers: CustomerClient,
}

/// The services as all worker threads share them.
#[derive(Debug, Clone)]
pub struct Services {
    orders: Arc<Cluster>,
    customers: Arc<Cluster>,
}

impl Services {
    /// Services that are asked as `config` says. Has to run inside a Tokio runtime that lives as long as they are
    /// asked: their names are looked up on it.
    #[must_use]
    pub fn new(config: ServicesConfig) -> Self {
        let [orders, customers] = ServicesConfig::NAMES;
        Self {
            orders: Cluster::new(orders, config.orders),
            customers: Cluster::new(customers, config.customers),
        }
    }

    /// The upstreams that they are, for an operator's eyes.
    #[must_use]
    pub fn clusters(&self) -> Vec<Arc<Cluster>> {
        vec![Arc::clone(&self.orders), Arc::clone(&self.customers)]
    }

    /// What the current worker thread asks them with.
    #[must_use]
    pub fn desk(&self) -> OrderDesk {
        let client = |cluster: &Arc<Cluster>| Client::new(Arc::clone(cluster));
        OrderDesk {
            orders: OrderClient::new(client(&self.orders)),
            customers: CustomerClient::new(client(&self.customers)),
        }
    }
}
