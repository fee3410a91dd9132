//! What this BFF answers: each route takes a request apart, asks an aggregate, and shows what it got.

mod home;
mod list_query;
mod new_order;
mod orders;
mod writes;

use bff_shared::compose::OrDefault;
use bff_shared::domain::customer::{Customer, CustomerId};
use bff_shared::domain::order_details::OrderLadders;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts every route.
pub(crate) fn configure(app: &mut ServiceConfig<'_>) {
    app.service(orders::list)
        .service(writes::place)
        .service(orders::order)
        .service(writes::cancel)
        .service(home::home);
}

/// The name alone; without the customer a label in its place.
type Name = OrDefault<CustomerId, Customer, String>;

/// The app shows a name; without the customer it shows a label in its place.
const CUSTOMER_NAME: Name = OrDefault {
    present: |customer| customer.name.clone(),
    missing: |id| format!("Customer {id}"),
};

const ORDER: OrderLadders<Name> = OrderLadders {
    customer: CUSTOMER_NAME,
};
