//! The aggregate: an order and whose it is.

use std::sync::Arc;

use http::header::HeaderValue;

use super::OrderDesk;
use super::customer::{Customer, CustomerId};
use super::order::{NewOrder, Order, OrderId};
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
#[derive(Debug)]
pub enum Outcome<T> {
    /// It was done, and this is the order now.
    Done(T),
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
    ) -> Result<Outcome<OrderDetails<C::Slot>>, Error> {
        let within = Composition::new(context);
        let outcome = desk.place(&within, order, key).await?;
        Ok(self.with_customer(&within, desk, outcome).await)
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
    ) -> Result<Outcome<OrderDetails<C::Slot>>, Error> {
        let within = Composition::new(context);
        let outcome = desk.cancel(&within, id, key).await?;
        Ok(self.with_customer(&within, desk, outcome).await)
    }

    async fn with_customer(
        &self,
        within: &Composition,
        desk: &OrderDesk,
        outcome: Outcome<Part<Arc<Order>>>,
    ) -> Outcome<OrderDetails<C::Slot>> {
        let order = match outcome {
            Outcome::Done(order) => order,
            Outcome::InProgress => return Outcome::InProgress,
            Outcome::TooLate => return Outcome::TooLate,
            Outcome::KeyReused => return Outcome::KeyReused,
            Outcome::Refused => return Outcome::Refused,
        };
        let id = order.value.customer_id;
        let customer = desk.customer(within, &self.customer, id).await;
        Outcome::Done(OrderDetails { order, customer })
    }
}
