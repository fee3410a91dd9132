//! What operators and orchestrators ask: is it alive, is it ready, what does it see of its upstreams.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::admission::Admission;
use super::lifecycle::{Lifecycle, Phase};
use super::paths::Paths;
use crate::upstream::Cluster;

/// What the admin listener tells of.
#[derive(Debug, Clone)]
pub(super) struct Admin {
    pub(super) clusters: Vec<Arc<Cluster>>,
    pub(super) lifecycle: Lifecycle,
    /// Of the public listener; this one has no limit.
    pub(super) admission: Admission,
}

/// The paths of this listener.
pub(super) fn paths() -> Paths {
    let known = ["/livez", "/readyz", "/upstreams"].map(|path| {
        (
            path.to_owned(),
            HeaderValue::from_static("GET, HEAD, OPTIONS"),
        )
    });
    Paths::new(
        known,
        "The paths of this listener are /livez, /readyz and /upstreams.",
    )
}

impl Admin {
    pub(super) fn configure(self, app: &mut web::ServiceConfig) {
        app.app_data(web::Data::new(self))
            .route("/livez", web::get().to(livez))
            .route("/readyz", web::get().to(readyz))
            .route("/upstreams", web::get().to(upstreams));
    }
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
    let server = json!({
        "inFlight": admin.admission.in_flight(),
        "maxRequests": admin.admission.limit(),
        "refused": admin.admission.refused(),
        "phase": admin.lifecycle.phase().name(),
    });
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(json!({ "server": server, "upstreams": reports }))
}
