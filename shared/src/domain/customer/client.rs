//! The customer service, as its contract has it.

use std::collections::HashMap;

use super::rpc::CustomersByRpc;
use super::{Customer, CustomerId};
use crate::upstream::{Answer, Batch, Client, Context, Error, Protocol, Request, Undecodable};

/// Speaks to the customer service.
#[derive(Debug, Clone)]
pub struct CustomerClient(Client);

/// `GET /customers/{id}`, and `GET /customers?ids=` for up to a hundred.
struct Customers;

impl Batch for Customers {
    type Key = CustomerId;
    type Value = Customer;

    fn one(id: CustomerId) -> Request {
        Request::get(format!("/customers/{id}"))
    }

    fn many(ids: &[CustomerId]) -> Request {
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        Request::get(format!("/customers?ids={}", ids.join(",")))
    }

    fn read(json: &[u8]) -> Result<(CustomerId, Customer), Undecodable> {
        let customer: Customer = Undecodable::or_read(json)?;
        Ok((customer.id, customer))
    }
}

impl CustomerClient {
    /// A client over the upstream that the customer service is.
    #[must_use]
    pub fn new(upstream: Client) -> Self {
        Self(upstream)
    }

    /// One customer.
    ///
    /// # Errors
    /// The upstream's; a customer with another id than the one asked for is an invalid answer.
    pub async fn get(&self, context: &Context, id: CustomerId) -> Result<Answer<Customer>, Error> {
        match self.0.protocol() {
            Protocol::Http => self.0.one::<Customers>(context, id).await,
            Protocol::Grpc => self.0.one::<CustomersByRpc>(context, id).await,
        }
    }

    /// Several customers, each once, in batches; what came of each.
    pub async fn many(
        &self,
        context: &Context,
        ids: &[CustomerId],
    ) -> HashMap<CustomerId, Result<Answer<Customer>, Error>> {
        match self.0.protocol() {
            Protocol::Http => self.0.batch::<Customers>(context, ids).await,
            Protocol::Grpc => self.0.batch::<CustomersByRpc>(context, ids).await,
        }
    }
}
