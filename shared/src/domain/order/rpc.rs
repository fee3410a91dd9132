//! The order service over gRPC, as `proto/orders/v1/orders.proto` has it.

use std::sync::Arc;

use jiff::Timestamp;
use prost::Message;

use super::list::Listed;
use super::{Line, NewOrder, Order, OrderId, OrderPage, OrderQuery, Status, Written};
use crate::domain::Money;
use crate::domain::customer::CustomerId;
use crate::domain::proto::orders as proto;
use crate::upstream::{Code, Request, Response, Undecodable};

pub(super) fn get(id: OrderId) -> Request {
    let message = proto::GetOrderRequest { id: id.signed() };
    rpc("/orders.v1.OrderService/GetOrder", &message).without_side_effects()
}

pub(super) fn read(response: &Response) -> Result<Order, Undecodable> {
    let proto::GetOrderResponse { order } = response.message()?;
    of(order)
}

pub(super) fn list(query: &OrderQuery) -> Request {
    let message = proto::ListOrdersRequest {
        customer_id: query.customer_id.map(CustomerId::signed),
        status: query.status.map_or(0, |status| number(status).into()),
        page_size: query.limit.unwrap_or_default().into(),
        page_token: query.cursor.clone().unwrap_or_default(),
    };
    let request = rpc("/orders.v1.OrderService/ListOrders", &message).without_side_effects();
    if query.cursor.is_some() {
        request.answered_by(&[400])
    } else {
        request
    }
}

pub(super) fn read_listed(query: &OrderQuery, response: &Response) -> Result<Listed, Undecodable> {
    if !response.status.is_success() {
        return Ok(Listed::UnknownCursor);
    }
    let proto::ListOrdersResponse {
        orders,
        next_page_token,
    } = response.message()?;
    let items = orders.into_iter().map(Order::try_from);
    query.checked(OrderPage {
        items: items.collect::<Result<_, _>>()?,
        next_cursor: Some(next_page_token),
    })
}

pub(super) fn place(order: &NewOrder, key: &str) -> Request {
    let lines = order.lines.iter().map(|line| proto::OrderLine {
        description: line.description.clone(),
        quantity: Some(line.quantity),
        price: line.price.to_string(),
    });
    let message = proto::PlaceOrderRequest {
        idempotency_key: key.to_owned(),
        description: order.description.clone(),
        customer_id: order.customer_id.signed(),
        lines: lines.collect(),
        currency: Some(order.currency.clone()),
    };
    rpc("/orders.v1.OrderService/PlaceOrder", &message)
        .with_key_inside()
        .answered_by(&[400, 409])
}

pub(super) fn read_placed(response: &Response) -> Result<Written, Undecodable> {
    match response.code {
        // The order's own state stands in the way of nothing here.
        Some(Code::FailedPrecondition) => Ok(Written::Refused),
        _ => written(response, |response| {
            let proto::PlaceOrderResponse { order } = response.message()?;
            of(order)
        }),
    }
}

pub(super) fn cancel(id: OrderId, key: Option<&str>) -> Request {
    let message = proto::CancelOrderRequest {
        id: id.signed(),
        idempotency_key: key.unwrap_or_default().to_owned(),
    };
    let request = rpc("/orders.v1.OrderService/CancelOrder", &message);
    match key {
        Some(_) => request.with_key_inside(),
        None => request,
    }
    .answered_by(&[400, 409])
}

pub(super) fn read_cancelled(response: &Response) -> Result<Written, Undecodable> {
    written(response, |response| {
        let proto::CancelOrderResponse { order } = response.message()?;
        of(order)
    })
}

fn written(
    response: &Response,
    read: impl FnOnce(&Response) -> Result<Order, Undecodable>,
) -> Result<Written, Undecodable> {
    match response.code {
        Some(Code::Aborted) => Ok(Written::InProgress),
        Some(Code::AlreadyExists) => Ok(Written::KeyReused),
        Some(Code::FailedPrecondition) => Ok(Written::TooLate),
        Some(Code::InvalidArgument | Code::OutOfRange) => Ok(Written::Refused),
        _ => read(response).map(|order| Written::Done(Arc::new(order))),
    }
}

fn rpc(path: &'static str, message: &impl Message) -> Request {
    Request::rpc(path, message.encode_to_vec())
}

fn of(order: Option<proto::Order>) -> Result<Order, Undecodable> {
    order
        .ok_or_else(|| Undecodable::new("no order in it"))?
        .try_into()
}

fn number(status: Status) -> proto::OrderStatus {
    match status {
        Status::Placed => proto::OrderStatus::Placed,
        Status::Paid => proto::OrderStatus::Paid,
        Status::Shipped => proto::OrderStatus::Shipped,
        Status::Delivered => proto::OrderStatus::Delivered,
        Status::Cancelled => proto::OrderStatus::Cancelled,
    }
}

/// As tolerantly as over HTTP: what is not known here is absent, and a missing total is computed.
impl TryFrom<proto::Order> for Order {
    type Error = Undecodable;

    fn try_from(order: proto::Order) -> Result<Self, Undecodable> {
        let status = Status::ALL
            .into_iter()
            .find(|status| i32::from(number(*status)) == order.status);
        let lines = order.lines.into_iter().map(Line::try_from);
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        let total = match order.total {
            Some(total) => amount(&total)?,
            None => super::sum(&lines)
                .ok_or_else(|| Undecodable::new("lines whose sum is out of range"))?,
        };
        Ok(Self {
            id: id(order.id)?,
            description: order.description,
            customer_id: id(order.customer_id)?,
            lines,
            total,
            status,
            placed_at: order.placed_at.and_then(|at| {
                let at = Timestamp::new(at.seconds, at.nanos).ok()?;
                Some(at.to_string())
            }),
            currency: order.currency.filter(|code| super::is_currency(code)),
        })
    }
}

impl TryFrom<proto::OrderLine> for Line {
    type Error = Undecodable;

    fn try_from(line: proto::OrderLine) -> Result<Self, Undecodable> {
        Ok(Self {
            description: line.description,
            quantity: line.quantity.unwrap_or(1),
            price: amount(&line.price)?,
        })
    }
}

fn id<T>(number: i64) -> Result<crate::domain::Id<T>, Undecodable> {
    crate::domain::Id::from_signed(number).map_err(|_| Undecodable::new("an id that is none"))
}

fn amount(text: &str) -> Result<Money, Undecodable> {
    text.parse()
        .map_err(|_| Undecodable::new("an amount that is no decimal number of at most 28 digits"))
}

#[cfg(test)]
mod tests;
