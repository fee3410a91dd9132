//! The aggregate: an order and whose it is.

use std::sync::Arc;

use super::customer::{Customer, CustomerClient, CustomerId};
use super::order::{Order, OrderClient, OrderId};
use crate::compose::{Composition, Ladder, Part, Provenance};
use crate::upstream::{Context, Error};

/// The services that the aggregate asks, as one worker thread holds them.
#[derive(Debug, Clone)]
pub struct OrderDesk {
    orders: OrderClient,
    customers: CustomerClient,
}

/// An order with its customer; what `C` is depends on the ladder that the BFF chose for a missing customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDetails<C> {
    /// The order; required.
    pub order: Part<Arc<Order>>,
    /// Its customer; optional.
    pub customer: Part<C>,
}

impl OrderDesk {
    /// A desk that asks these two services.
    #[must_use]
    pub fn new(orders: OrderClient, customers: CustomerClient) -> Self {
        Self { orders, customers }
    }

    /// The order, and its customer after it: only the order says whose it is.
    ///
    /// # Errors
    /// The order service's. A customer who cannot be had is a matter of `ladder`.
    pub async fn details<L: Ladder<CustomerId, Customer>>(
        &self,
        context: &Context,
        id: OrderId,
        ladder: &L,
    ) -> Result<OrderDetails<L::Slot>, Error> {
        let within = Composition::new(context);
        let order = within
            .required(|context| self.orders.get(context, id))
            .await?;
        let key = order.value.customer_id;
        let customer = within
            .optional(ladder, &key, |context| self.customers.get(context, key))
            .await;
        Ok(OrderDetails { order, customer })
    }
}

impl<C> OrderDetails<C> {
    /// The sources by name, in the order in which they were asked.
    #[must_use]
    pub fn sources(&self) -> [(&'static str, &Provenance); 2] {
        [
            ("order", &self.order.provenance),
            ("customer", &self.customer.provenance),
        ]
    }
}
