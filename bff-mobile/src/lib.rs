//! The Backend for Frontend of the mobile app: its first screen, and orders in short, to read, place and cancel.
//!
//! Thin on top of `bff-shared`: settings, routes, views, and nothing else.

mod app;
mod config;
mod error;
mod openapi;
mod routes;
mod view;

pub use app::bind;
pub use config::Config;
pub use openapi::document;

use bff_shared::serve::command::Program;

/// The binary's command line.
pub const PROGRAM: Program<Config> = Program {
    name: "bff-mobile",
    about: "The Backend for Frontend of the mobile app: answers one request by asking several services",
    read: Config::read,
    server: |config| &config.server,
    document,
    prints: &[],
    bind,
};
