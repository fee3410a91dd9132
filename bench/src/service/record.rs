//! The records, each made from its id alone, so that whoever gets an answer can tell whether it is the right one.

use serde::{Deserialize, Serialize};

/// An order as the service sends it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    id: u64,
    pub(crate) description: String,
    customer_id: u64,
    pub(crate) lines: Vec<Line>,
    total: f64,
    status: &'static str,
    placed_at: &'static str,
    currency: &'static str,
}

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    description: String,
    quantity: u32,
    price: f64,
}

/// A customer as the service sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Customer {
    id: u64,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// Whose an order is. The factor and the prime spread neighbouring orders over all customers.
pub(crate) fn customer_of(order: u64) -> u64 {
    1 + order.wrapping_mul(7919) % 1_000_003
}

impl Order {
    /// The order of this id.
    pub(crate) fn of(id: u64) -> Self {
        let lines: Vec<Line> = (0..=id % 4)
            .map(|number| Line {
                description: format!("item {number} of order {id}"),
                quantity: 1,
                price: 1.5,
            })
            .collect();
        Self {
            id,
            description: format!("The description of order {id}"),
            customer_id: customer_of(id),
            total: lines.iter().map(|line| line.price).sum(),
            lines,
            status: "paid",
            placed_at: "2026-01-01T00:00:00Z",
            currency: "EUR",
        }
    }
}

impl Customer {
    /// The customer of this id.
    pub(crate) fn of(id: u64) -> Self {
        Self {
            id,
            name: format!("Customer {id}"),
            email: format!("customer{id}@example.com"),
        }
    }
}
