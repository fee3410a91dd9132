//! The yardstick: the two calls and the merge, by hand, and nothing else.
//! Arguments: address to listen on, number of workers, base URLs of the order and the customer service.

#![expect(
    clippy::disallowed_types,
    reason = "what a handler without this workspace would use"
)]

use actix_web::error::ErrorBadGateway;
use actix_web::web::{Data, Json, Path};
use actix_web::{App, HttpRequest, HttpServer, get};
use awc::Client;
use futures_util::future::try_join_all;
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
            .service(list)
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

/// A list by single calls: one for the orders, then one for each customer, all at once.
#[get("/orders")]
pub(crate) async fn list(
    request: HttpRequest,
    client: Data<Client>,
    bases: Data<[String; 2]>,
) -> actix_web::Result<Json<Value>> {
    let mut page = fetch(
        &client,
        format!("{}/orders?{}", bases[0], request.query_string()),
    )
    .await?;
    let orders = page["items"].as_array_mut().into_iter().flatten();
    let customers = orders.map(async |item| {
        let customer = format!("{}/customers/{}", bases[1], item["customerId"]);
        item["customer"] = fetch(&client, customer).await?;
        Ok::<_, actix_web::Error>(())
    });
    try_join_all(customers).await?;
    Ok(Json(page))
}

async fn fetch(client: &Client, url: String) -> actix_web::Result<Value> {
    let mut response = client.get(url).send().await.map_err(ErrorBadGateway)?;
    response.json().await.map_err(ErrorBadGateway)
}
