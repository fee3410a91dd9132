//! The customer service.

use std::{future::ready, io};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ALLOW, HeaderValue},
    },
    web::{self, ThinData},
};
use serde::Serialize;

use crate::{
    Options, Running, answer,
    fixtures::{Customer, Fixtures},
    orders::Store,
    params::{self, Query},
    server,
};

const ROUTES: &[&str] = &["/customers/{id}", "/customers"];
const CACHE_CONTROL: &str = "max-age=60";
const MOST_IDS: usize = 100;

/// What a service without batches may answer, which is what services without it do.
pub(crate) const NO_BATCH: [u16; 3] = [404, 405, 501];

/// Starts the customer service inside the runtime of the caller.
///
/// # Errors
/// When the address cannot be listened on, `cache_control` is no value of a header, or `no_batch` is none
/// of 404, 405 and 501.
pub fn start(options: &Options) -> io::Result<Running> {
    let no_batch = no_batch(options)?;
    let store = Store::default();
    server::start(options, ROUTES, CACHE_CONTROL, store, move |app| {
        app.service(server::resource("/customers/{id}", web::to(one)));
        app.service(match no_batch {
            None => server::resource("/customers", web::to(list)),
            Some(status) => {
                web::resource("/customers").default_service(web::to(move || ready(refuse(status))))
            }
        });
    })
}

fn no_batch(options: &Options) -> io::Result<Option<StatusCode>> {
    let Some(code) = options.no_batch else {
        return Ok(None);
    };
    let status = StatusCode::from_u16(code).ok();
    match status.filter(|_| NO_BATCH.contains(&code)) {
        Some(status) => Ok(Some(status)),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("no_batch must be 404, 405 or 501, not {code}"),
        )),
    }
}

fn refuse(status: StatusCode) -> HttpResponse {
    let detail = "this service does not give several customers at once";
    let mut response = answer::problem(status, detail);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        // There is no method that the path takes (RFC 9110, section 10.2.1).
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static(""));
    }
    response
}

async fn one(req: HttpRequest, fixtures: ThinData<Fixtures>) -> HttpResponse {
    match params::path_id(&req) {
        Ok(id) => match fixtures.customer(id) {
            Some(customer) => answer::json(&req, &customer),
            None => answer::not_found(&format!("there is no customer {id}")),
        },
        Err(detail) => answer::bad_request(&detail),
    }
}

#[derive(Serialize)]
struct Found {
    items: Vec<Customer>,
}

async fn list(req: HttpRequest, fixtures: ThinData<Fixtures>) -> HttpResponse {
    match asked_ids(&req) {
        Ok(ids) => {
            let items = ids
                .into_iter()
                .filter_map(|id| fixtures.customer(id))
                .collect();
            answer::json(&req, &Found { items })
        }
        Err(detail) => answer::bad_request(&detail),
    }
}

/// The ids in the order asked, each once.
fn asked_ids(req: &HttpRequest) -> Result<Vec<u64>, String> {
    let allowed = format!(
        "1 to {MOST_IDS} ids with commas between, each {}",
        params::ID
    );
    let ids: Option<Vec<u64>> = Query::of(req)?.read("ids", &allowed, |text| {
        text.split(',').map(params::id).collect()
    })?;
    let Some(ids) = ids else {
        return Err(format!("ids is missing: it must be {allowed}"));
    };
    if ids.len() > MOST_IDS {
        return Err(format!("ids must be {allowed}, not {} ids", ids.len()));
    }
    let mut distinct = Vec::with_capacity(ids.len());
    for id in ids {
        if !distinct.contains(&id) {
            distinct.push(id);
        }
    }
    Ok(distinct)
}
