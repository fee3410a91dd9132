//! Orders.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use bff_shared::compose::OrDefault;
use bff_shared::domain::OrderDesk;
use bff_shared::domain::customer::{Customer, CustomerId};
use bff_shared::domain::order::OrderId;
use bff_shared::domain::order_details::OrderLadders;
use bff_shared::serve::{Caller, Problem, composed};

use crate::error::{self, OrderProblems};
use crate::openapi::example;
use crate::view::order::OrderView;

/// The app shows a name; without the customer it shows a label in its place.
const CUSTOMER_NAME: OrDefault<CustomerId, Customer, String> = OrDefault {
    present: |customer| customer.name.clone(),
    missing: |id| format!("Customer {id}"),
};

const ORDER: OrderLadders<OrDefault<CustomerId, Customer, String>> = OrderLadders {
    customer: CUSTOMER_NAME,
};

/// An order in short.
///
/// The order service is asked first and is required. Without an answer of the customer service `customerName` is a
/// label made from the customer's id, and `sources.customer` says why.
///
/// What a service said before is given in place of an answer that cannot be had: `sources` then says that it is
/// `stale`, older than the service wants, and the reason why there is nothing newer, among them `circuitOpen`, the
/// service failed so often that it is left alone for a while, and `revalidating`, it is being asked and allows to give
/// the old answer meanwhile.
#[utoipa::path(
    tag = "orders",
    operation_id = "getOrder",
    params(
        ("id" = u64, Path, description = "The order's id.", minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1),
        (
            "If-None-Match" = Option<String>,
            Header,
            nullable = false,
            description = "The `ETag` of an answer that the client has, or several with commas between them.",
            example = "W/\"9d4cb5da0d0ca273\"",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The order. With every source fresh or cached it may be kept privately for as long as \
                `Cache-Control` says; with a degraded one it must not be kept.",
            body = OrderView,
            headers(
                ("Cache-Control" = String, description = "`private, max-age=…`, or `no-store` where a source is degraded."),
                (
                    "Cache-Status" = String,
                    description = "What the cache did for each source (RFC 9211): `hit`, or `fwd` with why the service was \
                        asked; `ttl` is not above zero where the part is stale, and `detail` the reason that `sources` gives."
                ),
                (
                    "ETag" = String,
                    description = "Of a complete answer: a weak tag, the same for as long as the services say the same. \
                        A degraded answer has none."
                ),
                ("Server-Timing" = String, description = "Each source's time in milliseconds, and its state."),
                ("X-Request-Id" = String, description = "The caller's id if it was well formed, else a new one."),
            ),
            examples(
                ("complete" = (summary = "Every source is fresh", value = json!(example("complete")))),
                ("staleCustomer" = (
                    summary = "The customer service cannot be reached, but was before",
                    value = json!(example("staleCustomer"))
                )),
                ("withoutCustomer" = (
                    summary = "The customer service cannot be reached",
                    value = json!(example("withoutCustomer"))
                )),
            ),
        ),
        (
            status = 304,
            description = "The client has this answer: its `If-None-Match` holds the `ETag`. It may be kept for as long as \
                `Cache-Control` says from now on.",
            headers(
                ("Cache-Control" = String, description = "As of the 200."),
                ("Cache-Status" = String, description = "As of the 200."),
                ("ETag" = String, description = "As of the 200."),
                ("Server-Timing" = String, description = "As of the 200."),
                ("X-Request-Id" = String, description = "As of the 200."),
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
    let details = ORDER
        .compose(&caller.context, &desk, id)
        .await
        .map_err(|error| error::order(id, &error))?;
    composed(&OrderView::from(&details), &details.sources())
}
