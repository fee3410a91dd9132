//! What goes wrong, in the words of this BFF's contract.

use std::collections::BTreeMap;
use std::fmt::Display;

use actix_web::http::StatusCode;
use bff_shared::domain::InvalidId;
use bff_shared::domain::customer::CustomerId;
use bff_shared::domain::customer_overview::OverviewError;
use bff_shared::domain::order::OrderId;
use bff_shared::domain::order_details::Outcome;
use bff_shared::domain::order_list::ListError;
use bff_shared::serve::{FieldError, InvalidCursor, Problem, idempotency, input, openapi};
use bff_shared::upstream::{Error, ErrorKind};
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

const ORDER: &str = "order";
const ORDERS: &str = "orders";
const CUSTOMER: &str = "customer";

/// What a client is told when nobody knows whether its order was placed.
const MAYBE_PLACED: &str =
    "It may have been placed nevertheless: ask again with the same Idempotency-Key.";

/// What a client is told when nobody knows whether an order was cancelled.
const MAYBE_CANCELLED: &str = "It may have been cancelled nevertheless: it is safe to ask again.";

/// The path holds no order id.
pub(crate) fn invalid_order_id(error: InvalidId) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalidOrderId",
        "The order id is not valid",
        format!("In /orders/{{id}}, {error}."),
    )
}

/// The path holds no customer id.
pub(crate) fn invalid_customer_id(error: InvalidId) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalidCustomerId",
        "The customer id is not valid",
        format!("In /home/{{customerId}}, {error}."),
    )
}

/// The cursor is none of the list asked for.
pub(crate) fn invalid_cursor(_: InvalidCursor) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalidCursor",
        "The cursor is not one of this list",
        "A cursor is the nextCursor of the page before, unchanged, with the same customerId and status; it may also have \
         expired. Leave it out to begin with the first page.",
    )
}

/// The order cannot be had.
pub(crate) fn order(id: OrderId, error: &Error) -> Problem {
    match error.kind() {
        ErrorKind::NotFound => no_such_order(Problem::upstream(ORDER, error), id),
        _ => Problem::upstream(ORDER, error),
    }
}

fn no_such_order(problem: Problem, id: impl Display) -> Problem {
    problem.described(
        "orderNotFound",
        "There is no such order",
        format!("There is no order {id}."),
    )
}

/// The page of orders cannot be had.
pub(crate) fn list(error: ListError) -> Problem {
    match error {
        ListError::UnknownCursor => invalid_cursor(InvalidCursor),
        ListError::Upstream(error) => Problem::upstream(ORDERS, &error),
    }
}

/// The first screen cannot be had.
pub(crate) fn home(id: CustomerId, OverviewError { source, error }: &OverviewError) -> Problem {
    match error.kind() {
        ErrorKind::NotFound => no_such_customer(Problem::upstream(source, error), id),
        _ => Problem::upstream(source, error),
    }
}

fn no_such_customer(problem: Problem, id: impl Display) -> Problem {
    problem.described(
        "customerNotFound",
        "There is no such customer",
        format!("There is no customer {id}."),
    )
}

/// Nobody knows whether the order was placed.
pub(crate) fn place(error: &Error) -> Problem {
    Problem::upstream(ORDER, error).adding(MAYBE_PLACED)
}

/// Nobody knows whether the order was cancelled, unless there is none.
pub(crate) fn cancel(id: OrderId, error: &Error) -> Problem {
    match error.kind() {
        ErrorKind::NotFound => order(id, error),
        _ => order(id, error).adding(MAYBE_CANCELLED),
    }
}

/// The order, if the write to it was done.
pub(crate) fn written<T>(outcome: Outcome<T>) -> Result<T, Problem> {
    Err(match outcome {
        Outcome::Done(done) => return Ok(done),
        Outcome::InProgress => idempotency::key_in_use(),
        Outcome::TooLate => too_late(),
        Outcome::KeyReused => idempotency::key_reused(),
        Outcome::Refused => refused(),
    })
}

fn too_late() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "orderNotCancellable",
        "The order can no longer be cancelled",
        "It is too far for that: only orders that were not shipped yet can be cancelled.",
    )
}

fn refused() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "orderRefused",
        "The order was refused",
        "The order service does not take this order. Nothing was ordered.",
    )
}

/// Problems as a route's documentation has them, beside those of every route.
macro_rules! problems {
    ($(#[$doc:meta])* $name:ident => $problems:expr) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                openapi::problems($problems)
            }
        }
    };
}

problems! {
    /// The problems of `GET /orders/{id}`.
    OrderProblems => {
        let missing = no_such_order(Problem::of_kind(ORDER, ErrorKind::NotFound), 20_000);
        let mut problems = Problem::of_required(ORDER);
        problems.extend([invalid_order_id(InvalidId), missing]);
        problems
    }
}

problems! {
    /// The problems of `GET /orders`.
    ListProblems => {
        let mut problems = Problem::of_required(ORDERS);
        let limit = wrong("limit", "must be a whole number from 1 to 100");
        let page = wrong("page", "is not known: known are customerId, status, limit, cursor");
        problems.extend([Problem::invalid_input(vec![limit, page]), invalid_cursor(InvalidCursor)]);
        problems
    }
}

problems! {
    /// The problems of `GET /home/{customerId}`.
    HomeProblems => {
        let missing = no_such_customer(Problem::of_kind(CUSTOMER, ErrorKind::NotFound), 20_000);
        let mut problems = Problem::of_required(ORDERS);
        problems.extend([invalid_customer_id(InvalidId), missing]);
        problems
    }
}

problems! {
    /// The problems of `POST /orders`.
    PlaceProblems => {
        let mut problems = of_write(MAYBE_PLACED);
        let title = wrong("title", "is missing: it must be a text of 1 to 200 characters without control characters");
        let count = wrong("items[0].count", "must be a whole number from 1 to 1000");
        problems.extend([
            Problem::invalid_input(vec![title, count]),
            input::invalid_json("the body is no object"),
            input::unsupported_media_type(),
            idempotency::missing_key(),
            refused(),
        ]);
        problems.extend(input::problems_of_bodies());
        problems
    }
}

problems! {
    /// The problems of `POST /orders/{id}/cancel`.
    CancelProblems => {
        let missing = no_such_order(Problem::of_kind(ORDER, ErrorKind::NotFound), 20_000);
        let mut problems = of_write(MAYBE_CANCELLED);
        problems.extend([invalid_order_id(InvalidId), missing, too_late()]);
        problems.extend(input::problems_of_bodies());
        problems
    }
}

fn of_write(maybe: &str) -> Vec<Problem> {
    let failures = Problem::of_required(ORDER).into_iter();
    failures
        .map(|problem| problem.adding(maybe))
        .chain([
            idempotency::invalid_key(),
            idempotency::key_in_use(),
            idempotency::key_reused(),
        ])
        .collect()
}

fn wrong(field: &str, detail: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        detail: detail.to_owned(),
    }
}
