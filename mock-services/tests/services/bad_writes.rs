//! What clients get wrong about an order they place.

use serde_json::json;

use crate::{
    http::{Problem as _, post, send},
    writes::{order, place, start, with},
};

#[actix_web::test]
async fn a_key_that_is_none_is_refused_and_writes_nothing() {
    let service = start();
    let detail = place(&service, "", &order()).await.problem(400);
    assert_eq!(detail, "Idempotency-Key is missing");
    for key in [
        "\"\"",
        "a b",
        "\"a",
        "\"a\"b",
        "\"a\";b",
        "\u{e9}",
        &"x".repeat(256),
    ] {
        let detail = place(&service, key, &order()).await.problem(400);
        assert!(detail.starts_with("Idempotency-Key must be"), "{detail}");
    }
    let twice = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "a"),
        ("Idempotency-Key", "a"),
    ];
    let answer = send(
        service.addr(),
        "POST",
        "/orders",
        &twice,
        &order().to_string(),
    )
    .await;
    assert!(answer.problem(400).contains("once"));
    assert_eq!(service.placed(), []);
}

#[actix_web::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let service = start();
    let order = json!({
        "customerId": "56",
        "currency": "eur",
        "description": "",
        "lines": [
            { "description": "x".repeat(201), "quantity": 0, "price": -1 },
            7,
            { "description": "ok", "quantity": 1, "price": 1 },
            { "quantity": 1.5, "price": 0.001 },
        ],
    });
    let answer = place(&service, "a", &order).await;
    let problem = answer.json();
    let errors: Vec<(&str, &str)> = (problem["errors"].as_array().expect("errors").iter())
        .map(|error| {
            let text = |name| error[name].as_str().expect("text");
            (text("field"), text("detail"))
        })
        .collect();
    let price = "must be a number from 0 to 1000000 with at most 2 decimals";
    let quantity = "must be a whole number from 1 to 1000";
    assert_eq!(
        errors,
        [
            (
                "customerId",
                "must be a whole number from 1 to 9007199254740991"
            ),
            ("description", "must be a text of 1 to 200 characters"),
            ("currency", "must be three capital letters"),
            (
                "lines[0].description",
                "must be a text of 1 to 200 characters"
            ),
            ("lines[0].quantity", quantity),
            ("lines[0].price", price),
            ("lines[1]", "must be an object"),
            (
                "lines[3].description",
                "is missing: it must be a text of 1 to 200 characters"
            ),
            ("lines[3].quantity", quantity),
            ("lines[3].price", price),
        ]
    );
    let detail = answer.problem(400);
    assert!(detail.contains("currency must be three"), "{detail}");
}

#[actix_web::test]
async fn each_field_has_its_bounds() {
    let service = start();
    let lines = |count| json!(vec![order()["lines"][0].clone(); count]);
    for (path, good, bad) in [
        (
            "/customerId",
            vec![json!(1), json!(9_007_199_254_740_991_u64)],
            vec![
                json!(0),
                json!(-1),
                json!(1.5),
                json!(9_007_199_254_740_992_u64),
                json!(null),
            ],
        ),
        (
            "/description",
            vec![
                json!("x"),
                json!("ü".repeat(200)),
                json!("\u{1f600}".repeat(200)),
            ],
            vec![json!(""), json!("ü".repeat(201)), json!(5), json!(null)],
        ),
        (
            "/currency",
            vec![json!("XYZ")],
            vec![
                json!("EU"),
                json!("EURO"),
                json!("Eur"),
                json!("E1R"),
                json!("€"),
            ],
        ),
        (
            "/lines",
            vec![lines(1), lines(100)],
            vec![json!([]), lines(101), json!({})],
        ),
        (
            "/lines/0/quantity",
            vec![json!(1), json!(1000)],
            vec![json!(0), json!(1001), json!(-1), json!(1.0), json!("1")],
        ),
        (
            "/lines/0/price",
            vec![json!(0), json!(0.01), json!(1e6)],
            vec![
                json!(-0.01),
                json!(0.001),
                json!(1_000_000.01),
                json!(1e300),
                json!("1"),
            ],
        ),
    ] {
        for value in good {
            let key = format!("{path}-{}", service.placed().len());
            let answer = place(&service, &key, &with(path, value)).await;
            assert_eq!(answer.status, 201, "{path}: {answer:?}");
        }
        for value in bad {
            let answer = place(&service, "bad", &with(path, value.clone())).await;
            let field = path.replace("/lines/0/", "lines[0].").replace('/', "");
            assert_eq!(
                answer.json()["errors"][0]["field"],
                field,
                "{value}: {answer:?}"
            );
            answer.problem(400);
        }
    }
    // What a float would not see.
    let body = order().to_string().replace("3.5", "3.5000000000000000001");
    let answer = post(service.addr(), "/orders", "bad", &body).await;
    assert_eq!(answer.json()["errors"][0]["field"], "lines[0].price");
}

#[actix_web::test]
async fn a_body_that_is_no_order_is_refused() {
    let service = start();
    for body in ["", "{", "[]", "null", "5", "\"x\"", "{\"a\":\u{7f}", "{}{}"] {
        let answer = post(service.addr(), "/orders", "a", body).await;
        assert_eq!(
            answer.problem(400),
            "the body must be a JSON object",
            "{body}"
        );
    }
    let nothing = post(service.addr(), "/orders", "a", "{}").await;
    assert_eq!(nothing.json()["errors"].as_array().map(Vec::len), Some(4));
    for content_type in [
        "text/plain",
        "application/xml",
        "application/problem+json",
        "",
    ] {
        let headers = [("Content-Type", content_type), ("Idempotency-Key", "a")];
        let body = order().to_string();
        let answer = send(service.addr(), "POST", "/orders", &headers, &body).await;
        answer.problem(415);
    }
    let headers = [
        ("Content-Type", "Application/JSON; charset=utf-8"),
        ("Idempotency-Key", "a"),
    ];
    let body = order().to_string();
    let answer = send(service.addr(), "POST", "/orders", &headers, &body).await;
    assert_eq!(answer.status, 201);
}

#[actix_web::test]
async fn a_body_has_64_kib_at_most() {
    let service = start();
    let body = |bytes: usize| {
        let order = order().to_string();
        let blanks = bytes - order.len();
        order + &" ".repeat(blanks)
    };
    let largest = post(service.addr(), "/orders", "a", &body(65_536)).await;
    assert_eq!(largest.status, 201);
    let larger = post(service.addr(), "/orders", "b", &body(65_537)).await;
    assert_eq!(
        larger.problem(413),
        "the body must have at most 65536 bytes"
    );
    assert_eq!(service.placed().len(), 1);
}
