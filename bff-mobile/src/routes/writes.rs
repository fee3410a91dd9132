//! Orders, placed and cancelled.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, post};
use bff_shared::domain::OrderDesk;
use bff_shared::serve::idempotency::{self, Key, OptionalKey};
use bff_shared::serve::{Caller, Problem, changed, created};

use super::ORDER;
use super::new_order::{self, NewOrderBody};
use super::orders::order_id;
use crate::error::{self, CancelProblems, PlaceProblems};
use crate::openapi::example;
use crate::view::order::OrderView;

/// Places an order, once for each key.
///
/// An answer that was lost is had again by the same request with the same `Idempotency-Key`: nothing is ordered twice. The
/// customer service is asked for the name alone: without its answer `customerName` is a label.
///
/// What was ordered is in every list and on the first screen from the next request on.
#[utoipa::path(
    tag = "orders",
    operation_id = "placeOrder",
    params(Key),
    request_body(
        content = NewOrderBody,
        description = "The order. Members that are not known are refused.",
        examples(("newOrder" = (summary = "Two things", value = json!(example("newOrder"))))),
    ),
    responses(
        (
            status = 201,
            description = "The order, as it was placed.",
            body = OrderView,
            headers(("Location" = String, description = "Where the order is found: `/orders/{id}`.")),
            examples(("placed" = (summary = "It was placed", value = json!(example("placed"))))),
        ),
        PlaceProblems,
    )
)]
#[post("/orders")]
pub(super) async fn place(
    desk: Data<OrderDesk>,
    caller: Caller,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let key = idempotency::idempotency_key(&request)?;
    let order = new_order::read(&request, &body)?;
    let outcome = ORDER
        .place(&caller.context, &desk, &order, key)
        .await
        .map_err(|error| error::place(&error))?;
    let details = error::written(outcome)?;
    let location = format!("/orders/{}", details.order.value.id);
    created(&location, &OrderView::from(&details), &details.sources())
}

/// Cancels an order.
///
/// Orders that are placed or paid can be cancelled; of one that is cancelled already the answer is the same. With an
/// `Idempotency-Key` the order service is asked again where its answer is lost; without one the request is made once, and
/// a client that gets no answer may ask again. A body is not needed, and not looked at.
///
/// From the next request on the order is cancelled in every list and on the first screen.
#[utoipa::path(
    tag = "orders",
    operation_id = "cancelOrder",
    params(
        ("id" = u64, Path, description = "The order's id.", minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1),
        OptionalKey,
    ),
    responses(
        (
            status = 200,
            description = "The order, cancelled.",
            body = OrderView,
            examples(("cancelled" = (summary = "It was cancelled", value = json!(example("cancelled"))))),
        ),
        CancelProblems,
    )
)]
#[post("/orders/{id}/cancel")]
pub(super) async fn cancel(
    desk: Data<OrderDesk>,
    caller: Caller,
    request: HttpRequest,
    // Read to its end, so that the connection can be used again.
    _: Bytes,
) -> Result<HttpResponse, Problem> {
    let id = order_id(&request)?;
    let key = idempotency::optional_idempotency_key(&request)?;
    let outcome = ORDER
        .cancel(&caller.context, &desk, id, key)
        .await
        .map_err(|error| error::cancel(id, &error))?;
    let details = error::written(outcome)?;
    changed(&OrderView::from(&details), &details.sources())
}
