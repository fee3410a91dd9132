//! A page of orders.

use bff_shared::compose::Source;
use bff_shared::domain::order_list::OrderList;
use serde::Serialize;
use utoipa::ToSchema;

use super::order::{OrderView, degraded};

/// Some of the orders asked for, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderList)]
pub(crate) struct OrderListView<'a> {
    /// The orders, each as `GET /orders/{id}` gives it.
    #[schema(max_items = 100)]
    items: Vec<OrderView<'a>>,
    /// Where the next page begins: `cursor` of the next request, with the same `customerId` and `status`. Without it this
    /// is the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[A-Za-z0-9_-]+$")]
    next_cursor: Option<&'a str>,
    /// What is neither fresh nor cached.
    #[serde(skip_serializing_if = "SourcesView::is_empty")]
    #[schema(required = false)]
    sources: SourcesView,
}

/// What of a list is neither fresh nor cached.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderListSources)]
struct SourcesView {
    /// The order service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    orders: Option<Source>,
    /// The customer service: the worst that is true of any customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    customers: Option<Source>,
}

impl SourcesView {
    fn is_empty(&self) -> bool {
        self.orders.is_none() && self.customers.is_none()
    }
}

impl<'a> OrderListView<'a> {
    /// The page with its cursor as the client gets it.
    pub(crate) fn new(list: &'a OrderList<String>, next_cursor: Option<&'a str>) -> Self {
        let items = list
            .items()
            .map(|(order, customer)| OrderView::new(order, list.orders(), customer));
        Self {
            items: items.collect(),
            next_cursor,
            sources: SourcesView {
                orders: degraded(list.orders()),
                customers: list.customers().and_then(degraded),
            },
        }
    }
}
