//! The first screen.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use bff_shared::compose::Omit;
use bff_shared::domain::OrderDesk;
use bff_shared::domain::customer::CustomerId;
use bff_shared::domain::customer_overview::OverviewLadders;
use bff_shared::serve::{Caller, Problem, composed};

use super::{CUSTOMER_NAME, Name};
use crate::error::{self, HomeProblems};
use crate::openapi::example;
use crate::view::home::HomeView;

const HOME: OverviewLadders<Name, Omit> = OverviewLadders {
    customer: CUSTOMER_NAME,
    orders: Omit,
};

/// Everything on the app's first screen.
///
/// Both services are asked at once, and either may fail alone. Without an answer of the customer service
/// `greetingName` is a label made from the customer's id; without one of the order service `openOrders` and
/// `latestOrders` are left out; `sources` then says why. The answer has at most 2,048 bytes, uncompressed: long names and
/// titles are cut.
///
/// `openOrders` is counted over the latest 100 orders; `hasMore` says that there are others.
#[utoipa::path(
    tag = "home",
    operation_id = "getHome",
    params(
        (
            "customerId" = u64,
            Path,
            description = "The customer's id.",
            minimum = 1,
            maximum = 9_007_199_254_740_991_i64,
            example = 56,
        ),
    ),
    responses(
        (
            status = 200,
            description = "What there is of the customer.",
            body = HomeView,
            examples(
                ("home" = (summary = "Both sources are fresh", value = json!(example("home")))),
                ("homeWithoutCustomer" = (
                    summary = "The customer service cannot be reached",
                    value = json!(example("homeWithoutCustomer"))
                )),
                ("homeWithoutOrders" = (
                    summary = "The order service cannot be reached",
                    value = json!(example("homeWithoutOrders"))
                )),
            ),
        ),
        HomeProblems,
    )
)]
#[get("/home/{customerId}")]
pub(super) async fn home(
    desk: Data<OrderDesk>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = request
        .match_info()
        .query("customerId")
        .parse()
        .map_err(error::invalid_customer_id)?;
    let overview = HOME
        .overview(&caller.context, &desk, id)
        .await
        .map_err(|error| error::home(id, &error))?;
    composed(&HomeView::from(&overview), &overview.sources())
}
