//! The document that describes this BFF.

use bff_shared::serve::{ProblemBody, openapi};
use serde_json::Value;
use utoipa::OpenApi;

use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "BFF for the web client",
        description = "One request of the web client, answered from several services. Every composed answer says in \
            `sources` how good each of its parts is: `fresh`, `cached`, `stale`, a `default` or `omitted`, and why.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/")),
    components(schemas(ProblemBody)),
    tags(
        (name = "orders", description = "Orders with their customers: to read, to place and to cancel."),
        (name = "customers", description = "Customers with their orders."),
        (name = "graphql", description = "The same, asked for with GraphQL."),
    ),
)]
struct Base;

/// The document, as `/openapi.json` serves it.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = openapi::document(Base::openapi(), routes::configure);
    openapi::describe_composed(&mut document);
    openapi::with_other_methods(document)
}

/// An answer as it was really given: a test asks for each of them again and compares.
pub(crate) fn example(name: &str) -> Value {
    let examples: Value =
        serde_json::from_str(include_str!("../examples.json")).unwrap_or_default();
    examples[name].clone()
}
