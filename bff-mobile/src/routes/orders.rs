//! Orders.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use bff_shared::compose::OrDefault;
use bff_shared::domain::customer::{Customer, CustomerId};
use bff_shared::domain::order::OrderId;
use bff_shared::domain::order_details::OrderDesk;
use bff_shared::serve::{Caller, Problem, composed};

use crate::error::{self, OrderProblems};
use crate::openapi::example;
use crate::view::order::OrderView;

/// The app shows a name; without the customer it shows a label in its place.
const CUSTOMER_NAME: OrDefault<CustomerId, Customer, String> = OrDefault {
    present: |customer| customer.name.clone(),
    missing: |id| format!("Customer {id}"),
};

/// An order in short.
///
/// The order service is asked first and is required. Without an answer of the customer service `customerName` is a
/// label made from the customer's id, and `sources.customer` says why.
#[utoipa::path(
    tag = "orders",
    operation_id = "getOrder",
    params(("id" = u64, Path, description = "The order's id.", minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)),
    responses(
        (
            status = 200,
            description = "The order. With every source fresh it may be kept privately for as long as `Cache-Control` \
                says; with a degraded one it must not be kept.",
            body = OrderView,
            headers(
                ("Cache-Control" = String, description = "`private, max-age=…`, or `no-store` where a source is degraded."),
                ("Server-Timing" = String, description = "Each source's time in milliseconds, and its state."),
                ("X-Request-Id" = String, description = "The caller's id if it was well formed, else a new one."),
            ),
            examples(
                ("complete" = (summary = "Every source is fresh", value = json!(example("complete")))),
                ("withoutCustomer" = (
                    summary = "The customer service cannot be reached",
                    value = json!(example("withoutCustomer"))
                )),
            ),
        ),
        OrderProblems,
    )
)]
#[get("/orders/{id}")]
pub(super) async fn order(
    desk: Data<OrderDesk>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: OrderId = request
        .match_info()
        .query("id")
        .parse()
        .map_err(error::invalid_order_id)?;
    let details = desk
        .details(&caller.context, id, &CUSTOMER_NAME)
        .await
        .map_err(|error| error::order(id, &error))?;
    composed(&OrderView::from(&details), &details.sources())
}
