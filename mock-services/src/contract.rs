//! The messages of the .proto files, and what the records are in them.

use jiff::Timestamp;

use crate::fixtures::{self, CANCELLED, DELIVERED, PAID, PLACED, SHIPPED};

/// What the .proto files say, for reflection.
pub(crate) const FILES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/contracts.bin"));

#[expect(unreachable_pub, clippy::doc_markdown, reason = "generated")]
pub(crate) mod orders {
    include!(concat!(env!("OUT_DIR"), "/orders.v1.rs"));
}

#[expect(unreachable_pub, reason = "generated")]
pub(crate) mod customers {
    include!(concat!(env!("OUT_DIR"), "/customers.v1.rs"));
}

impl From<&fixtures::Order> for orders::Order {
    fn from(order: &fixtures::Order) -> Self {
        Self {
            id: signed(order.id),
            description: order.description.to_string(),
            customer_id: signed(order.customer_id),
            lines: order.lines.iter().map(Into::into).collect(),
            total: Some(order.total.to_string()),
            status: status(order.status).into(),
            placed_at: order.placed_at.map(timestamp),
            currency: order.currency.as_deref().map(str::to_owned),
        }
    }
}

impl From<&fixtures::Line> for orders::OrderLine {
    fn from(line: &fixtures::Line) -> Self {
        Self {
            description: line.description.to_string(),
            quantity: line.quantity.and_then(|pieces| pieces.try_into().ok()),
            price: line.price.to_string(),
        }
    }
}

impl From<fixtures::Customer> for customers::Customer {
    fn from(customer: fixtures::Customer) -> Self {
        Self {
            id: signed(customer.id),
            name: customer.name.into_owned(),
            email: customer.email.into_owned(),
            phone: customer.phone,
            address: customer.address.map(|address| {
                customers::customer::Address::AddressParts(customers::AddressParts {
                    street: Some(address.street),
                    postcode: Some(address.postcode.to_owned()),
                    city: Some(address.city.to_owned()),
                    country: Some(address.country.to_owned()),
                })
            }),
        }
    }
}

/// Ids have 53 bits at most.
fn signed(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

fn status(status: Option<&str>) -> orders::OrderStatus {
    match status {
        Some(PLACED) => orders::OrderStatus::Placed,
        Some(PAID) => orders::OrderStatus::Paid,
        Some(SHIPPED) => orders::OrderStatus::Shipped,
        Some(DELIVERED) => orders::OrderStatus::Delivered,
        Some(CANCELLED) => orders::OrderStatus::Cancelled,
        _ => orders::OrderStatus::Unspecified,
    }
}

impl orders::OrderStatus {
    /// What the records call it; `None` if nothing is said.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Unspecified => None,
            Self::Placed => Some(PLACED),
            Self::Paid => Some(PAID),
            Self::Shipped => Some(SHIPPED),
            Self::Delivered => Some(DELIVERED),
            Self::Cancelled => Some(CANCELLED),
        }
    }
}

fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.as_second(),
        nanos: time.subsec_nanosecond(),
    }
}
