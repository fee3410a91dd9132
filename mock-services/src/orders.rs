//! The order service.

use std::io;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, ThinData},
};
use serde::Serialize;

use crate::{
    Options, Running, answer,
    fixtures::{Filter, Fixtures, Order, STATUSES},
    params::{self, Query},
    server,
};

const ROUTES: &[&str] = &["/orders/{id}", "/orders"];
const CACHE_CONTROL: &str = "max-age=5";

/// Starts the order service inside the runtime of the caller.
///
/// # Errors
/// When the address cannot be listened on, or `cache_control` is no value of a header.
pub fn start(options: &Options) -> io::Result<Running> {
    server::start(options, ROUTES, CACHE_CONTROL, |app| {
        app.service(server::resource("/orders/{id}", web::to(one)))
            .service(server::resource("/orders", web::to(list)));
    })
}

async fn one(req: HttpRequest, fixtures: ThinData<Fixtures>) -> HttpResponse {
    match params::path_id(&req) {
        Ok(id) => match fixtures.order(id) {
            Some(order) => answer::json(&req, &order),
            None => answer::not_found(&format!("there is no order {id}")),
        },
        Err(detail) => answer::bad_request(&detail),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Order>,
    next_cursor: Option<String>,
}

async fn list(req: HttpRequest, fixtures: ThinData<Fixtures>) -> HttpResponse {
    match page(&req, &fixtures) {
        Ok(page) => answer::json(&req, &page),
        Err(detail) => answer::bad_request(&detail),
    }
}

fn page(req: &HttpRequest, fixtures: &Fixtures) -> Result<Page, String> {
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
        params::number::<u8>(text).filter(|limit| *limit <= 100)
    })?;
    let (items, last) = fixtures.orders(filter, limit.unwrap_or(20).into());
    Ok(Page {
        items,
        next_cursor: last.map(cursor),
    })
}

/// Hexadecimal, so that nobody takes it for an id.
fn cursor(last: u64) -> String {
    format!("{last:014x}")
}

fn id_in_cursor(text: &str) -> Option<u64> {
    let id = u64::from_str_radix(text, 16).ok()?;
    (cursor(id) == text).then_some(id)
}
