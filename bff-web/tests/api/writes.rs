//! `POST /orders`: an order is placed once, however often it is asked for.

use mock_services::fault::Fault;
use mock_services::raw::{self, Answer};
use serde_json::{Value, json};

use crate::helpers::recorder::Recorder;
use crate::helpers::{TestApp, problem, spawn_app, spawn_over, until};

pub(crate) const JSON: (&str, &str) = ("Content-Type", "application/json");

/// An order as a client sends it.
pub(crate) fn new_order() -> Value {
    json!({
        "customerId": 56,
        "description": "two things",
        "currency": "EUR",
        "lines": [
            { "description": "notebook", "quantity": 2, "price": 3.5 },
            { "description": "lamp", "quantity": 1, "price": 19.99 },
        ],
    })
}

/// The answer to `order` under `key`.
pub(crate) async fn place(app: &TestApp, key: &str, order: &Value) -> Answer {
    let headers = [JSON, ("Idempotency-Key", key)];
    app.post("/orders", &headers, &order.to_string()).await
}

/// The new order with something else in it.
pub(crate) fn with(pointer: &str, value: Value) -> Value {
    let mut order = new_order();
    *order.pointer_mut(pointer).unwrap() = value;
    order
}

#[actix_web::test]
async fn an_order_is_placed_and_found_where_the_answer_says() {
    let app = spawn_app().await;

    let answer = place(&app, "one", &new_order()).await;

    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("location"), Some("/orders/10001"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("etag"), None);
    let placed = answer.json();
    let found = app.get(answer.header("location").unwrap()).await;
    assert_eq!(found.json(), placed);
    assert_eq!(placed["customer"]["name"], "John Doe");
    assert_eq!(
        (&placed["status"], &placed["total"], &placed["lines"]),
        (&json!("placed"), &json!(26.99), &new_order()["lines"])
    );
    assert_eq!(app.orders.placed(), [("one".to_owned(), 10_001)]);
}

#[actix_web::test]
async fn the_same_key_places_one_order_however_often_it_is_sent() {
    let app = spawn_app().await;

    let first = place(&app, "once", &new_order()).await;
    let again = place(&app, "\"once\"", &new_order()).await;
    let other = place(&app, "twice", &new_order()).await;

    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json(), again.json());
    assert_eq!(first.header("location"), again.header("location"));
    assert_ne!(first.header("location"), other.header("location"));
    assert_eq!(app.orders.placed().len(), 2);
}

#[actix_web::test]
async fn a_key_with_another_order_is_refused() {
    let app = spawn_app().await;
    place(&app, "key", &new_order()).await;

    let answer = place(&app, "key", &with("/description", "others".into())).await;

    problem(&answer, 422, "idempotencyKeyReused");
    assert_eq!(app.orders.placed().len(), 1);
}

#[actix_web::test]
async fn a_key_whose_first_request_is_not_over_is_told_to_wait() {
    let app = spawn_app().await;
    app.orders
        .faults()
        .set(vec![Fault::hang().after().times(1)]);
    let first = {
        let (addr, body) = (app.addr, new_order().to_string());
        actix_web::rt::spawn(async move {
            let headers = [JSON, ("Idempotency-Key", "slow")];
            raw::send(addr, "POST", "/orders", &headers, &body).await
        })
    };
    until("the order is written", async || {
        !app.orders.placed().is_empty()
    })
    .await;

    let answer = place(&app, "slow", &new_order()).await;

    problem(&answer, 409, "idempotencyKeyInUse");
    assert_eq!(answer.header("retry-after"), Some("1"));
    first.abort();
}

#[actix_web::test]
async fn a_key_is_needed_and_has_a_form() {
    let app = spawn_app().await;
    let body = new_order().to_string();

    let answer = app.post("/orders", &[JSON], &body).await;
    problem(&answer, 400, "idempotencyKeyMissing");
    let long = "x".repeat(256);
    for key in ["", "a b", "a,b", "\"a", "a\"b", "\"\"", "ü", &long] {
        let answer = place(&app, key, &new_order()).await;
        problem(&answer, 400, "invalidIdempotencyKey");
    }
    let twice = [JSON, ("Idempotency-Key", "a"), ("Idempotency-Key", "a")];
    let answer = app.post("/orders", &twice, &body).await;
    problem(&answer, 400, "invalidIdempotencyKey");
    let answer = app.post("/orders", &[], "nothing at all").await;
    problem(&answer, 400, "idempotencyKeyMissing");
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn a_customer_whom_nobody_knows_is_no_reason_to_refuse_the_order() {
    let app = spawn_app().await;

    let answer = place(&app, "key", &with("/customerId", 5_000.into())).await;

    let placed = answer.json();
    assert_eq!((answer.status, &placed["customer"]), (201, &Value::Null));
    assert_eq!(
        placed["sources"]["customer"],
        json!({ "state": "omitted", "reason": "notFound" })
    );
}

#[actix_web::test]
async fn what_the_order_service_refuses_was_not_placed() {
    let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
    let bff = spawn_over(&[&orders.url()], &[&customers.url()], |_| {});
    orders.say(
        "400 Bad Request",
        &[],
        r#"{"detail":"no orders on Sundays"}"#,
    );
    let headers = [JSON, ("Idempotency-Key", "key")];

    let answer = raw::send(
        bff.addr,
        "POST",
        "/orders",
        &headers,
        &new_order().to_string(),
    )
    .await
    .unwrap();

    let body = problem(&answer, 400, "orderRefused");
    assert!(!body.to_string().contains("Sundays"), "{body}");
    assert_eq!(orders.requests(), 1, "it is not asked again");
    assert_eq!(customers.requests(), 0);
    assert_eq!(orders.last().all("idempotency-key"), ["\"key\""]);
}

#[actix_web::test]
async fn without_an_answer_the_client_is_told_that_it_may_ask_again_with_the_same_key() {
    let app = spawn_app().await;
    app.orders
        .faults()
        .set(vec![Fault::status(503).after().times(1)]);

    let body = problem(
        &place(&app, "key", &new_order()).await,
        503,
        "upstreamUnavailable",
    );
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("may have been placed"), "{detail}");
    assert!(detail.contains("with the same key"), "{detail}");

    let again = place(&app, "key", &new_order()).await;
    assert_eq!(again.status, 201);
    assert_eq!(app.orders.placed().len(), 1, "it was placed before");
}

#[actix_web::test]
async fn an_order_service_that_takes_no_orders_is_no_fault_of_the_client() {
    let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
    let bff = spawn_over(&[&orders.url()], &[&customers.url()], |_| {});
    let headers = [JSON, ("Idempotency-Key", "key")];

    for status in ["404 Not Found", "405 Method Not Allowed"] {
        orders.say(status, &[], "{}");
        let answer = raw::send(
            bff.addr,
            "POST",
            "/orders",
            &headers,
            &new_order().to_string(),
        )
        .await
        .unwrap();
        problem(&answer, 502, "upstreamInvalidResponse");
        problem(&bff.get("/orders").await, 502, "upstreamInvalidResponse");
    }
}

#[actix_web::test]
async fn with_its_policies_on_the_server_itself_asks_again_and_one_order_is_placed() {
    let services = spawn_app().await;
    let bff = spawn_over(
        &[&services.orders.url()],
        &[&services.customers.url()],
        |_| {},
    );
    for (key, lost) in [("one", Fault::status(503)), ("two", Fault::status(500))] {
        services
            .orders
            .faults()
            .set(vec![lost.after().times(1).route("/orders")]);
        let headers = [JSON, ("Idempotency-Key", key)];
        let body = new_order().to_string();

        let answer = raw::send(bff.addr, "POST", "/orders", &headers, &body)
            .await
            .unwrap();

        assert_eq!(answer.status, 201, "{answer:?}");
    }
    assert_eq!(services.orders.placed().len(), 2);
    assert_eq!(services.orders.requests_of("POST", "/orders"), 4);
}
