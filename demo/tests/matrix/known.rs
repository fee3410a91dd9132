//! What the services know: the records that right answers are made of.

use std::sync::OnceLock;

use mock_services::Options;
use mock_services::fixtures::Fixtures;
use serde_json::{Value, json};

use crate::cell::Client;

/// An order, and whose it is.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: u64,
    pub(crate) customer_id: u64,
    order: Value,
    customer: Value,
}

/// Orders of different customers, so that each asks for a customer of its own.
pub(crate) fn orders() -> &'static [Known] {
    static ORDERS: OnceLock<Vec<Known>> = OnceLock::new();
    ORDERS.get_or_init(|| {
        let fixtures = Fixtures::new(&Options::default());
        let mut known = Vec::<Known>::new();
        for order in (1..500).filter_map(|id| fixtures.order(id)) {
            if known
                .iter()
                .any(|known| known.customer_id == order.customer_id)
            {
                continue;
            }
            let customer = fixtures.customer(order.customer_id).unwrap();
            known.push(Known {
                id: order.id,
                customer_id: order.customer_id,
                order: serde_json::to_value(order).unwrap(),
                customer: serde_json::to_value(customer).unwrap(),
            });
        }
        known
    })
}

impl Known {
    /// What of `body` is not as the services say, the customer left aside.
    pub(crate) fn order_in(&self, client: Client, body: &Value) -> Result<(), String> {
        let description = match client {
            Client::Web => "description",
            Client::Mobile => "title",
        };
        same(&body["id"], &self.order["id"])?;
        same(&body[description], &self.order["description"])?;
        same(&body["status"], &self.order["status"])?;
        same(&body["placedAt"], &self.order["placedAt"])?;
        same(
            &json!(body["total"].as_f64()),
            &json!(self.order["total"].as_f64()),
        )?;
        let lines = self.order["lines"].as_array().unwrap();
        match client {
            Client::Web => {
                let shown = body["lines"].as_array().map(Vec::len);
                same(&json!(shown), &json!(lines.len()))
            }
            Client::Mobile => {
                let quantities = lines
                    .iter()
                    .map(|line| line["quantity"].as_u64().unwrap_or(1));
                same(&body["itemCount"], &json!(quantities.sum::<u64>()))
            }
        }
    }

    /// The same for the customer.
    pub(crate) fn customer_in(&self, client: Client, body: &Value) -> Result<(), String> {
        match client {
            Client::Web => {
                for field in ["id", "name", "email", "phone", "address"] {
                    same(&body["customer"][field], &self.customer[field])?;
                }
                Ok(())
            }
            Client::Mobile => same(&body["customerName"], &self.customer["name"]),
        }
    }

    /// What stands there without a customer.
    pub(crate) fn no_customer_in(&self, client: Client, body: &Value) -> Result<(), String> {
        match client {
            Client::Web => same(&body["customer"], &Value::Null),
            Client::Mobile => {
                let label = format!("Customer {}", self.customer_id);
                same(&body["customerName"], &json!(label))
            }
        }
    }
}

/// An error where the two differ.
pub(crate) fn same(shown: &Value, expected: &Value) -> Result<(), String> {
    if shown == expected {
        Ok(())
    } else {
        Err(format!("{shown} where {expected} was expected"))
    }
}
