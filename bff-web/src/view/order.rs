//! An order with its customer, in full.

use std::sync::Arc;

use bff_shared::compose::{Part, Source};
use bff_shared::domain::Money;
use bff_shared::domain::customer::Customer;
use bff_shared::domain::order::{Line, Order, Status};
use bff_shared::domain::order_details::OrderDetails;
use serde::Serialize;
use utoipa::ToSchema;

use super::customer::CustomerView;

/// An order and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub(crate) struct OrderView<'a> {
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
    /// The currency of all amounts (ISO 4217); null where that is not known.
    #[schema(required, pattern = "^[A-Z]{3}$")]
    currency: Option<&'a str>,
    /// What was ordered.
    lines: Vec<LineView<'a>>,
    /// What the order costs.
    #[schema(value_type = f64)]
    total: Money,
    /// Whose it is; null where the customer cannot be had, for which `sources` gives the reason.
    #[schema(required)]
    customer: Option<CustomerView<'a>>,
    /// How good each part is.
    sources: SourcesView,
}

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
struct LineView<'a> {
    /// What was ordered.
    description: &'a str,
    /// How many.
    #[schema(format = Int64, minimum = 0, maximum = 4_294_967_295_i64)]
    quantity: u32,
    /// What one of them costs.
    #[schema(value_type = f64)]
    price: Money,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OrderStatus)]
pub(crate) enum StatusView {
    Placed,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

/// How good each part of the answer is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderSources)]
struct SourcesView {
    /// The order service.
    order: Source,
    /// The customer service.
    customer: Source,
}

impl<'a> OrderView<'a> {
    /// An order that comes from `source`, with its customer.
    pub(crate) fn new(
        order: &'a Order,
        source: Source,
        customer: &'a Part<Option<Arc<Customer>>>,
    ) -> Self {
        Self {
            id: order.id.get(),
            description: &order.description,
            status: order.status.map(StatusView::from),
            placed_at: order.placed_at.as_deref(),
            currency: order.currency.as_deref(),
            lines: order.lines.iter().map(LineView::from).collect(),
            total: order.total,
            customer: customer.value.as_deref().map(CustomerView::from),
            sources: SourcesView {
                order: source,
                customer: customer.provenance.source,
            },
        }
    }
}

impl<'a> From<&'a OrderDetails<Option<Arc<Customer>>>> for OrderView<'a> {
    fn from(details: &'a OrderDetails<Option<Arc<Customer>>>) -> Self {
        let order = &details.order;
        Self::new(&order.value, order.provenance.source, &details.customer)
    }
}

impl<'a> From<&'a Line> for LineView<'a> {
    fn from(line: &'a Line) -> Self {
        Self {
            description: &line.description,
            quantity: line.quantity,
            price: line.price,
        }
    }
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        match status {
            Status::Placed => Self::Placed,
            Status::Paid => Self::Paid,
            Status::Shipped => Self::Shipped,
            Status::Delivered => Self::Delivered,
            Status::Cancelled => Self::Cancelled,
        }
    }
}
