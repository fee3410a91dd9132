//! What operators and orchestrators ask: is it alive, is it ready, what does it see of its upstreams.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::Problem;
use super::lifecycle::{Lifecycle, Phase};
use crate::upstream::Cluster;

/// What the admin listener tells of.
#[derive(Debug, Clone)]
pub(super) struct Admin {
    pub(super) clusters: Vec<Arc<Cluster>>,
    pub(super) lifecycle: Lifecycle,
}

impl Admin {
    pub(super) fn configure(self, app: &mut web::ServiceConfig) {
        app.app_data(web::Data::new(self))
            .default_service(web::to(unknown_path));
        let routes = [
            ("/livez", web::get().to(livez)),
            ("/readyz", web::get().to(readyz)),
            ("/upstreams", web::get().to(upstreams)),
        ];
        for (path, route) in routes {
            app.service(
                web::resource(path)
                    .route(route)
                    .default_service(web::to(method_not_allowed)),
            );
        }
    }
}

async fn unknown_path() -> Result<HttpResponse, Problem> {
    let paths = "The paths of this listener are /livez, /readyz and /upstreams.";
    Err(Problem::unknown_path().described("unknownPath", "There is nothing at this path", paths))
}

async fn method_not_allowed() -> Result<HttpResponse, Problem> {
    Err(Problem::method_not_allowed(HeaderValue::from_static(
        "GET, HEAD",
    )))
}

/// Alive as long as it answers at all: a restart would not help an upstream that is down.
async fn livez() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(json!({ "status": "alive" }))
}

/// Ready until it drains. Upstreams do not count: what they do is told in the answers, part by part.
async fn readyz(admin: web::Data<Admin>) -> HttpResponse {
    let (mut response, status) = match admin.lifecycle.phase() {
        Phase::Ready => (HttpResponse::Ok(), "ready"),
        Phase::Draining | Phase::Stopping => (HttpResponse::ServiceUnavailable(), "draining"),
    };
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(json!({ "status": status }))
}

async fn upstreams(admin: web::Data<Admin>) -> HttpResponse {
    let reports: Vec<_> = admin
        .clusters
        .iter()
        .map(|cluster| cluster.report())
        .collect();
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(json!({ "upstreams": reports }))
}
