//! The same orders and customers, asked for with GraphQL: the client says which parts of which it wants.
//!
//! ```text
//! http      what a request may be: methods, media types, no page of another site (GraphQL over HTTP)
//!   request   what is asked: query, operationName, variables
//!     tokens    how long the document is, before anything reads it
//!     documents what was read before, and is known to be valid
//!     limits    what it would cost, before anything runs
//!       schema    what there is; each resolver asks the desk through `state`
//!         state     one deadline, one batch of customers, what is told of the sources
//!   answer    data, errors and extensions as JSON; the headers are those of REST
//! ```

mod answer;
mod config;
mod documented;
mod documents;
mod explorer;
mod fault;
mod http;
mod kinds;
mod limits;
mod negotiation;
mod pages;
mod request;
mod schema;
mod shape;
mod state;
mod tokens;

pub use config::GraphQlConfig;
pub(crate) use http::{ask, ask_by_url};
pub use schema::sdl;

use async_graphql::ValidationMode;
use documents::Documents;
use schema::Schema;

/// What every worker thread answers GraphQL with.
pub(crate) struct GraphQl {
    schema: Schema,
    /// For documents that are known to be valid.
    unchecked: Schema,
    documents: Documents,
    config: GraphQlConfig,
}

impl GraphQl {
    pub(crate) fn new(config: GraphQlConfig) -> Self {
        Self {
            schema: schema::schema(ValidationMode::Strict),
            unchecked: schema::schema(ValidationMode::Fast),
            documents: Documents::default(),
            config,
        }
    }
}
