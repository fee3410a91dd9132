//! The order service, as its contract has it.

use super::{Order, OrderId};
use crate::upstream::{Answer, Client, Context, Error, Request, Undecodable};

/// Speaks to the order service.
#[derive(Debug, Clone)]
pub struct OrderClient(Client);

impl OrderClient {
    /// A client over the upstream that the order service is.
    #[must_use]
    pub fn new(upstream: Client) -> Self {
        Self(upstream)
    }

    /// `GET /orders/{id}`.
    ///
    /// # Errors
    /// The upstream's; an order with another id than the one asked for is an invalid answer.
    pub async fn get(&self, context: &Context, id: OrderId) -> Result<Answer<Order>, Error> {
        self.0
            .call(
                context,
                Request::get(format!("/orders/{id}")),
                move |response| {
                    let order: Order = response.json()?;
                    if order.id == id {
                        Ok(order)
                    } else {
                        Err(Undecodable::new("an order that was not asked for"))
                    }
                },
            )
            .await
    }
}
