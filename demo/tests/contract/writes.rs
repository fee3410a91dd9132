//! Everything that changes something, and what is read after it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::stack::Client;
use crate::twins::Twins;
use crate::wire::Answer;

const JSON: (&str, &str) = ("Content-Type", "application/json");

pub(crate) async fn all(twins: &mut Twins) {
    for client in [Client::Web, Client::Mobile] {
        placing(twins, client).await;
        bad_orders(twins, client).await;
        cancelling(twins, client).await;
    }
    // Of somebody who is not there; last, since that is remembered for a second, and lists show it.
    for client in [Client::Web, Client::Mobile] {
        let strange = order(client, 9_007_199_254_740_990, "whose");
        place(twins, client, &format!("strange-{client:?}"), &strange).await;
    }
}

/// An order as this BFF takes it.
pub(crate) fn order(client: Client, customer: u64, title: &str) -> Value {
    match client {
        Client::Web => json!({
            "customerId": customer, "description": title, "currency": "EUR",
            "lines": [
                {"description": "thing", "quantity": 2, "price": 1.25},
                {"description": "żółw", "quantity": 1000, "price": 0.1},
                {"description": "nothing", "quantity": 1, "price": 0},
            ],
        }),
        Client::Mobile => json!({
            "customerId": customer, "title": title, "currency": "EUR",
            "items": [
                {"name": "thing", "count": 2, "price": 1.25},
                {"name": "żółw", "count": 1000, "price": 0.1},
                {"name": "nothing", "count": 1, "price": 0},
            ],
        }),
    }
}

pub(crate) async fn place(twins: &mut Twins, client: Client, key: &str, body: &Value) -> Answer {
    let headers = [("Idempotency-Key", key), JSON];
    let body = body.to_string();
    twins.send(client, "POST", "/orders", &headers, &body).await
}

/// What shows orders of a customer.
async fn read_all(twins: &mut Twins, client: Client, customer: u64, id: u64) {
    twins.get(client, &format!("/orders/{id}")).await;
    twins.get(client, "/orders").await;
    let target = format!("/orders?customerId={customer}&status=placed");
    twins.get(client, &target).await;
    let screen = match client {
        Client::Web => format!("/customers/{customer}"),
        Client::Mobile => format!("/home/{customer}"),
    };
    twins.get(client, &screen).await;
}

async fn placing(twins: &mut Twins, client: Client) {
    let key = format!("key-{client:?}");
    let body = order(client, 56, "an order");
    // Before there is one, so that there is something to be forgotten.
    read_all(twins, client, 56, 1).await;
    let placed = place(twins, client, &key, &body).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let id = placed.json()["id"].as_u64().unwrap();
    read_all(twins, client, 56, id).await;
    let again = place(twins, client, &key, &body).await;
    assert_eq!(again.json()["id"], id);
    let quoted = place(twins, client, &format!("\"{key}\""), &body).await;
    assert_eq!(quoted.json()["id"], id);
    let other = place(twins, client, &key, &order(client, 56, "another order")).await;
    assert_eq!(other.status, 422, "{other:?}");
    read_all(twins, client, 56, id).await;
}

async fn bad_orders(twins: &mut Twins, client: Client) {
    let good = order(client, 56, "an order");
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body
    };
    let long = "x".repeat(201);
    for (number, body) in [
        json!({}),
        json!([]),
        json!(null),
        with("customerId", json!(0)),
        with("customerId", json!("56")),
        with("customerId", json!(9_007_199_254_740_992_u64)),
        with("currency", json!("euro")),
        with("unknown", json!(1)),
        with("description", json!("")),
        with("title", json!(long)),
        with("lines", json!([])),
        with("items", json!([])),
        with("lines", json!([{"quantity": 0, "price": 1.234}])),
        with("items", json!([{"count": 1001, "price": -1}])),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = place(twins, client, &format!("bad-{client:?}-{number}"), &body).await;
        assert_eq!(answer.status, 400, "{body}");
    }
    let body = good.to_string();
    let huge = format!("{body}{}", " ".repeat(1024 * 1024));
    let key = ("Idempotency-Key", "some-key");
    for (headers, body) in [
        (vec![JSON], &*body),
        (vec![("Idempotency-Key", ""), JSON], &body),
        (vec![("Idempotency-Key", "two words"), JSON], &body),
        (vec![key, key, JSON], &body),
        (vec![key], &body),
        (vec![key, ("Content-Type", "text/plain")], &body),
        (vec![key, JSON], "{\"customerId\": "),
        (vec![key, JSON], ""),
        (vec![key, JSON], &huge),
    ] {
        let answer = twins.send(client, "POST", "/orders", &headers, body).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
}

async fn cancelling(twins: &mut Twins, client: Client) {
    let key = format!("cancelled-{client:?}");
    let placed = place(twins, client, &key, &order(client, 57, "not for long")).await;
    let id = placed.json()["id"].as_u64().unwrap();
    read_all(twins, client, 57, id).await;
    let own = format!("/orders/{id}/cancel");
    let key = format!("cancels-{client:?}");
    for headers in [vec![], vec![], vec![("Idempotency-Key", &*key)]] {
        let answer = twins.send(client, "POST", &own, &headers, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        read_all(twins, client, 57, id).await;
    }
    // One of every status is among these, and one without any.
    let mut statuses = BTreeSet::new();
    for id in 2..30 {
        let headers = match id % 3 {
            0 => vec![("Idempotency-Key", "the-same-key-for-different-orders")],
            1 => vec![("Idempotency-Key", "this is no key")],
            _ => vec![],
        };
        let target = format!("/orders/{id}/cancel");
        let answer = twins.send(client, "POST", &target, &headers, "").await;
        statuses.insert(answer.status);
        twins.get(client, &format!("/orders/{id}")).await;
    }
    // Done, no key, too late, and the key of something else.
    assert_eq!(statuses, BTreeSet::from([200, 400, 409, 422]));
    for id in ["20000", "0", "abc", "9007199254740992", "9007199254740991"] {
        let target = format!("/orders/{id}/cancel");
        twins.send(client, "POST", &target, &[], "").await;
        twins.send(client, "GET", &target, &[], "").await;
        let headers = [("Idempotency-Key", "key-for-none")];
        let body = "a body that nobody looks at";
        twins.send(client, "POST", &target, &headers, body).await;
    }
}
