//! The order service's methods over gRPC.

use tonic::{Code, Status};

use super::{Book, Draft, Filter, Refusal, Written, cursor, id_in_cursor, key, limit, now};
use crate::{
    answer,
    contract::orders::{
        CancelOrderRequest, CancelOrderResponse, GetOrderRequest, GetOrderResponse,
        ListOrdersRequest, ListOrdersResponse, Order, OrderStatus, PlaceOrderRequest,
        PlaceOrderResponse,
    },
    fixtures,
    grpc::{Contract, Reply, decode, invalid, not_found, push_back},
    params,
};

const METHODS: &[&str] = &[
    "/orders.v1.OrderService/GetOrder",
    "/orders.v1.OrderService/ListOrders",
    "/orders.v1.OrderService/PlaceOrder",
    "/orders.v1.OrderService/CancelOrder",
];

/// How long to wait before the call is made again whose first one is still being worked on.
const PUSHBACK_MS: i32 = 1_000;

pub(super) fn contract(book: Book) -> Contract {
    Contract::new(
        "orders.v1.OrderService",
        METHODS,
        move |method, message| match method {
            "GetOrder" => one(&book, &decode(message)?),
            "ListOrders" => list(&book, &decode(message)?),
            "PlaceOrder" => place(&book, decode(message)?),
            "CancelOrder" => cancel(&book, &decode(message)?),
            _ => Err(Status::unimplemented("there is no such method")),
        },
    )
}

fn one(book: &Book, request: &GetOrderRequest) -> Result<Reply, Status> {
    let id = params::id_of(request.id).ok_or_else(|| invalid("id", params::ID))?;
    let order = book.order(id).ok_or_else(|| no_order(id))?;
    Ok(Reply::record(&GetOrderResponse {
        order: Some(Order::from(&*order)),
    }))
}

fn list(book: &Book, request: &ListOrdersRequest) -> Result<Reply, Status> {
    let customer_id = match request.customer_id {
        Some(id) => Some(params::id_of(id).ok_or_else(|| invalid("customer_id", params::ID))?),
        None => None,
    };
    let status = OrderStatus::try_from(request.status).map_err(|_| {
        let statuses = fixtures::STATUSES.join(", ");
        invalid("status", &format!("one of {statuses}, or unspecified"))
    })?;
    let before = match request.page_token.as_str() {
        "" => None,
        token => Some(
            id_in_cursor(token)
                .ok_or_else(|| invalid("page_token", "a next_page_token of this service"))?,
        ),
    };
    let page_size = match request.page_size {
        0 => None,
        size => Some(
            (u8::try_from(size).ok().and_then(limit))
                .ok_or_else(|| invalid("page_size", "a whole number from 0 to 100"))?,
        ),
    };
    let filter = Filter {
        customer_id,
        status: status.name(),
        before,
    };
    let (orders, last) = book.page(filter, page_size);
    Ok(Reply::record(&ListOrdersResponse {
        orders: orders.iter().map(|order| Order::from(&**order)).collect(),
        next_page_token: last.map(cursor).unwrap_or_default(),
    }))
}

fn place(book: &Book, request: PlaceOrderRequest) -> Result<Reply, Status> {
    let key = key_of(&request.idempotency_key)?
        .ok_or_else(|| Status::invalid_argument("idempotency_key is missing"))?
        .to_owned();
    let draft = Draft::of_message(request)
        .map_err(|errors| Status::invalid_argument(answer::all_of(&errors)))?;
    let written = (book.place(&key, draft, now())).map_err(|refusal| refused(&refusal, 0))?;
    Ok(reply(written, |order| PlaceOrderResponse { order }))
}

fn cancel(book: &Book, request: &CancelOrderRequest) -> Result<Reply, Status> {
    let id = params::id_of(request.id).ok_or_else(|| invalid("id", params::ID))?;
    let key = key_of(&request.idempotency_key)?;
    let written = (book.cancel(id, key)).map_err(|refusal| refused(&refusal, id))?;
    Ok(reply(written, |order| CancelOrderResponse { order }))
}

/// The key in a message, where an empty one is none.
fn key_of(text: &str) -> Result<Option<&str>, Status> {
    match text {
        "" => Ok(None),
        text if key::is_one(text) => Ok(Some(text)),
        _ => Err(invalid("idempotency_key", &key::allowed())),
    }
}

/// The order; for as long as the answer is on its way, its key is being worked on.
fn reply<M: prost::Message>(written: Written, message: impl FnOnce(Option<Order>) -> M) -> Reply {
    let message = message(Some(Order::from(&*written.order)));
    let mut reply = Reply::written(&message, written.replayed);
    if let Some(working) = written.working {
        reply = reply.holding(working);
    }
    reply
}

fn no_order(id: u64) -> Status {
    not_found(format!("there is no order {id}"))
}

fn refused(refusal: &Refusal, id: u64) -> Status {
    let code = match refusal {
        Refusal::NotFound => return no_order(id),
        Refusal::InProgress => Code::Aborted,
        Refusal::OtherRequest => Code::AlreadyExists,
        Refusal::TooLate(_) => Code::FailedPrecondition,
        Refusal::Full => Code::ResourceExhausted,
    };
    let mut status = Status::new(code, refusal.detail(id));
    if *refusal == Refusal::InProgress {
        push_back(&mut status, PUSHBACK_MS);
    }
    status
}
