//! `GET /orders/{id}`: what the web client gets, when all is well and when it is not.

use std::time::Duration;

use bff_shared::upstream::Instant;
use mock_services::fault::{BodyFault, Fault};
use mock_services::{Options, customers, raw};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::helpers::{TestApp, endpoint, kill, problem, spawn_app, spawn_with};

/// Order 1 with its customer, as the web client gets it.
fn order_1() -> Value {
    json!({
        "id": 1,
        "description": "This is the order's description",
        "status": null,
        "placedAt": null,
        "currency": null,
        "lines": [
            { "description": "item 1", "quantity": 1, "price": 3.5 },
            { "description": "item 2", "quantity": 1, "price": 2 }
        ],
        "total": 5.5,
        "customer": { "id": 56, "name": "John Doe", "email": "john@protonmail.com", "phone": null, "address": null },
        "sources": { "order": { "state": "fresh" }, "customer": { "state": "fresh" } }
    })
}

fn order_1_without_customer(reason: &str) -> Value {
    let mut order = order_1();
    order["customer"] = Value::Null;
    order["sources"]["customer"] = json!({ "state": "omitted", "reason": reason });
    order
}

#[actix_web::test]
async fn an_order_comes_with_its_customer() {
    let app = spawn_app().await;

    let answer = app.get("/orders/1").await;

    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(answer.json(), order_1());
    assert_eq!(app.asked(), (1, 1), "one call to each service");
}

#[actix_web::test]
async fn head_is_answered_like_get_without_the_body() {
    let app = spawn_app().await;

    let get = app.get("/orders/1").await;
    let head = raw::send(app.addr, "HEAD", "/orders/1", &[], "")
        .await
        .unwrap();

    assert_eq!((head.status, &*head.body), (200, ""));
    for name in ["content-type", "content-length"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    // How long it may be kept depends on the second in which each was asked for.
    assert!(head.kept_privately().is_some(), "{head:?}");
    assert_eq!(app.asked(), (2, 2));
}

#[actix_web::test]
async fn a_complete_answer_may_be_kept_as_long_as_its_shortest_lived_source() {
    let app = spawn_app().await;

    let begun = Instant::now();
    let answer = app.get("/orders/1").await;

    // Orders are fresh for 5 seconds, customers for 60.
    assert!(answer.is_kept_for(5, begun.elapsed()), "{answer:?}");
}

#[actix_web::test]
async fn server_timing_names_each_source_with_its_state() {
    let app = spawn_app().await;

    let answer = app.get("/orders/1").await;

    let timing = answer.header("server-timing").unwrap();
    let entries: Vec<Vec<&str>> = timing
        .split(", ")
        .map(|entry| entry.split(';').collect())
        .collect();
    let [order, customer] = &entries[..] else {
        panic!("{timing}")
    };
    for (entry, name) in [(order, "order"), (customer, "customer")] {
        assert_eq!((entry[0], entry[2]), (name, "desc=\"fresh\""), "{timing}");
        assert!(
            entry[1]
                .strip_prefix("dur=")
                .unwrap()
                .parse::<f64>()
                .unwrap()
                > 0.0,
            "{timing}"
        );
    }
}

#[actix_web::test]
async fn every_generated_order_can_be_shown() {
    let app = spawn_app().await;

    for id in 1..=200 {
        let answer = app.get(&format!("/orders/{id}")).await;
        let order = answer.json();
        assert_eq!(
            (answer.status, order["id"].as_u64()),
            (200, Some(id)),
            "{order}"
        );
        assert_eq!(
            order["sources"],
            json!({ "order": { "state": "fresh" }, "customer": { "state": "fresh" } })
        );
        assert_eq!(order.get("customerId"), None);
    }
}

/// Every way in which the customer service can fail, and what the client is told.
fn customer_faults() -> [(Vec<Fault>, &'static str); 11] {
    [
        (vec![Fault::status(500)], "unavailable"),
        (vec![Fault::status(503)], "unavailable"),
        (vec![Fault::status(429)], "overloaded"),
        (vec![Fault::hang()], "timeout"),
        (vec![Fault::latency_ms(5_000)], "timeout"),
        (vec![Fault::body(BodyFault::Malformed)], "invalidResponse"),
        (vec![Fault::body(BodyFault::WrongShape)], "invalidResponse"),
        (vec![Fault::body(BodyFault::WrongId)], "invalidResponse"),
        (vec![Fault::body(BodyFault::Empty)], "invalidResponse"),
        (vec![Fault::body(BodyFault::Html)], "invalidResponse"),
        (
            vec![Fault::latency_ms(1), Fault::status(502)],
            "unavailable",
        ),
    ]
}

#[actix_web::test]
async fn without_its_customer_an_order_says_why() {
    let app = spawn_with(|config| {
        config.services.customers.attempt_timeout = Duration::from_millis(800);
    })
    .await;

    for (faults, reason) in customer_faults() {
        let name = format!("{faults:?}");
        app.customers.faults().set(faults);
        let answer = app.get("/orders/1").await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(answer.json(), order_1_without_customer(reason), "{name}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        let timing = answer.header("server-timing").unwrap();
        assert!(
            timing.contains(&format!("desc=\"omitted {reason}\"")),
            "{name}: {timing}"
        );
    }

    app.customers.faults().clear();
    assert_eq!(
        app.get("/orders/1").await.json(),
        order_1(),
        "nothing of the faults stays"
    );
}

#[actix_web::test]
async fn a_customer_service_that_is_gone_costs_the_customer_only() {
    let app = spawn_app().await;
    let TestApp {
        addr, customers, ..
    } = app;
    let _port = kill(customers).await;

    let answer = raw::get(addr, "/orders/1").await.unwrap();

    assert_eq!(
        (answer.status, answer.json()),
        (200, order_1_without_customer("unavailable"))
    );
}

#[actix_web::test]
async fn a_customer_whom_the_service_does_not_know_is_left_out() {
    // Customer 56 and customer 1 are all there are; the orders are of customers up to 1,000.
    let few = customers::start(&Options {
        customers: 1,
        ..Options::default()
    })
    .unwrap();
    let app =
        spawn_with(|config| config.services.customers.endpoints = vec![endpoint(&few.url())]).await;

    let mut sources = Vec::new();
    for id in 2..=10 {
        sources.push(app.get(&format!("/orders/{id}")).await.json()["sources"]["customer"].clone());
    }

    assert!(
        sources.contains(&json!({ "state": "omitted", "reason": "notFound" })),
        "{sources:?}"
    );
}

#[actix_web::test]
async fn an_order_that_does_not_exist_is_a_404() {
    let app = spawn_app().await;

    let answer = app.get("/orders/10001").await;

    let body = problem(&answer, 404, "orderNotFound");
    assert_eq!(body["detail"], "There is no order 10001.");
    assert_eq!(
        app.asked(),
        (1, 0),
        "nobody asks for the customer of no order"
    );
}

#[actix_web::test]
async fn without_its_order_there_is_a_problem_with_the_right_status() {
    let app = spawn_with(|config| {
        config.services.orders.attempt_timeout = Duration::from_millis(800);
    })
    .await;
    let faults = [
        (Fault::status(500), 503, "upstreamUnavailable"),
        (Fault::status(503), 503, "upstreamUnavailable"),
        (Fault::status(429), 503, "upstreamOverloaded"),
        (Fault::hang(), 504, "upstreamTimeout"),
        (
            Fault::body(BodyFault::Malformed),
            502,
            "upstreamInvalidResponse",
        ),
        (
            Fault::body(BodyFault::WrongShape),
            502,
            "upstreamInvalidResponse",
        ),
        (
            Fault::body(BodyFault::WrongId),
            502,
            "upstreamInvalidResponse",
        ),
        (
            Fault::body(BodyFault::Empty),
            502,
            "upstreamInvalidResponse",
        ),
        (Fault::body(BodyFault::Html), 502, "upstreamInvalidResponse"),
    ];

    for (fault, status, code) in faults {
        app.orders.faults().set(vec![fault.clone()]);
        let answer = app.get("/orders/1").await;
        let body = problem(&answer, status, code).to_string();
        let port = app.orders.addr().port().to_string();
        assert!(
            !body.contains("127.0.0.1") && !body.contains(&port),
            "{fault:?} tells where the service is: {body}"
        );
    }
    assert_eq!(app.customers.requests(), 0);
}

#[actix_web::test]
async fn retry_after_of_the_order_service_reaches_the_client() {
    let app = spawn_app().await;
    app.orders
        .faults()
        .set(vec![Fault::status_retry_after(503, 7)]);

    let answer = app.get("/orders/1").await;

    problem(&answer, 503, "upstreamUnavailable");
    assert_eq!(answer.header("retry-after"), Some("7"));
}

#[actix_web::test]
async fn an_order_service_that_is_gone_is_a_503() {
    let app = spawn_app().await;
    let TestApp { addr, orders, .. } = app;
    let _port = kill(orders).await;

    let answer = raw::get(addr, "/orders/1").await.unwrap();

    problem(&answer, 503, "upstreamUnavailable");
}

#[actix_web::test]
async fn the_whole_answer_has_one_deadline() {
    const MINUTE: Duration = Duration::from_secs(60);
    let app = spawn_with(|config| {
        config.server.deadline = Duration::from_millis(300);
        (
            config.services.customers.deadline,
            config.services.customers.attempt_timeout,
        ) = (MINUTE, MINUTE);
    })
    .await;
    app.customers.faults().set(vec![Fault::hang()]);

    let answer = timeout(MINUTE / 2, app.get("/orders/1"))
        .await
        .expect("an answer long before the customers' own limits");

    assert_eq!(
        (answer.status, answer.json()),
        (200, order_1_without_customer("timeout"))
    );
}
