//! The order service, as its contract has it.

use std::sync::Arc;

use http::header::HeaderValue;

use super::list::{Listed, OrderPage, OrderQuery};
use super::write::{self, NewOrder, Written};
use super::{Order, OrderId, rpc};
use crate::upstream::{
    Answer, Client, Context, Error, ErrorKind, Protocol, Request, Response, Undecodable,
};

/// Speaks to the order service.
#[derive(Debug, Clone)]
pub struct OrderClient(Client);

/// All lists of orders: any write may change any of them.
const LISTS: &str = "orders";

fn tag(id: OrderId) -> String {
    format!("orders/{id}")
}

impl OrderClient {
    /// A client over the upstream that the order service is.
    #[must_use]
    pub fn new(upstream: Client) -> Self {
        Self(upstream)
    }

    /// `GET /orders/{id}`, or `GetOrder`.
    ///
    /// # Errors
    /// The upstream's; an order with another id than the one asked for is an invalid answer.
    pub async fn get(&self, context: &Context, id: OrderId) -> Result<Answer<Order>, Error> {
        let (request, read): (_, Read<Order>) = match self.0.protocol() {
            Protocol::Http => (Request::get(format!("/orders/{id}")), Response::json),
            Protocol::Grpc => (rpc::get(id), rpc::read),
        };
        self.0
            .call(context, request.tagged(&tag(id)), move |response| {
                let order = read(response)?;
                if order.id == id {
                    Ok(order)
                } else {
                    Err(Undecodable::new("an order that was not asked for"))
                }
            })
            .await
    }

    /// `GET /orders?customerId=&status=&limit=&cursor=`, or `ListOrders`: a page of orders, the newest first.
    ///
    /// # Errors
    /// The upstream's; other orders than those asked for are an invalid answer.
    pub async fn list(
        &self,
        context: &Context,
        query: &OrderQuery,
    ) -> Result<Answer<Listing>, Error> {
        let protocol = self.0.protocol();
        let request = match protocol {
            Protocol::Http => query.request(),
            Protocol::Grpc => rpc::list(query),
        };
        let query = query.clone();
        self.0
            .call(context, request.tagged(LISTS), move |response| {
                let listed = match protocol {
                    Protocol::Http => query.read(response),
                    Protocol::Grpc => rpc::read_listed(&query, response),
                };
                listed.map(Listing)
            })
            .await
            .map_err(no_such_path)
    }

    /// `POST /orders`, or `PlaceOrder`: places an order, once for each key.
    ///
    /// # Errors
    /// The upstream's. Then nobody knows whether it was placed: to ask again with the same key is safe.
    pub async fn place(
        &self,
        context: &Context,
        order: &NewOrder,
        key: HeaderValue,
    ) -> Result<Answer<Written>, Error> {
        let _after = Forgets(&self.0, None);
        let (request, read): (_, Read<Written>) = match self.0.protocol() {
            Protocol::Http => (write::place(order, key), write::read_placed),
            Protocol::Grpc => (rpc::place(order, text(&key)), rpc::read_placed),
        };
        let customer_id = order.customer_id;
        let placed = self
            .0
            .call(context, request, move |response| {
                read(response)?.meant(|order| order.customer_id == customer_id)
            })
            .await
            .map_err(no_such_path)?;
        if let Written::Done(order) = &*placed.value {
            // That there was none may be kept.
            self.0.forget(&tag(order.id));
        }
        Ok(placed)
    }

    /// `POST /orders/{id}/cancel`, or `CancelOrder`. Repeated only if there is a key.
    ///
    /// # Errors
    /// The upstream's. Then nobody knows whether it was cancelled.
    pub async fn cancel(
        &self,
        context: &Context,
        id: OrderId,
        key: Option<HeaderValue>,
    ) -> Result<Answer<Written>, Error> {
        let _after = Forgets(&self.0, Some(id));
        let (request, read): (_, Read<Written>) = match self.0.protocol() {
            Protocol::Http => (write::cancel(id, key), write::read_cancelled),
            Protocol::Grpc => {
                let key = key.as_ref().map(text);
                (rpc::cancel(id, key), rpc::read_cancelled)
            }
        };
        self.0
            .call(context, request, move |response| {
                read(response)?.meant(|order| order.id == id)
            })
            .await
    }
}

/// How an answer is read.
type Read<T> = fn(&Response) -> Result<T, Undecodable>;

/// A key for a message, without the quotes of a header's string. It was checked long before: it is ASCII, and has no quote
/// in it.
fn text(key: &HeaderValue) -> &str {
    key.to_str().unwrap_or_default().trim_matches('"')
}

/// That there is no such thing is no answer where no thing was named.
fn no_such_path(error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound {
        let upstream = Arc::from(error.upstream());
        return Error::new(ErrorKind::InvalidResponse, &upstream, error.detail());
    }
    error
}

/// What the service said to a question for orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing(Listed);

impl Listing {
    /// The page; `None` where the service does not know the cursor, or not any more.
    #[must_use]
    pub fn page(&self) -> Option<&OrderPage> {
        match &self.0 {
            Listed::Page(page) => Some(page),
            Listed::UnknownCursor => None,
        }
    }
}

/// Whatever comes of a write, and also when its caller leaves: what it may have changed is asked for anew.
struct Forgets<'a>(&'a Client, Option<OrderId>);

impl Drop for Forgets<'_> {
    fn drop(&mut self) {
        self.0.forget(LISTS);
        if let Some(id) = self.1 {
            self.0.forget(&tag(id));
        }
    }
}

#[cfg(test)]
mod tests;
