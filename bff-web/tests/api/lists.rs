//! `GET /orders`: pages of orders as the web client gets them, and what it gets for a wrong question.

use std::time::Duration;

use bff_shared::upstream::Instant;
use mock_services::fault::{BodyFault, Fault};
use mock_services::{Options, raw};
use serde_json::{Value, json};

use crate::helpers::{problem, spawn_app, spawn_of, spawn_with};

/// The ids of a page's orders.
pub(crate) fn ids(page: &Value) -> Vec<u64> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|order| order["id"].as_u64().unwrap()).collect()
}

#[actix_web::test]
async fn an_order_of_a_list_is_what_it_is_by_itself() {
    let app = spawn_app().await;

    let answer = app.get("/orders?limit=50").await;

    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    let page = answer.json();
    assert_eq!(ids(&page), (9_951..=10_000).rev().collect::<Vec<_>>());
    for order in page["items"].as_array().unwrap() {
        let alone = app.get(&format!("/orders/{}", order["id"])).await;
        assert_eq!(alone.json(), *order);
    }
    let fresh = json!({ "state": "fresh" });
    assert_eq!(
        page["sources"],
        json!({ "orders": fresh, "customers": fresh })
    );
}

#[actix_web::test]
async fn whoever_asks_for_nothing_in_particular_gets_the_twenty_latest() {
    let app = spawn_app().await;

    for target in ["/orders", "/orders?", "/orders?limit=20"] {
        let page = app.get(target).await.json();
        assert_eq!(
            ids(&page),
            (9_981..=10_000).rev().collect::<Vec<_>>(),
            "{target}"
        );
        assert!(page["nextCursor"].is_string(), "{target}");
    }
}

#[actix_web::test]
async fn a_list_has_only_what_was_asked_for() {
    let app = spawn_app().await;

    let of_56 = app.get("/orders?customerId=56&limit=100").await.json();
    assert_eq!(ids(&of_56), [9_745, 8_687, 8_429, 6_307, 2_164, 1]);
    assert_eq!(of_56["nextCursor"], Value::Null);
    for order in of_56["items"].as_array().unwrap() {
        assert_eq!(order["customer"]["name"], "John Doe");
    }
    for status in ["placed", "paid", "shipped", "delivered", "cancelled"] {
        let page = app
            .get(&format!("/orders?status={status}&limit=10"))
            .await
            .json();
        let items = page["items"].as_array().unwrap();
        assert_eq!(items.len(), 10, "{status}");
        assert!(items.iter().all(|order| order["status"] == status));
    }
    let both = app.get("/orders?status=placed&customerId=56").await.json();
    assert_eq!(ids(&both), [8_429, 6_307]);
}

#[actix_web::test]
async fn a_list_of_nothing_is_a_list_that_asks_for_nobody() {
    let app = spawn_app().await;

    let answer = app.get("/orders?customerId=9007199254740991").await;

    assert_eq!(
        (answer.status, answer.json()),
        (
            200,
            json!({ "items": [], "nextCursor": null, "sources": { "orders": { "state": "fresh" } } })
        )
    );
    assert!(answer.header("etag").is_some());
    assert_eq!(app.asked(), (1, 0));
}

#[actix_web::test]
async fn all_pages_together_have_every_order_once() {
    let some = Options {
        orders: 23,
        ..Options::default()
    };
    let app = spawn_of(&some, &Options::default(), |_| {}).await;

    for limit in [1, 2, 3, 7, 11, 12, 22, 23, 24, 100] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = app.get(&format!("/orders?limit={limit}{cursor}")).await;
            let page = page.json();
            assert!(ids(&page).len() <= limit, "{page}");
            seen.extend(ids(&page));
            let Some(next) = page["nextCursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, (1..=23).rev().collect::<Vec<_>>(), "{limit}");
    }
}

#[actix_web::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let app = spawn_app().await;

    let answer = app
        .get("/orders?limit=0&status=Paid&customerId=abc&page=2&sort=asc&cursor=x")
        .await;

    let body = problem(&answer, 400, "invalidInput");
    let number = "must be a whole number from 1 to";
    let unknown = "is not known: known are customerId, status, limit, cursor";
    assert_eq!(
        body["errors"],
        json!([
            { "field": "customerId", "detail": format!("{number} 9007199254740991") },
            { "field": "status", "detail": "must be one of placed, paid, shipped, delivered, cancelled" },
            { "field": "limit", "detail": format!("{number} 100") },
            { "field": "page", "detail": unknown },
            { "field": "sort", "detail": unknown },
        ]),
        "and nothing of the cursor, which another request will have"
    );
    assert_eq!(
        body["detail"],
        "Not valid: customerId, status, limit, page, sort."
    );
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn each_wrong_value_is_refused_and_no_service_is_asked() {
    let app = spawn_app().await;
    let many = "9".repeat(30);
    let cases = [
        ("customerId", "0"),
        ("customerId", "-1"),
        ("customerId", "%2B1"),
        ("customerId", "01"),
        ("customerId", "1.5"),
        ("customerId", "9007199254740992"),
        ("customerId", &many),
        ("customerId", ""),
        ("customerId", "null"),
        ("customerId", "1,2"),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "256"),
        ("limit", "276"),
        ("limit", "ten"),
        ("limit", "1e1"),
        ("limit", ""),
        ("limit", "%20 1"),
        ("status", ""),
        ("status", "PAID"),
        ("status", "refunded"),
        ("status", "placed,paid"),
        ("status", "%ff"),
        ("", "1"),
        ("Limit", "1"),
        ("limit%5B%5D", "1"),
    ];

    for (name, value) in cases {
        let target = format!("/orders?{name}={}", value.replace(' ', "%20"));
        let body = problem(&app.get(&target).await, 400, "invalidInput");
        let named = name.replace("%5B%5D", "[]");
        assert_eq!(body["errors"][0]["field"], named, "{target}");
        assert_eq!(body["errors"].as_array().unwrap().len(), 1, "{target}");
    }
    for twice in ["limit=1&limit=1", "status=paid&limit=2&status=placed"] {
        let body = problem(
            &app.get(&format!("/orders?{twice}")).await,
            400,
            "invalidInput",
        );
        assert_eq!(body["errors"][0]["detail"], "may be there once", "{body}");
    }
    let both = app.get("/orders?limit=1&limit=2&status=x").await;
    let both = problem(&both, 400, "invalidInput");
    assert_eq!(both["errors"].as_array().unwrap().len(), 2, "{both}");
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn a_slash_behind_it_is_another_path_and_another_method_is_not_allowed() {
    let app = spawn_app().await;

    problem(&app.get("/orders/?limit=1").await, 404, "unknownPath");
    for method in ["PUT", "PATCH", "DELETE"] {
        let answer = raw::send(app.addr, method, "/orders", &[], "")
            .await
            .unwrap();
        problem(&answer, 405, "methodNotAllowed");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    }
    let head = raw::send(app.addr, "HEAD", "/orders?limit=2", &[], "")
        .await
        .unwrap();
    assert_eq!((head.status, &*head.body), (200, ""));
}

#[actix_web::test]
async fn without_the_orders_there_is_a_problem_with_the_right_status() {
    let app = spawn_with(|config| {
        config.services.orders.attempt_timeout = Duration::from_millis(800);
    })
    .await;
    let faults = [
        (Fault::status(500), 503, "upstreamUnavailable"),
        (Fault::status(429), 503, "upstreamOverloaded"),
        (Fault::hang(), 504, "upstreamTimeout"),
        (
            Fault::body(BodyFault::Malformed),
            502,
            "upstreamInvalidResponse",
        ),
        (
            Fault::body(BodyFault::WrongShape),
            502,
            "upstreamInvalidResponse",
        ),
        (
            Fault::body(BodyFault::Empty),
            502,
            "upstreamInvalidResponse",
        ),
        (Fault::body(BodyFault::Html), 502, "upstreamInvalidResponse"),
    ];

    for (fault, status, code) in faults {
        app.orders.faults().set(vec![fault.route("/orders")]);
        problem(&app.get("/orders?limit=3").await, status, code);
    }
    assert_eq!(app.customers.requests(), 0);
}

#[actix_web::test]
async fn without_customers_a_list_says_so_for_each_order_and_for_all() {
    let app = spawn_with(|config| {
        config.services.customers.attempt_timeout = Duration::from_millis(800);
    })
    .await;
    let faults = [
        (Fault::status(503), "unavailable"),
        (Fault::status(429), "overloaded"),
        (Fault::hang(), "timeout"),
        (Fault::body(BodyFault::Malformed), "invalidResponse"),
        (Fault::body(BodyFault::Html), "invalidResponse"),
    ];

    for (fault, reason) in faults {
        app.customers.faults().set(vec![fault]);
        let answer = app.get("/orders?limit=3").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = answer.json();
        let omitted = json!({ "state": "omitted", "reason": reason });
        assert_eq!(page["sources"]["customers"], omitted);
        assert_eq!(ids(&page), [10_000, 9_999, 9_998]);
        for order in page["items"].as_array().unwrap() {
            assert_eq!(order["customer"], Value::Null);
            assert_eq!(
                order["sources"],
                json!({ "order": { "state": "fresh" }, "customer": omitted })
            );
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("etag"), None);
    }
}

#[actix_web::test]
async fn a_list_is_kept_privately_and_known_again_by_its_tag() {
    let app = spawn_app().await;

    let begun = Instant::now();
    let answer = app.get("/orders?limit=3").await;

    assert!(answer.is_kept_for(5, begun.elapsed()), "{answer:?}");
    let tag = answer.header("etag").unwrap();
    let again = app
        .get_with("/orders?limit=3", &[("If-None-Match", tag)])
        .await;
    assert_eq!((again.status, &*again.body), (304, ""));
    let other = app
        .get_with("/orders?limit=4", &[("If-None-Match", tag)])
        .await;
    assert_eq!(other.status, 200);
    let timing = answer.header("server-timing").unwrap();
    assert!(
        timing.starts_with("orders;dur=") && timing.contains(", customers;dur="),
        "{timing}"
    );
}

#[actix_web::test]
async fn customers_who_hang_cost_no_more_than_the_deadline_of_the_whole() {
    let app = spawn_with(|config| config.server.deadline = Duration::from_millis(300)).await;
    app.customers.faults().set(vec![Fault::hang()]);

    // Long before the customers' own limits, which are beyond the time that a test may take.
    let answer = app.get("/orders?limit=3").await;

    let page = answer.json();
    assert_eq!(answer.status, 200);
    assert_eq!(
        page["sources"]["customers"],
        json!({ "state": "omitted", "reason": "timeout" })
    );
}
