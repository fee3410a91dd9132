//! What goes wrong, in the words of this BFF's contract.

use std::collections::BTreeMap;
use std::fmt::Display;

use actix_web::http::StatusCode;
use bff_shared::domain::InvalidId;
use bff_shared::domain::order::OrderId;
use bff_shared::serve::{Problem, openapi};
use bff_shared::upstream::{Error, ErrorKind};
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

const ORDER: &str = "order";

/// The path holds no order id.
pub(crate) fn invalid_order_id(error: InvalidId) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalidOrderId",
        "The order id is not valid",
        format!("In /orders/{{id}}, {error}."),
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
