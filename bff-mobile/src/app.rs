//! From settings to a server that holds its ports.

use std::sync::Arc;

use actix_web::web::Data;
use bff_shared::domain::Services;
use bff_shared::serve::{Bff, BindError, Server};

use crate::{Config, document, routes};

/// Takes the ports. Has to run inside a Tokio runtime that lives as long as the server: names of upstreams are
/// looked up on it.
///
/// # Errors
/// [`BindError`] names the port that cannot be had.
pub fn bind(config: Config) -> Result<Server, BindError> {
    let services = Services::new(config.services);
    Bff {
        config: config.server,
        clusters: services.clusters(),
        document: document(),
        routes: routes::configure,
        per_worker: Arc::new(move |app| {
            app.app_data(Data::new(services.desk()));
        }),
    }
    .bind()
}
