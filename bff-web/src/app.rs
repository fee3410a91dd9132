//! From settings to a server that holds its ports.

use std::sync::Arc;

use bff_shared::domain::customer::CustomerClient;
use bff_shared::domain::order::OrderClient;
use bff_shared::domain::order_details::OrderDesk;
use bff_shared::serve::{Bff, BindError, Server};
use bff_shared::upstream::{Client, Cluster};

use crate::{Config, document, routes};

/// Takes the ports. Has to run inside a Tokio runtime that lives as long as the server: names of upstreams are
/// looked up on it.
///
/// # Errors
/// [`BindError`] names the port that cannot be had.
pub fn bind(config: Config) -> Result<Server, BindError> {
    let orders = Cluster::new("orders", config.orders);
    let customers = Cluster::new("customers", config.customers);
    let clusters = vec![Arc::clone(&orders), Arc::clone(&customers)];
    let desk = move || {
        let client = |cluster: &Arc<Cluster>| Client::new(Arc::clone(cluster));
        OrderDesk::new(
            OrderClient::new(client(&orders)),
            CustomerClient::new(client(&customers)),
        )
    };
    Bff {
        config: config.server,
        clusters,
        document: document(),
        routes: routes::configure,
        per_worker: Arc::new(desk),
    }
    .bind()
}
