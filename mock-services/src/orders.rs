//! The order service.
//!
//! `GET /orders/{id}` and `GET /orders?customerId=&status=&limit=&cursor=` read, the newest first.
//! What is written is read at once, by every service that was started with the same [`Store`].
//!
//! `POST /orders` places an order:
//! `{"customerId":56,"description":"…","currency":"EUR","lines":[{"description":"…","quantity":2,"price":3.5}]}`,
//! of 64 KiB at most. It answers
//!
//! - 201 with the order and its `Location`; to a repetition the same again, with `Idempotency-Replayed: true`;
//! - 400 without an `Idempotency-Key`, which may stand in quotes or without, or when fields are wrong: all of
//!   them are in the problem's `errors`, each with `field` and `detail`;
//! - 409 with `Retry-After: 1` while the first request with this key is being worked on, which lasts until its
//!   answer is made: a fault that comes after the work draws it out;
//! - 413 and 415 to a body that is too large or no JSON;
//! - 422 when the key was given for another order, also while the first is being worked on. The content
//!   counts, not its spelling; fields that are not known are left aside.
//!
//! `POST /orders/{id}/cancel` cancels an order that is neither shipped nor delivered, and answers 200 with it,
//! also when it is cancelled already; else 409, and 404 if there is none. An `Idempotency-Key` may be given
//! and then means the same as above. Requests that fail leave their key free.
//!
//! Over gRPC it is `orders.v1.OrderService`, with the same orders and the same keys: a key that came over one
//! protocol is known over the other. The answer to a repetition has `idempotency-replayed` in its metadata, and
//! `ABORTED` has `grpc-retry-pushback-ms` where the 409 has `Retry-After`.

mod calls;
mod draft;
mod key;
mod store;

use std::{io, sync::Arc};

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
    },
    web::{self, ThinData},
};
use jiff::Timestamp;
use serde::Serialize;

use self::{
    draft::Draft,
    store::{Book, Refusal, Written},
};
use crate::{
    Options, Running, answer, body,
    fixtures::{Filter, Fixtures, Order, STATUSES},
    params::{self, Query},
    server,
};

pub use self::store::Store;

const ROUTES: &[&str] = &["/orders/{id}", "/orders", "/orders/{id}/cancel"];
const CACHE_CONTROL: &str = "max-age=5";
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Starts the order service inside the runtime of the caller.
///
/// # Errors
/// When the address cannot be listened on, `cache_control` is no value of a header, or the store was
/// started with other records.
pub fn start(options: &Options) -> io::Result<Running> {
    let store = options.store.clone().unwrap_or_default();
    let book = Book::new(Fixtures::new(options), store.clone())?;
    let contract = calls::contract(book.clone());
    server::start(
        options,
        ROUTES,
        CACHE_CONTROL,
        store,
        contract,
        move |app| {
            app.app_data(ThinData(book.clone()))
                .service(server::resource("/orders/{id}", web::to(one)))
                .service(server::writable("/orders", web::to(list), web::to(place)))
                .service(
                    web::resource("/orders/{id}/cancel")
                        .route(web::post().to(cancel))
                        .default_service(web::to(async || server::method_not_allowed("POST"))),
                );
        },
    )
}

async fn one(req: HttpRequest, book: ThinData<Book>) -> HttpResponse {
    match params::path_id(&req) {
        Ok(id) => match book.order(id) {
            Some(order) => answer::json(&req, &order),
            None => refused(&Refusal::NotFound, id),
        },
        Err(detail) => answer::bad_request(&detail),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Arc<Order>>,
    next_cursor: Option<String>,
}

async fn list(req: HttpRequest, book: ThinData<Book>) -> HttpResponse {
    match page(&req, &book) {
        Ok(page) => answer::json(&req, &page),
        Err(detail) => answer::bad_request(&detail),
    }
}

fn page(req: &HttpRequest, book: &Book) -> Result<Page, String> {
    let query = Query::of(req)?;
    let filter = Filter {
        customer_id: query.read("customerId", params::ID, params::id)?,
        status: query.read(
            "status",
            &format!("one of {}", STATUSES.join(", ")),
            |text| STATUSES.into_iter().find(|status| *status == text),
        )?,
        before: query.read("cursor", "a nextCursor of this service", id_in_cursor)?,
    };
    let limit = query.read("limit", "a whole number from 1 to 100", |text| {
        params::number(text).and_then(limit)
    })?;
    let (items, last) = book.page(filter, limit);
    Ok(Page {
        items,
        next_cursor: last.map(cursor),
    })
}

/// How many orders a page may have.
fn limit(number: u8) -> Option<usize> {
    (1..=100).contains(&number).then_some(number.into())
}

/// Hexadecimal, so that nobody takes it for an id.
fn cursor(last: u64) -> String {
    format!("{last:014x}")
}

fn id_in_cursor(text: &str) -> Option<u64> {
    let id = u64::from_str_radix(text, 16).ok()?;
    (cursor(id) == text).then_some(id)
}

async fn place(req: HttpRequest, book: ThinData<Book>, payload: web::Payload) -> HttpResponse {
    match placed(&req, &book, payload).await {
        Ok(response) | Err(response) => response,
    }
}

/// An error is the answer as well.
async fn placed(
    req: &HttpRequest,
    book: &Book,
    payload: web::Payload,
) -> Result<HttpResponse, HttpResponse> {
    if !req.content_type().eq_ignore_ascii_case("application/json") {
        return Err(answer::problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type must be application/json",
        ));
    }
    let key = key::of(req)
        .and_then(|key| key.ok_or_else(|| "Idempotency-Key is missing".to_owned()))
        .map_err(|detail| answer::bad_request(&detail))?;
    let body = body::of(req, payload).await?;
    let draft = Draft::read(&body)
        .ok_or_else(|| answer::bad_request("the body must be a JSON object"))?
        .map_err(|errors| answer::invalid(&errors))?;
    let written = book
        .place(&key, draft, now())
        .map_err(|refusal| refused(&refusal, 0))?;
    let location = format!("/orders/{}", written.order.id);
    let mut response = answer_with(req, written, StatusCode::CREATED);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// In milliseconds, which are what other services give.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

async fn cancel(req: HttpRequest, book: ThinData<Book>, payload: web::Payload) -> HttpResponse {
    match cancelled(&req, &book, payload).await {
        Ok(response) | Err(response) => response,
    }
}

async fn cancelled(
    req: &HttpRequest,
    book: &Book,
    payload: web::Payload,
) -> Result<HttpResponse, HttpResponse> {
    let id = params::path_id(req).map_err(|detail| answer::bad_request(&detail))?;
    let key = key::of(req).map_err(|detail| answer::bad_request(&detail))?;
    // Not needed, but a request that is not read to its end costs its client the connection.
    body::of(req, payload).await?;
    let written = book
        .cancel(id, key.as_deref())
        .map_err(|refusal| refused(&refusal, id))?;
    Ok(answer_with(req, written, StatusCode::OK))
}

/// The order; for as long as the answer is on its way, its key is being worked on.
fn answer_with(req: &HttpRequest, written: Written, status: StatusCode) -> HttpResponse {
    let mut response = answer::plain_json(status, &written.order);
    if written.replayed {
        (response.headers_mut()).insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    if let Some(working) = written.working {
        req.extensions_mut().insert(working);
    }
    response
}

fn refused(refusal: &Refusal, id: u64) -> HttpResponse {
    let status = match refusal {
        Refusal::InProgress | Refusal::TooLate(_) => StatusCode::CONFLICT,
        Refusal::OtherRequest => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::NotFound => StatusCode::NOT_FOUND,
        Refusal::Full => StatusCode::INSUFFICIENT_STORAGE,
    };
    let mut response = answer::problem(status, &refusal.detail(id));
    if *refusal == Refusal::InProgress {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
