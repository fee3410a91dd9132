//! `/faults`.

use actix_web::{
    Error, HttpResponse, guard,
    http::header::CACHE_CONTROL,
    web::{self, Bytes, ServiceConfig, ThinData},
};
use serde::Serialize;

use super::{Faults, Report, check};
use crate::{answer, server::method_not_allowed};

pub(crate) fn endpoint(app: &mut ServiceConfig) {
    app.service(
        web::resource("/faults")
            .route(web::to(show).guard(guard::Any(guard::Get()).or(guard::Head())))
            .route(web::put().to(replace))
            .route(web::delete().to(clear))
            .default_service(web::to(async || {
                method_not_allowed("GET, HEAD, PUT, DELETE")
            })),
    );
}

#[derive(Serialize)]
struct Reports {
    faults: Vec<Report>,
}

async fn show(faults: ThinData<Faults>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Reports {
            faults: faults.report(),
        })
}

async fn replace(faults: ThinData<Faults>, body: Result<Bytes, Error>) -> HttpResponse {
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
    match check::set(&body, faults.0.0.routes) {
        Ok(set) => {
            faults.replace(set);
            show(faults).await
        }
        Err(errors) => answer::bad_request(&errors.join("; ")),
    }
}

async fn clear(faults: ThinData<Faults>) -> HttpResponse {
    faults.clear();
    HttpResponse::NoContent().finish()
}
