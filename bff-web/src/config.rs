//! Settings of this BFF.

use bff_shared::config::Section;
use bff_shared::upstream::EndpointAddress;
use bff_shared::{serve, upstream};

/// All that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How it serves.
    pub server: serve::Config,
    /// The order service.
    pub orders: upstream::Config,
    /// The customer service.
    pub customers: upstream::Config,
}

impl Config {
    /// The defaults, for services at these addresses.
    #[must_use]
    pub fn new(orders: EndpointAddress, customers: EndpointAddress) -> Self {
        Self {
            server: serve::Config::new(8080, 9080),
            orders: upstream::Config::new(vec![orders]),
            customers: upstream::Config::new(vec![customers]),
        }
    }

    /// Reads every key of this BFF.
    pub fn read(settings: &mut Section<'_>) -> Self {
        let server = serve::Config::read(settings, &serve::Config::new(8080, 9080));
        settings.section("upstreams", |upstreams| Self {
            server,
            orders: upstreams.section("orders", |orders| {
                upstream::Config::read(orders, "http://127.0.0.1:8081")
            }),
            customers: upstreams.section("customers", |customers| {
                upstream::Config::read(customers, "http://127.0.0.1:8082")
            }),
        })
    }
}
