//! The Backend for Frontend of the web client: an order with its customer, in full.
//!
//! Thin on top of `bff-shared`: settings, routes, views, and nothing else.

mod app;
mod config;
mod error;
mod graphql;
mod openapi;
mod routes;
mod view;

pub use app::bind;
pub use config::{Config, GraphQlConfig};
pub use graphql::sdl;
pub use openapi::document;

use bff_shared::serve::command::{Print, Program};

/// The binary's command line.
pub const PROGRAM: Program<Config> = Program {
    name: "bff-web",
    about: "The Backend for Frontend of the web client: answers one request by asking several services",
    read: Config::read,
    server: |config| &config.server,
    document,
    prints: &[Print {
        command: "graphql-schema",
        about: "Print the GraphQL schema",
        text: sdl,
    }],
    bind,
};
