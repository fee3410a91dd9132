//! Orders, read.

use std::iter::once;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use bff_shared::compose::Omit;
use bff_shared::domain::OrderDesk;
use bff_shared::domain::order::OrderId;
use bff_shared::domain::order_details::OrderLadders;
use bff_shared::domain::order_list::OrderList;
use bff_shared::serve::{Caller, Cursors, Problem, composed};

use super::list_query::ListQuery;
use crate::error::{self, ListProblems, OrderProblems};
use crate::openapi::example;
use crate::view::order::OrderView;
use crate::view::order_list::OrderListView;

/// Without its customer an order is shown all the same.
pub(super) const ORDER: OrderLadders<Omit> = OrderLadders { customer: Omit };

/// An order with its customer.
///
/// The order service is asked first and is required. The customer is optional: without an answer of the customer
/// service the order comes with `customer: null`, and `sources.customer` says why.
///
/// What a service said before is given in place of an answer that cannot be had: while that is `cached`, the service
/// is not asked at all; `stale` says that it is older than the service wants, and the reason why there is nothing newer,
/// among them `circuitOpen`, the service failed so often that it is left alone for a while, and `revalidating`, it is
/// being asked and allows to give the old answer meanwhile.
#[utoipa::path(
    tag = "orders",
    operation_id = "getOrder",
    params(
        ("id" = u64, Path, description = "The order's id.", minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1),
    ),
    responses(
        (
            status = 200,
            description = "The order. With every source fresh or cached it may be kept privately for as long as \
                `Cache-Control` says; with a degraded one it must not be kept.",
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

/// Orders with their customers, the newest first.
///
/// The order service is asked for a page and is required. After it the customers are asked for together: a customer who
/// cannot be had is missing from their orders alone, and the `sources` of these say why. `sources.customers` of the list is
/// what is true of all of them.
///
/// Page by page: ask again with `nextCursor` as `cursor` until it is null. A cursor that is none of this list, was changed
/// or has become too old is refused before any service is asked; begin again without one.
#[utoipa::path(
    tag = "orders",
    operation_id = "listOrders",
    params(ListQuery),
    responses(
        (
            status = 200,
            description = "A page of orders; one without items is possible. With every source fresh or cached it may be kept \
                privately for as long as `Cache-Control` says; with a degraded one it must not be kept.",
            body = OrderListView,
            examples(
                ("page" = (summary = "Every source is fresh, and there are more", value = json!(example("page")))),
                ("empty" = (summary = "There are no such orders", value = json!(example("empty")))),
                ("pageWithoutCustomers" = (
                    summary = "The customer service cannot be reached",
                    value = json!(example("pageWithoutCustomers"))
                )),
            ),
        ),
        ListProblems,
    )
)]
#[get("/orders")]
pub(super) async fn orders(
    desk: Data<OrderDesk>,
    cursors: Data<Cursors>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let asked = ListQuery::read(&request)?;
    let list = asked.list();
    let query = asked.open(&cursors)?;
    let orders = OrderList::compose(&caller.context, &desk, &query, &ORDER.customer)
        .await
        .map_err(|error| error::list(&error))?;
    let next_cursor = orders
        .next_cursor()
        .map(|cursor| cursors.seal(&list, cursor));
    // Sealed under another secret the same page is another answer: or whoever has the one of before would be told to keep
    // it, with a cursor that is not taken any more.
    let page = orders
        .orders()
        .clone()
        .told_apart_by(next_cursor.as_deref().unwrap_or_default());
    let customers = orders.customers().map(|customers| ("customers", customers));
    let sources: Vec<_> = once(("orders", &page)).chain(customers).collect();
    composed(&OrderListView::new(&orders, next_cursor), &sources)
}
