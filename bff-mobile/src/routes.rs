//! What this BFF answers: each route takes a request apart, asks an aggregate, and shows what it got.

mod orders;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts every route.
pub(crate) fn configure(app: &mut ServiceConfig<'_>) {
    app.service(orders::order);
}
