//! `GET /orders`: what an app that shows a list would try, and what it gets when all is well and when it is not.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use actix_web::HttpResponse;
use mock_services::fault::{BodyFault, Fault};
use mock_services::{Options, customers};
use serde_json::{Value, json};

use crate::helpers::{
    GUARD, TestApp, blamed, endpoint, problem, service, spawn_app, spawn_over, spawn_stale,
    spawn_with,
};

/// The ids of a page, in its sequence.
pub(crate) fn ids(page: &Value) -> Vec<u64> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_u64().unwrap()).collect()
}

#[actix_web::test]
async fn each_order_of_a_list_is_what_it_is_alone() {
    let app = spawn_app().await;

    for query in [
        "",
        "?limit=100",
        "?customerId=56",
        "?status=shipped&limit=40",
    ] {
        let page = app.get(&format!("/orders{query}")).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("application/json"))
        );
        assert!(!page.body.contains("null"), "{}", page.body);
        let page = page.json();
        assert_eq!(page["sources"], Value::Null, "all of them are fresh");
        for item in page["items"].as_array().unwrap() {
            let alone = app.get(&format!("/orders/{}", item["id"])).await;
            assert_eq!(*item, alone.json(), "{query}");
        }
    }
}

#[actix_web::test]
async fn a_list_is_the_newest_first_and_only_what_was_asked_for() {
    let app = spawn_app().await;

    assert_eq!(
        ids(&app.get("/orders?limit=3").await.json()),
        [10_000, 9_999, 9_998]
    );
    let of_56 = app.get("/orders?customerId=56").await.json();
    assert_eq!(ids(&of_56), [9_745, 8_687, 8_429, 6_307, 2_164, 1]);
    assert_eq!(of_56["nextCursor"], Value::Null, "there are no more");
    let placed = app.get("/orders?customerId=56&status=placed").await.json();
    assert_eq!(ids(&placed), [8_429, 6_307]);
    let none = app.get("/orders?customerId=56&status=paid").await;
    assert_eq!((none.status, &*none.body), (200, r#"{"items":[]}"#));
    // Nobody knows whether there is a customer without orders.
    let nobody = app.get("/orders?customerId=4000000").await;
    assert_eq!((nobody.status, &*nobody.body), (200, r#"{"items":[]}"#));
}

#[actix_web::test]
async fn pages_follow_each_other_without_a_gap_also_when_their_size_changes() {
    let app = spawn_app().await;
    let all = ids(&app.get("/orders?customerId=56").await.json());

    let (mut seen, mut cursor, mut limit) = (Vec::new(), String::new(), 1);
    loop {
        let page = app
            .get(&format!("/orders?limit={limit}&customerId=56{cursor}"))
            .await
            .json();
        assert!(page["items"].as_array().unwrap().len() <= limit);
        seen.extend(ids(&page));
        let Some(next) = page["nextCursor"].as_str() else {
            break;
        };
        (cursor, limit) = (format!("&cursor={next}"), limit + 1);
    }

    assert_eq!(seen, all);
}

#[actix_web::test]
async fn how_many_are_asked_for_is_always_said() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let orders = service({
        let asked = Arc::clone(&asked);
        move |request| {
            asked.lock().unwrap().push(request.uri().to_string());
            HttpResponse::Ok().json(json!({ "items": [] }))
        }
    });
    let app = spawn_with(|config| config.services.orders.endpoints = vec![orders]).await;

    for target in [
        "/orders",
        "/orders?",
        "/orders?limit=100&status=paid&customerId=56",
    ] {
        assert_eq!(app.get(target).await.body, r#"{"items":[]}"#);
    }

    assert_eq!(
        *asked.lock().unwrap(),
        [
            "/orders?limit=20",
            "/orders?limit=20",
            "/orders?customerId=56&status=paid&limit=100"
        ]
    );
    assert_eq!(app.customers.requests(), 0, "there is nobody to ask for");
}

#[actix_web::test]
async fn a_list_costs_one_call_and_one_for_each_hundred_customers() {
    let app = spawn_app().await;

    let page = app.get("/orders?limit=100").await.json();

    let names = page["items"].as_array().unwrap().iter();
    let names: BTreeSet<_> = names
        .map(|item| item["customerName"].as_str().unwrap())
        .collect();
    assert!(names.len() > 20, "many customers");
    assert_eq!(app.asked(), (1, 1));
    assert_eq!(app.orders.requests_of("GET", "/orders"), 1);
    assert_eq!(app.customers.requests_of("GET", "/customers"), 1);

    let page = app.get("/orders?customerId=56").await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 6);
    assert_eq!(app.asked(), (2, 2), "one customer is asked for once");
}

#[actix_web::test]
async fn everything_that_is_wrong_with_a_query_is_said_at_once_and_nobody_is_asked() {
    let app = spawn_app().await;
    let wrong: [(&str, &[&str]); 22] = [
        ("limit=0", &["limit"]),
        ("limit=101", &["limit"]),
        ("limit=-1", &["limit"]),
        ("limit=1.5", &["limit"]),
        ("limit=01", &["limit"]),
        ("limit=+1", &["limit"]),
        ("limit=", &["limit"]),
        ("limit", &["limit"]),
        ("limit=ten", &["limit"]),
        ("limit=20&limit=20", &["limit"]),
        ("customerId=0", &["customerId"]),
        ("customerId=abc", &["customerId"]),
        ("customerId=056", &["customerId"]),
        ("customerId=9007199254740992", &["customerId"]),
        ("customerId=56,57", &["customerId"]),
        ("status=Paid", &["status"]),
        ("status=open", &["status"]),
        ("status=paid,placed", &["status"]),
        ("status=paid&status=placed", &["status"]),
        ("customerid=56", &["customerid"]),
        ("page=2&offset=20", &["page", "offset"]),
        ("status=%ff&limit=%30&sort=id", &["status", "limit", "sort"]),
    ];

    for (query, fields) in wrong {
        let answer = app.get(&format!("/orders?{query}")).await;
        assert_eq!(
            blamed(&problem(&answer, 400, "invalidInput")),
            fields,
            "{query}"
        );
    }
    let answer = app
        .get("/orders?limit=0&cursor=abc&status=x&page=1&customerId=0&limit=x&cursor=x")
        .await;
    let body = problem(&answer, 400, "invalidInput");
    assert_eq!(
        blamed(&body),
        ["limit", "cursor", "customerId", "status", "limit", "page"]
    );
    assert_eq!(
        body["errors"][3]["detail"],
        "must be one of placed, paid, shipped, delivered, cancelled"
    );

    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn a_customer_who_cannot_be_had_costs_only_their_own_names() {
    // Customers 1 to 500 and 56 are all there are; the orders are of customers up to 1,000.
    let few = customers::start(&Options {
        customers: 500,
        ..Options::default()
    })
    .unwrap();
    let app =
        spawn_with(|config| config.services.customers.endpoints = vec![endpoint(&few.url())]).await;

    let page = app.get("/orders?limit=50").await;

    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("etag"), None);
    let page = page.json();
    let missing = json!({ "state": "default", "reason": "notFound" });
    assert_eq!(page["sources"], json!({ "customers": missing }));
    let (mut known, mut unknown) = (0, 0);
    for item in page["items"].as_array().unwrap() {
        if item["customerName"]
            .as_str()
            .unwrap()
            .starts_with("Customer ")
        {
            assert_eq!(item["sources"], json!({ "customer": missing }));
            unknown += 1;
        } else {
            assert_eq!(item["sources"], Value::Null, "{item}");
            known += 1;
        }
    }
    assert!(known > 0 && unknown > 0, "{known} and {unknown}");
}

#[actix_web::test]
async fn without_the_customer_service_there_are_labels_and_the_reason() {
    let app = spawn_app().await;
    let faults = [
        (Fault::status(503), "unavailable"),
        (Fault::status(429), "overloaded"),
        (Fault::body(BodyFault::Malformed), "invalidResponse"),
    ];

    for (fault, reason) in faults {
        app.customers.faults().set(vec![fault]);
        let page = app.get("/orders?customerId=56&limit=1").await;
        let missing = json!({ "state": "default", "reason": reason });
        assert_eq!(page.status, 200);
        let page = page.json();
        assert_eq!(page["items"][0]["customerName"], "Customer 56");
        assert_eq!(page["items"][0]["sources"], json!({ "customer": missing }));
        assert_eq!(page["sources"], json!({ "customers": missing }));
        assert!(page["nextCursor"].is_string(), "the list goes on");
    }
}

#[actix_web::test]
async fn without_the_order_service_there_is_a_problem_with_the_right_status() {
    let app = spawn_with(|config| config.services.orders.attempt_timeout = GUARD / 60).await;
    let faults = [
        (Fault::status(500), 503, "upstreamUnavailable"),
        (Fault::status(429), 503, "upstreamOverloaded"),
        (Fault::hang(), 504, "upstreamTimeout"),
        (Fault::body(BodyFault::Html), 502, "upstreamInvalidResponse"),
        (
            Fault::body(BodyFault::WrongShape),
            502,
            "upstreamInvalidResponse",
        ),
    ];

    for (fault, status, code) in faults {
        app.orders.faults().set(vec![fault]);
        problem(&app.get("/orders").await, status, code);
    }
    assert_eq!(app.customers.requests(), 0);
}

#[actix_web::test]
async fn a_service_without_lists_gives_no_usable_answer() {
    let orders = service(|_| HttpResponse::NotFound().finish());
    let app = spawn_with(|config| config.services.orders.endpoints = vec![orders]).await;

    problem(&app.get("/orders").await, 502, "upstreamInvalidResponse");
}

#[actix_web::test]
async fn an_old_list_is_shown_as_such_order_by_order() {
    let app = spawn_stale();
    let complete = app.get("/orders?customerId=56&limit=2").await.json();
    app.orders.faults().set(vec![Fault::status(503)]);

    let mut old = app.get("/orders?customerId=56&limit=2").await.json();

    let stale = |source: &mut Value| {
        assert!(source["ageSeconds"].take().is_u64(), "{source}");
        assert_eq!(source["state"], "stale");
        assert_eq!(source["reason"], "unavailable");
    };
    stale(&mut old["sources"]["orders"]);
    for item in old["items"].as_array_mut().unwrap() {
        stale(&mut item["sources"]["order"]);
        item.as_object_mut().unwrap().remove("sources");
    }
    old.as_object_mut().unwrap().remove("sources");
    assert_eq!(old, complete);
}

#[actix_web::test]
async fn a_list_may_be_kept_and_is_told_by_its_tag() {
    let options = Options::default();
    let app: TestApp = spawn_over([&options; 2], |_| {});
    let page = app.get("/orders?limit=2").await;
    assert!(page.kept_privately().is_some(), "{page:?}");
    let tag = page.header("etag").unwrap().to_owned();

    let known = app
        .get_with("/orders?limit=2", &[("If-None-Match", &tag)])
        .await;
    let next = page.json()["nextCursor"].as_str().unwrap().to_owned();
    let other = app
        .get_with(
            &format!("/orders?limit=2&cursor={next}"),
            &[("If-None-Match", &tag)],
        )
        .await;

    assert_eq!((known.status, &*known.body), (304, ""));
    assert_eq!(other.status, 200, "the tag is of another page");
    let status = known.header("cache-status").unwrap();
    assert!(
        status.starts_with("orders; hit; ttl=") && status.contains(", customers; hit; ttl="),
        "{status}"
    );
}
