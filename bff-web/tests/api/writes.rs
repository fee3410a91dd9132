//! `POST /orders`: an order is placed once, and whoever sends something wrong learns all of it.

use mock_services::fault::Fault;
use mock_services::raw::{self, Answer};
use serde_json::{Value, json};

use crate::helpers::recorder::Recorder;
use crate::helpers::{TestApp, problem, spawn_app, spawn_over, until};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// An order as a client sends it.
pub(crate) fn new_order() -> Value {
    json!({
        "customerId": 56,
        "description": "two things",
        "currency": "EUR",
        "lines": [
            { "description": "notebook", "quantity": 2, "price": 3.5 },
            { "description": "lamp", "quantity": 1, "price": 19.99 },
        ],
    })
}

/// The answer to `order` under `key`.
pub(crate) async fn place(app: &TestApp, key: &str, order: &Value) -> Answer {
    let headers = [JSON, ("Idempotency-Key", key)];
    app.post("/orders", &headers, &order.to_string()).await
}

/// The new order with something else in it.
fn with(pointer: &str, value: Value) -> Value {
    let mut order = new_order();
    *order.pointer_mut(pointer).unwrap() = value;
    order
}

#[actix_web::test]
async fn an_order_is_placed_and_found_where_the_answer_says() {
    let app = spawn_app().await;

    let answer = place(&app, "one", &new_order()).await;

    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("location"), Some("/orders/10001"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("etag"), None);
    let placed = answer.json();
    let found = app.get(answer.header("location").unwrap()).await;
    assert_eq!(found.json(), placed);
    assert_eq!(placed["customer"]["name"], "John Doe");
    assert_eq!(
        (&placed["status"], &placed["total"], &placed["lines"]),
        (&json!("placed"), &json!(26.99), &new_order()["lines"])
    );
    assert_eq!(app.orders.placed(), [("one".to_owned(), 10_001)]);
}

#[actix_web::test]
async fn the_same_key_places_one_order_however_often_it_is_sent() {
    let app = spawn_app().await;

    let first = place(&app, "once", &new_order()).await;
    let again = place(&app, "\"once\"", &new_order()).await;
    let other = place(&app, "twice", &new_order()).await;

    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.json(), again.json());
    assert_eq!(first.header("location"), again.header("location"));
    assert_ne!(first.header("location"), other.header("location"));
    assert_eq!(app.orders.placed().len(), 2);
}

#[actix_web::test]
async fn a_key_with_another_order_is_refused() {
    let app = spawn_app().await;
    place(&app, "key", &new_order()).await;

    let answer = place(&app, "key", &with("/description", "others".into())).await;

    problem(&answer, 422, "idempotencyKeyReused");
    assert_eq!(app.orders.placed().len(), 1);
}

#[actix_web::test]
async fn a_key_whose_first_request_is_not_over_is_told_to_wait() {
    let app = spawn_app().await;
    app.orders
        .faults()
        .set(vec![Fault::hang().after().times(1)]);
    let first = {
        let (addr, body) = (app.addr, new_order().to_string());
        actix_web::rt::spawn(async move {
            let headers = [JSON, ("Idempotency-Key", "slow")];
            raw::send(addr, "POST", "/orders", &headers, &body).await
        })
    };
    until("the order is written", async || {
        !app.orders.placed().is_empty()
    })
    .await;

    let answer = place(&app, "slow", &new_order()).await;

    problem(&answer, 409, "idempotencyKeyInUse");
    assert_eq!(answer.header("retry-after"), Some("1"));
    first.abort();
}

#[actix_web::test]
async fn a_key_is_needed_and_has_a_form() {
    let app = spawn_app().await;
    let body = new_order().to_string();

    let answer = app.post("/orders", &[JSON], &body).await;
    problem(&answer, 400, "idempotencyKeyMissing");
    let long = "x".repeat(256);
    for key in ["", "a b", "a,b", "\"a", "a\"b", "\"\"", "ü", &long] {
        let answer = place(&app, key, &new_order()).await;
        problem(&answer, 400, "invalidIdempotencyKey");
    }
    let twice = [JSON, ("Idempotency-Key", "a"), ("Idempotency-Key", "a")];
    let answer = app.post("/orders", &twice, &body).await;
    problem(&answer, 400, "invalidIdempotencyKey");
    let answer = app.post("/orders", &[], "nothing at all").await;
    problem(&answer, 400, "idempotencyKeyMissing");
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn everything_that_is_wrong_with_an_order_is_told_at_once() {
    let app = spawn_app().await;
    let order = json!({
        "customerId": "56",
        "currency": "euro",
        "lines": [
            { "description": "", "quantity": 0, "price": 1.999 },
            { "description": "x", "quantity": 1.5, "price": "3.50", "colour": "red" },
            "a lamp",
        ],
        "total": 5,
    });

    let answer = place(&app, "key", &order).await;

    let body = problem(&answer, 400, "invalidInput");
    let errors = body["errors"].as_array().unwrap().iter();
    let fields: Vec<_> = errors
        .map(|error| {
            assert!(error["detail"].as_str().is_some_and(|text| text.len() > 10));
            error["field"].as_str().unwrap()
        })
        .collect();
    assert_eq!(
        fields,
        [
            "customerId",
            "description",
            "currency",
            "lines[0].description",
            "lines[0].quantity",
            "lines[0].price",
            "lines[1].quantity",
            "lines[1].price",
            "lines[1].colour",
            "lines[2]",
            "total",
        ]
    );
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn each_wrong_member_is_named_with_what_is_allowed() {
    let app = spawn_app().await;
    let line = || new_order()["lines"][0].clone();
    let id = "must be a whole number from 1 to 9007199254740991";
    let text = "must be a text of 1 to 200 characters without control characters";
    let code = "must be three capital letters (ISO 4217), such as EUR";
    let lines = "must be a list of 1 to 100 objects";
    let quantity = "must be a whole number from 1 to 1000";
    let price = "must be a number from 0 to 1000000 with at most 2 decimals";
    let cases = [
        ("/customerId", json!(0), id),
        ("/customerId", json!(-1), id),
        ("/customerId", json!(1.5), id),
        ("/customerId", json!(9_007_199_254_740_992_u64), id),
        ("/customerId", json!(1e300), id),
        ("/customerId", json!(null), id),
        ("/customerId", json!("56"), id),
        ("/customerId", json!(true), id),
        ("/description", json!(""), text),
        ("/description", json!("x".repeat(201)), text),
        ("/description", json!("a\nb"), text),
        ("/description", json!("a\u{85}"), text),
        ("/description", json!(null), text),
        ("/description", json!(["x"]), text),
        ("/currency", json!("eur"), code),
        ("/currency", json!("EURO"), code),
        ("/currency", json!("€"), code),
        ("/currency", json!("EU1"), code),
        ("/currency", json!(978), code),
        ("/lines", json!([]), lines),
        ("/lines", json!(vec![line(); 101]), lines),
        ("/lines", line(), lines),
        ("/lines", json!(null), lines),
        ("/lines/0", json!(null), "must be an object"),
        ("/lines/0", json!([]), "must be an object"),
        ("/lines/0/quantity", json!(0), quantity),
        ("/lines/0/quantity", json!(1001), quantity),
        ("/lines/0/quantity", json!(-1), quantity),
        ("/lines/0/quantity", json!(0.5), quantity),
        ("/lines/0/quantity", json!("1"), quantity),
        ("/lines/0/price", json!(-0.01), price),
        ("/lines/0/price", json!(1_000_000.01), price),
        ("/lines/0/price", json!(0.001), price),
        (
            "/lines/0/price",
            json!(0.57 + 0.000_000_000_000_000_1),
            price,
        ),
        ("/lines/0/price", json!(1e300), price),
        ("/lines/0/price", json!("3.5"), price),
        ("/lines/0/price", json!(null), price),
        ("/lines/0/price", json!({ "amount": 3 }), price),
        ("/lines/0/description", json!("\u{0}"), text),
    ];

    for (pointer, value, detail) in cases {
        let answer = place(&app, "key", &with(pointer, value.clone())).await;
        let body = problem(&answer, 400, "invalidInput");
        let field = pointer[1..]
            .replace("lines/0", "lines[0]")
            .replace('/', ".");
        assert_eq!(
            body["errors"],
            json!([{ "field": field, "detail": detail }]),
            "{pointer} {value}"
        );
    }
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn whatever_is_within_the_limits_is_placed_exactly() {
    let app = spawn_app().await;
    let line = |quantity: Value, price: Value| json!({ "description": "x", "quantity": quantity, "price": price });
    let orders = [
        with("/customerId", json!(9_007_199_254_740_991_u64)),
        with("/description", json!("ü".repeat(200))),
        with("/description", json!("日本 👩‍👩‍👧 \"quoted\" \\ /")),
        with("/lines", json!(vec![line(1.into(), 0.into()); 100])),
        with("/lines/0", line(1000.into(), 1_000_000.into())),
        with("/lines/0", line(json!(2.0), json!(0.01))),
        with("/lines/0", line(1.into(), json!(999_999.99))),
        with("/lines/0", line(1.into(), json!(5.0))),
    ];

    for (index, order) in orders.iter().enumerate() {
        let answer = place(&app, &format!("key-{index}"), order).await;
        assert_eq!(answer.status, 201, "{order}: {answer:?}");
        let placed = answer.json();
        assert_eq!(placed["description"], order["description"]);
        for (placed, sent) in placed["lines"]
            .as_array()
            .unwrap()
            .iter()
            .zip(order["lines"].as_array().unwrap())
        {
            for field in ["quantity", "price"] {
                assert_eq!(placed[field].as_f64(), sent[field].as_f64(), "{order}");
            }
        }
    }
    assert_eq!(app.orders.placed().len(), orders.len());
}

#[actix_web::test]
async fn a_customer_whom_nobody_knows_is_no_reason_to_refuse_the_order() {
    let app = spawn_app().await;

    let answer = place(&app, "key", &with("/customerId", 5_000.into())).await;

    let placed = answer.json();
    assert_eq!((answer.status, &placed["customer"]), (201, &Value::Null));
    assert_eq!(
        placed["sources"]["customer"],
        json!({ "state": "omitted", "reason": "notFound" })
    );
}

#[actix_web::test]
async fn a_body_that_is_no_json_object_or_of_another_type_is_refused() {
    let app = spawn_app().await;
    let key = ("Idempotency-Key", "key");
    let body = new_order().to_string();

    for text in [
        "",
        "{",
        "null",
        "[]",
        "\"x\"",
        "{\"a\":1}x",
        "{'a':1}",
        "\u{feff}{}",
    ] {
        let answer = app.post("/orders", &[JSON, key], text).await;
        problem(&answer, 400, "invalidJson");
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "",
    ] {
        let headers = [("Content-Type", kind), key];
        let answer = app.post("/orders", &headers, &body).await;
        problem(&answer, 415, "unsupportedMediaType");
    }
    problem(
        &app.post("/orders", &[key], &body).await,
        415,
        "unsupportedMediaType",
    );
    let answer = app
        .post("/orders", &[JSON, key], &" ".repeat(65 * 1024))
        .await;
    problem(&answer, 413, "bodyTooLarge");
    assert_eq!(app.asked(), (0, 0));
    let headers = [("Content-Type", "Application/JSON; charset=utf-8"), key];
    assert_eq!(app.post("/orders", &headers, &body).await.status, 201);
}

#[actix_web::test]
async fn what_the_order_service_refuses_was_not_placed() {
    let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
    let bff = spawn_over(&[&orders.url()], &[&customers.url()], |_| {});
    orders.say(
        "400 Bad Request",
        &[],
        r#"{"detail":"no orders on Sundays"}"#,
    );
    let headers = [JSON, ("Idempotency-Key", "key")];

    let answer = raw::send(
        bff.addr,
        "POST",
        "/orders",
        &headers,
        &new_order().to_string(),
    )
    .await
    .unwrap();

    let body = problem(&answer, 400, "orderRefused");
    assert!(!body.to_string().contains("Sundays"), "{body}");
    assert_eq!(orders.requests(), 1, "it is not asked again");
    assert_eq!(customers.requests(), 0);
    assert_eq!(orders.last().all("idempotency-key"), ["\"key\""]);
}

#[actix_web::test]
async fn without_an_answer_the_client_is_told_that_it_may_ask_again_with_the_same_key() {
    let app = spawn_app().await;
    app.orders
        .faults()
        .set(vec![Fault::status(503).after().times(1)]);

    let body = problem(
        &place(&app, "key", &new_order()).await,
        503,
        "upstreamUnavailable",
    );
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("may have been placed"), "{detail}");
    assert!(detail.contains("with the same key"), "{detail}");

    let again = place(&app, "key", &new_order()).await;
    assert_eq!(again.status, 201);
    assert_eq!(app.orders.placed().len(), 1, "it was placed before");
}

#[actix_web::test]
async fn an_order_service_that_takes_no_orders_is_no_fault_of_the_client() {
    let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
    let bff = spawn_over(&[&orders.url()], &[&customers.url()], |_| {});
    let headers = [JSON, ("Idempotency-Key", "key")];

    for status in ["404 Not Found", "405 Method Not Allowed"] {
        orders.say(status, &[], "{}");
        let answer = raw::send(
            bff.addr,
            "POST",
            "/orders",
            &headers,
            &new_order().to_string(),
        )
        .await
        .unwrap();
        problem(&answer, 502, "upstreamInvalidResponse");
        problem(&bff.get("/orders").await, 502, "upstreamInvalidResponse");
    }
}
