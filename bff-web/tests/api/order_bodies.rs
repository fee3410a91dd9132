//! The body of `POST /orders`: whoever sends something wrong learns all of it, and what is within the limits is placed.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::helpers::{assert_common_headers, problem, spawn_app};
use crate::writes::{JSON, new_order, place, with};

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
async fn digits_count_as_they_are_written() {
    let app = spawn_app().await;
    let with_price = |price: &str| new_order().to_string().replace("3.5", price);

    for (price, exact) in [
        ("1e2", 100.0),
        ("1E+1", 10.0),
        ("25e-2", 0.25),
        ("0.10", 0.1),
        ("-0", 0.0),
        ("1000000.00", 1_000_000.0),
        ("3.5000000000000000000", 3.5),
    ] {
        let headers = [JSON, ("Idempotency-Key", price)];
        let answer = app.post("/orders", &headers, &with_price(price)).await;
        assert_eq!(answer.status, 201, "{price}: {answer:?}");
        let placed = answer.json()["lines"][0]["price"].as_f64();
        assert_eq!(placed, Some(exact), "{price}");
    }
    for price in [
        "3.5000000000000000001",
        "1e-3",
        "1e400",
        "-1e-400",
        "1000000.001",
        "99999999999999999999999999999999999999",
    ] {
        let headers = [JSON, ("Idempotency-Key", "wrong")];
        let answer = app.post("/orders", &headers, &with_price(price)).await;
        let body = problem(&answer, 400, "invalidInput");
        assert_eq!(body["errors"][0]["field"], "lines[0].price", "{price}");
    }
}

#[actix_web::test]
async fn what_is_there_twice_is_refused() {
    let app = spawn_app().await;
    let body = new_order().to_string();
    let doubled = [
        (body.replacen('{', "{\"currency\":\"USD\",", 1), "currency"),
        (
            body.replace("\"price\":3.5", "\"price\":3.5,\"price\":1"),
            "lines[0].price",
        ),
    ];

    for (body, field) in doubled {
        let headers = [JSON, ("Idempotency-Key", "key")];
        let answer = app.post("/orders", &headers, &body).await;
        let problem = problem(&answer, 400, "invalidInput");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(app.asked(), (0, 0));
}

/// Any JSON at all, small.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-10..2_000_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::collection::vec(any::<u8>().prop_map(Value::from), 0..3).prop_map(Value::from),
        Just(json!({})),
    ]
}

#[test]
fn whatever_the_body_an_order_is_placed_or_the_client_learns_what_is_wrong() {
    let system = actix_web::rt::System::new();
    let app = system.block_on(spawn_app());
    let mut runner = TestRunner::new(Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let places = prop::sample::select(vec![
        "/customerId",
        "/description",
        "/currency",
        "/lines",
        "/lines/1",
        "/lines/1/description",
        "/lines/1/quantity",
        "/lines/1/price",
    ]);
    let number = std::cell::Cell::new(0);

    let outcome = runner.run(
        &(places, anything(), any::<prop::sample::Index>()),
        |(pointer, value, cut)| {
            let mut body = with(pointer, value).to_string();
            let is_cut = cut.index(4) == 0;
            if is_cut {
                let mut end = cut.index(body.len());
                while !body.is_char_boundary(end) {
                    end -= 1;
                }
                body.truncate(end);
            }
            number.set(number.get() + 1);
            let key = number.get().to_string();
            let headers = [JSON, ("Idempotency-Key", &*key)];
            let answer = system.block_on(app.post("/orders", &headers, &body));
            assert_common_headers(&answer);
            match answer.status {
                201 => prop_assert!(!is_cut, "{}", body),
                400 => {
                    let code = if is_cut {
                        "invalidJson"
                    } else {
                        "invalidInput"
                    };
                    problem(&answer, 400, code);
                }
                _ => prop_assert!(false, "{}: {:?}", body, answer),
            }
            Ok(())
        },
    );

    outcome.unwrap();
    let placed = system.block_on(async { app.orders.placed() });
    assert_eq!(
        placed.len() as u64,
        app.orders.requests(),
        "what is wrong reaches nobody"
    );
}
