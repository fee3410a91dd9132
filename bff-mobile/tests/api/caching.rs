//! What the app gets of what is kept, and of what cannot be renewed.

use mock_services::Options;
use mock_services::fault::Fault;
use serde_json::{Value, json};

use crate::helpers::{TestApp, problem, spawn_over, spawn_stale};

fn spawn() -> TestApp {
    let options = Options::default();
    spawn_over([&options; 2], |_| {})
}

#[actix_web::test]
async fn what_is_cached_is_as_good_as_fresh_and_needs_no_word() {
    let app = spawn();

    let (fresh, cached) = (app.get("/orders/1").await, app.get("/orders/1").await);

    assert_eq!(app.asked(), (1, 1));
    assert_eq!(cached.body, fresh.body);
    assert_eq!(fresh.json()["sources"], Value::Null);
    assert_eq!(cached.header("etag"), fresh.header("etag"));
    let status = cached.header("cache-status").unwrap();
    assert!(
        status.starts_with("order; hit; ttl=") && status.contains(", customer; hit; ttl="),
        "{status}"
    );
}

#[actix_web::test]
async fn an_app_that_has_the_answer_is_told_so() {
    let app = spawn();
    let tag = app
        .get("/orders/1")
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    assert!(tag.starts_with("W/"), "{tag}");

    let known = app.get_with("/orders/1", &[("If-None-Match", &tag)]).await;
    let other = app.get_with("/orders/2", &[("If-None-Match", &tag)]).await;

    assert_eq!((known.status, &*known.body), (304, ""));
    assert_eq!(known.header("etag"), Some(&*tag));
    assert_eq!(other.status, 200, "the tag is of another order");
}

#[actix_web::test]
async fn an_old_name_is_better_than_a_label() {
    let app = spawn_stale();
    let complete = app.get("/orders/1").await.json();
    app.customers.faults().set(vec![Fault::status(503)]);

    let known = app.get("/orders/1").await;
    let unknown = app.get("/orders/2").await;

    let mut body = known.json();
    let sources = body.as_object_mut().unwrap().remove("sources").unwrap();
    assert_eq!(body, complete, "the name is there");
    let age = sources["customer"]["ageSeconds"].as_u64().unwrap();
    assert_eq!(
        sources,
        json!({ "customer": { "state": "stale", "ageSeconds": age, "reason": "unavailable" } })
    );
    for answer in [&known, &unknown] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("etag"), None);
    }
    let body = unknown.json();
    let name = body["customerName"].as_str().unwrap();
    assert!(name.starts_with("Customer "), "{name}");
    assert_eq!(
        body["sources"],
        json!({ "customer": { "state": "default", "reason": "unavailable" } })
    );
}

#[actix_web::test]
async fn an_old_order_is_shown_as_such_and_without_one_there_is_a_problem() {
    let app = spawn_stale();
    app.get("/orders/1").await;
    app.orders.faults().set(vec![Fault::status(503)]);

    let body = app.get("/orders/1").await.json();

    assert_eq!(body["customerName"], "John Doe");
    let order = &body["sources"]["order"];
    assert_eq!(
        (&order["state"], &order["reason"]),
        (&json!("stale"), &json!("unavailable"))
    );
    assert_eq!(body["sources"]["customer"], Value::Null, "it is fresh");
    problem(&app.get("/orders/2").await, 503, "upstreamUnavailable");
}
