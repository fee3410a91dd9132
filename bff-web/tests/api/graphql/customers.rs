//! Customers with their orders.

use mock_services::fault::Fault;
use serde_json::{Value, json};

use super::{data, executed};
use crate::helpers::{spawn_app, until};

#[actix_web::test]
async fn a_customer_has_their_orders() {
    let app = spawn_app().await;

    let body = data(
        &app,
        "{ customer(id: 56) { id name sources { customer { state } }
            orders(first: 3) { nodes { id customer { name } } pageInfo { hasNextPage } } } }",
    )
    .await;

    let customer = &body["customer"];
    assert_eq!(
        (&customer["id"], &customer["name"]),
        (&json!("56"), &json!("John Doe"))
    );
    assert_eq!(customer["sources"]["customer"]["state"], "fresh");
    let nodes = customer["orders"]["nodes"].as_array().unwrap();
    let ids: Vec<_> = nodes
        .iter()
        .map(|node| node["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["9745", "8687", "8429"]);
    assert!(
        nodes
            .iter()
            .all(|node| node["customer"]["name"] == "John Doe")
    );
    assert_eq!(customer["orders"]["pageInfo"]["hasNextPage"], true);
    assert_eq!(app.asked(), (1, 1));
}

#[actix_web::test]
async fn the_orders_are_asked_for_before_the_customer_is_there() {
    let app = spawn_app().await;
    app.customers.faults().set(vec![Fault::hang()]);
    let addr = app.addr;
    let query = "query($s: OrderStatus) { customer(id: 56) { name orders(status: $s, first: 2) { nodes { id } } } }";
    let body = super::request(query, &json!({ "s": "placed" }));
    let asking = actix_web::rt::spawn(async move {
        mock_services::raw::send(addr, "POST", "/graphql", &[super::JSON], &body).await
    });

    until("the order service is asked", async || {
        app.orders.requests() == 1
    })
    .await;

    until("so is the customer service", async || {
        app.customers.requests() == 1
    })
    .await;
    asking.abort();
}

#[actix_web::test]
async fn several_pages_of_a_customer_are_several_calls() {
    let app = spawn_app().await;

    let body = data(
        &app,
        "{ customer(id: 56) { placed: orders(status: placed) { nodes { id status } } all: orders { nodes { id } }
            again: orders { nodes { id } } } }",
    )
    .await;

    let count = |name: &str| body["customer"][name]["nodes"].as_array().unwrap().len();
    assert_eq!((count("placed"), count("all"), count("again")), (2, 6, 6));
    assert_eq!(app.asked(), (2, 1), "what is asked twice is one call");
}

#[actix_web::test]
async fn customers_asked_for_together_are_one_call() {
    let app = spawn_app().await;

    let body = data(
        &app,
        "{ a: customer(id: 1) { id } b: customer(id: 2) { id } c: customer(id: 1) { name } }",
    )
    .await;

    assert_eq!(
        (&body["a"]["id"], &body["b"]["id"]),
        (&json!("1"), &json!("2"))
    );
    assert_eq!(app.customers.requests_of("GET", "/customers"), 1);
    assert_eq!(app.asked(), (0, 1));
}

#[actix_web::test]
async fn without_the_order_service_there_is_the_person() {
    let app = spawn_app().await;
    app.orders.faults().set(vec![Fault::status(503)]);

    let body = executed(
        &app,
        "{ customer(id: 56) { name orders { nodes { id } } } }",
    )
    .await;

    assert_eq!(
        body["data"],
        json!({ "customer": { "name": "John Doe", "orders": null } })
    );
    let error = &body["errors"][0];
    assert_eq!(error["path"], json!(["customer", "orders"]));
    assert_eq!(
        error["extensions"],
        json!({ "code": "upstreamUnavailable", "source": "orders", "reason": "unavailable" })
    );
    assert_eq!(
        body["extensions"]["sources"]["orders"],
        json!({ "state": "omitted", "reason": "unavailable" })
    );
}

#[actix_web::test]
async fn nobody_has_this_id() {
    let app = spawn_app().await;

    let body = executed(
        &app,
        "{ customer(id: 20000) { name orders { nodes { id } } } }",
    )
    .await;

    assert_eq!(body["data"], json!({ "customer": null }));
    assert_eq!(body["errors"].as_array().unwrap().len(), 1);
    let error = &body["errors"][0];
    assert_eq!(error["message"], "There is no customer 20000.");
    assert_eq!(error["extensions"]["code"], "customerNotFound");
    assert_eq!(error["path"], json!(["customer"]));
    assert_ne!(body["extensions"]["sources"]["customers"], Value::Null);
}
