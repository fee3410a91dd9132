//! Every example of a success is a real answer.

use std::collections::BTreeMap;

use mock_services::fault::Fault;
use mock_services::raw::{self, Answer};
use mock_services::{Options, customers, orders};
use serde_json::Value;

use super::{document, examples_of, operations};
use crate::helpers::{GUARD, TestApp, kill, spawn_app, spawn_over};

/// The successes that an operation shows and nobody has compared yet.
struct Shown {
    operation: &'static str,
    left: BTreeMap<String, Value>,
}

impl Shown {
    fn of(operation: &'static str) -> Self {
        let examples = examples_of(operation).into_iter();
        let successes = examples.filter(|((status, _), _)| status.starts_with('2'));
        let left = successes.map(|((_, name), value)| (name, value)).collect();
        Self { operation, left }
    }

    fn take(&mut self, name: &str) -> Value {
        self.left
            .remove(name)
            .unwrap_or_else(|| panic!("{name} is not shown"))
    }

    /// Checks that `answer` is the example `name`, but for what the clock or a secret is in, and that its headers are there.
    fn assert(&mut self, name: &str, answer: &Answer, varying: &str) {
        self.assert_headers(answer, name == "page");
        let (mut expected, mut body) = (self.take(name), answer.json());
        if !varying.is_empty() {
            let both = [&mut expected, &mut body];
            let varying = both.map(|body| body.pointer_mut(varying).unwrap().take());
            assert!(varying.iter().all(Value::is_string), "{varying:?}");
        }
        assert_eq!(body, expected, "{name}");
    }

    /// Checks that every header is there that the document promises; a tag has only what is complete.
    fn assert_headers(&self, answer: &Answer, is_complete: bool) {
        let document = document();
        let responses = &operations(&document)[self.operation]["responses"];
        let headers = responses[answer.status.to_string()]["headers"].as_object();
        for header in headers.unwrap().keys() {
            assert!(
                answer.header(header).is_some() || (header == "ETag" && !is_complete),
                "{header} is not on {answer:?}"
            );
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.left.is_empty(), "nobody compares {:?}", self.left);
        }
    }
}

/// The answer when the customer service fails that has answered before.
async fn stale_customer() -> Answer {
    let options = Options {
        cache_control: Some("max-age=0, stale-if-error=600".to_owned()),
        ..Options::default()
    };
    let orders = orders::start(&options).unwrap();
    let customers = customers::start(&options).unwrap();
    let bff = spawn_over(&[&orders.url()], &[&customers.url()], |config| {
        // As long as an old order waits for a newer one.
        config.services.orders.hedge.after_at_least = GUARD / 2;
        config.services.customers.hedge.after_at_least = GUARD / 2;
    });
    bff.get("/orders/1").await;
    customers.faults().set(vec![Fault::status(503)]);
    bff.get("/orders/1").await
}

#[actix_web::test]
async fn those_of_an_order() {
    let app = spawn_app().await;
    let mut shown = Shown::of("get /orders/{id}");

    let complete = app.get("/orders/1").await;
    shown.assert("complete", &complete, "");
    shown.assert_headers(&complete, true);
    let tag = complete.header("etag").unwrap();
    let known = app.get_with("/orders/1", &[("If-None-Match", tag)]).await;
    assert_eq!(known.status, 304, "{known:?}");
    shown.assert_headers(&known, true);
    let TestApp {
        addr, customers, ..
    } = app;
    let _port = kill(customers).await;
    let without = raw::get(addr, "/orders/1").await.unwrap();
    shown.assert("withoutCustomer", &without, "");
    let mut expected = shown.take("staleCustomer");
    let mut stale = stale_customer().await.json();
    for body in [&mut expected, &mut stale] {
        let age = body["sources"]["customer"]["ageSeconds"].take();
        assert!(age.is_u64(), "{age}");
    }
    assert_eq!(stale, expected);
}

#[actix_web::test]
async fn those_of_a_list() {
    let app = spawn_app().await;
    let mut shown = Shown::of("get /orders");

    let page = app.get("/orders?limit=2").await;
    shown.assert("page", &page, "/nextCursor");
    let tag = page.header("etag").unwrap();
    let known = app
        .get_with("/orders?limit=2", &[("If-None-Match", tag)])
        .await;
    assert_eq!(known.status, 304, "{known:?}");
    shown.assert_headers(&known, true);
    let empty = app.get("/orders?customerId=56&status=shipped").await;
    shown.assert("empty", &empty, "");
    app.customers.faults().set(vec![Fault::status(503)]);
    let without = app.get("/orders?limit=2").await;
    shown.assert("pageWithoutCustomers", &without, "/nextCursor");
}

#[actix_web::test]
async fn those_of_a_customer() {
    let app = spawn_app().await;
    let mut shown = Shown::of("get /customers/{id}");

    let overview = app.get("/customers/56").await;
    shown.assert("overview", &overview, "");
    shown.assert_headers(&overview, true);
    app.customers.faults().set(vec![Fault::status(503)]);
    let without = app.get("/customers/56").await;
    shown.assert("overviewWithoutCustomer", &without, "");
    app.customers.faults().clear();
    app.orders.faults().set(vec![Fault::status(503)]);
    let without = app.get("/customers/56").await;
    shown.assert("overviewWithoutOrders", &without, "");
}

#[actix_web::test]
async fn those_of_writes_to_what_is_shown_as_their_body() {
    let app = spawn_app().await;
    let document = document();
    let place = operations(&document)["post /orders"];
    let body = &place["requestBody"]["content"]["application/json"]["examples"]["newOrder"];
    let key = place["parameters"][0]["example"].as_str().unwrap();
    let headers = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", key),
    ];

    let placed = app
        .post("/orders", &headers, &body["value"].to_string())
        .await;
    Shown::of("post /orders").assert("placed", &placed, "/placedAt");
    assert_eq!(placed.header("location"), Some("/orders/10001"));
    let cancelled = app.post("/orders/1/cancel", &[], "").await;
    Shown::of("post /orders/{id}/cancel").assert("cancelled", &cancelled, "");
}
