//! The aggregate: an order and whose it is.

use std::sync::Arc;

use http::header::HeaderValue;

use super::OrderDesk;
use super::customer::{Customer, CustomerId};
use super::order::{NewOrder, Order, OrderId, Written};
use crate::aggregate;
use crate::compose::{Composition, Ladder, Part};
use crate::upstream::{Context, Error};

aggregate! {
    /// An order with its customer; what `C` is depends on the ladder that the BFF chose for a missing customer.
    pub struct OrderDetails, ladders OrderLadders, from (desk: &OrderDesk, id: OrderId);

    /// The order.
    required order: Order => |context| desk.orders.get(context, id);
    /// Its customer: only the order says whose it is.
    optional customer<C>: Customer, for customer_id: CustomerId = order.customer_id, after order
        => |context| desk.customers.get(context, customer_id);
}

/// What came of a write to an order.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it comes from, and nearly always done"
)]
#[derive(Debug)]
pub enum Outcome<C> {
    /// It was done, and this is the order now.
    Done(OrderDetails<C>),
    /// The first request with this key is still being worked on.
    InProgress,
    /// Of a cancellation: the order is too far for it.
    TooLate,
    /// The key was used for something else before.
    KeyReused,
    /// The order service does not take what it was told.
    Refused,
}

impl<C: Ladder<CustomerId, Customer>> OrderLadders<C> {
    /// Places an order, once for each key, and gives it with its customer.
    ///
    /// # Errors
    /// The order service's. Then nobody knows whether it was placed; to ask again with the same key is safe.
    pub async fn place(
        &self,
        context: &Context,
        desk: &OrderDesk,
        order: &NewOrder,
        key: HeaderValue,
    ) -> Result<Outcome<C::Slot>, Error> {
        let within = Composition::new(context);
        let written = within
            .required(|context| desk.orders.place(context, order, key))
            .await?;
        Ok(self.outcome(&within, desk, written).await)
    }

    /// Cancels an order, and gives it with its customer.
    ///
    /// # Errors
    /// The order service's. Then nobody knows whether it was cancelled.
    pub async fn cancel(
        &self,
        context: &Context,
        desk: &OrderDesk,
        id: OrderId,
        key: Option<HeaderValue>,
    ) -> Result<Outcome<C::Slot>, Error> {
        let within = Composition::new(context);
        let written = within
            .required(|context| desk.orders.cancel(context, id, key))
            .await?;
        Ok(self.outcome(&within, desk, written).await)
    }

    async fn outcome(
        &self,
        within: &Composition,
        desk: &OrderDesk,
        written: Part<Arc<Written>>,
    ) -> Outcome<C::Slot> {
        let order = match &*written.value {
            Written::Done(order) => Arc::clone(order),
            Written::InProgress => return Outcome::InProgress,
            Written::TooLate => return Outcome::TooLate,
            Written::KeyReused => return Outcome::KeyReused,
            Written::Refused => return Outcome::Refused,
        };
        let id = order.customer_id;
        let customer = within
            .optional(&self.customer, &id, |context| {
                desk.customers.get(context, id)
            })
            .await;
        Outcome::Done(OrderDetails {
            order: Part {
                value: order,
                provenance: written.provenance,
            },
            customer,
        })
    }
}
