//! `GET /customers/{id}`: a customer with what they have ordered.

use std::time::Duration;

use bff_shared::upstream::Instant;
use mock_services::fault::{BodyFault, Fault};
use mock_services::{Options, raw};
use serde_json::{Value, json};

use crate::helpers::{problem, spawn_app, spawn_of, spawn_with, until, with_caches};

#[actix_web::test]
async fn a_customer_comes_with_their_latest_orders_and_what_these_come_to() {
    let app = spawn_app().await;

    let answer = app.get("/customers/56").await;

    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    let body = answer.json();
    assert_eq!(
        (&body["id"], &body["customer"]),
        (
            &json!(56),
            &app.get("/orders/1").await.json()["customer"].clone()
        )
    );
    let orders = app.get("/orders?customerId=56").await.json();
    let orders = orders["items"].as_array().unwrap();
    let short = |order: &Value| {
        let fields = [
            "id",
            "description",
            "status",
            "placedAt",
            "currency",
            "total",
        ];
        let fields = fields.map(|field| (field.to_owned(), order[field].clone()));
        Value::Object(fields.into_iter().collect())
    };
    assert_eq!(
        body["latestOrders"],
        Value::Array(orders.iter().map(short).collect())
    );
    let totals = &body["totals"];
    assert_eq!(
        (&totals["counted"], &totals["hasMore"]),
        (&json!(6), &json!(false))
    );
    assert_eq!(
        totals["byStatus"][0],
        json!({
            "status": "placed", "count": 2,
            "amounts": [{ "currency": "SEK", "total": 44.16 }, { "currency": "USD", "total": 63.5 }],
        })
    );
    assert_eq!(
        body["sources"],
        json!({ "customer": { "state": "fresh" }, "orders": { "state": "fresh" } })
    );
}

#[actix_web::test]
async fn ten_orders_are_shown_and_a_hundred_are_counted() {
    let orders = Options {
        orders: 150,
        customers: 1,
        ..Options::default()
    };
    let app = spawn_of(&orders, &Options::default(), |_| {}).await;

    let body = app.get("/customers/1").await.json();

    let shown = body["latestOrders"].as_array().unwrap();
    assert_eq!(shown.len(), 10);
    assert_eq!(shown[0]["id"], 150);
    let totals = &body["totals"];
    assert_eq!(
        (&totals["counted"], &totals["hasMore"]),
        (&json!(100), &json!(true))
    );
    let counts = totals["byStatus"].as_array().unwrap().iter();
    let counts = counts.map(|of| of["count"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), 100);
    assert_eq!(app.asked(), (1, 1));
}

#[actix_web::test]
async fn a_customer_without_orders_has_none() {
    let few = Options {
        orders: 10,
        ..Options::default()
    };
    let app = spawn_of(&few, &Options::default(), |_| {}).await;

    let body = app.get("/customers/1000").await.json();

    assert_eq!(body["customer"]["id"], 1000);
    assert_eq!(body["latestOrders"], json!([]));
    assert_eq!(
        body["totals"],
        json!({ "byStatus": [], "counted": 0, "hasMore": false })
    );
}

#[actix_web::test]
async fn neither_service_waits_for_the_other() {
    let app = spawn_app().await;
    // Long enough that nobody can have been answered who is still asked; nobody waits for it to end.
    let slow = || vec![Fault::latency_ms(60_000)];
    app.orders.faults().set(slow());
    app.customers.faults().set(slow());

    let request = actix_web::rt::spawn(raw::get(app.addr, "/customers/56"));

    until("both are asked while both are slow", async || {
        app.asked() == (1, 1)
    })
    .await;
    assert!(!request.is_finished());
    request.abort();
}

#[actix_web::test]
async fn a_slow_service_is_waited_for_whichever_it_is() {
    let app = spawn_app().await;

    for slow in [&app.orders, &app.customers] {
        slow.faults().set(vec![Fault::latency_ms(200)]);
        let body = app.get("/customers/56").await.json();
        assert!(body["customer"].is_object() && body["latestOrders"].is_array());
        slow.faults().clear();
    }
}

#[actix_web::test]
async fn nobody_is_a_404_whatever_the_orders_are() {
    let app = spawn_app().await;

    for faults in [vec![], vec![Fault::status(500)]] {
        app.orders.faults().set(faults);
        let body = problem(&app.get("/customers/1001").await, 404, "customerNotFound");
        assert_eq!(body["detail"], "There is no customer 1001.");
    }
}

#[actix_web::test]
async fn either_source_may_fail_alone() {
    let app = spawn_with(|config| {
        for upstream in [&mut config.services.orders, &mut config.services.customers] {
            upstream.attempt_timeout = Duration::from_millis(800);
        }
    })
    .await;
    let whole = app.get("/customers/56").await.json();
    let faults = [
        (Fault::status(500), "unavailable"),
        (Fault::status(429), "overloaded"),
        (Fault::hang(), "timeout"),
        (Fault::body(BodyFault::WrongShape), "invalidResponse"),
    ];

    for (fault, reason) in faults {
        let omitted = json!({ "state": "omitted", "reason": reason });
        app.customers.faults().set(vec![fault.clone()]);
        let without_customer = app.get("/customers/56").await;
        let mut expected = whole.clone();
        expected["customer"] = Value::Null;
        expected["sources"]["customer"] = omitted.clone();
        assert_eq!(without_customer.json(), expected);
        app.customers.faults().clear();

        app.orders.faults().set(vec![fault]);
        let without_orders = app.get("/customers/56").await;
        let mut expected = whole.clone();
        (expected["latestOrders"], expected["totals"]) = (Value::Null, Value::Null);
        expected["sources"]["orders"] = omitted;
        assert_eq!(without_orders.json(), expected);
        app.orders.faults().clear();

        for answer in [without_customer, without_orders] {
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("etag"), None);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
}

#[actix_web::test]
async fn without_both_the_orders_say_what_is_wrong() {
    let app = spawn_app().await;
    app.customers.faults().set(vec![Fault::status(429)]);

    for (fault, status, code) in [
        (
            Fault::status_retry_after(503, 7),
            503,
            "upstreamUnavailable",
        ),
        (Fault::body(BodyFault::Html), 502, "upstreamInvalidResponse"),
    ] {
        app.orders.faults().set(vec![fault]);
        let answer = app.get("/customers/56").await;
        problem(&answer, status, code);
        if status == 503 {
            assert_eq!(answer.header("retry-after"), Some("7"));
        }
    }
}

#[actix_web::test]
async fn what_is_no_customer_id_is_refused_with_what_is_allowed() {
    let app = spawn_app().await;

    for id in [
        "abc",
        "0",
        "-1",
        "+1",
        "01",
        "1.5",
        "9007199254740992",
        "1%20",
        "%ff",
        "1,2",
        "{id}",
    ] {
        let body = problem(
            &app.get(&format!("/customers/{id}")).await,
            400,
            "invalidCustomerId",
        );
        assert_eq!(
            body["detail"],
            "In /customers/{id}, an id is a whole number from 1 to 9007199254740991, in digits without a leading zero.",
            "{id}"
        );
    }
    for path in [
        "/customers",
        "/customers/",
        "/customers/1/",
        "/customers/1/orders",
    ] {
        problem(&app.get(path).await, 404, "unknownPath");
    }
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn a_customer_is_kept_privately_and_known_again_by_its_tag() {
    let app = spawn_with(with_caches).await;

    let begun = Instant::now();
    let first = app.get("/customers/56").await;

    assert!(first.is_kept_for(5, begun.elapsed()), "{first:?}");
    let tag = first.header("etag").unwrap();
    let again = app
        .get_with("/customers/56", &[("If-None-Match", tag)])
        .await;
    assert_eq!((again.status, &*again.body), (304, ""));
    assert_eq!(app.asked(), (1, 1));
    let order = app.get("/orders/1").await.json();
    assert_eq!(
        order["sources"]["customer"]["state"], "cached",
        "what one screen kept answers another"
    );
}
