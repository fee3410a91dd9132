//! A client that goes away takes its calls with it.

use mock_services::fault::Fault;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::helpers::{spawn_app, until};

/// Asks, and goes as soon as `service` is asked.
async fn assert_ends(service: &str, query: &str) {
    let app = spawn_app().await;
    let faults = match service {
        "orders" => app.orders.faults(),
        _ => app.customers.faults(),
    };
    faults.set(vec![Fault::hang()]);
    let body = super::request(query, &json!({}));
    let mut client = TcpStream::connect(app.addr).await.unwrap();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    until("the service is asked", async || {
        app.upstream(service).await["inFlight"] != 0
    })
    .await;

    drop(client);

    until("nothing is in flight", async || {
        app.upstream("customers").await["inFlight"] == 0
            && app.upstream("orders").await["inFlight"] == 0
    })
    .await;
    let report = app.upstream(service).await;
    assert_eq!(
        report["endpoints"][0]["failures"], 0,
        "the service is not to blame"
    );
}

#[actix_web::test]
async fn when_the_client_goes_every_call_for_orders_ends() {
    for query in [
        "{ order(id: 1) { customer { name } } }",
        "{ orders(first: 5) { nodes { customer { name } } } }",
        "{ customer(id: 1) { name orders { nodes { id } } } }",
        "mutation { cancelOrder(id: 1) { order { id } } }",
    ] {
        assert_ends("orders", query).await;
    }
}

#[actix_web::test]
async fn when_the_client_goes_every_call_for_customers_ends() {
    for query in [
        "{ order(id: 1) { customer { name } } }",
        "{ customer(id: 1) { name orders { nodes { id } } } }",
        "{ orders(first: 5) { nodes { customer { name } sources { customer { state } } } sources { customers { state } } } }",
        "{ a: order(id: 1) { customer { name } } b: order(id: 2) { customer { name } } c: customer(id: 9) { name } }",
    ] {
        assert_ends("customers", query).await;
    }
}
