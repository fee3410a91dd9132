//! What the customer service says of a customer.

use serde::Deserialize;

use super::Id;

mod client;

pub use client::CustomerClient;

/// The identifier of a customer.
pub type CustomerId = Id<Customer>;

/// A customer, read tolerantly: unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Customer {
    /// The identifier.
    pub id: CustomerId,
    /// The person's name.
    pub name: String,
    /// Where to write to.
    pub email: String,
    /// Where to call.
    pub phone: Option<String>,
    /// Where to send to.
    pub address: Option<Address>,
}

/// A postal address: services write it in one text or in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Address {
    /// As it would stand on a label.
    Text(String),
    /// In parts, each of which may be missing.
    Parts(AddressParts),
}

/// The parts of a postal address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AddressParts {
    /// Street and house number.
    pub street: Option<String>,
    /// Postal code.
    #[serde(alias = "postalCode", alias = "zip")]
    pub postcode: Option<String>,
    /// Town or city.
    pub city: Option<String>,
    /// Country (ISO 3166).
    pub country: Option<String>,
}
