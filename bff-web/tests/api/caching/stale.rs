//! What is given though it is old, and how the answer says so.

use std::time::Duration;

use mock_services::raw::Answer;
use serde_json::{Value, json};

use super::{CUSTOMER, ORDER, STALE, Stack, cache_status, seconds};
use crate::helpers::recorder::Recorder;
use crate::helpers::{problem, spawn_over, until};

#[actix_web::test]
async fn what_is_stale_is_renewed_and_a_304_of_the_service_is_enough() {
    let tagged = [STALE, ("ETag", "\"one\"")];
    let stack = Stack::start(&tagged, &[("Cache-Control", "max-age=600")]).await;
    let first = stack.get().await;
    stack.orders.say("304 Not Modified", &tagged, "");

    let renewed = stack.get().await;

    assert_eq!(stack.orders.last().all("if-none-match"), ["\"one\""]);
    assert_eq!(
        renewed.json()["sources"]["order"],
        json!({ "state": "fresh" })
    );
    assert_eq!(renewed.json()["description"], "an order");
    assert_eq!(
        cache_status(&renewed)[0],
        ["fwd=stale", "fwd-status=304", "stored"]
    );
    assert_eq!(renewed.header("etag"), first.header("etag"));
}

#[actix_web::test]
async fn an_order_may_be_given_while_it_is_renewed_if_the_service_says_so() {
    let renewable = ("Cache-Control", "max-age=0, stale-while-revalidate=600");
    let stack = Stack::start(&[renewable], &[("Cache-Control", "max-age=600")]).await;
    stack.get().await;
    stack.orders.hold();

    let stale = stack.get().await;

    let source = &stale.json()["sources"]["order"];
    assert_eq!(
        (&source["state"], &source["reason"]),
        (&json!("stale"), &json!("revalidating"))
    );
    let [order, _] = cache_status(&stale);
    assert_eq!(
        (&*order[0], &*order[2]),
        ("hit", "detail=revalidating"),
        "{order:?}"
    );
    assert_eq!(stale.header("cache-control"), Some("no-store"));
    let fresh = ("Cache-Control", "max-age=600");
    stack
        .orders
        .say("200 OK", &[fresh], &ORDER.replace("an order", "renewed"));
    until("the new one is there", async || {
        let body = stack.get().await.json();
        body["sources"]["order"]["state"] == "cached" && body["description"] == "renewed"
    })
    .await;
    assert_eq!(
        stack.orders.requests(),
        2,
        "it was asked once more, and not by everyone"
    );
}

/// Checks that the part of `name` is stale for `reason` and that the answer says so wherever it says it.
fn assert_stale(answer: &Answer, name: &str, reason: &str) {
    let source = &answer.json()["sources"][name];
    assert!(source["ageSeconds"].is_u64(), "{source}");
    assert_eq!(
        (&source["state"], &source["reason"]),
        (&json!("stale"), &json!(reason))
    );
    let [order, customer] = cache_status(answer);
    let told = if name == "order" { order } else { customer };
    let (detail, rest) = told.split_last().unwrap();
    assert_eq!(*detail, format!("detail={reason}"));
    assert!(seconds(rest, &["fwd=stale"], "ttl") <= 0, "{rest:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("etag"), None, "{answer:?}");
    let timing = answer.header("server-timing").unwrap();
    assert!(
        timing.contains(&format!("desc=\"stale {reason}\"")),
        "{timing}"
    );
}

/// What a service may say instead of an answer, and the reason that it is.
const FAULTS: [(&str, &str, &str); 4] = [
    ("503 Service Unavailable", "", "unavailable"),
    ("429 Too Many Requests", "", "overloaded"),
    ("200 OK", "{", "invalidResponse"),
    ("403 Forbidden", "{}", "invalidResponse"),
];

#[actix_web::test]
async fn an_old_customer_is_better_than_none_and_the_answer_says_why_there_is_no_newer() {
    for (status, body, reason) in FAULTS {
        let stack = Stack::start(&[STALE], &[STALE]).await;
        let complete = stack.get().await.json();
        stack.customers.say(status, &[], body);

        let degraded = stack.get().await;

        assert_stale(&degraded, "customer", reason);
        assert_eq!(degraded.json()["customer"], complete["customer"]);
        assert_eq!(degraded.json()["sources"]["order"]["state"], "fresh");
        let known = stack.bff.get_with("/orders/1", &[("If-None-Match", "*")]);
        assert_eq!(
            known.await.status,
            200,
            "a degraded answer is nobody's to keep"
        );

        stack.customers.say("200 OK", &[STALE], CUSTOMER);
        until("it is complete again", async || {
            stack.get().await.json() == complete
        })
        .await;
    }
}

#[actix_web::test]
async fn an_old_order_is_better_than_none_but_only_for_whom_there_is_one() {
    for (status, body, reason) in FAULTS {
        let stack = Stack::start(&[STALE], &[STALE]).await;
        let complete = stack.get().await.json();
        stack.orders.say(status, &[], body);

        let degraded = stack.get().await;

        assert_stale(&degraded, "order", reason);
        assert_eq!(degraded.json()["customer"], complete["customer"]);
        assert!(stack.bff.get("/orders/2").await.status >= 500);
    }
}

#[actix_web::test]
async fn who_has_an_old_answer_does_not_wait_long_for_a_new_one() {
    let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
    customers.say("200 OK", &[STALE], CUSTOMER);
    let bff = spawn_over(&[&orders.url()], &[&customers.url()], |config| {
        // Before anything is known of the service, a fifth of this is what it may take.
        config.services.customers.attempt_timeout = Duration::from_millis(500);
    });
    bff.get("/orders/1").await;
    customers.hold();

    // Long before the deadline, which is the guard of this test.
    let answer = bff.get("/orders/1").await;

    assert_stale(&answer, "customer", "timeout");
}

#[actix_web::test]
async fn what_is_gone_is_not_given_though_it_is_still_there() {
    let stack = Stack::start(&[STALE], &[STALE]).await;
    stack.get().await;
    stack.customers.say("404 Not Found", &[], "{}");

    let body = stack.get().await.json();

    assert_eq!(body["customer"], Value::Null);
    assert_eq!(
        body["sources"]["customer"],
        json!({ "state": "omitted", "reason": "notFound" })
    );
    stack.orders.say("404 Not Found", &[], "{}");
    problem(&stack.bff.get("/orders/1").await, 404, "orderNotFound");
}
