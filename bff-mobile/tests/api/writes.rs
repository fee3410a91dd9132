//! `POST /orders`: what an app that orders something would send, get wrong, and send again.

use actix_web::HttpResponse;
use mock_services::fault::Fault;
use mock_services::raw;
use serde_json::{Value, json};

use crate::helpers::{GUARD, TestApp, problem, service, spawn_app, spawn_over, spawn_with, until};

/// An order as the app sends it.
pub(crate) fn order() -> Value {
    json!({
        "customerId": 56,
        "title": "For the garden",
        "currency": "EUR",
        "items": [
            { "name": "Spade", "count": 2, "price": 3.5 },
            { "name": "Seeds", "count": 3, "price": 0.1 },
        ],
    })
}

/// The order with one value in place of its own.
pub(crate) fn with(place: &str, value: Value) -> Value {
    let mut order = order();
    *order.pointer_mut(place).unwrap() = value;
    order
}

pub(crate) async fn place(app: &TestApp, key: &str, order: &Value) -> raw::Answer {
    app.post("/orders", Some(key), order).await
}

#[actix_web::test]
async fn an_order_is_placed_and_shown_as_it_will_be_read() {
    let app = spawn_app().await;

    let placed = place(&app, "a", &order()).await;

    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!(placed.header("content-type"), Some("application/json"));
    assert_eq!(placed.header("location"), Some("/orders/10001"));
    assert_eq!(placed.header("cache-control"), Some("no-store"));
    assert_eq!(placed.header("etag"), None);
    let card = placed.json();
    let expected = json!({
        "id": 10001, "title": "For the garden", "status": "placed", "placedAt": card["placedAt"],
        "itemCount": 5, "total": 7.3, "currency": "EUR", "customerName": "John Doe",
    });
    assert_eq!(card, expected);
    let timing = placed.header("server-timing").unwrap();
    assert!(
        timing.contains("order;dur=") && timing.contains("customer;dur="),
        "{timing}"
    );
    assert_eq!(app.get("/orders/10001").await.json(), card);

    // What the service was told.
    let told = raw::get(app.orders.addr(), "/orders/10001")
        .await
        .unwrap()
        .json();
    assert_eq!(told["description"], "For the garden");
    let seeds = json!({ "description": "Seeds", "quantity": 3, "price": 0.1 });
    assert_eq!(told["lines"][1], seeds);
}

#[actix_web::test]
async fn what_is_sent_again_with_its_key_is_not_ordered_again() {
    let app = spawn_app().await;

    let first = place(&app, "a", &order()).await;
    // With or without quotes it is the same key, and other bytes may say the same.
    let again = app
        .post_with(
            "/orders",
            &[
                ("Content-Type", "application/json; charset=utf-8"),
                ("Idempotency-Key", "\"a\""),
            ],
            r#" {"items":[{"price":3.50,"count":2.0,"name":"Sp\u0061de"},{"name":"Seeds","count":3,"price":1e-1}],
                "currency":"EUR","customerId":56,"title":"For the garden"} "#,
        )
        .await;

    assert_eq!(
        (again.status, &again.body, again.header("location")),
        (201, &first.body, first.header("location"))
    );
    assert_eq!(app.orders.placed().len(), 1);
    assert_eq!(place(&app, "b", &order()).await.json()["id"], 10_002);
}

#[actix_web::test]
async fn an_order_without_a_proper_key_is_not_placed() {
    let app = spawn_app().await;
    let missing = app.post("/orders", None, &order()).await;
    let detail = problem(&missing, 400, "idempotencyKeyMissing")["detail"].to_string();
    assert!(detail.contains("Idempotency-Key"), "{detail}");
    let long = "x".repeat(256);

    for key in ["", "a b", "a,b", "\"a", "a\"", "a\\b", "\"\"", "ä", &long] {
        problem(
            &place(&app, key, &order()).await,
            400,
            "invalidIdempotencyKey",
        );
    }
    let json = ("Content-Type", "application/json");
    let twice = [json, ("Idempotency-Key", "a"), ("Idempotency-Key", "a")];
    let answer = app.post_with("/orders", &twice, &order().to_string()).await;
    problem(&answer, 400, "invalidIdempotencyKey");

    assert_eq!(app.asked(), (0, 0));
    let longest = "x".repeat(255);
    assert_eq!(place(&app, &longest, &order()).await.status, 201);
}

#[actix_web::test]
async fn while_the_first_request_is_not_over_the_second_has_to_wait() {
    let app = spawn_app().await;
    let (addr, body) = (app.addr, order().to_string());
    app.orders
        .faults()
        .set(vec![Fault::hang().after().times(1)]);
    let first = actix_web::rt::spawn(async move {
        let headers = [
            ("Content-Type", "application/json"),
            ("Idempotency-Key", "a"),
        ];
        raw::send(addr, "POST", "/orders", &headers, &body).await
    });
    until("it is placed", async || app.orders.placed().len() == 1).await;

    let second = place(&app, "a", &order()).await;

    problem(&second, 409, "idempotencyKeyInUse");
    assert_eq!(second.header("retry-after"), Some("1"));
    first.abort();
    // The first client has gone: the service ends what it did for it, and the answer can be had.
    until("the key is free", async || {
        place(&app, "a", &order()).await.status == 201
    })
    .await;
    assert_eq!(app.orders.placed().len(), 1);
}

#[actix_web::test]
async fn a_key_is_for_one_order() {
    let app = spawn_app().await;
    place(&app, "a", &order()).await;

    let other = place(&app, "a", &with("/title", json!("For the kitchen"))).await;

    problem(&other, 422, "idempotencyKeyReused");
    assert_eq!(app.orders.placed().len(), 1);
}

#[actix_web::test]
async fn an_order_that_the_service_refuses_is_the_clients_affair() {
    let orders = service(|_| HttpResponse::BadRequest().body("no"));
    let app = spawn_with(|config| config.services.orders.endpoints = vec![orders]).await;

    problem(&place(&app, "a", &order()).await, 400, "orderRefused");
}

#[actix_web::test]
async fn an_order_is_placed_without_the_customer_service_too() {
    let app = spawn_app().await;
    app.customers.faults().set(vec![Fault::status(503)]);

    let placed = place(&app, "a", &order()).await;

    assert_eq!(placed.status, 201);
    let card = placed.json();
    assert_eq!(card["customerName"], "Customer 56");
    assert_eq!(
        card["sources"],
        json!({ "customer": { "state": "default", "reason": "unavailable" } })
    );
}

#[actix_web::test]
async fn without_an_answer_the_app_is_told_to_ask_again_with_the_same_key() {
    let app = spawn_with(|config| config.services.orders.attempt_timeout = GUARD / 60).await;
    let faults = [
        (Fault::status(503), 503, "upstreamUnavailable"),
        (Fault::status(429), 503, "upstreamOverloaded"),
        (Fault::hang().after(), 504, "upstreamTimeout"),
    ];

    for (fault, status, code) in faults {
        app.orders.faults().set(vec![fault]);
        let answer = place(&app, "a", &order()).await;
        let body = problem(&answer, status, code);
        let detail = body["detail"].as_str().unwrap();
        assert!(
            detail.ends_with("ask again with the same Idempotency-Key."),
            "{detail}"
        );
    }
    app.orders.faults().clear();
    until("the key is free", async || {
        place(&app, "a", &order()).await.status == 201
    })
    .await;
    assert_eq!(app.orders.placed().len(), 1);
}

#[actix_web::test]
async fn an_answer_that_is_lost_behind_the_bff_is_asked_for_again() {
    let app = spawn_over([&mock_services::Options::default(); 2], |_| {});
    app.orders
        .faults()
        .set(vec![Fault::status(503).after().times(1)]);

    let placed = place(&app, "a", &order()).await;

    assert_eq!(
        (placed.status, placed.header("location")),
        (201, Some("/orders/10001"))
    );
    assert_eq!(app.orders.requests_of("POST", "/orders"), 2);
    assert_eq!(app.orders.placed().len(), 1);
}
