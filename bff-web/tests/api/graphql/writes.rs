//! Mutations: the rules, the keys and the outcomes of REST.

use mock_services::fault::Fault;
use serde_json::{Value, json};

use super::{executed, post};
use crate::helpers::recorder::Recorder;
use crate::helpers::{TestApp, spawn_app, spawn_over, spawn_with, until, with_caches};
use crate::writes::new_order;

const PLACE: &str = "mutation($input: NewOrderInput!, $key: String!) {
    placeOrder(input: $input, idempotencyKey: $key) { order { id status total lines { description quantity price }
        customer { name } sources { order { state } } } } }";

async fn place(app: &TestApp, key: &str, input: &Value) -> Value {
    let answer = post(app, PLACE, &json!({ "input": input, "key": key })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

fn code(body: &Value) -> &str {
    assert_eq!(body["errors"].as_array().map(Vec::len), Some(1), "{body}");
    body["errors"][0]["extensions"]["code"].as_str().unwrap()
}

#[actix_web::test]
async fn an_order_is_placed_once_for_each_key() {
    let app = spawn_app().await;

    let first = place(&app, "one", &new_order()).await;
    let again = place(&app, "one", &new_order()).await;
    let other = place(&app, "two", &new_order()).await;

    assert_eq!(first["errors"], Value::Null, "{first}");
    let order = &first["data"]["placeOrder"]["order"];
    assert_eq!(
        (
            &order["id"],
            &order["status"],
            &order["total"],
            &order["lines"]
        ),
        (
            &json!("10001"),
            &json!("placed"),
            &json!(26.99),
            &new_order()["lines"]
        )
    );
    assert_eq!(order["customer"]["name"], "John Doe");
    assert_eq!(again["data"], first["data"]);
    assert_eq!(other["data"]["placeOrder"]["order"]["id"], "10002");
    assert_eq!(app.orders.placed().len(), 2);
    let rest = app.get("/orders/10001").await.json();
    assert_eq!(rest["total"], 26.99);
}

#[actix_web::test]
async fn a_key_is_the_same_with_rest() {
    let app = spawn_app().await;
    crate::writes::place(&app, "shared", &new_order()).await;

    let body = place(&app, "shared", &new_order()).await;

    assert_eq!(body["data"]["placeOrder"]["order"]["id"], "10001");
    assert_eq!(app.orders.placed().len(), 1);
}

#[actix_web::test]
async fn literals_are_as_good_as_variables() {
    let app = spawn_app().await;
    let price = "\"19.99\"";
    let query = format!(
        "mutation {{ placeOrder(idempotencyKey: \"lit\", input: {{ customerId: 56, description: \"two \\\"things\\\"\",
            currency: \"EUR\", lines: [{{ description: \"lamp\", quantity: 1, price: {price} }}] }}) {{ order {{ total description }} }} }}"
    );

    let body = executed(&app, &query).await;

    assert_eq!(
        body["data"]["placeOrder"]["order"],
        json!({ "total": 19.99, "description": "two \"things\"" })
    );
}

#[actix_web::test]
async fn everything_that_is_wrong_is_told_at_once_in_the_words_of_rest() {
    let app = spawn_app().await;
    let wrong = json!({
        "customerId": 0,
        "description": "",
        "currency": "euro",
        "lines": [{ "description": "\u{7}", "quantity": 0, "price": 0.001 }, { "description": "d", "quantity": 1001, "price": "1000001" }],
    });

    let body = place(&app, "key", &wrong).await;

    assert_eq!(code(&body), "invalidInput");
    let rest = crate::writes::place(&app, "key", &wrong).await.json();
    let fields = |errors: &Value| -> Vec<String> {
        let errors = errors.as_array().unwrap().iter();
        errors
            .map(|error| format!("{} {}", error["field"], error["detail"]))
            .collect()
    };
    let told = fields(&body["errors"][0]["extensions"]["errors"]);
    assert_eq!(told.len(), 8, "{told:?}");
    // A price as a text is one here, and is told of for what it says.
    assert_eq!(told, fields(&rest["errors"]));
    assert_eq!(body["data"], json!({ "placeOrder": null }));
    assert_eq!(app.orders.requests(), 0);
}

#[actix_web::test]
async fn a_key_that_is_none_is_refused() {
    let app = spawn_app().await;
    for key in ["", "a b", "ü", &"x".repeat(256)] {
        assert_eq!(
            code(&place(&app, key, &new_order()).await),
            "invalidIdempotencyKey"
        );
    }
    let body = executed(
        &app,
        "mutation { cancelOrder(id: 1, idempotencyKey: \"a,b\") { order { id } } }",
    )
    .await;
    assert_eq!(code(&body), "invalidIdempotencyKey");
    assert_eq!(app.orders.requests(), 0);
}

#[actix_web::test]
async fn a_key_of_something_else_is_refused() {
    let app = spawn_app().await;
    place(&app, "key", &new_order()).await;
    let mut other = new_order();
    other["description"] = json!("another");

    assert_eq!(
        code(&place(&app, "key", &other).await),
        "idempotencyKeyReused"
    );
}

#[actix_web::test]
async fn what_the_service_says_is_told_as_rest_tells_it() {
    let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
    let bff = spawn_over(&[&orders.url()], &[&customers.url()], |_| {});
    for (status, headers, expected) in [
        ("400 Bad Request", &[][..], "orderRefused"),
        (
            "409 Conflict",
            &[("Retry-After", "1")],
            "idempotencyKeyInUse",
        ),
        ("422 Unprocessable Content", &[], "idempotencyKeyReused"),
    ] {
        orders.say(status, headers, "{}");
        let body = super::request(PLACE, &json!({ "input": new_order(), "key": "k" }));
        let answer = mock_services::raw::send(bff.addr, "POST", "/graphql", &[super::JSON], &body)
            .await
            .unwrap();
        let body = answer.json();
        assert_eq!(code(&body), expected);
        if expected == "idempotencyKeyInUse" {
            assert_eq!(body["errors"][0]["extensions"]["retryAfterSeconds"], 1);
        }
    }
}

#[actix_web::test]
async fn an_answer_that_is_lost_says_that_the_order_may_be_there() {
    let app = spawn_app().await;
    app.orders.faults().set(vec![Fault::status(500).after()]);

    let body = place(&app, "lost", &new_order()).await;

    assert_eq!(code(&body), "upstreamUnavailable");
    let message = body["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("may have been placed: ask again with the same key"),
        "{message}"
    );
    app.orders.faults().clear();
    let again = place(&app, "lost", &new_order()).await;
    assert_eq!(
        again["data"]["placeOrder"]["order"]["id"], "10001",
        "{again}"
    );
    assert_eq!(app.orders.placed().len(), 1);
}

#[actix_web::test]
async fn an_order_is_cancelled_until_it_is_too_late() {
    let app = spawn_app().await;
    let shipped = app.get("/orders?limit=1&status=shipped").await.json()["items"][0]["id"].clone();

    let query = "mutation($id: ID!) { cancelOrder(id: $id, idempotencyKey: \"c\") { order { id status } } }";
    let body = post(&app, query, &json!({ "id": 1 })).await.json();
    assert_eq!(
        body["data"]["cancelOrder"]["order"],
        json!({ "id": "1", "status": "cancelled" })
    );
    for (id, expected) in [
        (shipped, "orderNotCancellable"),
        (json!(20000), "orderNotFound"),
        (json!("abc"), "invalidOrderId"),
    ] {
        let query = "mutation($id: ID!) { cancelOrder(id: $id) { order { id } } }";
        let body = post(&app, query, &json!({ "id": id })).await.json();
        assert_eq!(code(&body), expected);
        assert_eq!(body["data"], json!({ "cancelOrder": null }));
    }
}

#[actix_web::test]
async fn what_is_read_after_a_write_has_it() {
    let app = spawn_with(with_caches).await;
    let latest =
        "{ customer(id: 56) { orders(first: 1) { nodes { id } } } order(id: 1) { status } }";
    assert_eq!(
        executed(&app, latest).await["data"]["customer"]["orders"]["nodes"][0]["id"],
        "9745"
    );

    let query = "mutation($input: NewOrderInput!) {
        a: placeOrder(input: $input, idempotencyKey: \"a\") { order { customer { orders(first: 1) { nodes { id } } } } }
        b: placeOrder(input: $input, idempotencyKey: \"b\") { order { customer { orders(first: 1) { nodes { id } } } } }
        c: cancelOrder(id: 1) { order { status } } }";
    let body = post(&app, query, &json!({ "input": new_order() }))
        .await
        .json();

    let newest =
        |name: &str| body["data"][name]["order"]["customer"]["orders"]["nodes"][0]["id"].clone();
    assert_eq!(
        (newest("a"), newest("b")),
        (json!("10001"), json!("10002")),
        "one after the other: {body}"
    );
    let body = executed(&app, latest).await;
    assert_eq!(
        body["data"]["customer"]["orders"]["nodes"][0]["id"],
        "10002"
    );
    assert_eq!(body["data"]["order"]["status"], "cancelled");
    let rest = app.get("/orders?customerId=56&limit=1").await.json();
    assert_eq!(rest["items"][0]["id"], 10_002);
}

#[actix_web::test]
async fn an_order_is_there_though_its_customer_is_not() {
    let app = spawn_app().await;
    app.customers.faults().set(vec![Fault::status(503)]);

    let body = place(&app, "key", &new_order()).await;

    let order = &body["data"]["placeOrder"]["order"];
    assert_eq!(
        (&order["id"], &order["customer"]),
        (&json!("10001"), &Value::Null)
    );
    assert_eq!(code(&body), "upstreamUnavailable");
    assert_eq!(
        body["errors"][0]["path"],
        json!(["placeOrder", "order", "customer"])
    );
}

#[actix_web::test]
async fn two_at_once_with_one_key_are_one_order() {
    let app = spawn_app().await;
    app.orders.faults().set(vec![Fault::latency_ms(50)]);
    let body = super::request(PLACE, &json!({ "input": new_order(), "key": "both" }));
    let send = || mock_services::raw::send(app.addr, "POST", "/graphql", &[super::JSON], &body);

    let (one, other) = futures_util::join!(send(), send());

    let all = [one.unwrap().json(), other.unwrap().json()];
    for body in &all {
        let is_done = body["data"]["placeOrder"]["order"]["id"] == "10001";
        assert!(is_done || code(body) == "idempotencyKeyInUse", "{body}");
    }
    until("one is placed", async || app.orders.placed().len() == 1).await;
}

#[actix_web::test]
async fn nothing_is_done_of_what_cannot_be_done_whole() {
    let app = spawn_app().await;
    let both = |rest: &str| {
        format!("mutation($key: String!, $lines: [NewLineInput!]!) {{
        cancelOrder(id: 1) {{ order {{ id }} }}
        placeOrder(idempotencyKey: $key, input: {{ customerId: 56, description: \"d\", currency: \"EUR\", lines: $lines {rest} }}) {{
            order {{ id }} }} }}")
    };
    let line = |quantity: Value, price: Value| json!([{ "description": "d", "quantity": quantity, "price": price }]);
    for (variables, rest) in [
        (json!({}), ""),
        (json!({ "key": null, "lines": [] }), ""),
        (json!({ "key": 1, "lines": line(json!(1), json!(1)) }), ""),
        (json!({ "key": "k", "lines": [null] }), ""),
        (json!({ "key": "k", "lines": [{}] }), ""),
        (
            json!({ "key": "k", "lines": line(json!("1"), json!(1)) }),
            "",
        ),
        (
            json!({ "key": "k", "lines": line(json!(1.5), json!(1)) }),
            "",
        ),
        (
            json!({ "key": "k", "lines": line(json!(u64::MAX), json!(1)) }),
            "",
        ),
        (
            json!({ "key": "k", "lines": line(json!(1), json!("x")) }),
            "",
        ),
        (
            json!({ "key": "k", "lines": line(json!(1), json!(true)) }),
            "",
        ),
        (
            json!({ "key": "k", "lines": line(json!(1), json!(1)) }),
            ", more: 1",
        ),
    ] {
        let answer = post(&app, &both(rest), &variables).await;
        assert_eq!(answer.status, 400, "{variables}: {answer:?}");
        assert!(answer.json().get("data").is_none(), "{answer:?}");
    }
    assert_eq!(app.asked(), (0, 0));
    // What only the rules of an order forbid is told at its own field.
    let wide = json!({ "key": "k", "lines": line(json!(3_000_000_000_u64), json!(1)) });
    let body = post(&app, &both(""), &wide).await.json();
    assert_eq!(body["data"]["cancelOrder"]["order"]["id"], "1", "{body}");
    assert_eq!(code(&body), "invalidInput");
}
