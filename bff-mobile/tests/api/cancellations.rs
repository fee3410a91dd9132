//! `POST /orders/{id}/cancel`: what an app gets that wants its order back.

use mock_services::fault::Fault;
use mock_services::raw;
use serde_json::json;

use crate::helpers::{GUARD, problem, spawn_app, spawn_over, spawn_with, until};

/// Shipped, so that nothing can be done about it.
const SHIPPED: u64 = 10_000;

#[actix_web::test]
async fn an_order_is_cancelled_and_shown_as_it_is_then() {
    let app = spawn_app().await;

    for key in [None, Some("a"), Some("\"b\"")] {
        // Whoever asks again gets the same.
        let cancelled = app.cancel(1, key).await;
        assert_eq!(cancelled.status, 200, "{cancelled:?}");
        assert_eq!(cancelled.header("cache-control"), Some("no-store"));
        assert_eq!(
            (cancelled.header("etag"), cancelled.header("location")),
            (None, None)
        );
        let expected = json!({
            "id": 1, "title": "This is the order's description", "status": "cancelled", "itemCount": 2,
            "total": 5.5, "customerName": "John Doe",
        });
        assert_eq!(cancelled.json(), expected);
        assert_eq!(app.get("/orders/1").await.json(), expected);
    }
}

#[actix_web::test]
async fn a_body_is_not_looked_at() {
    let app = spawn_app().await;

    let answer = app.post_with("/orders/1/cancel", &[], "no JSON").await;

    assert_eq!(answer.status, 200);
}

#[actix_web::test]
async fn an_order_that_does_not_exist_cannot_be_cancelled() {
    let app = spawn_app().await;

    let body = problem(&app.cancel(20_000, None).await, 404, "orderNotFound");

    assert_eq!(body["detail"], "There is no order 20000.");
}

#[actix_web::test]
async fn an_order_that_is_too_far_cannot_be_cancelled_and_there_is_nothing_to_wait_for() {
    let app = spawn_app().await;

    for key in [None, Some("a")] {
        let answer = app.cancel(SHIPPED, key).await;
        problem(&answer, 409, "orderNotCancellable");
        assert_eq!(answer.header("retry-after"), None);
    }
    assert_eq!(
        app.get(&format!("/orders/{SHIPPED}")).await.json()["status"],
        "shipped"
    );
}

#[actix_web::test]
async fn while_the_first_request_is_not_over_the_second_has_to_wait() {
    let app = spawn_app().await;
    let addr = app.addr;
    app.orders.faults().set(vec![
        Fault::hang().after().times(1).route("/orders/{id}/cancel"),
    ]);
    let first = actix_web::rt::spawn(async move {
        let key = [("Idempotency-Key", "a")];
        raw::send(addr, "POST", "/orders/1/cancel", &key, "").await
    });
    until("it is cancelled", async || {
        app.get("/orders/1").await.json()["status"] == "cancelled"
    })
    .await;

    let second = app.cancel(1, Some("a")).await;

    problem(&second, 409, "idempotencyKeyInUse");
    assert_eq!(second.header("retry-after"), Some("1"));
    first.abort();
    until("the key is free", async || {
        app.cancel(1, Some("a")).await.status == 200
    })
    .await;
}

#[actix_web::test]
async fn a_key_is_for_one_thing() {
    let app = spawn_app().await;
    app.cancel(1, Some("a")).await;

    problem(
        &app.cancel(8_429, Some("a")).await,
        422,
        "idempotencyKeyReused",
    );

    assert_eq!(app.get("/orders/8429").await.json()["status"], "placed");
}

#[actix_web::test]
async fn what_is_no_id_or_no_key_reaches_no_service() {
    let app = spawn_app().await;

    for id in ["abc", "0", "01", "9007199254740992", "1%2f"] {
        let answer = app
            .post_with(&format!("/orders/{id}/cancel"), &[], "")
            .await;
        problem(&answer, 400, "invalidOrderId");
    }
    for key in ["", "a b", "a,b", "\"a"] {
        problem(
            &app.cancel(1, Some(key)).await,
            400,
            "invalidIdempotencyKey",
        );
    }

    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn an_order_is_cancelled_without_the_customer_service_too() {
    let app = spawn_app().await;
    app.customers.faults().set(vec![Fault::status(503)]);

    let card = app.cancel(1, None).await.json();

    assert_eq!(
        (&card["status"], &card["customerName"]),
        (&json!("cancelled"), &json!("Customer 56"))
    );
    assert_eq!(
        card["sources"],
        json!({ "customer": { "state": "default", "reason": "unavailable" } })
    );
}

#[actix_web::test]
async fn without_an_answer_the_app_is_told_that_it_may_ask_again() {
    let app = spawn_with(|config| config.services.orders.attempt_timeout = GUARD / 60).await;
    for (fault, status, code) in [
        (Fault::status(503), 503, "upstreamUnavailable"),
        (Fault::hang(), 504, "upstreamTimeout"),
    ] {
        app.orders.faults().set(vec![fault]);
        let body = problem(&app.cancel(1, None).await, status, code);
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.ends_with("it is safe to ask again."), "{detail}");
    }
}

#[actix_web::test]
async fn only_with_a_key_is_the_service_asked_again() {
    for (key, status, asked) in [(Some("a"), 200, 2), (None, 503, 1)] {
        let app = spawn_over([&mock_services::Options::default(); 2], |_| {});
        app.orders
            .faults()
            .set(vec![Fault::status(503).after().times(1)]);

        let answer = app.cancel(1, key).await;

        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(app.orders.requests_of("POST", "/orders/{id}/cancel"), asked);
    }
}
