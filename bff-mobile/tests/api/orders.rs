//! `GET /orders/{id}`: what the app gets, when all is well and when it is not.

use std::time::Duration;

use bff_shared::domain::ServicesConfig;
use bff_shared::serve::Stop;
use bff_shared::upstream::Instant;
use mock_services::fault::{BodyFault, Fault};
use mock_services::{Options, customers, raw};
use serde_json::{Value, json};

use crate::helpers::{ANY_PORT, TestApp, endpoint, kill, problem, spawn_app, spawn_with};

/// Order 1 with its customer's name, as the app gets it.
fn order_1() -> Value {
    json!({
        "id": 1,
        "title": "This is the order's description",
        "itemCount": 2,
        "total": 5.5,
        "customerName": "John Doe"
    })
}

fn order_1_without_customer(reason: &str) -> Value {
    let mut order = order_1();
    order["customerName"] = json!("Customer 56");
    order["sources"] = json!({ "customer": { "state": "default", "reason": reason } });
    order
}

#[actix_web::test]
async fn an_order_comes_in_short_with_its_customers_name() {
    let app = spawn_app().await;

    let answer = app.get("/orders/1").await;

    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(
        answer.json(),
        order_1(),
        "no source is named: all of them are fresh"
    );
    assert_eq!(app.asked(), (1, 1), "one call to each service");
}

#[actix_web::test]
async fn a_complete_answer_may_be_kept_as_long_as_its_shortest_lived_source() {
    let app = spawn_app().await;

    let begun = Instant::now();
    let answer = app.get("/orders/1").await;

    // Orders are fresh for 5 seconds, customers for 60.
    assert!(answer.is_kept_for(5, begun.elapsed()), "{answer:?}");
    let timing = answer.header("server-timing").unwrap();
    assert!(
        timing.contains("order;dur=") && timing.contains("customer;dur="),
        "{timing}"
    );
}

#[actix_web::test]
async fn it_has_at_most_half_as_many_bytes_as_the_web_clients() {
    let app = spawn_app().await;
    let mut config = bff_web::Config::new(ServicesConfig::new(
        endpoint(&app.orders.url()),
        endpoint(&app.customers.url()),
    ));
    (
        config.server.listen,
        config.server.admin_listen,
        config.server.workers,
    ) = (ANY_PORT, ANY_PORT, 1);
    let web = bff_web::bind(config).unwrap();
    let web_addr = web.addr();
    actix_web::rt::spawn(web.run(std::future::pending::<Stop>()));

    let (short, full) = (
        app.get("/orders/1").await,
        raw::get(web_addr, "/orders/1").await.unwrap(),
    );

    assert_eq!((short.status, full.status), (200, 200));
    assert_eq!(
        full.json()["customer"]["name"],
        "John Doe",
        "the web client's answer is complete"
    );
    assert!(
        2 * short.body.len() <= full.body.len(),
        "{} and {}",
        short.body.len(),
        full.body.len()
    );
}

/// What the app is to get, made from what the services themselves say.
async fn expected(app: &TestApp, id: u64) -> Value {
    let order = raw::get(app.orders.addr(), &format!("/orders/{id}"))
        .await
        .unwrap()
        .json();
    let customer = format!("/customers/{}", order["customerId"]);
    let customer = raw::get(app.customers.addr(), &customer)
        .await
        .unwrap()
        .json();
    let lines = order["lines"].as_array().unwrap();
    let count: u64 = lines
        .iter()
        .map(|line| {
            line.get("quantity")
                .map_or(1, |count| count.as_u64().unwrap())
        })
        .sum();
    let mut expected = json!({
        "id": order["id"], "title": order["description"], "itemCount": count, "total": order["total"],
        "customerName": customer["name"],
    });
    for field in ["status", "placedAt", "currency"] {
        if let Some(value) = order.get(field) {
            expected[field] = value.clone();
        }
    }
    expected
}

#[actix_web::test]
async fn every_generated_order_is_shown_as_the_services_have_it_without_fields_that_have_no_value()
{
    let app = spawn_app().await;

    for id in 1..=200 {
        let answer = app.get(&format!("/orders/{id}")).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, expected(&app, id).await)
        );
        assert!(!answer.body.contains("null"), "{}", answer.body);
    }
}

#[actix_web::test]
async fn without_its_customer_an_order_has_a_label_in_place_of_the_name_and_says_why() {
    let app =
        spawn_with(|config| config.services.customers.attempt_timeout = Duration::from_millis(800))
            .await;
    let faults = [
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
    ];

    for (faults, reason) in faults {
        let name = format!("{faults:?}");
        app.customers.faults().set(faults);
        let answer = app.get("/orders/1").await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, order_1_without_customer(reason)),
            "{name}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
        let timing = answer.header("server-timing").unwrap();
        assert!(
            timing.contains(&format!("desc=\"default {reason}\"")),
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
async fn a_customer_service_that_is_gone_costs_the_name_only() {
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
async fn a_customer_whom_the_service_does_not_know_gets_a_label() {
    // Customers 1 and 56 are all there are; the orders are of customers up to 1,000.
    let few = customers::start(&Options {
        customers: 1,
        ..Options::default()
    })
    .unwrap();
    let app =
        spawn_with(|config| config.services.customers.endpoints = vec![endpoint(&few.url())]).await;
    let order = raw::get(app.orders.addr(), "/orders/2")
        .await
        .unwrap()
        .json();
    let customer = order["customerId"].as_u64().unwrap();
    assert!(
        customer != 1 && customer != 56,
        "order 2 is of a customer who is left out"
    );

    let answer = app.get("/orders/2").await;

    assert_eq!(
        (answer.status, &answer.json()["customerName"]),
        (200, &json!(format!("Customer {customer}")))
    );
    assert_eq!(
        answer.json()["sources"],
        json!({ "customer": { "state": "default", "reason": "notFound" } })
    );
}

#[actix_web::test]
async fn an_order_that_does_not_exist_is_a_404() {
    let app = spawn_app().await;

    let answer = app.get("/orders/10001").await;

    assert_eq!(
        problem(&answer, 404, "orderNotFound")["detail"],
        "There is no order 10001."
    );
    assert_eq!(
        app.asked(),
        (1, 0),
        "nobody asks for the customer of no order"
    );
}

#[actix_web::test]
async fn without_its_order_there_is_a_problem_with_the_right_status() {
    let app =
        spawn_with(|config| config.services.orders.attempt_timeout = Duration::from_millis(800))
            .await;
    let faults = [
        (Fault::status(500), 503, "upstreamUnavailable", None),
        (
            Fault::status_retry_after(503, 7),
            503,
            "upstreamUnavailable",
            Some("7"),
        ),
        (Fault::status(429), 503, "upstreamOverloaded", Some("1")),
        (Fault::hang(), 504, "upstreamTimeout", None),
        (
            Fault::body(BodyFault::Malformed),
            502,
            "upstreamInvalidResponse",
            None,
        ),
        (
            Fault::body(BodyFault::WrongShape),
            502,
            "upstreamInvalidResponse",
            None,
        ),
        (
            Fault::body(BodyFault::WrongId),
            502,
            "upstreamInvalidResponse",
            None,
        ),
        (
            Fault::body(BodyFault::Empty),
            502,
            "upstreamInvalidResponse",
            None,
        ),
        (
            Fault::body(BodyFault::Html),
            502,
            "upstreamInvalidResponse",
            None,
        ),
    ];

    for (fault, status, code, retry_after) in faults {
        app.orders.faults().set(vec![fault.clone()]);
        let answer = app.get("/orders/1").await;
        let body = problem(&answer, status, code).to_string();
        let port = app.orders.addr().port().to_string();
        assert!(
            !body.contains("127.0.0.1") && !body.contains(&port),
            "{fault:?} tells where the service is: {body}"
        );
        assert_eq!(answer.header("retry-after"), retry_after, "{fault:?}");
    }
    assert_eq!(app.customers.requests(), 0);
}
