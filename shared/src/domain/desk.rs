//! What can be asked at the desk, piece by piece: for answers whose shape the client chooses.
//!
//! Aggregates know beforehand what they are made of. Where the client says it, the pieces are asked for one by one, all
//! within the one [`Composition`] of the answer, so that deadline, policies and provenance are those of the aggregates.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::HeaderValue;

use super::OrderDesk;
use super::customer::{Customer, CustomerId};
use super::order::{Listing, NewOrder, Order, OrderId, OrderQuery, Written};
use super::order_details::Outcome;
use super::order_list::ListError;
use crate::compose::{Composition, Ladder, Part};
use crate::upstream::Error;

impl OrderDesk {
    /// An order.
    ///
    /// # Errors
    /// The order service's.
    pub async fn order(
        &self,
        within: &Composition,
        id: OrderId,
    ) -> Result<Part<Arc<Order>>, Error> {
        within
            .required(|context| self.orders.get(context, id))
            .await
    }

    /// A page of orders. What comes back has one.
    ///
    /// # Errors
    /// The order service's, or that it does not know the cursor.
    pub async fn page(
        &self,
        within: &Composition,
        query: &OrderQuery,
    ) -> Result<Part<Arc<Listing>>, ListError> {
        let orders = within
            .required(|context| self.orders.list(context, query))
            .await
            .map_err(ListError::Upstream)?;
        if orders.value.page().is_none() {
            return Err(ListError::UnknownCursor);
        }
        Ok(orders)
    }

    /// A customer; one who cannot be had is a matter of `ladder`.
    pub async fn customer<L: Ladder<CustomerId, Customer>>(
        &self,
        within: &Composition,
        ladder: &L,
        id: CustomerId,
    ) -> Part<L::Slot> {
        within
            .optional(ladder, &id, |context| self.customers.get(context, id))
            .await
    }

    /// Customers, each once, a hundred with each call; there is a part for each, and each who cannot be had is a matter of
    /// `ladder`.
    pub async fn customers<L: Ladder<CustomerId, Customer>>(
        &self,
        within: &Composition,
        ladder: &L,
        ids: &[CustomerId],
    ) -> HashMap<CustomerId, Part<L::Slot>> {
        if ids.is_empty() {
            return HashMap::new();
        }
        within
            .optional_many(ladder, ids, |context| self.customers.many(context, ids))
            .await
    }

    /// Places an order, once for each key.
    ///
    /// # Errors
    /// The order service's. Then nobody knows whether it was placed; to ask again with the same key is safe.
    pub async fn place(
        &self,
        within: &Composition,
        order: &NewOrder,
        key: HeaderValue,
    ) -> Result<Outcome<Part<Arc<Order>>>, Error> {
        let written = within
            .required(|context| self.orders.place(context, order, key))
            .await?;
        Ok(outcome(written))
    }

    /// Cancels an order.
    ///
    /// # Errors
    /// The order service's. Then nobody knows whether it was cancelled.
    pub async fn cancel(
        &self,
        within: &Composition,
        id: OrderId,
        key: Option<HeaderValue>,
    ) -> Result<Outcome<Part<Arc<Order>>>, Error> {
        let written = within
            .required(|context| self.orders.cancel(context, id, key))
            .await?;
        Ok(outcome(written))
    }
}

fn outcome(written: Part<Arc<Written>>) -> Outcome<Part<Arc<Order>>> {
    match &*written.value {
        Written::Done(order) => Outcome::Done(Part {
            value: Arc::clone(order),
            provenance: written.provenance,
        }),
        Written::InProgress => Outcome::InProgress,
        Written::TooLate => Outcome::TooLate,
        Written::KeyReused => Outcome::KeyReused,
        Written::Refused => Outcome::Refused,
    }
}
