//! The document that describes this BFF.

use bff_shared::serve::{ProblemBody, openapi};
use serde_json::Value;
use utoipa::OpenApi;

use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "BFF for the mobile app",
        description = "One request of the mobile app, answered from several services in as few bytes as it needs. Fields \
            without a value are left out. `sources` names the parts that are not as good as they should be, and why; \
            without it everything is fresh or cached.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/")),
    components(schemas(ProblemBody)),
    tags(
        (name = "home", description = "The first screen."),
        (name = "orders", description = "Orders in short: to read, to place and to cancel."),
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
