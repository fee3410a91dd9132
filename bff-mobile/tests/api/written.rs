//! What was written is read by the next request, though everything is kept: also when the answer to the write was lost.

use mock_services::Options;
use mock_services::fault::Fault;
use serde_json::{Value, json};

use crate::helpers::{GUARD, TestApp, problem, spawn_over};
use crate::lists::ids;
use crate::writes::order;

/// Placed by customer 56.
const PLACED: u64 = 8_429;

/// A BFF that keeps what the services allow, for far longer than a test takes.
fn spawn() -> TestApp {
    let options = Options {
        cache_control: Some("max-age=600".to_owned()),
        ..Options::default()
    };
    spawn_over([&options; 2], |config| {
        config.services.orders.retry.repeats = 0;
        config.services.orders.attempt_timeout = GUARD / 60;
    })
}

/// What an app would look at: an order, its lists, the first screen.
const LOOKS: [&str; 5] = [
    "/orders/8429",
    "/orders?customerId=56",
    "/orders?status=placed&customerId=56&limit=3",
    "/orders",
    "/home/56",
];

/// All of them are kept.
async fn look(app: &TestApp) {
    for target in LOOKS {
        app.get(target).await;
    }
    let asked = app.orders.requests();
    for target in LOOKS {
        assert_eq!(app.get(target).await.status, 200);
    }
    assert_eq!(app.orders.requests(), asked, "everything is kept");
}

async fn json_of(app: &TestApp, target: &str) -> Value {
    app.get(target).await.json()
}

async fn assert_placed(app: &TestApp) {
    assert_eq!(
        json_of(app, "/orders/10001").await["title"],
        "For the garden"
    );
    assert_eq!(ids(&json_of(app, LOOKS[1]).await)[0], 10_001);
    assert_eq!(ids(&json_of(app, LOOKS[2]).await), [10_001, 8_429, 6_307]);
    assert_eq!(ids(&json_of(app, LOOKS[3]).await)[0], 10_001);
    let home = json_of(app, "/home/56").await;
    assert_eq!(home["openOrders"], 3);
    assert_eq!(home["latestOrders"][0]["title"], "For the garden");
}

async fn assert_cancelled(app: &TestApp) {
    assert_eq!(json_of(app, LOOKS[0]).await["status"], "cancelled");
    assert_eq!(
        json_of(app, LOOKS[1]).await["items"][2]["status"],
        "cancelled"
    );
    assert_eq!(ids(&json_of(app, LOOKS[2]).await), [6_307]);
    let home = json_of(app, "/home/56").await;
    assert_eq!(home["openOrders"], 1);
    assert_eq!(home["latestOrders"][2]["status"], "cancelled");
}

#[actix_web::test]
async fn an_order_that_was_placed_is_there() {
    let app = spawn();
    look(&app).await;
    problem(&app.get("/orders/10001").await, 404, "orderNotFound");

    assert_eq!(app.post("/orders", Some("a"), &order()).await.status, 201);

    assert_placed(&app).await;
}

#[actix_web::test]
async fn an_order_that_was_cancelled_is_so_everywhere() {
    for key in [None, Some("a")] {
        let app = spawn();
        look(&app).await;

        assert_eq!(app.cancel(PLACED, key).await.status, 200);

        assert_cancelled(&app).await;
    }
}

#[actix_web::test]
async fn so_it_is_when_the_answer_was_lost() {
    let lost = [
        (Fault::status(503).after().times(1), 503),
        (Fault::hang().after().times(1), 504),
    ];
    for (fault, status) in lost {
        let app = spawn();
        look(&app).await;
        app.orders
            .faults()
            .set(vec![fault.clone().route("/orders")]);
        assert_eq!(
            app.post("/orders", Some("a"), &order()).await.status,
            status
        );
        assert_placed(&app).await;

        let app = spawn();
        look(&app).await;
        app.orders
            .faults()
            .set(vec![fault.route("/orders/{id}/cancel")]);
        assert_eq!(app.cancel(PLACED, None).await.status, status);
        assert_cancelled(&app).await;
    }
}

#[actix_web::test]
async fn an_old_list_is_not_shown_after_a_write() {
    let app = spawn();
    look(&app).await;
    app.post("/orders", Some("a"), &order()).await;
    app.orders.faults().set(vec![Fault::status(503)]);

    problem(&app.get("/orders").await, 503, "upstreamUnavailable");
    let home = json_of(&app, "/home/56").await;
    assert_eq!(
        home["latestOrders"],
        Value::Null,
        "rather nothing than what is not true"
    );
    assert_eq!(
        home["sources"],
        json!({ "orders": { "state": "omitted", "reason": "unavailable" } })
    );
}
