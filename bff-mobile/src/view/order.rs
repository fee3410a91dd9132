//! An order in short.

use bff_shared::compose::{Part, Provenance, Source};
use bff_shared::domain::Money;
use bff_shared::domain::order::{Order, Status};
use bff_shared::domain::order_details::OrderDetails;
use serde::Serialize;
use utoipa::ToSchema;

/// An order as a card on a small screen. Fields without a value are left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub(crate) struct OrderView<'a> {
    /// The order's id.
    #[schema(minimum = 1)]
    id: u64,
    /// What the order is.
    title: &'a str,
    /// How far the order is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<StatusView>,
    /// When it was placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    placed_at: Option<&'a str>,
    /// How many things were ordered: the sum of the lines' quantities.
    item_count: u64,
    /// What the order costs.
    #[schema(value_type = f64)]
    total: Money,
    /// The currency of the total (ISO 4217).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[A-Z]{3}$")]
    currency: Option<&'a str>,
    /// The customer's name, or a label with the customer's id where the name cannot be had.
    customer_name: &'a str,
    /// The parts that are neither fresh nor cached.
    #[serde(skip_serializing_if = "SourcesView::is_empty")]
    #[schema(required = false)]
    sources: SourcesView,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OrderStatus)]
pub(super) enum StatusView {
    Placed,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

/// The parts of the answer that are neither fresh nor cached.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderSources)]
struct SourcesView {
    /// The order service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    order: Option<Source>,
    /// The customer service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    customer: Option<Source>,
}

impl SourcesView {
    fn is_empty(&self) -> bool {
        self.order.is_none() && self.customer.is_none()
    }
}

impl<'a> OrderView<'a> {
    /// The order, and whose it is.
    pub(super) fn new(
        order: &'a Order,
        provenance: &Provenance,
        customer: &'a Part<String>,
    ) -> Self {
        Self {
            id: order.id.get(),
            title: &order.description,
            status: order.status.map(StatusView::from),
            placed_at: order.placed_at.as_deref(),
            item_count: order
                .lines
                .iter()
                .map(|line| u64::from(line.quantity))
                .sum(),
            total: order.total,
            currency: order.currency.as_deref(),
            customer_name: &customer.value,
            sources: SourcesView {
                order: degraded(provenance),
                customer: degraded(&customer.provenance),
            },
        }
    }
}

impl<'a> From<&'a OrderDetails<String>> for OrderView<'a> {
    fn from(details: &'a OrderDetails<String>) -> Self {
        let order = &details.order;
        Self::new(&order.value, &order.provenance, &details.customer)
    }
}

/// What the app is told of a source: nothing where it is fresh or cached.
pub(super) fn degraded(provenance: &Provenance) -> Option<Source> {
    Some(provenance.source).filter(|source| source.state.is_degraded())
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
