//! The body of `POST /orders`: what is allowed, and how all that is not is told.

use serde_json::{Value, json};

use crate::helpers::{blamed, problem, spawn_app};
use crate::writes::{order, place, with};

#[actix_web::test]
async fn everything_that_is_wrong_with_an_order_is_said_at_once() {
    let app = spawn_app().await;
    let wrong = json!({
        "customerId": "56",
        "titel": "For the garden",
        "currency": "euro",
        "items": [
            { "name": "Spade", "count": 2, "price": 3.5 },
            { "name": "", "count": 0, "price": 0.001, "colour": "red" },
            "Seeds",
            { "count": 1.5, "price": "3.5" },
        ],
    });

    let body = problem(&place(&app, "a", &wrong).await, 400, "invalidInput");

    assert_eq!(
        blamed(&body),
        [
            "customerId",
            "title",
            "currency",
            "items[1].name",
            "items[1].count",
            "items[1].price",
            "items[1].colour",
            "items[2]",
            "items[3].name",
            "items[3].count",
            "items[3].price",
            "titel",
        ]
    );
    let details: Vec<_> = [0, 1, 2, 5]
        .map(|at| body["errors"][at]["detail"].as_str().unwrap())
        .into();
    assert_eq!(
        details,
        [
            "must be a whole number from 1 to 9007199254740991",
            "is missing: it must be a text of 1 to 200 characters without control characters",
            "must be three capital letters",
            "must be a number from 0 to 1000000 with at most 2 decimals",
        ]
    );
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn every_field_has_its_bounds() {
    let app = spawn_app().await;
    let item = json!({ "name": "n", "count": 1, "price": 1 });
    let items = |count: usize| Value::from(vec![item.clone(); count]);
    let text = |length: usize| json!("😀".repeat(length));
    let good = [
        ("/customerId", json!(1)),
        ("/customerId", json!(9_007_199_254_740_991_u64)),
        ("/title", text(1)),
        ("/title", text(200)),
        ("/title", json!(" \"\\/ ü \u{202e}")),
        ("/currency", json!("XXX")),
        ("/items", items(1)),
        ("/items", items(100)),
        ("/items/0/name", text(200)),
        ("/items/0/count", json!(1)),
        ("/items/0/count", json!(1000)),
        ("/items/0/price", json!(0)),
        ("/items/0/price", json!(0.01)),
        ("/items/0/price", json!(1_000_000)),
        ("/items/0/price", json!(999_999.99)),
    ];
    let bad = [
        (
            "/customerId",
            vec![
                json!(0),
                json!(-1),
                json!(1.5),
                json!(null),
                json!("1"),
                json!(9_007_199_254_740_992_u64),
            ],
        ),
        (
            "/title",
            vec![
                json!(""),
                text(201),
                json!("a\nb"),
                json!("\u{0}"),
                json!("\u{85}"),
                json!(7),
                json!(null),
            ],
        ),
        (
            "/currency",
            vec![
                json!("eur"),
                json!("EU"),
                json!("EURO"),
                json!("ÄÖÜ"),
                json!(978),
                json!(""),
            ],
        ),
        (
            "/items",
            vec![items(0), items(101), json!({}), json!(null), json!("Spade")],
        ),
        (
            "/items/0/name",
            vec![json!(""), text(201), json!("\u{7f}"), json!(["Spade"])],
        ),
        (
            "/items/0/count",
            vec![
                json!(0),
                json!(1001),
                json!(-1),
                json!(1.5),
                json!("2"),
                json!(null),
                json!(1e300),
            ],
        ),
        (
            "/items/0/price",
            vec![
                json!(-0.01),
                json!(0.001),
                // What programs make of 3 times 0.1.
                json!(0.300_000_000_000_000_04),
                json!(1_000_000.01),
                json!(1_000_000.000_001),
                json!("1"),
                json!(null),
                json!(1e300),
                json!(true),
            ],
        ),
    ];

    for (at, (place_of, value)) in good.into_iter().enumerate() {
        let answer = place(&app, &format!("good{at}"), &with(place_of, value.clone())).await;
        assert_eq!(answer.status, 201, "{place_of} {value}: {answer:?}");
    }
    let placed = app.orders.requests();
    for (place_of, values) in bad {
        let field = place_of.replace("/0/", "[0].").replace('/', "");
        for value in values {
            let answer = place(&app, "bad", &with(place_of, value.clone())).await;
            let body = problem(&answer, 400, "invalidInput");
            assert_eq!(blamed(&body), [&*field], "{value}");
        }
    }
    assert_eq!(
        app.orders.requests(),
        placed,
        "nothing of it reached the service"
    );
}

#[actix_web::test]
async fn prices_are_passed_on_exactly() {
    let app = spawn_app().await;

    for (price, total) in [("0.10", "0.2"), ("19.99", "39.98"), ("1e-2", "0.02")] {
        let body = format!(
            r#"{{"customerId":56,"title":"t","currency":"EUR","items":[{{"name":"n","count":2,"price":{price}}}]}}"#
        );
        let headers = [
            ("Content-Type", "application/json"),
            ("Idempotency-Key", price),
        ];
        let answer = app.post_with("/orders", &headers, &body).await;
        assert!(
            answer.body.contains(&format!("\"total\":{total},")),
            "{answer:?}"
        );
    }
}

#[actix_web::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let app = spawn_app().await;
    let (json, key) = (
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "a"),
    );
    let good = order().to_string();

    for body in [
        "",
        "{",
        "[]",
        "null",
        "7",
        "\"a\"",
        "{\"a\":1,}",
        "title=a",
        &good[1..],
    ] {
        let answer = app.post_with("/orders", &[json, key], body).await;
        problem(&answer, 400, "invalidJson");
    }
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "",
    ] {
        let answer = app
            .post_with("/orders", &[("Content-Type", media_type), key], &good)
            .await;
        problem(&answer, 415, "unsupportedMediaType");
    }
    problem(
        &app.post_with("/orders", &[key], &good).await,
        415,
        "unsupportedMediaType",
    );
    let large = format!("{{\"title\":\"{}\"}}", "x".repeat(70_000));
    problem(
        &app.post_with("/orders", &[json, key], &large).await,
        413,
        "bodyTooLarge",
    );

    assert_eq!(app.asked(), (0, 0));
}
