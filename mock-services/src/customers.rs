//! The customer service: `GET /customers/{id}` and `GET /customers?ids=`, and over gRPC
//! `customers.v1.CustomerService`.

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
use tonic::Status;

use crate::{
    Options, Running, answer,
    contract::customers::{
        BatchGetCustomersRequest, BatchGetCustomersResponse, GetCustomerRequest,
        GetCustomerResponse,
    },
    fixtures::{Customer, Fixtures},
    grpc::{Contract, Reply, decode, invalid, not_found},
    orders::Store,
    params::{self, Query},
    server,
};

const ROUTES: &[&str] = &["/customers/{id}", "/customers"];
const METHODS: &[&str] = &[
    "/customers.v1.CustomerService/GetCustomer",
    "/customers.v1.CustomerService/BatchGetCustomers",
];
const CACHE_CONTROL: &str = "max-age=60";
const MOST_IDS: usize = 100;

/// What a service without batches may answer, which is what services without it do.
pub(crate) const NO_BATCH: [u16; 3] = [404, 405, 501];

const NO_BATCHES: &str = "this service does not give several customers at once";

/// Starts the customer service inside the runtime of the caller.
///
/// # Errors
/// When the address cannot be listened on, `cache_control` is no value of a header, or `no_batch` is none
/// of 404, 405 and 501.
pub fn start(options: &Options) -> io::Result<Running> {
    let no_batch = no_batch(options)?;
    let store = Store::default();
    let contract = contract(Fixtures::new(options), no_batch.is_none());
    server::start(
        options,
        ROUTES,
        CACHE_CONTROL,
        store,
        contract,
        move |app| {
            app.service(server::resource("/customers/{id}", web::to(one)));
            app.service(match no_batch {
                None => server::resource("/customers", web::to(list)),
                Some(status) => web::resource("/customers")
                    .default_service(web::to(move || ready(refuse(status)))),
            });
        },
    )
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
    let mut response = answer::problem(status, NO_BATCHES);
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
            None => answer::not_found(&no_customer(id)),
        },
        Err(detail) => answer::bad_request(&detail),
    }
}

fn no_customer(id: u64) -> String {
    format!("there is no customer {id}")
}

#[derive(Serialize)]
struct Found {
    items: Vec<Customer>,
}

async fn list(req: HttpRequest, fixtures: ThinData<Fixtures>) -> HttpResponse {
    match asked_ids(&req) {
        Ok(ids) => {
            let items = found(&fixtures, &ids);
            answer::json(&req, &Found { items })
        }
        Err(detail) => answer::bad_request(&detail),
    }
}

/// The customers in the order asked, each once.
fn found(fixtures: &Fixtures, ids: &[u64]) -> Vec<Customer> {
    let first = |(index, id): &(usize, &u64)| !ids[..*index].contains(id);
    let distinct = ids.iter().enumerate().filter(first);
    distinct
        .filter_map(|(_, id)| fixtures.customer(*id))
        .collect()
}

/// The ids in the order asked.
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
    Ok(ids)
}

fn contract(fixtures: Fixtures, batches: bool) -> Contract {
    const NAME: &str = "customers.v1.CustomerService";
    Contract::new(NAME, METHODS, move |method, message| match method {
        "GetCustomer" => call_one(&fixtures, &decode(message)?),
        "BatchGetCustomers" if batches => call_list(&fixtures, &decode(message)?),
        "BatchGetCustomers" => Err(Status::unimplemented(NO_BATCHES)),
        _ => Err(Status::unimplemented("there is no such method")),
    })
}

fn call_one(fixtures: &Fixtures, request: &GetCustomerRequest) -> Result<Reply, Status> {
    let id = params::id_of(request.id).ok_or_else(|| invalid("id", params::ID))?;
    let customer = (fixtures.customer(id)).ok_or_else(|| not_found(no_customer(id)))?;
    Ok(Reply::record(&GetCustomerResponse {
        customer: Some(customer.into()),
    }))
}

fn call_list(fixtures: &Fixtures, request: &BatchGetCustomersRequest) -> Result<Reply, Status> {
    let ids: Option<Vec<u64>> = request.ids.iter().map(|id| params::id_of(*id)).collect();
    let ids = ids
        .filter(|ids| (1..=MOST_IDS).contains(&ids.len()))
        .ok_or_else(|| {
            let allowed = format!("1 to {MOST_IDS} ids, each {}", params::ID);
            invalid("ids", &allowed)
        })?;
    let customers = found(fixtures, &ids);
    Ok(Reply::record(&BatchGetCustomersResponse {
        customers: customers.into_iter().map(Into::into).collect(),
    }))
}
