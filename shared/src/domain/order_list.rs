//! The aggregate: a page of orders, and whose they are.

use std::collections::HashMap;
use std::sync::Arc;

use super::OrderDesk;
use super::customer::{Customer, CustomerId};
use super::order::{Listing, Order, OrderPage, OrderQuery};
use crate::compose::{Composition, Ladder, Part, Provenance};
use crate::upstream::{Context, Error};

/// A page of orders with their customers; what `C` is depends on the ladder that the BFF chose for a missing customer.
#[derive(Debug)]
pub struct OrderList<C> {
    orders: Part<Arc<Listing>>,
    customers: HashMap<CustomerId, Part<C>>,
    /// What is true of all customers; `None` where there is nobody.
    all_customers: Option<Provenance>,
}

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListError {
    /// The order service does not know the cursor, or not any more.
    UnknownCursor,
    /// The order service has no answer.
    Upstream(Error),
}

impl<C> OrderList<C> {
    /// The page, and after it all of its customers: one call for the orders, and one for each hundred customers.
    ///
    /// # Errors
    /// The order service's. A customer who cannot be had is a matter of `ladder`, and costs only the orders of that one.
    pub async fn compose(
        context: &Context,
        desk: &OrderDesk,
        query: &OrderQuery,
        ladder: &impl Ladder<CustomerId, Customer, Slot = C>,
    ) -> Result<Self, ListError> {
        let within = Composition::new(context);
        let orders = desk.page(&within, query).await?;
        let items = orders.value.page().into_iter().flat_map(|page| &page.items);
        let mut ids: Vec<_> = items.map(|order| order.customer_id).collect();
        ids.sort_unstable_by_key(|id| id.get());
        ids.dedup();
        let customers = desk.customers(&within, ladder, &ids).await;
        let in_line = ids.iter().filter_map(|id| customers.get(id));
        let all_customers = Provenance::of_all(in_line.map(|part| &part.provenance));
        Ok(Self {
            orders,
            customers,
            all_customers,
        })
    }

    fn page(&self) -> Option<&OrderPage> {
        self.orders.value.page()
    }

    /// The orders, each with its customer, as the order service gave them.
    pub fn items(&self) -> impl Iterator<Item = (&Order, &Part<C>)> {
        let orders = self.page().into_iter().flat_map(|page| &page.items);
        orders.filter_map(|order| {
            let customer = self.customers.get(&order.customer_id)?;
            Some((order, customer))
        })
    }

    /// Where the orders come from.
    #[must_use]
    pub fn orders(&self) -> &Provenance {
        &self.orders.provenance
    }

    /// What is true of all customers together; `None` where there is nobody.
    #[must_use]
    pub fn customers(&self) -> Option<&Provenance> {
        self.all_customers.as_ref()
    }

    /// The order service's cursor to the next page; `None` at the end.
    #[must_use]
    pub fn next_cursor(&self) -> Option<&str> {
        self.page()?.next_cursor.as_deref()
    }

    /// The sources by name, in the order in which they were asked.
    #[must_use]
    pub fn sources(&self) -> Vec<(&'static str, &Provenance)> {
        let customers = self.customers().map(|customers| ("customers", customers));
        [("orders", self.orders())]
            .into_iter()
            .chain(customers)
            .collect()
    }
}

#[cfg(test)]
mod tests;
