//! A customer, their latest orders, and what these come to.

use std::sync::Arc;

use bff_shared::compose::Source;
use bff_shared::domain::Money;
use bff_shared::domain::customer::{Customer, CustomerId};
use bff_shared::domain::customer_overview::{CustomerOverview, StatusTotal, Totals};
use bff_shared::domain::order::{Listing, Order};
use serde::Serialize;
use utoipa::ToSchema;

use super::customer::CustomerView;
use super::order::StatusView;

/// How many orders are shown.
const SHOWN: usize = 10;

/// A customer and what they have ordered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CustomerOverview)]
pub(crate) struct CustomerOverviewView<'a> {
    /// The customer's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    id: u64,
    /// Who it is; null where the customer service has no answer, for which `sources` gives the reason.
    #[schema(required)]
    customer: Option<CustomerView<'a>>,
    /// The latest orders, the newest first; null where the order service has no answer.
    #[schema(required, max_items = 10)]
    latest_orders: Option<Vec<OrderSummaryView<'a>>>,
    /// What the orders come to; null where the order service has no answer.
    #[schema(required)]
    totals: Option<TotalsView>,
    /// How good each part is.
    sources: OverviewSourcesView,
}

/// An order in short.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderSummary)]
struct OrderSummaryView<'a> {
    /// The order's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    id: u64,
    /// What the order is.
    description: &'a str,
    /// How far the order is; null where that is not known.
    #[schema(required)]
    status: Option<StatusView>,
    /// When it was placed; null where that is not known.
    #[schema(required, format = DateTime)]
    placed_at: Option<&'a str>,
    /// The currency of the total (ISO 4217); null where that is not known.
    #[schema(required, pattern = "^[A-Z]{3}$")]
    currency: Option<&'a str>,
    /// What the order costs.
    #[schema(value_type = f64)]
    total: Money,
}

/// What the latest orders come to, a hundred of them at most.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderTotals)]
struct TotalsView {
    /// For each status that occurs; orders whose status is not known come last.
    by_status: Vec<StatusTotalView>,
    /// How many orders were counted.
    #[schema(maximum = 100)]
    counted: usize,
    /// Whether there are older ones, which were not counted.
    has_more: bool,
}

/// What the orders with one status come to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatusTotal)]
struct StatusTotalView {
    /// The status; null for the orders whose status is not known.
    #[schema(required)]
    status: Option<StatusView>,
    /// How many.
    #[schema(minimum = 1, maximum = 100)]
    count: usize,
    /// The sum for each currency.
    amounts: Vec<AmountView>,
}

/// An amount of money.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Amount)]
struct AmountView {
    /// The currency (ISO 4217); null where that is not known.
    #[schema(required, pattern = "^[A-Z]{3}$")]
    currency: Option<String>,
    /// The sum.
    #[schema(value_type = f64)]
    total: Money,
}

/// How good each part of the answer is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerOverviewSources)]
struct OverviewSourcesView {
    /// The customer service.
    customer: Source,
    /// The order service.
    orders: Source,
}

impl<'a> CustomerOverviewView<'a> {
    pub(crate) fn new(
        id: CustomerId,
        overview: &'a CustomerOverview<Option<Arc<Customer>>, Option<Arc<Listing>>>,
    ) -> Self {
        let page = overview.orders.value.as_ref().and_then(|list| list.page());
        let latest = page.map(|page| page.items.iter().take(SHOWN));
        let totals = page.map(|page| Totals::of(&page.items, page.next_cursor.is_some()));
        Self {
            id: id.get(),
            customer: overview.customer.value.as_deref().map(CustomerView::from),
            latest_orders: latest.map(|orders| orders.map(OrderSummaryView::from).collect()),
            totals: totals.map(TotalsView::from),
            sources: OverviewSourcesView {
                customer: overview.customer.provenance.source,
                orders: overview.orders.provenance.source,
            },
        }
    }
}

impl<'a> From<&'a Order> for OrderSummaryView<'a> {
    fn from(order: &'a Order) -> Self {
        Self {
            id: order.id.get(),
            description: &order.description,
            status: order.status.map(StatusView::from),
            placed_at: order.placed_at.as_deref(),
            currency: order.currency.as_deref(),
            total: order.total,
        }
    }
}

impl From<Totals> for TotalsView {
    fn from(totals: Totals) -> Self {
        Self {
            by_status: totals
                .by_status
                .into_iter()
                .map(StatusTotalView::from)
                .collect(),
            counted: totals.counted,
            has_more: totals.has_more,
        }
    }
}

impl From<StatusTotal> for StatusTotalView {
    fn from(total: StatusTotal) -> Self {
        let amounts = total.amounts.into_iter();
        Self {
            status: total.status.map(StatusView::from),
            count: total.count,
            amounts: amounts
                .map(|(currency, total)| AmountView { currency, total })
                .collect(),
        }
    }
}
