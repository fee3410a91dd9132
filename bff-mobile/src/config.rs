//! Settings of this BFF.

use bff_shared::config::Section;
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
    /// Reads every key of this BFF.
    pub fn read(settings: &mut Section<'_>) -> Self {
        let server = serve::Config::read(settings, &serve::Config::new(8083, 9083));
        settings.section("upstreams", |upstreams| Self {
            server,
            orders: upstreams.section("orders", |orders| upstream::Config::read(orders, "http://127.0.0.1:8081")),
            customers: upstreams
                .section("customers", |customers| upstream::Config::read(customers, "http://127.0.0.1:8082")),
        })
    }
}
