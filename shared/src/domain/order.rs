//! What the order service says of an order.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

use super::customer::CustomerId;
use super::{Id, Money};

mod client;
mod list;
mod rpc;
mod write;

pub use client::{Listing, OrderClient};
pub use list::{OrderPage, OrderQuery};
pub use write::{NewLine, NewOrder, Written};

/// The identifier of an order.
pub type OrderId = Id<Order>;

/// An order, read tolerantly: unknown fields are ignored, a missing total is computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The identifier.
    pub id: OrderId,
    /// What the order is, in the customer's words.
    pub description: String,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// What it costs: the service's own number, or the sum of price × quantity.
    pub total: Money,
    /// How far it is; `None` where the service does not say, or says a word that is not known here.
    pub status: Option<Status>,
    /// When it was placed, as the service wrote it (RFC 3339); `None` also for what is no date.
    pub placed_at: Option<String>,
    /// The currency of all its amounts (ISO 4217); `None` also for what is no code.
    pub currency: Option<String>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Line {
    /// What was ordered.
    pub description: String,
    /// How many; 1 where the service does not say.
    #[serde(default = "one", deserialize_with = "null_is_one")]
    pub quantity: u32,
    /// What one of them costs.
    pub price: Money,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
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

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            id: OrderId,
            description: String,
            customer_id: CustomerId,
            lines: Vec<Line>,
            total: Option<Money>,
            status: Option<String>,
            placed_at: Option<String>,
            currency: Option<String>,
        }
        let wire = Wire::deserialize(deserializer)?;
        let total = match wire.total {
            Some(total) => total,
            None => sum(&wire.lines)
                .ok_or_else(|| de::Error::custom("the sum of the lines is out of range"))?,
        };
        Ok(Self {
            id: wire.id,
            description: wire.description,
            customer_id: wire.customer_id,
            lines: wire.lines,
            total,
            status: wire.status.as_deref().and_then(Status::from_word),
            placed_at: wire
                .placed_at
                .filter(|text| text.parse::<Timestamp>().is_ok()),
            currency: wire.currency.filter(|code| is_currency(code)),
        })
    }
}

impl Status {
    /// All of them, in the order in which one follows the other.
    pub const ALL: [Self; 5] = [
        Self::Placed,
        Self::Paid,
        Self::Shipped,
        Self::Delivered,
        Self::Cancelled,
    ];

    /// The status that services call `word`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::deserialize(de::value::StrDeserializer::<de::value::Error>::new(word)).ok()
    }

    /// What services call it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether something is still to come of it.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Placed | Self::Paid | Self::Shipped)
    }
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn sum(lines: &[Line]) -> Option<Money> {
    lines.iter().try_fold(Money::default(), |total, line| {
        total.plus(line.price.times(line.quantity)?)
    })
}

fn one() -> u32 {
    1
}

fn null_is_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Order, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn what_is_missing_has_its_default() {
        let order = read(
            r#"{"id":"7","description":"d","customerId":"56","more":{"deep":[1]},
                "lines":[{"description":"a","price":0.1},{"description":"b","price":0.2,"quantity":null}]}"#,
        )
        .unwrap();
        assert_eq!((order.id.get(), order.customer_id.get()), (7, 56));
        assert_eq!(
            order
                .lines
                .iter()
                .map(|line| line.quantity)
                .collect::<Vec<_>>(),
            [1, 1]
        );
        assert_eq!(order.total, "0.3".parse().unwrap());
        assert_eq!(
            (order.status, order.placed_at, order.currency),
            (None, None, None)
        );
    }

    #[test]
    fn the_total_is_the_services_where_it_gives_one() {
        let order = read(
            r#"{"id":1,"description":"","customerId":1,"lines":[{"description":"","price":2,"quantity":3}],"total":5}"#,
        );
        assert_eq!(order.unwrap().total, "5".parse().unwrap());
    }

    #[test]
    fn price_times_quantity_makes_a_missing_total() {
        let order = read(
            r#"{"id":1,"description":"","customerId":1,"total":null,
                "lines":[{"description":"","price":1.15,"quantity":3},{"description":"","price":-0.45}]}"#,
        );
        assert_eq!(order.unwrap().total, "3".parse().unwrap());
    }

    #[test]
    fn optional_words_that_are_not_known_are_absent() {
        let order = read(
            r#"{"id":1,"description":"","customerId":1,"lines":[],"status":"refunded","placedAt":"yesterday","currency":"euro"}"#,
        )
        .unwrap();
        assert_eq!(
            (order.status, order.placed_at, order.currency),
            (None, None, None)
        );
    }

    #[test]
    fn an_order_of_another_shape_is_refused() {
        for json in [
            "[]",
            r#"{"id":1}"#,
            r#"{"id":1,"description":"","lines":[]}"#,
            r#"{"id":1,"description":"","customerId":{},"lines":[]}"#,
            r#"{"id":1,"description":"","customerId":1,"lines":{}}"#,
            r#"{"id":1,"description":"","customerId":1,"lines":[{"description":"","price":"much"}]}"#,
            r#"{"id":1,"description":"","customerId":1,"lines":[{"description":"","price":1,"quantity":-1}]}"#,
            r#"{"id":1,"description":"","customerId":1,"lines":[{"description":"","price":9e27,"quantity":4000000000}]}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
