//! What the order service says of many orders.

use std::fmt::Write as _;

use serde::Deserialize;

use super::{Order, Status};
use crate::domain::customer::CustomerId;
use crate::upstream::{Request, Response, Undecodable};

/// Which orders are asked for: the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderQuery {
    /// Only this customer's.
    pub customer_id: Option<CustomerId>,
    /// Only those that are this far.
    pub status: Option<Status>,
    /// How many at most, 1 to 100; `None` for as many as the service gives by itself.
    pub limit: Option<u8>,
    /// Behind which to go on: the `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Some of the orders asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPage {
    /// The orders.
    pub items: Vec<Order>,
    /// Behind which the next ones are; `None` where there are none.
    pub next_cursor: Option<String>,
}

/// What comes of a question for orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listed {
    Page(OrderPage),
    /// The service does not take the question: of what it is made of only the cursor can be to blame.
    UnknownCursor,
}

impl OrderQuery {
    pub(super) fn request(&self) -> Request {
        let mut target = String::from("/orders");
        let mut sign = '?';
        let mut add = |name: &str, value: &str| {
            _ = write!(target, "{sign}{name}={value}");
            sign = '&';
        };
        if let Some(id) = self.customer_id {
            add("customerId", &id.to_string());
        }
        if let Some(status) = self.status {
            add("status", status.word());
        }
        if let Some(limit) = self.limit {
            add("limit", &limit.to_string());
        }
        let Some(cursor) = &self.cursor else {
            return Request::get(target);
        };
        let cursor: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
        add("cursor", &cursor);
        Request::get(target).answered_by(&[400, 422])
    }

    /// Reads the answer, and refuses what was not asked for.
    pub(super) fn read(&self, response: &Response) -> Result<Listed, Undecodable> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            items: Vec<Order>,
            next_cursor: Option<String>,
        }
        if !response.status.is_success() {
            return Ok(Listed::UnknownCursor);
        }
        let Wire { items, next_cursor } = response.json()?;
        self.checked(OrderPage { items, next_cursor })
    }

    /// The page, if it is one that was asked for.
    pub(super) fn checked(&self, page: OrderPage) -> Result<Listed, Undecodable> {
        let OrderPage { items, next_cursor } = page;
        if let Some(limit) = self.limit
            && items.len() > usize::from(limit)
        {
            return Err(Undecodable::new("more orders than were asked for"));
        }
        let is_others = |order: &Order| self.customer_id.is_some_and(|id| order.customer_id != id);
        if items.iter().any(is_others) {
            return Err(Undecodable::new("another customer's order"));
        }
        let is_elsewhere = |order: &Order| {
            let known = order.status.zip(self.status);
            known.is_some_and(|(is, asked)| is != asked)
        };
        if items.iter().any(is_elsewhere) {
            return Err(Undecodable::new(
                "an order that is not as far as was asked for",
            ));
        }
        Ok(Listed::Page(OrderPage {
            items,
            next_cursor: next_cursor.filter(|cursor| !cursor.is_empty()),
        }))
    }
}

#[cfg(test)]
mod tests;
