//! A page of orders, each in full.

use std::sync::Arc;

use bff_shared::compose::Source;
use bff_shared::domain::customer::Customer;
use bff_shared::domain::order_list::OrderList;
use serde::Serialize;
use utoipa::ToSchema;

use super::order::OrderView;

/// A page of orders and whose they are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderList)]
pub(crate) struct OrderListView<'a> {
    /// The orders, the newest first. Each is what `GET /orders/{id}` gives, with the state of its own customer.
    #[schema(max_items = 100)]
    items: Vec<OrderView<'a>>,
    /// The `cursor` of the next page; null at the end.
    #[schema(required)]
    next_cursor: Option<String>,
    /// How good the parts of the list are.
    sources: ListSourcesView,
}

/// How good the parts of a list are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderListSources)]
struct ListSourcesView {
    /// The order service.
    orders: Source,
    /// The customer service: the worst of all customers. Not there where there is nobody to be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    customers: Option<Source>,
}

impl<'a> OrderListView<'a> {
    /// The list, with the cursor as the client gets it.
    pub(crate) fn new(
        list: &'a OrderList<Option<Arc<Customer>>>,
        next_cursor: Option<String>,
    ) -> Self {
        let orders = list.orders().source;
        let items = list.items();
        Self {
            items: items
                .map(|(order, customer)| OrderView::new(order, orders, customer))
                .collect(),
            next_cursor,
            sources: ListSourcesView {
                orders,
                customers: list.customers().map(|customers| customers.source),
            },
        }
    }
}
