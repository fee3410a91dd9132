//! `POST /orders/{id}/cancel`: whatever is sent along, and however often.

use mock_services::fault::Fault;
use mock_services::raw::{self, Answer};
use serde_json::json;

use crate::helpers::{TestApp, problem, spawn_app, until};

/// The id of an order with this status.
async fn an_order(app: &TestApp, status: &str) -> u64 {
    let page = app.get(&format!("/orders?limit=1&status={status}")).await;
    page.json()["items"][0]["id"].as_u64().unwrap()
}

async fn cancel(app: &TestApp, id: u64, headers: &[(&str, &str)]) -> Answer {
    app.post(&format!("/orders/{id}/cancel"), headers, "").await
}

#[actix_web::test]
async fn an_order_is_cancelled_and_stays_so() {
    let app = spawn_app().await;
    let before = app.get("/orders/1").await.json();

    let answer = cancel(&app, 1, &[]).await;

    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("etag"), None);
    let mut expected = before;
    expected["status"] = json!("cancelled");
    assert_eq!(answer.json(), expected);
    assert_eq!(app.get("/orders/1").await.json(), expected);
    let again = cancel(&app, 1, &[]).await;
    assert_eq!((again.status, again.json()), (200, expected));
}

#[actix_web::test]
async fn a_body_makes_no_difference() {
    let app = spawn_app().await;
    let id = an_order(&app, "placed").await;
    let target = format!("/orders/{id}/cancel");

    for (kind, body) in [
        ("application/json", "{}"),
        ("application/json", "{"),
        ("text/plain", "please"),
    ] {
        let answer = app.post(&target, &[("Content-Type", kind)], body).await;
        assert_eq!(answer.status, 200, "{body}: {answer:?}");
    }
    let large = "x".repeat(65 * 1024);
    problem(&app.post(&target, &[], &large).await, 413, "bodyTooLarge");
}

#[actix_web::test]
async fn it_can_be_too_late() {
    let app = spawn_app().await;

    for status in ["shipped", "delivered"] {
        let id = an_order(&app, status).await;
        for headers in [&[][..], &[("Idempotency-Key", "key")]] {
            let answer = cancel(&app, id, headers).await;
            problem(&answer, 409, "orderNotCancellable");
            assert_eq!(
                answer.header("retry-after"),
                None,
                "there is nothing to wait for"
            );
        }
        let order = app.get(&format!("/orders/{id}")).await.json();
        assert_eq!(order["status"], status);
    }
}

#[actix_web::test]
async fn an_order_that_does_not_exist_cannot_be_cancelled() {
    let app = spawn_app().await;

    let body = problem(&cancel(&app, 20_000, &[]).await, 404, "orderNotFound");

    assert_eq!(body["detail"], "There is no order 20000.");
    for id in ["abc", "0", "01", "9007199254740992"] {
        let answer = app.post(&format!("/orders/{id}/cancel"), &[], "").await;
        problem(&answer, 400, "invalidOrderId");
    }
}

#[actix_web::test]
async fn a_key_is_taken_once_and_not_for_another_order() {
    let app = spawn_app().await;
    let key = [("Idempotency-Key", "key")];

    let (first, again) = (cancel(&app, 1, &key).await, cancel(&app, 1, &key).await);

    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.json(), again.json());
    let other = an_order(&app, "placed").await;
    problem(
        &cancel(&app, other, &key).await,
        422,
        "idempotencyKeyReused",
    );
    for key in ["", "a b", "\"a"] {
        let answer = cancel(&app, 1, &[("Idempotency-Key", key)]).await;
        problem(&answer, 400, "invalidIdempotencyKey");
    }
}

#[actix_web::test]
async fn a_key_whose_first_request_is_not_over_is_told_to_wait() {
    let app = spawn_app().await;
    app.orders.faults().set(vec![
        Fault::hang().after().times(1).route("/orders/{id}/cancel"),
    ]);
    let addr = app.addr;
    let first = actix_web::rt::spawn(async move {
        let key = [("Idempotency-Key", "slow")];
        raw::send(addr, "POST", "/orders/1/cancel", &key, "").await
    });
    until("the order is cancelled", async || {
        app.get("/orders/1").await.json()["status"] == "cancelled"
    })
    .await;

    let answer = cancel(&app, 1, &[("Idempotency-Key", "slow")]).await;

    problem(&answer, 409, "idempotencyKeyInUse");
    assert_eq!(answer.header("retry-after"), Some("1"));
    first.abort();
}

#[actix_web::test]
async fn without_an_answer_the_client_is_told_to_look() {
    let app = spawn_app().await;
    app.orders.faults().set(vec![Fault::status(500).after()]);

    let body = problem(&cancel(&app, 1, &[]).await, 503, "upstreamUnavailable");

    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("may have been cancelled"), "{detail}");
    assert_eq!(app.orders.requests(), 1);
}

#[actix_web::test]
async fn only_a_post_cancels() {
    let app = spawn_app().await;

    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let answer = raw::send(app.addr, method, "/orders/1/cancel", &[], "")
            .await
            .unwrap();
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
    }
    problem(
        &app.post("/orders/1/cancel/", &[], "").await,
        404,
        "unknownPath",
    );
    assert_eq!(app.asked(), (0, 0));
}
