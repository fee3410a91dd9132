//! The yardstick: the two calls and the merge, by hand, and nothing else.
//! Arguments: address to listen on, number of workers, base URLs of the order and the customer service.

#![expect(
    clippy::disallowed_types,
    reason = "what a handler without this workspace would use"
)]

use actix_web::error::ErrorBadGateway;
use actix_web::web::{Data, Json, Path};
use actix_web::{App, HttpServer, get};
use awc::Client;
use serde_json::Value;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let bases = Data::new([arguments[3].clone(), arguments[4].clone()]);
    let app = move || {
        let client = Data::new(Client::default());
        App::new()
            .app_data(bases.clone())
            .app_data(client)
            .service(order)
    };
    let workers = arguments[2].parse().expect("a number of workers");
    HttpServer::new(app)
        .workers(workers)
        .bind(&arguments[1])?
        .run()
        .await
}

#[get("/orders/{id}")]
pub(crate) async fn order(
    id: Path<u64>,
    client: Data<Client>,
    bases: Data<[String; 2]>,
) -> actix_web::Result<Json<Value>> {
    let mut order = fetch(&client, format!("{}/orders/{id}", bases[0])).await?;
    let customer = format!("{}/customers/{}", bases[1], order["customerId"]);
    order["customer"] = fetch(&client, customer).await?;
    Ok(Json(order))
}

async fn fetch(client: &Client, url: String) -> actix_web::Result<Value> {
    let mut response = client.get(url).send().await.map_err(ErrorBadGateway)?;
    response.json().await.map_err(ErrorBadGateway)
}
