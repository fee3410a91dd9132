//! What goes wrong, as GraphQL tells it: the problems of REST, each at the field that it costs.

use actix_web::http::StatusCode;
use async_graphql::{ErrorExtensions as _, Value};
use bff_shared::compose::Reason;
use bff_shared::domain::InvalidId;
use bff_shared::serve::{FieldError, Problem};

/// `problem` as the error of a field: `extensions` has its `code`, and the `source` that failed with the `reason`.
pub(super) fn of(problem: &Problem) -> async_graphql::Error {
    async_graphql::Error::new(problem.detail()).extend_with(|_, extensions| {
        extensions.set("code", problem.code());
        if let Some((source, kind)) = problem.failed() {
            extensions.set("source", source);
            extensions.set("reason", Reason::from(kind).name());
        }
        if let Some(seconds) = problem.retry_after_seconds() {
            extensions.set("retryAfterSeconds", seconds);
        }
        if !problem.errors().is_empty() {
            let errors = problem.errors().iter().map(|FieldError { field, detail }| {
                let members = [("field", field), ("detail", detail)];
                let members = members.map(|(name, text)| {
                    (async_graphql::Name::new(name), Value::from(text.as_str()))
                });
                Value::Object(members.into_iter().collect())
            });
            extensions.set("errors", Value::List(errors.collect()));
        }
    })
}

/// The argument `id` is none of an order's.
pub(super) fn invalid_order_id(error: InvalidId) -> Problem {
    invalid_id("invalidOrderId", "The order id is not valid", error)
}

/// The argument `id` is none of a customer's.
pub(super) fn invalid_customer_id(error: InvalidId) -> Problem {
    invalid_id("invalidCustomerId", "The customer id is not valid", error)
}

fn invalid_id(code: &'static str, title: &'static str, error: InvalidId) -> Problem {
    let detail = format!("In the argument id, {error}.");
    Problem::new(StatusCode::BAD_REQUEST, code, title, detail)
}
