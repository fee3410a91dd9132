//! Customers.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use bff_shared::compose;
use bff_shared::domain::customer::{Address as KnownAddress, Customer, CustomerId};
use bff_shared::serve::Problem;

use super::connection::{self, OrderConnection};
use super::order::{IntoId as _, OrderStatus};
use super::sources::Source;
use crate::error;
use crate::graphql::fault;
use crate::graphql::state::{Known, with_state};

/// What the customers of an answer are called among its sources.
const CUSTOMERS: &str = "customers";

/// A customer who is there.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct CustomerNode {
    customer: Arc<Customer>,
    source: compose::Source,
}

/// The customer `id`, or why there is none; either is told of.
pub(super) fn node(id: CustomerId, known: &Known) -> Result<CustomerNode> {
    tell(known);
    let failed = || {
        let failure = known.provenance.failure.as_ref();
        failure.map_or_else(Problem::internal, |failure| error::customer(id, failure))
    };
    let customer = known.value.clone();
    Ok(CustomerNode {
        customer: customer.ok_or_else(|| fault::of(&failed()))?,
        source: known.provenance.source,
    })
}

/// A customer is in the answer, or missing from it.
pub(super) fn tell(known: &Known) {
    with_state(|state| state.tell(CUSTOMERS, &known.provenance));
}

/// A customer.
#[Object(name = "Customer")]
impl CustomerNode {
    /// The customer's id.
    async fn id(&self) -> ID {
        self.customer.id.into_id()
    }

    /// The person's name.
    async fn name(&self) -> &str {
        &self.customer.name
    }

    /// Where to write to.
    async fn email(&self) -> &str {
        &self.customer.email
    }

    /// Where to call; null where that is not known.
    async fn phone(&self) -> Option<&str> {
        self.customer.phone.as_deref()
    }

    /// Where to send to; null where that is not known.
    async fn address(&self) -> Option<Address> {
        self.customer.address.as_ref().map(Address::from)
    }

    /// The customer's orders, the newest first. Null where the order service has no answer.
    async fn orders(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only orders that are this far.")] status: Option<OrderStatus>,
        #[graphql(desc = "How many at most, up to 100; 20 where it is missing.")] first: Option<
            i64,
        >,
        #[graphql(desc = "Behind which cursor to go on.")] after: Option<String>,
    ) -> Option<Result<OrderConnection>> {
        let query = connection::Arguments {
            customer_id: None,
            status,
            first,
            after,
        };
        let query = query.of_customer(self.customer.id);
        Some(connection::connection(context, query).await)
    }

    /// How good each part is.
    async fn sources(&self) -> CustomerSources {
        CustomerSources {
            customer: self.source.into(),
        }
    }
}

/// How good the parts of a customer are.
#[derive(SimpleObject)]
pub(in crate::graphql) struct CustomerSources {
    /// The customer service.
    customer: Source,
}

/// A postal address: one text, or its parts, as the customer service keeps it.
#[derive(Debug, Default, SimpleObject)]
pub(in crate::graphql) struct Address {
    /// All of it, where it is kept as one text.
    text: Option<String>,
    /// Street and house number.
    street: Option<String>,
    /// Postal code.
    postcode: Option<String>,
    /// Town or city.
    city: Option<String>,
    /// Country (ISO 3166).
    country: Option<String>,
}

impl From<&KnownAddress> for Address {
    fn from(address: &KnownAddress) -> Self {
        match address {
            KnownAddress::Text(text) => Self {
                text: Some(text.clone()),
                ..Self::default()
            },
            KnownAddress::Parts(parts) => Self {
                text: None,
                street: parts.street.clone(),
                postcode: parts.postcode.clone(),
                city: parts.city.clone(),
                country: parts.country.clone(),
            },
        }
    }
}
