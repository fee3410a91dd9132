//! `GET /home/{customerId}`: the first screen, in one request and few bytes, whatever the services do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpResponse;
use mock_services::Options;
use mock_services::fault::{BodyFault, Fault};
use mock_services::raw;
use serde_json::{Value, json};

use crate::helpers::{
    GUARD, TestApp, problem, service, spawn_app, spawn_over, spawn_stale, spawn_with, until,
};

/// The most bytes that the first screen may have.
const MOST_BYTES: usize = 2_048;

/// The first screen of customer 56, as it has to be.
fn home_56() -> Value {
    json!({
        "greetingName": "John Doe",
        "openOrders": 2,
        "latestOrders": [
            { "id": 9745, "title": "Weekly groceries no. 9745", "status": "delivered",
              "placedAt": "2024-03-08T16:10:26Z", "total": 98 },
            { "id": 8687, "title": "Garden plants no. 8687",
              "placedAt": "2024-03-01T07:53:58Z", "total": 1017.76, "currency": "EUR" },
            { "id": 8429, "title": "Weekly groceries no. 8429", "status": "placed",
              "placedAt": "2024-02-28T12:55:32Z", "total": 44.16, "currency": "SEK" },
            { "id": 6307, "title": "Spare parts no. 6307", "status": "placed", "total": 63.5, "currency": "USD" },
            { "id": 2164, "title": "Crème brûlée set no. 2164", "status": "delivered",
              "total": 1589.39, "currency": "GBP" },
        ],
    })
}

#[actix_web::test]
async fn the_first_screen_is_one_request_and_a_call_to_each_service() {
    let app = spawn_app().await;

    let answer = app.get("/home/56").await;

    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(answer.json(), home_56());
    assert_eq!(app.asked(), (1, 1));
    assert!(!answer.body.contains("null"), "{}", answer.body);
    assert!(answer.kept_privately().is_some(), "{answer:?}");
}

#[actix_web::test]
async fn every_first_screen_is_small_and_says_what_the_services_say() {
    let app = spawn_app().await;

    for id in 1..=100_u64 {
        let answer = app.get(&format!("/home/{id}")).await;
        assert!(answer.body.len() <= MOST_BYTES, "{}", answer.body);
        let home = answer.json();
        let target = format!("/orders?customerId={id}&limit=100");
        let orders = raw::get(app.orders.addr(), &target).await.unwrap().json();
        let orders = orders["items"].as_array().unwrap();
        let is_open = |order: &&Value| {
            let status = order["status"].as_str();
            status.is_some_and(|word| ["placed", "paid", "shipped"].contains(&word))
        };
        assert_eq!(home["openOrders"], orders.iter().filter(is_open).count());
        let latest = home["latestOrders"].as_array().unwrap();
        assert_eq!(latest.len(), orders.len().min(5));
        for (shown, order) in latest.iter().zip(orders) {
            assert_eq!(shown["id"], order["id"]);
            assert_eq!(shown["title"], order["description"]);
            assert_eq!(shown["total"], order["total"]);
            for field in ["status", "placedAt", "currency"] {
                assert_eq!(shown[field], order[field], "{shown}");
            }
        }
    }
}

#[actix_web::test]
async fn both_services_are_asked_at_once() {
    for slow in ["orders", "customers"] {
        let app = spawn_app().await;
        let service = if slow == "orders" {
            &app.orders
        } else {
            &app.customers
        };
        service.faults().set(vec![Fault::hang()]);

        let asking = actix_web::rt::spawn(raw::get(app.addr, "/home/56"));

        // The one that hangs never answers, so nobody waited for it to ask the other.
        until("both are asked", async || app.asked() == (1, 1)).await;
        assert!(!asking.is_finished(), "{slow} are not given up yet");
        asking.abort();
    }
}

#[actix_web::test]
async fn without_the_customer_service_there_is_a_label_and_the_orders() {
    let app = spawn_app().await;
    for (fault, reason) in [
        (Fault::status(503), "unavailable"),
        (Fault::status(429), "overloaded"),
        (Fault::body(BodyFault::WrongShape), "invalidResponse"),
    ] {
        app.customers.faults().set(vec![fault]);
        let answer = app.get("/home/56").await;
        let mut expected = home_56();
        expected["greetingName"] = json!("Customer 56");
        expected["sources"] = json!({ "customer": { "state": "default", "reason": reason } });
        assert_eq!((answer.status, answer.json()), (200, expected));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("etag"), None);
    }
}

#[actix_web::test]
async fn without_the_order_service_there_is_a_greeting() {
    let app = spawn_with(|config| config.services.orders.attempt_timeout = GUARD / 60).await;
    for (fault, reason) in [
        (Fault::status(503), "unavailable"),
        (Fault::hang(), "timeout"),
        (Fault::body(BodyFault::Html), "invalidResponse"),
    ] {
        app.orders.faults().set(vec![fault]);
        let answer = app.get("/home/56").await;
        let expected = json!({
            "greetingName": "John Doe",
            "sources": { "orders": { "state": "omitted", "reason": reason } },
        });
        assert_eq!((answer.status, answer.json()), (200, expected));
    }
}

#[actix_web::test]
async fn without_both_the_problem_is_that_of_the_orders() {
    let app = spawn_app().await;
    app.customers.faults().set(vec![Fault::status(503)]);
    for (fault, status, code) in [
        (Fault::status(503), 503, "upstreamUnavailable"),
        (Fault::status(429), 503, "upstreamOverloaded"),
        (
            Fault::body(BodyFault::Malformed),
            502,
            "upstreamInvalidResponse",
        ),
    ] {
        app.orders.faults().set(vec![fault]);
        let body = problem(&app.get("/home/56").await, status, code);
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.starts_with("The orders "), "{detail}");
    }
}

#[actix_web::test]
async fn a_customer_who_does_not_exist_is_a_404_also_without_the_orders() {
    let app = spawn_app().await;

    let body = problem(&app.get("/home/20000").await, 404, "customerNotFound");
    assert_eq!(body["detail"], "There is no customer 20000.");
    app.orders.faults().set(vec![Fault::status(503)]);
    problem(&app.get("/home/20000").await, 404, "customerNotFound");
}

#[actix_web::test]
async fn an_old_screen_is_better_than_none_and_says_that_it_is_old() {
    let app = spawn_stale();
    app.get("/home/56").await;
    app.orders.faults().set(vec![Fault::status(503)]);
    app.customers.faults().set(vec![Fault::status(503)]);

    let mut home = app.get("/home/56").await.json();

    let sources = home.as_object_mut().unwrap().remove("sources").unwrap();
    for name in ["customer", "orders"] {
        assert_eq!(sources[name]["state"], "stale", "{sources}");
    }
    assert_eq!(home, home_56());
}

#[actix_web::test]
async fn an_app_that_has_the_screen_is_told_so() {
    let options = Options::default();
    let app: TestApp = spawn_over([&options; 2], |_| {});
    let tag = app.get("/home/56").await.header("etag").unwrap().to_owned();

    let known = app.get_with("/home/56", &[("If-None-Match", &tag)]).await;

    assert_eq!((known.status, &*known.body), (304, ""));
}

/// Services that say `text` wherever there is room for it, and everything else at its longest, until they are down.
fn verbose(
    text: &str,
    is_down: &Arc<AtomicBool>,
) -> impl Fn(actix_web::HttpRequest) -> HttpResponse + Clone + Send + use<> {
    let order = |id: u64| {
        json!({
            "id": id, "customerId": 9_007_199_254_740_991_u64, "description": text, "status": "delivered",
            "placedAt": "2024-01-01T00:26:53.123456789+00:00", "currency": "EUR", "lines": [],
            "total": "-7.9228162514264337593543950335",
        })
    };
    let orders = (0..100).map(|at| order(9_007_199_254_740_991 - at));
    let orders = json!({ "items": orders.collect::<Vec<_>>(), "nextCursor": "next" }).to_string();
    let customer =
        json!({ "id": 9_007_199_254_740_991_u64, "name": text, "email": "e" }).to_string();
    let is_down = Arc::clone(is_down);
    move |request| {
        if is_down.load(Ordering::Relaxed) {
            // The longest of all reasons.
            return HttpResponse::Ok().body("no JSON");
        }
        let body = if request.path() == "/orders" {
            &orders
        } else {
            &customer
        };
        HttpResponse::Ok()
            .insert_header(("Cache-Control", "max-age=0, stale-if-error=600"))
            .content_type("application/json")
            .body(body.clone())
    }
}

#[actix_web::test]
async fn whatever_the_services_say_the_first_screen_is_small() {
    // Each as long as fits into an answer of the order service.
    for text in [
        "a",
        "\u{1}",
        "\"",
        "\\",
        "\u{7f}",
        "é",
        "€",
        "😀",
        "\u{1}😀\"é",
        "👩\u{200d}👩\u{200d}👧",
    ] {
        let is_down = Arc::new(AtomicBool::new(false));
        let nasty = verbose(&text.repeat(1_500 / text.chars().count()), &is_down);
        let options = Options::default();
        let app = spawn_over([&options; 2], |config| {
            for upstream in [&mut config.services.orders, &mut config.services.customers] {
                upstream.endpoints = vec![service(nasty.clone())];
                upstream.retry.repeats = 0;
                upstream.hedge.after_at_least = GUARD / 2;
            }
        });

        let fresh = app.get("/home/9007199254740991").await;
        is_down.store(true, Ordering::Relaxed);
        let stale = app.get("/home/9007199254740991").await;

        for answer in [&fresh, &stale] {
            assert_eq!(answer.status, 200, "{text:?}: {answer:?}");
            let home = answer.json();
            assert_eq!(home["latestOrders"].as_array().unwrap().len(), 5);
            assert_eq!(
                (&home["openOrders"], &home["hasMore"]),
                (&json!(0), &json!(true))
            );
            let shown = [&home["greetingName"], &home["latestOrders"][4]["title"]];
            for shown in shown.map(|shown| shown.as_str().unwrap()) {
                assert!(shown.ends_with('…') && shown.starts_with(text), "{shown}");
            }
        }
        let sources = &stale.json()["sources"];
        for name in ["customer", "orders"] {
            assert_eq!(sources[name]["state"], "stale");
            assert_eq!(sources[name]["reason"], "invalidResponse");
        }
        // With ages of 20 digits, the most that there are, in place of one or two.
        let most = stale.body.len() + 2 * 19;
        assert!(most <= MOST_BYTES, "{text:?}: {most} bytes: {}", stale.body);
    }
}
