//! The app's first screen.

use std::borrow::Cow;
use std::sync::Arc;

use bff_shared::compose::Source;
use bff_shared::domain::Money;
use bff_shared::domain::customer_overview::CustomerOverview;
use bff_shared::domain::order::{Listing, Order, Status};
use serde::Serialize;
use utoipa::ToSchema;

use super::cut::cut;
use super::order::{StatusView, degraded};

/// How many of the latest orders are shown.
const SHOWN: usize = 5;

/// The longest name, in bytes of JSON.
const LONGEST_NAME: usize = 160;

/// The longest title, in bytes of JSON.
const LONGEST_TITLE: usize = 140;

/// The longest date: nanoseconds and an offset. No service needs more.
const LONGEST_DATE: usize = "2024-01-01T00:26:53.123456789+00:00".len();

/// Everything on the app's first screen, in at most 2,048 bytes. Fields without a value are left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Home)]
pub(crate) struct HomeView<'a> {
    /// The customer's name, or a label with the customer's id where the name cannot be had. A long one is cut, with "…" at
    /// its end.
    greeting_name: Cow<'a, str>,
    /// How many orders are placed, paid or shipped, of the latest 100. Left out where the orders cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 100)]
    open_orders: Option<usize>,
    /// There are more than those 100 orders, which were not counted.
    #[serde(skip_serializing_if = "is_false")]
    #[schema(required = false)]
    has_more: bool,
    /// The latest orders, the newest first. Left out where they cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_items = 5)]
    latest_orders: Option<Vec<LatestView<'a>>>,
    /// The parts that are neither fresh nor cached.
    #[serde(skip_serializing_if = "SourcesView::is_empty")]
    #[schema(required = false)]
    sources: SourcesView,
}

/// An order in one line.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LatestOrder)]
struct LatestView<'a> {
    /// The order's id.
    #[schema(minimum = 1)]
    id: u64,
    /// What the order is. A long title is cut, with "…" at its end.
    title: Cow<'a, str>,
    /// How far the order is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<StatusView>,
    /// When it was placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    placed_at: Option<&'a str>,
    /// What the order costs.
    #[schema(value_type = f64)]
    total: Money,
    /// The currency of the total (ISO 4217).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^[A-Z]{3}$")]
    currency: Option<&'a str>,
}

/// The parts of the first screen that are neither fresh nor cached.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HomeSources)]
struct SourcesView {
    /// The customer service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    customer: Option<Source>,
    /// The order service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    orders: Option<Source>,
}

impl SourcesView {
    fn is_empty(&self) -> bool {
        self.customer.is_none() && self.orders.is_none()
    }
}

fn is_false(has_more: &bool) -> bool {
    !has_more
}

impl<'a> From<&'a CustomerOverview<String, Option<Arc<Listing>>>> for HomeView<'a> {
    fn from(overview: &'a CustomerOverview<String, Option<Arc<Listing>>>) -> Self {
        let listing = overview.orders.value.as_deref();
        let page = listing.and_then(Listing::page);
        let orders = page.map(|page| &*page.items);
        Self {
            greeting_name: cut(&overview.customer.value, LONGEST_NAME),
            open_orders: orders.map(|orders| orders.iter().filter(|order| is_open(order)).count()),
            has_more: page.is_some_and(|page| page.next_cursor.is_some()),
            latest_orders: orders
                .map(|orders| orders.iter().take(SHOWN).map(LatestView::from).collect()),
            sources: SourcesView {
                customer: degraded(&overview.customer.provenance),
                orders: degraded(&overview.orders.provenance),
            },
        }
    }
}

fn is_open(order: &Order) -> bool {
    order.status.is_some_and(Status::is_open)
}

impl<'a> From<&'a Order> for LatestView<'a> {
    fn from(order: &'a Order) -> Self {
        let placed_at = order.placed_at.as_deref();
        Self {
            id: order.id.get(),
            title: cut(&order.description, LONGEST_TITLE),
            status: order.status.map(StatusView::from),
            placed_at: placed_at.filter(|date| date.len() <= LONGEST_DATE),
            total: order.total,
            currency: order.currency.as_deref(),
        }
    }
}
