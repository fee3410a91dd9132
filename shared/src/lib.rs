//! What both Backends for Frontends stand on: calling upstreams, composing what they say, serving the result.
//!
//! Data flows one way: [`config`] -> a BFF's routes -> an aggregate in [`domain`] -> a service's client there ->
//! the policy stack in [`upstream`] -> a transport, and back up as values. Modules are declared in reading order.
//!
//! Invariants, each held by a test or by clippy:
//!
//! - Outside [`domain`] nothing knows what the services deal in; without the feature `domain` the crate still builds.
//! - `awc` is named in `upstream/transport/awc.rs` alone.
//! - [`upstream`] knows neither [`compose`] nor [`serve`]; [`compose`] knows of the rest only [`upstream`]'s answers.
//! - Only [`config`] reads the process environment.

pub mod config;

pub mod upstream;

pub mod compose;

#[cfg(feature = "domain")]
pub mod domain;

pub mod serve;
