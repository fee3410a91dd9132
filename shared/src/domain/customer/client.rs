//! The customer service, as its contract has it.

use super::{Customer, CustomerId};
use crate::upstream::{Answer, Client, Context, Error, Request, Undecodable};

/// Speaks to the customer service.
#[derive(Debug, Clone)]
pub struct CustomerClient(Client);

impl CustomerClient {
    /// A client over the upstream that the customer service is.
    #[must_use]
    pub fn new(upstream: Client) -> Self {
        Self(upstream)
    }

    /// `GET /customers/{id}`.
    ///
    /// # Errors
    /// The upstream's; a customer with another id than the one asked for is an invalid answer.
    pub async fn get(&self, context: &Context, id: CustomerId) -> Result<Answer<Customer>, Error> {
        self.0
            .call(
                context,
                Request::get(format!("/customers/{id}")),
                move |response| {
                    let customer: Customer = response.json()?;
                    if customer.id == id {
                        Ok(customer)
                    } else {
                        Err(Undecodable::new("a customer who was not asked for"))
                    }
                },
            )
            .await
    }
}
