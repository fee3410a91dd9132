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
use bff_shared::serve::idempotency::{invalid_key, key_in_use, key_reused, missing_key};
use bff_shared::serve::input::{invalid_json, problems_of_bodies, unsupported_media_type};
use bff_shared::serve::{FieldError, InvalidCursor, Problem, openapi};
use bff_shared::upstream::{Error, ErrorKind};
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

const ORDER: &str = "order";
const ORDERS: &str = "orders";
const CUSTOMER: &str = "customer";

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
        format!("In /customers/{{id}}, {error}."),
    )
}

/// The cursor is none of this list.
pub(crate) fn invalid_cursor(_: InvalidCursor) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalidCursor",
        "The cursor is not one of this list",
        "A cursor is the nextCursor of the page before, unchanged, and holds for the same customerId and status alone. It \
         may also have become too old. Begin again without a cursor.",
    )
}

/// The order cannot be had.
pub(crate) fn order(id: OrderId, error: &Error) -> Problem {
    match error.kind() {
        ErrorKind::NotFound => no_such_order(Problem::upstream(ORDER, error), id),
        _ => Problem::upstream(ORDER, error),
    }
}

/// The list cannot be had.
pub(crate) fn list(error: &ListError) -> Problem {
    match error {
        ListError::UnknownCursor => invalid_cursor(InvalidCursor),
        ListError::Upstream(error) => Problem::upstream(ORDERS, error),
    }
}

/// There is nothing to be had of the customer.
pub(crate) fn overview(id: CustomerId, failed: &OverviewError) -> Problem {
    match failed.source {
        CUSTOMER => customer(id, &failed.error),
        source => Problem::upstream(source, &failed.error),
    }
}

/// The customer cannot be had.
pub(crate) fn customer(id: CustomerId, error: &Error) -> Problem {
    let problem = Problem::upstream(CUSTOMER, error);
    match error.kind() {
        ErrorKind::NotFound => no_such_customer(problem, id),
        _ => problem,
    }
}

/// The order service did not say what became of a new order.
pub(crate) fn placing(error: &Error) -> Problem {
    maybe_placed(Problem::upstream(ORDER, error))
}

/// The order service did not say what became of a cancellation.
pub(crate) fn cancelling(id: OrderId, error: &Error) -> Problem {
    match error.kind() {
        ErrorKind::NotFound => no_such_order(Problem::upstream(ORDER, error), id),
        _ => maybe_cancelled(Problem::upstream(ORDER, error)),
    }
}

/// What was done, or why it was not.
pub(crate) fn done<T>(outcome: Outcome<T>) -> Result<T, Problem> {
    match outcome {
        Outcome::Done(order) => Ok(order),
        Outcome::InProgress => Err(key_in_use()),
        Outcome::TooLate => Err(not_cancellable()),
        Outcome::KeyReused => Err(key_reused()),
        Outcome::Refused => Err(refused()),
    }
}

fn no_such_order(problem: Problem, id: impl Display) -> Problem {
    problem.described(
        "orderNotFound",
        "There is no such order",
        format!("There is no order {id}."),
    )
}

fn no_such_customer(problem: Problem, id: impl Display) -> Problem {
    problem.described(
        "customerNotFound",
        "There is no such customer",
        format!("There is no customer {id}."),
    )
}

fn maybe_placed(problem: Problem) -> Problem {
    problem
        .adding("The order may have been placed: ask again with the same key, which does not place another.")
}

fn maybe_cancelled(problem: Problem) -> Problem {
    problem.adding("The order may have been cancelled: read it, or ask again.")
}

fn not_cancellable() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "orderNotCancellable",
        "The order can no longer be cancelled",
        "It is too late: the order's status says how far it is.",
    )
}

fn refused() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "orderRefused",
        "The order was refused",
        "The order service does not take this order. It was not placed.",
    )
}

fn invalid_input(field: &str, detail: &str) -> Problem {
    Problem::invalid_input(vec![FieldError {
        field: field.to_owned(),
        detail: detail.to_owned(),
    }])
}

/// The problems of `GET /orders/{id}`, for its documentation.
pub(crate) struct OrderProblems;

impl IntoResponses for OrderProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let missing = no_such_order(Problem::of_kind(ORDER, ErrorKind::NotFound), 20_000);
        let mut problems = Problem::of_required(ORDER);
        problems.extend([invalid_order_id(InvalidId), missing]);
        openapi::problems(problems)
    }
}

/// The problems of `GET /orders`, for its documentation.
pub(crate) struct ListProblems;

impl IntoResponses for ListProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut problems = Problem::of_required(ORDERS);
        problems.extend([
            invalid_input("limit", "must be a whole number from 1 to 100"),
            invalid_cursor(InvalidCursor),
        ]);
        openapi::problems(problems)
    }
}

/// The problems of `GET /customers/{id}`, for its documentation.
pub(crate) struct CustomerProblems;

impl IntoResponses for CustomerProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let missing = no_such_customer(Problem::of_kind(CUSTOMER, ErrorKind::NotFound), 20_000);
        let mut problems = Problem::of_required(ORDERS);
        problems.extend([invalid_customer_id(InvalidId), missing]);
        openapi::problems(problems)
    }
}

/// The problems of `POST /orders`, for its documentation.
pub(crate) struct PlaceProblems;

impl IntoResponses for PlaceProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let failed = Problem::of_required(ORDER).into_iter().map(maybe_placed);
        let wrong = [
            missing_key(),
            invalid_key(),
            invalid_json("EOF while parsing an object at line 1 column 1"),
            invalid_input("lines[0].quantity", "must be a whole number from 1 to 1000"),
            refused(),
            key_in_use(),
            key_reused(),
            unsupported_media_type(),
        ];
        openapi::problems(failed.chain(wrong).chain(problems_of_bodies()).collect())
    }
}

/// The problems of `POST /orders/{id}/cancel`, for its documentation.
pub(crate) struct CancelProblems;

impl IntoResponses for CancelProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let failed = Problem::of_required(ORDER).into_iter().map(maybe_cancelled);
        let wrong = [
            invalid_order_id(InvalidId),
            invalid_key(),
            no_such_order(Problem::of_kind(ORDER, ErrorKind::NotFound), 20_000),
            not_cancellable(),
            key_in_use(),
            key_reused(),
        ];
        openapi::problems(failed.chain(wrong).chain(problems_of_bodies()).collect())
    }
}
