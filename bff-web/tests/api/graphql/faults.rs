//! What is missing costs its own field: a null, an error that says why, and the rest is intact.

use std::time::Duration;

use mock_services::Options;
use mock_services::fault::{BodyFault, Fault};
use serde_json::{Value, json};

use super::{executed, post};
use crate::helpers::{GUARD, spawn_app, spawn_of, spawn_with, with_caches};

#[actix_web::test]
async fn without_the_customer_service_there_are_the_orders() {
    let app = spawn_app().await;
    for (fault, code, reason) in [
        (Fault::status(503), "upstreamUnavailable", "unavailable"),
        (Fault::status(429), "upstreamOverloaded", "overloaded"),
        (
            Fault::body(BodyFault::WrongShape),
            "upstreamInvalidResponse",
            "invalidResponse",
        ),
    ] {
        app.customers.faults().set(vec![fault]);

        let query = "{ order(id: 1) { total customer { name } sources { order { state } customer { state reason } } } }";
        let answer = post(&app, query, &json!({})).await;

        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.json();
        assert_eq!(
            body["data"],
            json!({ "order": {
                "total": 5.5,
                "customer": null,
                "sources": { "order": { "state": "fresh" }, "customer": { "state": "omitted", "reason": reason } },
            } })
        );
        let errors = body["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{body}");
        assert_eq!(errors[0]["path"], json!(["order", "customer"]));
        let extensions = &errors[0]["extensions"];
        assert_eq!(
            (
                &extensions["code"],
                &extensions["reason"],
                &extensions["source"]
            ),
            (&json!(code), &json!(reason), &json!("customer"))
        );
        assert_eq!(
            body["extensions"]["sources"],
            json!({ "order": { "state": "fresh" }, "customers": { "state": "omitted", "reason": reason } })
        );
    }
}

#[actix_web::test]
async fn a_page_without_customers_has_an_error_for_each_of_its_orders() {
    let app = spawn_app().await;
    app.customers.faults().set(vec![Fault::status(503)]);

    let body = executed(
        &app,
        "{ orders(first: 3) { nodes { id customer { name } } } }",
    )
    .await;

    let nodes = body["data"]["orders"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    assert!(
        nodes
            .iter()
            .all(|node| node["id"].is_string() && node["customer"].is_null())
    );
    let mut paths: Vec<_> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["path"].clone())
        .collect();
    paths.sort_by_key(ToString::to_string);
    let expected = (0..3).map(|at| json!(["orders", "nodes", at, "customer"]));
    assert_eq!(paths, expected.collect::<Vec<_>>());
    assert_eq!(app.asked(), (1, 1));
}

#[actix_web::test]
async fn one_customer_who_is_missing_costs_only_their_orders() {
    let few = Options {
        customers: 500,
        ..Options::default()
    };
    let app = spawn_of(&Options::default(), &few, |_| {}).await;

    let body = executed(
        &app,
        "{ orders(first: 40) { nodes { customer { name } sources { customer { state reason } } } sources { customers { state reason } } } }",
    )
    .await;

    let nodes = body["data"]["orders"]["nodes"].as_array().unwrap();
    let (there, gone): (Vec<_>, Vec<_>) =
        nodes.iter().partition(|node| node["customer"].is_object());
    assert!(there.len() > 5 && gone.len() > 5, "{body}");
    let errors = body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), gone.len());
    assert!(
        errors
            .iter()
            .all(|error| error["extensions"]["code"] == "customerNotFound")
    );
    let missing = json!({ "state": "omitted", "reason": "notFound" });
    for node in gone {
        assert_eq!(node["sources"]["customer"], missing);
    }
    for node in there {
        assert_eq!(
            node["sources"]["customer"],
            json!({ "state": "fresh", "reason": null })
        );
    }
    assert_eq!(body["data"]["orders"]["sources"]["customers"], missing);
    assert_eq!(body["extensions"]["sources"]["customers"], missing);
}

#[actix_web::test]
async fn a_required_source_takes_its_field_with_it_and_no_other() {
    let app = spawn_app().await;
    app.orders
        .faults()
        .set(vec![Fault::status(503).route("/orders/{id}")]);

    let body = executed(
        &app,
        "{ order(id: 1) { id } orders(first: 1) { nodes { id } } customer(id: 56) { name } }",
    )
    .await;

    assert_eq!(body["data"]["order"], Value::Null);
    assert_eq!(body["data"]["orders"]["nodes"][0]["id"], "10000");
    assert_eq!(body["data"]["customer"]["name"], "John Doe");
    assert_eq!(body["errors"].as_array().unwrap().len(), 1, "{body}");
    assert_eq!(body["errors"][0]["path"], json!(["order"]));
    assert_eq!(
        body["errors"][0]["extensions"]["code"],
        "upstreamUnavailable"
    );
    assert_eq!(body["extensions"]["sources"]["order"]["state"], "omitted");
    assert_eq!(body["extensions"]["sources"]["orders"]["state"], "fresh");
}

#[actix_web::test]
async fn what_is_not_there_and_what_is_no_id_are_told_apart() {
    let app = spawn_app().await;

    let body = executed(
        &app,
        "{ gone: order(id: 20000) { id } zero: order(id: 0) { id } text: order(id: \"abc\") { id }
           nobody: customer(id: \"-1\") { id } fine: order(id: 1) { id } }",
    )
    .await;

    assert_eq!(body["data"]["fine"]["id"], "1");
    let of = |path: &str| {
        let errors = body["errors"].as_array().unwrap();
        let found = errors.iter().find(|error| error["path"] == json!([path]));
        found.unwrap_or_else(|| panic!("{path}: {body}"))
    };
    assert_eq!(of("gone")["extensions"]["code"], "orderNotFound");
    assert_eq!(of("gone")["message"], "There is no order 20000.");
    for name in ["zero", "text"] {
        assert_eq!(of(name)["extensions"]["code"], "invalidOrderId");
    }
    assert_eq!(of("nobody")["extensions"]["code"], "invalidCustomerId");
    assert!(
        of("text")["message"]
            .as_str()
            .unwrap()
            .contains("a whole number from 1 to 9007199254740991"),
        "{body}"
    );
    assert_eq!(app.asked(), (2, 0));
}

#[actix_web::test]
async fn wrong_arguments_of_a_page_are_told_at_once_and_nobody_is_asked() {
    let app = spawn_app().await;

    let body = executed(
        &app,
        "{ a: orders(first: 0, customerId: \"x\") { nodes { id } } b: orders(first: 101) { nodes { id } }
           c: orders(first: -1) { nodes { id } } d: orders(after: \"nonsense\") { nodes { id } } }",
    )
    .await;

    assert_eq!(
        body["data"],
        json!({ "a": null, "b": null, "c": null, "d": null })
    );
    let of = |path: &str| {
        let errors = body["errors"].as_array().unwrap();
        let found = errors.iter().find(|error| error["path"] == json!([path]));
        found.unwrap_or_else(|| panic!("{path}: {body}"))["extensions"].clone()
    };
    assert_eq!(of("a")["code"], "invalidInput");
    assert_eq!(
        of("a")["errors"],
        json!([
            { "field": "customerId", "detail": "must be a whole number from 1 to 9007199254740991" },
            { "field": "first", "detail": "must be a whole number from 1 to 100" },
        ])
    );
    assert_eq!(
        (&of("b")["code"], &of("c")["code"]),
        (&json!("invalidInput"), &json!("invalidInput"))
    );
    assert_eq!(of("d")["code"], "invalidCursor");
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn customers_who_hang_cost_no_more_than_the_deadline_of_the_whole() {
    let app = spawn_with(|config| config.server.deadline = Duration::from_millis(300)).await;
    app.customers.faults().set(vec![Fault::hang()]);

    let body = executed(
        &app,
        "{ orders(first: 3) { nodes { id customer { name } } } }",
    )
    .await;

    assert_eq!(body["data"]["orders"]["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(body["errors"][0]["extensions"]["code"], "upstreamTimeout");
    assert_eq!(
        body["extensions"]["sources"]["customers"],
        json!({ "state": "omitted", "reason": "timeout" })
    );
}

#[actix_web::test]
async fn an_order_that_hangs_costs_the_others_nothing() {
    let app = spawn_with(|config| config.server.deadline = Duration::from_secs(4)).await;
    app.orders.faults().set(vec![Fault::hang().times(1)]);

    let body = executed(
        &app,
        "{ a: order(id: 1) { customer { name } } b: order(id: 2) { id customer { id } } c: order(id: 3) { id customer { id } } }",
    )
    .await;

    let there = ["a", "b", "c"]
        .into_iter()
        .filter(|name| body["data"][name].is_object());
    let there: Vec<_> = there.collect();
    assert_eq!(there.len(), 2, "{body}");
    for name in there {
        assert!(body["data"][name]["customer"].is_object(), "{body}");
    }
    let errors = body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{body}");
    assert_eq!(errors[0]["extensions"]["code"], "upstreamTimeout");
}

#[actix_web::test]
async fn an_old_customer_is_shown_and_said_to_be_old() {
    let options = Options {
        cache_control: Some("max-age=0, stale-if-error=600".to_owned()),
        ..Options::default()
    };
    let app = spawn_of(&options, &options, |config| {
        with_caches(config);
        config.services.orders.hedge.after_at_least = GUARD / 2;
        config.services.customers.hedge.after_at_least = GUARD / 2;
    })
    .await;
    app.get("/orders/1").await;
    app.customers.faults().set(vec![Fault::status(503)]);

    let answer = post(
        &app,
        "{ order(id: 1) { customer { name } sources { customer { state ageSeconds reason } } } }",
        &json!({}),
    )
    .await;

    let body = answer.json();
    assert_eq!(body["errors"], Value::Null, "{body}");
    assert_eq!(body["data"]["order"]["customer"]["name"], "John Doe");
    let source = &body["data"]["order"]["sources"]["customer"];
    assert_eq!(
        (&source["state"], &source["reason"]),
        (&json!("stale"), &json!("unavailable"))
    );
    assert!(source["ageSeconds"].is_u64());
    assert_eq!(body["extensions"]["sources"]["customers"]["state"], "stale");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
