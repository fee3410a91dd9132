//! Customers.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use bff_shared::compose::Omit;
use bff_shared::domain::OrderDesk;
use bff_shared::domain::customer::CustomerId;
use bff_shared::domain::customer_overview::OverviewLadders;
use bff_shared::serve::{Caller, Problem, composed};

use crate::error::{self, CustomerProblems};
use crate::openapi::example;
use crate::view::customer_overview::CustomerOverviewView;

/// The person without the orders is of use, and so are the orders without the person.
const OVERVIEW: OverviewLadders<Omit, Omit> = OverviewLadders {
    customer: Omit,
    orders: Omit,
};

/// A customer with their latest orders, and what these come to.
///
/// Both services are asked at once. Without an answer of one of them its part is null, and `sources` says why; without
/// both there is a problem. Counted are the latest orders, a hundred at most: `totals.hasMore` says whether there are older
/// ones.
#[utoipa::path(
    tag = "customers",
    operation_id = "getCustomer",
    params(
        ("id" = u64, Path, description = "The customer's id.", minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 56),
    ),
    responses(
        (
            status = 200,
            description = "The customer. With both sources fresh or cached it may be kept privately for as long as \
                `Cache-Control` says; with a degraded one it must not be kept.",
            body = CustomerOverviewView,
            examples(
                ("overview" = (summary = "Both sources are fresh", value = json!(example("overview")))),
                ("overviewWithoutCustomer" = (
                    summary = "The customer service cannot be reached",
                    value = json!(example("overviewWithoutCustomer"))
                )),
                ("overviewWithoutOrders" = (
                    summary = "The order service cannot be reached",
                    value = json!(example("overviewWithoutOrders"))
                )),
            ),
        ),
        CustomerProblems,
    )
)]
#[get("/customers/{id}")]
pub(super) async fn customer(
    desk: Data<OrderDesk>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = request
        .match_info()
        .query("id")
        .parse()
        .map_err(error::invalid_customer_id)?;
    let overview = OVERVIEW
        .overview(&caller.context, &desk, id)
        .await
        .map_err(|failed| error::overview(id, &failed))?;
    composed(
        &CustomerOverviewView::new(id, &overview),
        &overview.sources(),
    )
}
