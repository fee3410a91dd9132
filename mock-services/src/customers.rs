//! The customer service.

use std::io;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, ThinData},
};
use serde::Serialize;

use crate::{
    Options, Running, answer,
    fixtures::{Customer, Fixtures},
    params::{self, Query},
    server,
};

const ROUTES: &[&str] = &["/customers/{id}", "/customers"];
const CACHE_CONTROL: &str = "max-age=60";
const MOST_IDS: usize = 100;

/// Starts the customer service inside the runtime of the caller.
///
/// # Errors
/// When the address cannot be listened on, or `cache_control` is no value of a header.
pub fn start(options: &Options) -> io::Result<Running> {
    server::start(options, ROUTES, CACHE_CONTROL, |app| {
        app.service(server::resource("/customers/{id}", web::to(one)))
            .service(server::resource("/customers", web::to(list)));
    })
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
