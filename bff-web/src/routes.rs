//! What this BFF answers: each route takes a request apart, asks an aggregate, and shows what it got.

mod customers;
mod list_query;
pub(crate) mod new_order;
mod orders;
mod writes;

use crate::graphql;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts every route.
pub(crate) fn configure(app: &mut ServiceConfig<'_>) {
    app.service(orders::orders)
        .service(orders::order)
        .service(customers::customer)
        .service(writes::place)
        .service(writes::cancel)
        .service(graphql::ask_by_url)
        .service(graphql::ask);
}
