//! What there is to ask for.

mod connection;
mod customer;
mod mutation;
mod order;
mod query;
mod scalars;
mod sources;

use async_graphql::{EmptySubscription, ValidationMode};

use super::limits::NESTING;
use mutation::Mutation;
use query::Query;

/// The schema as it is executed.
pub(super) type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;

/// Makes the schema, which compares documents with itself as far as `mode` says.
pub(super) fn schema(mode: ValidationMode) -> Schema {
    Schema::build(Query, Mutation, EmptySubscription)
        .validation_mode(mode)
        // Of selections in each other. Whoever is beyond it was refused before, in words of ours.
        .limit_recursive_depth(2 * NESTING as usize)
        .finish()
}

/// The schema in its own language, as it is committed.
#[must_use]
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().prefer_single_line_descriptions();
    let sdl = schema(ValidationMode::Strict).sdl_with_options(options);
    format!("{}\n", sdl.trim())
}
