//! Orders, read.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use bff_shared::domain::OrderDesk;
use bff_shared::domain::order::OrderId;
use bff_shared::domain::order_list::OrderList;
use bff_shared::serve::{Caller, Cursors, Problem, composed};

use super::{CUSTOMER_NAME, ORDER};
use crate::error::{self, ListProblems, OrderProblems};
use crate::input::{self, OrdersParams};
use crate::openapi::example;
use crate::view::order::OrderView;
use crate::view::orders::OrderListView;

/// Orders in short, the newest first.
///
/// The order service is asked first and is required; after it the customer service, once for all orders. A customer who
/// cannot be had costs only the names of that one: `customerName` is then a label made from the customer's id, and
/// `sources` of the order says why. `sources` of the list has the worst that is true of any order or customer.
#[utoipa::path(
    tag = "orders",
    operation_id = "listOrders",
    params(OrdersParams),
    responses(
        (
            status = 200,
            description = "Some of the orders; with `nextCursor` if there are more.",
            body = OrderListView,
            examples(
                ("firstPage" = (summary = "Every source is fresh", value = json!(example("firstPage")))),
                ("lastPage" = (summary = "There are no more", value = json!(example("lastPage")))),
                ("listWithoutCustomers" = (
                    summary = "The customer service cannot be reached",
                    value = json!(example("listWithoutCustomers"))
                )),
            ),
        ),
        ListProblems,
    )
)]
#[get("/orders")]
pub(super) async fn list(
    desk: Data<OrderDesk>,
    cursors: Data<Cursors>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (mut query, cursor) = input::orders_asked(&request)?;
    let name = input::list_name(&query);
    query.cursor = cursor
        .map(|cursor| cursors.open(&name, &cursor))
        .transpose()
        .map_err(error::invalid_cursor)?;
    let list = OrderList::compose(&caller.context, &desk, &query, &CUSTOMER_NAME)
        .await
        .map_err(error::list)?;
    let next_cursor = list.next_cursor().map(|next| cursors.seal(&name, next));
    let next_cursor = next_cursor.as_deref();
    // The cursor is in the answer, and is another one under another secret.
    let orders = list.orders().clone();
    let orders = orders.told_apart_by(next_cursor.unwrap_or_default());
    let mut sources = list.sources();
    for (name, provenance) in &mut sources {
        if *name == "orders" {
            *provenance = &orders;
        }
    }
    composed(&OrderListView::new(&list, next_cursor), &sources)
}

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
    ),
    responses(
        (
            status = 200,
            description = "The order.",
            body = OrderView,
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
        OrderProblems,
    )
)]
#[get("/orders/{id}")]
pub(super) async fn order(
    desk: Data<OrderDesk>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = order_id(&request)?;
    let details = ORDER
        .compose(&caller.context, &desk, id)
        .await
        .map_err(|error| error::order(id, &error))?;
    composed(&OrderView::from(&details), &details.sources())
}

/// The order that the path of `request` names.
pub(super) fn order_id(request: &HttpRequest) -> Result<OrderId, Problem> {
    let id = request.match_info().query("id");
    id.parse().map_err(error::invalid_order_id)
}
