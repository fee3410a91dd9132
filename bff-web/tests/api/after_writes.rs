//! What was written is seen by the next read, whatever was kept before it.

use mock_services::fault::Fault;
use mock_services::raw::Answer;
use mock_services::{Options, raw};
use serde_json::{Value, json};

use crate::helpers::{TestApp, problem, spawn_of, until, with_caches};
use crate::lists::ids;
use crate::writes::{new_order, place};

/// Every screen that shows an order of customer 56.
const SCREENS: [&str; 4] = [
    "/orders/1",
    "/orders",
    "/orders?customerId=56&limit=100",
    "/customers/56",
];

/// A BFF over services whose answers hold for long: whatever is kept is given for as long as the test runs.
async fn start() -> TestApp {
    let kept = Options {
        cache_control: Some("max-age=600, stale-if-error=600".to_owned()),
        ..Options::default()
    };
    spawn_of(&kept, &kept, with_caches).await
}

/// Every screen, each of which is kept afterwards.
async fn look(app: &TestApp) -> Vec<Value> {
    let mut seen = Vec::new();
    for screen in SCREENS {
        app.get(screen).await;
        let asked = app.asked();
        seen.push(app.get(screen).await.json());
        assert_eq!(app.asked(), asked, "{screen} is kept");
    }
    seen
}

/// Whether the latest order everywhere is the one with this id.
async fn assert_seen(app: &TestApp, id: u64) {
    let list = app.get("/orders").await.json();
    assert_eq!(ids(&list)[0], id);
    assert_eq!(list["sources"]["orders"], json!({ "state": "fresh" }));
    let of_56 = app.get("/orders?customerId=56&limit=100").await.json();
    assert_eq!(ids(&of_56)[0], id);
    let screen = app.get("/customers/56").await.json();
    assert_eq!(screen["latestOrders"][0]["id"], id);
    assert_eq!(screen["totals"]["counted"], 7);
    let order = app.get(&format!("/orders/{id}")).await;
    assert_eq!((order.status, &order.json()["id"]), (200, &json!(id)));
}

#[actix_web::test]
async fn an_order_that_was_placed_is_in_every_list() {
    let app = start().await;
    look(&app).await;
    problem(&app.get("/orders/10001").await, 404, "orderNotFound");

    let answer = place(&app, "key", &new_order()).await;

    assert_eq!(answer.status, 201);
    assert_seen(&app, 10_001).await;
}

#[actix_web::test]
async fn an_order_that_was_cancelled_is_so_everywhere() {
    let app = start().await;
    let before = look(&app).await;
    assert_eq!(before[0]["status"], Value::Null);

    app.post("/orders/1/cancel", &[], "").await;

    let order = app.get("/orders/1").await.json();
    assert_eq!(
        (&order["status"], &order["sources"]["order"]),
        (&json!("cancelled"), &json!({ "state": "fresh" }))
    );
    let list = app.get("/orders?customerId=56&limit=100").await.json();
    assert_eq!(list["items"][5]["status"], "cancelled");
    let screen = app.get("/customers/56").await.json();
    assert_eq!(screen["latestOrders"][5]["status"], "cancelled");
    assert_eq!(
        order["sources"]["customer"]["state"], "cached",
        "the customer is as before"
    );
}

#[actix_web::test]
async fn what_was_written_is_seen_though_the_answer_was_lost() {
    for lost in [Fault::status(503), Fault::status(500)] {
        let app = start().await;
        look(&app).await;
        app.orders
            .faults()
            .set(vec![lost.after().times(1).route("/orders")]);

        let answer = place(&app, "key", &new_order()).await;

        problem(&answer, 503, "upstreamUnavailable");
        app.orders.faults().clear();
        assert_seen(&app, 10_001).await;
    }
}

#[actix_web::test]
async fn a_cancellation_is_seen_though_the_answer_was_lost() {
    let app = start().await;
    look(&app).await;
    app.orders.faults().set(vec![Fault::status(500).after()]);

    problem(
        &app.post("/orders/1/cancel", &[], "").await,
        503,
        "upstreamUnavailable",
    );

    app.orders.faults().clear();
    let order = app.get("/orders/1").await.json();
    assert_eq!(order["status"], "cancelled");
    let screen = app.get("/customers/56").await.json();
    assert_eq!(screen["latestOrders"][5]["status"], "cancelled");
}

#[actix_web::test]
async fn what_was_written_is_seen_though_the_client_has_left() {
    let app = start().await;
    look(&app).await;
    app.orders
        .faults()
        .set(vec![Fault::hang().after().times(1).route("/orders")]);
    let (addr, body) = (app.addr, new_order().to_string());
    let request = actix_web::rt::spawn(async move {
        let headers = [
            ("Content-Type", "application/json"),
            ("Idempotency-Key", "key"),
        ];
        raw::send(addr, "POST", "/orders", &headers, &body).await
    });
    until("the order is written", async || {
        !app.orders.placed().is_empty()
    })
    .await;
    request.abort();

    // The BFF notices that its client has gone when the connection ends.
    until("the list is asked for anew", async || {
        ids(&app.get("/orders").await.json())[0] == 10_001
    })
    .await;
}

#[actix_web::test]
async fn what_was_refused_changes_nothing_that_can_be_seen() {
    let app = start().await;
    let before = look(&app).await;
    let mut wrong = new_order();
    wrong["lines"] = json!([]);

    let answer: Answer = place(&app, "key", &wrong).await;

    problem(&answer, 400, "invalidInput");
    let asked = app.asked();
    for (screen, before) in SCREENS.iter().zip(&before) {
        let after = app.get(screen).await.json();
        assert_eq!(after["items"].get(0), before["items"].get(0));
        assert_eq!(after["latestOrders"], before["latestOrders"]);
    }
    assert_eq!(app.asked(), asked, "all of it is still kept");
}
