//! Orders.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, Result, SimpleObject};
use bff_shared::compose;
use bff_shared::domain::customer::CustomerId;
use bff_shared::domain::order::{Line, Order, Status};

use super::customer::{self, CustomerNode};
use super::scalars::{DateTime, Decimal};
use super::sources::Source;
use crate::graphql::pages::Listed;
use crate::graphql::state::ask;

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(rename_items = "camelCase")]
pub(in crate::graphql) enum OrderStatus {
    /// Placed and not paid yet.
    Placed,
    /// Paid and not sent yet.
    Paid,
    /// On its way.
    Shipped,
    /// Arrived.
    Delivered,
    /// Will not arrive.
    Cancelled,
}

/// An order, by itself or on a page.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct OrderNode {
    order: Found,
    source: compose::Source,
}

#[derive(Debug, Clone)]
enum Found {
    Alone(Arc<Order>),
    Listed(Listed),
}

impl OrderNode {
    pub(super) fn alone(order: Arc<Order>, source: compose::Source) -> Self {
        let order = Found::Alone(order);
        Self { order, source }
    }

    pub(super) fn listed(order: Listed, source: compose::Source) -> Self {
        let order = Found::Listed(order);
        Self { order, source }
    }

    fn get(&self) -> Result<&Order> {
        match &self.order {
            Found::Alone(order) => Ok(order),
            Found::Listed(listed) => listed.get().ok_or_else(|| "the order is gone".into()),
        }
    }

    fn owner(&self) -> Result<CustomerId> {
        Ok(self.get()?.customer_id)
    }
}

/// An order.
#[Object(name = "Order")]
impl OrderNode {
    /// The order's id.
    async fn id(&self) -> Result<ID> {
        Ok(self.get()?.id.into_id())
    }

    /// What the order is.
    async fn description(&self) -> Result<&str> {
        Ok(&self.get()?.description)
    }

    /// How far the order is; null where that is not known.
    async fn status(&self) -> Result<Option<OrderStatus>> {
        Ok(self.get()?.status.map(OrderStatus::from))
    }

    /// When it was placed; null where that is not known.
    async fn placed_at(&self) -> Result<Option<DateTime>> {
        Ok(self.get()?.placed_at.clone().map(DateTime))
    }

    /// The currency of all amounts (ISO 4217); null where that is not known.
    async fn currency(&self) -> Result<Option<&str>> {
        Ok(self.get()?.currency.as_deref())
    }

    /// What was ordered.
    async fn lines(&self) -> Result<Vec<OrderLine>> {
        Ok(self.get()?.lines.iter().map(OrderLine::from).collect())
    }

    /// What the order costs.
    async fn total(&self) -> Result<Decimal> {
        Ok(self.get()?.total.into())
    }

    /// Whose it is, as the order says.
    async fn customer_id(&self) -> Result<ID> {
        Ok(self.owner()?.into_id())
    }

    /// Whose it is. Null where the customer cannot be had, for which `errors` has the reason. All customers of a page are
    /// asked for in one call.
    async fn customer(&self) -> Option<Result<CustomerNode>> {
        let id = match self.owner() {
            Ok(id) => id,
            Err(gone) => return Some(Err(gone)),
        };
        let known = ask(|state| state.customer(id)).await;
        Some(customer::node(id, &known))
    }

    /// How good each part is.
    async fn sources(&self) -> Result<OrderSources> {
        Ok(OrderSources {
            order: self.source,
            customer: self.owner()?,
        })
    }
}

/// A line of an order.
#[derive(SimpleObject)]
pub(in crate::graphql) struct OrderLine {
    /// What was ordered.
    description: String,
    /// How many.
    quantity: u32,
    /// What one of them costs.
    price: Decimal,
}

/// How good the parts of an order are.
pub(in crate::graphql) struct OrderSources {
    order: compose::Source,
    customer: CustomerId,
}

/// How good the parts of an order are.
#[Object]
impl OrderSources {
    /// The order service.
    async fn order(&self) -> Source {
        self.order.into()
    }

    /// The customer service. Whoever asks for this asks for the customer.
    async fn customer(&self) -> Source {
        let id = self.customer;
        let known = ask(|state| state.customer(id)).await;
        customer::tell(&known);
        known.provenance.source.into()
    }
}

impl From<&Line> for OrderLine {
    fn from(line: &Line) -> Self {
        Self {
            description: line.description.clone(),
            quantity: line.quantity,
            price: line.price.into(),
        }
    }
}

impl From<Status> for OrderStatus {
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

impl From<OrderStatus> for Status {
    fn from(status: OrderStatus) -> Self {
        match status {
            OrderStatus::Placed => Self::Placed,
            OrderStatus::Paid => Self::Paid,
            OrderStatus::Shipped => Self::Shipped,
            OrderStatus::Delivered => Self::Delivered,
            OrderStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// An id as GraphQL has it: a text.
pub(super) trait IntoId {
    fn into_id(self) -> ID;
}

impl<T> IntoId for bff_shared::domain::Id<T> {
    fn into_id(self) -> ID {
        ID(self.to_string())
    }
}
