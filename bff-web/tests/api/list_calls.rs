//! What a list costs: one call for the orders, and one for each hundred of their customers.

use mock_services::fault::Fault;
use mock_services::{Options, Running};
use serde_json::{Value, json};

use crate::helpers::recorder::Recorder;
use crate::helpers::{TestApp, spawn_app, spawn_of, spawn_over, spawn_with, with_caches};

/// How often the customer service was asked for several, and for one.
fn batches_and_singles(customers: &Running) -> (u64, u64) {
    (
        customers.requests_of("GET", "/customers"),
        customers.requests_of("GET", "/customers/{id}"),
    )
}

/// The different customers of a page.
fn customers(page: &Value) -> Vec<u64> {
    let items = page["items"].as_array().unwrap().iter();
    let mut ids: Vec<_> = items
        .map(|order| order["customer"]["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[actix_web::test]
async fn a_list_costs_two_calls_however_long_it_is() {
    let app = spawn_app().await;

    for (round, limit) in [(1, 2), (2, 20), (3, 100)] {
        let page = app.get(&format!("/orders?limit={limit}")).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), limit);
        assert_eq!(page["sources"]["customers"], json!({ "state": "fresh" }));
        assert_eq!(app.orders.requests_of("GET", "/orders"), round);
        assert_eq!(batches_and_singles(&app.customers), (round, 0));
    }
    assert_eq!(app.asked(), (3, 3));
}

#[actix_web::test]
async fn each_customer_is_asked_for_once() {
    let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
    let order =
        |id: u64, of: u64| json!({ "id": id, "description": "", "customerId": of, "lines": [] });
    let items = [
        order(9, 56),
        order(8, 7),
        order(7, 56),
        order(6, 8),
        order(5, 7),
    ];
    orders.say("200 OK", &[], &json!({ "items": items }).to_string());
    let customer = |id: u64| json!({ "id": id, "name": format!("n{id}"), "email": "e" });
    // In another order, with one who was not asked for.
    let found = json!({ "items": [customer(56), customer(99), customer(8), customer(7)] });
    customers.say("200 OK", &[], &found.to_string());
    let bff = spawn_over(&[&orders.url()], &[&customers.url()], |_| {});

    let page = bff.get("/orders").await.json();

    let head = customers.only().0;
    assert!(head.starts_with("GET /customers?ids=7,8,56 "), "{head}");
    let names = page["items"].as_array().unwrap().iter();
    let names: Vec<_> = names
        .map(|order| order["customer"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["n56", "n7", "n56", "n8", "n7"]);
}

#[actix_web::test]
async fn a_service_without_batches_is_asked_one_by_one_and_not_tried_again() {
    for status in [404, 405, 501] {
        let single = Options {
            no_batch: Some(status),
            ..Options::default()
        };
        let app = spawn_of(&Options::default(), &single, |_| {}).await;

        let page = app.get("/orders?limit=30").await.json();

        assert_eq!(
            page["sources"]["customers"],
            json!({ "state": "fresh" }),
            "{status}"
        );
        let distinct = customers(&page).len() as u64;
        assert_eq!(batches_and_singles(&app.customers), (1, distinct));
        app.get("/orders?limit=30").await;
        assert_eq!(batches_and_singles(&app.customers), (1, 2 * distinct));
    }
}

#[actix_web::test]
async fn a_customer_who_does_not_exist_costs_only_their_orders() {
    let few = |no_batch| Options {
        customers: 500,
        no_batch,
        ..Options::default()
    };
    for no_batch in [None, Some(404)] {
        let app = spawn_of(&Options::default(), &few(no_batch), |_| {}).await;

        let answer = app.get("/orders?limit=40").await;

        let page = answer.json();
        let (there, gone): (Vec<_>, Vec<_>) = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .partition(|order| order["customer"].is_object());
        assert!(there.len() > 5 && gone.len() > 5, "{page}");
        for order in there {
            assert_eq!(order["sources"]["customer"], json!({ "state": "fresh" }));
        }
        let missing = json!({ "state": "omitted", "reason": "notFound" });
        for order in gone {
            assert_eq!(order["sources"]["customer"], missing);
        }
        assert_eq!(page["sources"]["customers"], missing);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[actix_web::test]
async fn what_an_order_kept_of_its_customer_answers_a_list_and_the_other_way_round() {
    let app = spawn_with(with_caches).await;
    let alone = app.get("/orders/9745").await.json();
    assert_eq!(alone["customer"]["id"], 56);
    assert_eq!(batches_and_singles(&app.customers), (0, 1));

    let page = app.get("/orders?customerId=56").await.json();
    assert_eq!(page["sources"]["customers"]["state"], "cached");
    assert_eq!(
        batches_and_singles(&app.customers),
        (0, 1),
        "nobody is left"
    );

    let page = app.get("/orders?limit=10").await.json();
    assert_eq!(batches_and_singles(&app.customers), (1, 1));
    for order in page["items"].as_array().unwrap() {
        let alone = app.get(&format!("/orders/{}", order["id"])).await.json();
        assert_eq!(alone["sources"]["customer"]["state"], "cached");
    }
    assert_eq!(batches_and_singles(&app.customers), (1, 1));
}

#[actix_web::test]
async fn only_those_who_are_not_kept_are_asked_for_and_only_they_fail() {
    let app = spawn_with(with_caches).await;
    let page = app.get("/orders?limit=3").await.json();
    let kept = customers(&page);
    let TestApp { customers, .. } = &app;
    customers.faults().set(vec![Fault::status(503)]);

    let page = app.get("/orders?limit=6").await.json();

    for order in page["items"].as_array().unwrap() {
        let customer = &order["customer"];
        match customer["id"].as_u64() {
            Some(id) => assert!(kept.contains(&id)),
            None => assert_eq!(order["sources"]["customer"]["reason"], "unavailable"),
        }
    }
    let states = page["items"].as_array().unwrap().iter();
    let states: Vec<_> = states
        .map(|order| order["sources"]["customer"]["state"].as_str().unwrap())
        .collect();
    assert_eq!(states[..3], ["cached"; 3]);
    assert!(states.contains(&"omitted"), "{states:?}");
    assert_eq!(
        page["sources"]["customers"]["state"], "omitted",
        "the worst of all"
    );
}

#[actix_web::test]
async fn a_list_is_kept_for_as_long_as_its_service_says() {
    let app = spawn_with(with_caches).await;

    let first = app.get("/orders?limit=5").await;
    let second = app.get("/orders?limit=5").await;

    assert_eq!(app.asked(), (1, 1));
    assert_eq!(first.header("etag"), second.header("etag"));
    let page = second.json();
    assert_eq!(page["sources"]["orders"]["state"], "cached");
    for order in page["items"].as_array().unwrap() {
        assert_eq!(order["sources"]["order"], page["sources"]["orders"]);
    }
    app.get("/orders?limit=6").await;
    assert_eq!(app.orders.requests(), 2, "another list");
}
