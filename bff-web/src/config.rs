//! Settings of this BFF.

use bff_shared::config::Section;
use bff_shared::domain::ServicesConfig;
use bff_shared::serve::{self, CorsConfig};

use crate::document;
pub use crate::graphql::GraphQlConfig;

/// All that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How it serves.
    pub server: serve::Config,
    /// What it answers of GraphQL.
    pub graphql: GraphQlConfig,
    /// What it asks.
    pub services: ServicesConfig,
}

impl Config {
    /// The defaults, for these services.
    #[must_use]
    pub fn new(services: ServicesConfig) -> Self {
        Self {
            server: serve::Config::new(8080, 9080),
            graphql: GraphQlConfig::default(),
            services,
        }
    }

    /// Reads every key of this BFF.
    pub fn read(settings: &mut Section<'_>) -> Self {
        let surroundings = serve::Surroundings {
            upstreams: &ServicesConfig::NAMES,
            document,
        };
        let default = serve::Config::new(8080, 9080);
        let mut server = serve::Config::read(settings, &default, surroundings);
        server.cors = settings.section("cors", CorsConfig::read);
        let graphql = settings.section("graphql", GraphQlConfig::read);
        let services = settings.section("upstreams", ServicesConfig::read);
        server.check_routes(settings, |name| services.protocol_of(name));
        Self {
            server,
            graphql,
            services,
        }
    }
}
