//! What the customer service says of a customer.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::Id;

mod client;
mod rpc;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// As it would stand on a label.
    Text(String),
    /// In parts, each of which may be missing.
    Parts(AddressParts),
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand, since serde's way to tell the two apart reads the whole into memory first.
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Address;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address as a text or in its parts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Address, E> {
                Ok(Address::Text(text.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, parts: A) -> Result<Address, A::Error> {
                AddressParts::deserialize(de::value::MapAccessDeserializer::new(parts))
                    .map(Address::Parts)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn address(json: &str) -> Option<Address> {
        let customer = format!(r#"{{"id":1,"name":"n","email":"e","address":{json},"more":[]}}"#);
        serde_json::from_str::<Customer>(&customer).unwrap().address
    }

    #[test]
    fn an_address_is_a_text_or_its_parts() {
        assert_eq!(address("null"), None);
        assert_eq!(
            address(r#""1 Main St""#),
            Some(Address::Text("1 Main St".to_owned()))
        );
        let parts = AddressParts {
            street: None,
            postcode: Some("12345".to_owned()),
            city: Some("Bonn".to_owned()),
            country: None,
        };
        assert_eq!(
            address(r#"{"zip":"12345","city":"Bonn","country":null,"floor":3}"#),
            Some(Address::Parts(parts))
        );
    }

    #[test]
    fn a_customer_of_another_shape_is_refused() {
        for json in [
            "[]",
            r#"{"id":1,"name":"n"}"#,
            r#"{"id":1,"name":7,"email":"e"}"#,
            r#"{"id":1,"name":"n","email":"e","phone":5}"#,
            r#"{"id":1,"name":"n","email":"e","address":5}"#,
            r#"{"id":1,"name":"n","email":"e","address":["a"]}"#,
        ] {
            assert!(serde_json::from_str::<Customer>(json).is_err(), "{json}");
        }
    }
}
