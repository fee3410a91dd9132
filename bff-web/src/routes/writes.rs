//! Orders placed and cancelled.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, post};
use bff_shared::domain::OrderDesk;
use bff_shared::domain::order::OrderId;
use bff_shared::serve::idempotency::{Key, OptionalKey, idempotency_key, optional_idempotency_key};
use bff_shared::serve::{Caller, Problem, changed, created};

use super::new_order::{self, NewOrderBody};
use super::orders::ORDER;
use crate::error::{self, CancelProblems, PlaceProblems};
use crate::openapi::example;
use crate::view::order::OrderView;

/// Places an order.
///
/// It is placed once for each `Idempotency-Key`, however often it is asked for: after a failure that leaves open what
/// became of it (502, 503, 504, or no answer at all), ask again with the same key and the same body. The key is looked at
/// before the body is; of the body everything that is wrong is told at once.
///
/// The next answers of this server have the order in them. A browser may have earlier answers of its own: ask for the list
/// with `cache: "no-cache"` afterwards.
#[utoipa::path(
    tag = "orders",
    operation_id = "placeOrder",
    params(Key),
    request_body(
        content = NewOrderBody,
        description = "The order. Members that are not listed are refused.",
        examples(("newOrder" = (summary = "An order of two lines", value = json!(example("newOrder"))))),
    ),
    responses(
        (
            status = 201,
            description = "The order was placed, now or when it was asked for with this key before. It is composed as \
                `GET /orders/{id}` has it.",
            body = OrderView,
            headers(("Location" = String, description = "The order's own path.")),
            examples(("placed" = (summary = "Every source is fresh", value = json!(example("placed"))))),
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
    let key = idempotency_key(&request)?;
    let order = new_order::read(&request, &body)?;
    let outcome = ORDER
        .place(&caller.context, &desk, &order, key)
        .await
        .map_err(|error| error::placing(&error))?;
    let placed = error::done(outcome)?;
    created(
        &format!("/orders/{}", placed.order.value.id),
        &OrderView::from(&placed),
        &placed.sources(),
    )
}

/// Cancels an order.
///
/// What is cancelled already stays so, and is answered alike. A body is not needed; one that is sent is not looked at.
///
/// An `Idempotency-Key` is not needed, but with one a request whose answer is lost on the way to the order service is asked
/// again by this server.
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
            description = "The order is cancelled. It is composed as `GET /orders/{id}` has it.",
            body = OrderView,
            examples(("cancelled" = (summary = "Every source is fresh", value = json!(example("cancelled"))))),
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
    let id: OrderId = request
        .match_info()
        .query("id")
        .parse()
        .map_err(error::invalid_order_id)?;
    let key = optional_idempotency_key(&request)?;
    let outcome = ORDER
        .cancel(&caller.context, &desk, id, key)
        .await
        .map_err(|error| error::cancelling(id, &error))?;
    let cancelled = error::done(outcome)?;
    changed(&OrderView::from(&cancelled), &cancelled.sources())
}
