//! The same handler after an hour of tuning: the allocator and the switches that bff-web has as well.

#![expect(
    clippy::disallowed_types,
    reason = "what a handler without this workspace would use"
)]

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use awc::Client;

#[path = "bare.rs"]
mod bare;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let bases = Data::new([arguments[3].clone(), arguments[4].clone()]);
    let app = move || {
        let client = Client::builder()
            .no_default_headers()
            .disable_redirects()
            .finish();
        App::new()
            .app_data(bases.clone())
            .app_data(Data::new(client))
            .service(bare::order)
            .service(bare::list)
    };
    let workers = arguments[2].parse().expect("a number of workers");
    HttpServer::new(app)
        .workers(workers)
        .tcp_nodelay(true)
        .bind(&arguments[1])?
        .run()
        .await
}
