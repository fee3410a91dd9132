//! A customer, in full.

use bff_shared::domain::customer::{Address, Customer};
use serde::Serialize;
use utoipa::ToSchema;

/// A customer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
pub(crate) struct CustomerView<'a> {
    /// The customer's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    id: u64,
    /// The person's name.
    name: &'a str,
    /// Where to write to.
    email: &'a str,
    /// Where to call; null where that is not known.
    #[schema(required)]
    phone: Option<&'a str>,
    /// Where to send to; null where that is not known.
    #[schema(required)]
    address: Option<AddressView<'a>>,
}

/// A postal address: one text, or its parts, as the customer service keeps it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Address)]
enum AddressView<'a> {
    Text(&'a str),
    Parts {
        /// Street and house number.
        #[schema(required)]
        street: Option<&'a str>,
        /// Postal code.
        #[schema(required)]
        postcode: Option<&'a str>,
        /// Town or city.
        #[schema(required)]
        city: Option<&'a str>,
        /// Country (ISO 3166).
        #[schema(required)]
        country: Option<&'a str>,
    },
}

impl<'a> From<&'a Customer> for CustomerView<'a> {
    fn from(customer: &'a Customer) -> Self {
        Self {
            id: customer.id.get(),
            name: &customer.name,
            email: &customer.email,
            phone: customer.phone.as_deref(),
            address: customer.address.as_ref().map(AddressView::from),
        }
    }
}

impl<'a> From<&'a Address> for AddressView<'a> {
    fn from(address: &'a Address) -> Self {
        match address {
            Address::Text(text) => Self::Text(text),
            Address::Parts(parts) => Self::Parts {
                street: parts.street.as_deref(),
                postcode: parts.postcode.as_deref(),
                city: parts.city.as_deref(),
                country: parts.country.as_deref(),
            },
        }
    }
}
