//! What the order service is told: orders to place, and to cancel.

use std::sync::Arc;

use http::Method;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use super::{Order, OrderId};
use crate::domain::Money;
use crate::domain::customer::CustomerId;
use crate::upstream::{Request, Response, Undecodable};

/// An order to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// Whose it will be.
    pub customer_id: CustomerId,
    /// What it is, in the customer's words.
    pub description: String,
    /// The currency of all its amounts (ISO 4217).
    pub currency: String,
    /// What is ordered.
    pub lines: Vec<NewLine>,
}

/// One line of an order to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    /// What is ordered.
    pub description: String,
    /// How many.
    pub quantity: u32,
    /// What one of them costs.
    pub price: Money,
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It was done, now or when it was asked for with this key before: the order as it is.
    Done(Arc<Order>),
    /// 409: the first request with this key is still being worked on. The service tells it from a refusal for good by a
    /// `Retry-After`: only then is there something to wait for.
    InProgress,
    /// 409 to a cancellation: it is too late for it.
    TooLate,
    /// 422: the key was used for something else before.
    KeyReused,
    /// 400: the service does not take what it was told.
    Refused,
}

impl Written {
    /// The same, if the order `is` the one meant.
    pub(super) fn meant(self, is: impl Fn(&Order) -> bool) -> Result<Self, Undecodable> {
        match &self {
            Self::Done(order) if !is(order) => {
                Err(Undecodable::new("an order that was not asked for"))
            }
            _ => Ok(self),
        }
    }
}

/// A new order as it is told. Straight to text: on the way through `serde_json::Value` digits of a price would be lost.
struct Body<'a>(&'a NewOrder);

struct LineBody<'a>(&'a NewLine);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(order) = self;
        let lines: Vec<_> = order.lines.iter().map(LineBody).collect();
        let mut body = serializer.serialize_struct("NewOrder", 4)?;
        body.serialize_field("customerId", &order.customer_id.get())?;
        body.serialize_field("description", &order.description)?;
        body.serialize_field("currency", &order.currency)?;
        body.serialize_field("lines", &lines)?;
        body.end()
    }
}

impl Serialize for LineBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(line) = self;
        let mut body = serializer.serialize_struct("NewLine", 3)?;
        body.serialize_field("description", &line.description)?;
        body.serialize_field("quantity", &line.quantity)?;
        body.serialize_field("price", &line.price)?;
        body.end()
    }
}

pub(super) fn place(order: &NewOrder, key: HeaderValue) -> Request {
    // Nothing of it can fail to be written.
    let body = serde_json::to_string(&Body(order)).unwrap_or_default();
    let mut request = Request::new(Method::POST, "/orders").with_body(body);
    let json = HeaderValue::from_static("application/json");
    request.headers.insert(CONTENT_TYPE, json);
    request
        .with_idempotency_key(key)
        .answered_by(&[400, 409, 422])
}

pub(super) fn cancel(id: OrderId, key: Option<HeaderValue>) -> Request {
    let request = Request::new(Method::POST, format!("/orders/{id}/cancel"));
    match key {
        Some(key) => request.with_idempotency_key(key),
        None => request,
    }
    .answered_by(&[409, 422])
}

/// Reads what came of a placement.
pub(super) fn read_placed(response: &Response) -> Result<Written, Undecodable> {
    read(response, Written::InProgress)
}

/// Reads what came of a cancellation.
pub(super) fn read_cancelled(response: &Response) -> Result<Written, Undecodable> {
    let conflict = if response.headers.contains_key(RETRY_AFTER) {
        Written::InProgress
    } else {
        Written::TooLate
    };
    read(response, conflict)
}

fn read(response: &Response, conflict: Written) -> Result<Written, Undecodable> {
    match response.status.as_u16() {
        409 => Ok(conflict),
        422 => Ok(Written::KeyReused),
        400 => Ok(Written::Refused),
        _ => Ok(Written::Done(Arc::new(response.json()?))),
    }
}

#[cfg(test)]
mod tests;
