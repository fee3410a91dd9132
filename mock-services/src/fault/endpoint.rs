//! `/faults`.

use actix_web::{
    Error, HttpResponse, guard,
    http::header::CACHE_CONTROL,
    web::{self, Bytes, ServiceConfig, ThinData},
};
use serde::Serialize;
use serde_json::Value;

use crate::{answer, server::method_not_allowed};

/// A set of faults that can be seen and changed over HTTP.
pub(crate) trait Settable: Clone + 'static {
    type Report: Serialize;

    fn report(&self) -> Vec<Self::Report>;

    /// Replaces the set, or changes nothing and says everything that is wrong with the new one.
    fn try_set(&self, set: &Value) -> Result<(), Vec<String>>;

    fn clear(&self);
}

pub(crate) fn endpoint<F: Settable>(app: &mut ServiceConfig) {
    app.service(
        web::resource("/faults")
            .route(web::to(show::<F>).guard(guard::Any(guard::Get()).or(guard::Head())))
            .route(web::put().to(replace::<F>))
            .route(web::delete().to(clear::<F>))
            .default_service(web::to(async || {
                method_not_allowed("GET, HEAD, PUT, DELETE")
            })),
    );
}

#[derive(Serialize)]
struct Reports<R> {
    faults: Vec<R>,
}

async fn show<F: Settable>(faults: ThinData<F>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Reports {
            faults: faults.report(),
        })
}

async fn replace<F: Settable>(faults: ThinData<F>, body: Result<Bytes, Error>) -> HttpResponse {
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            let status = error.as_response_error().status_code();
            return answer::problem(status, &format!("the body cannot be read: {error}"));
        }
    };
    let body = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return answer::bad_request(&format!("the body is not JSON: {error}")),
    };
    match faults.try_set(&body) {
        Ok(()) => show(faults).await,
        Err(errors) => answer::bad_request(&errors.join("; ")),
    }
}

async fn clear<F: Settable>(faults: ThinData<F>) -> HttpResponse {
    faults.clear();
    HttpResponse::NoContent().finish()
}
