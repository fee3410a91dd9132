//! The document: it is the committed one, and what it shows is what is really answered.

use std::collections::BTreeMap;
use std::time::Duration;

use bff_shared::serve::openapi;
use mock_services::fault::{BodyFault, Fault};
use mock_services::raw;
use serde_json::Value;

use crate::helpers::{TestApp, kill, problem, spawn_app, spawn_stale, spawn_with};

/// The document as it is committed.
const COMMITTED: &str = include_str!("../../openapi.json");

/// The value of each example of an answer to `GET /orders/{id}`, by status and name.
fn examples() -> BTreeMap<(String, String), Value> {
    let document: Value = serde_json::from_str(COMMITTED).unwrap();
    let mut examples = BTreeMap::new();
    for (status, response) in document["paths"]["/orders/{id}"]["get"]["responses"]
        .as_object()
        .unwrap()
    {
        // A 304 has none.
        for content in response["content"]
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::values)
        {
            for (name, example) in content["examples"].as_object().unwrap() {
                examples.insert((status.clone(), name.clone()), example["value"].clone());
            }
        }
    }
    examples
}

#[test]
fn the_committed_document_is_what_the_code_says() {
    assert_eq!(
        COMMITTED,
        openapi::text(&bff_mobile::document()),
        "renew it: cargo run -q -p bff-mobile -- openapi > bff-mobile/openapi.json"
    );
}

#[actix_web::test]
async fn the_committed_document_is_served_and_shown() {
    let app = spawn_app().await;

    let (document, page) = (app.get("/openapi.json").await, app.get("/docs/").await);

    assert_eq!((document.status, &*document.body), (200, COMMITTED));
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html"))
    );
}

#[actix_web::test]
async fn every_example_of_an_order_is_a_real_answer() {
    let app = spawn_app().await;
    let mut examples = examples();
    let mut shown = |name: &str| {
        examples
            .remove(&("200".to_owned(), name.to_owned()))
            .unwrap()
    };

    assert_eq!(app.get("/orders/1").await.json(), shown("complete"));
    let TestApp {
        addr, customers, ..
    } = app;
    let _port = kill(customers).await;
    assert_eq!(
        raw::get(addr, "/orders/1").await.unwrap().json(),
        shown("withoutCustomer")
    );
    let app = spawn_stale();
    app.get("/orders/1").await;
    app.customers.faults().set(vec![Fault::status(503)]);
    let (mut expected, mut stale) = (shown("staleCustomer"), app.get("/orders/1").await.json());
    for body in [&mut expected, &mut stale] {
        let age = body["sources"]["customer"]["ageSeconds"].take();
        assert!(age.is_u64(), "{age}");
    }
    assert_eq!(stale, expected);

    let left: Vec<_> = examples
        .into_keys()
        .filter(|(status, _)| status == "200")
        .collect();
    assert!(left.is_empty(), "nobody compares {left:?}");
}

#[actix_web::test]
async fn every_example_of_a_problem_is_a_real_answer_and_every_problem_has_one() {
    let app = spawn_app().await;
    let mut answers = vec![
        app.get("/orders/abc").await,
        app.get("/orders/20000").await,
        app.get(&format!("/orders/{}", "1".repeat(3_000))).await,
        raw::send(
            app.addr,
            "GET",
            "/orders/1",
            &[("X-Large", &"x".repeat(20_000))],
            "",
        )
        .await
        .unwrap(),
        raw::exchange(
            app.addr,
            b"GET /orders/1 HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
        )
        .await
        .unwrap(),
    ];
    for fault in [
        Fault::status(500),
        Fault::status(429),
        Fault::body(BodyFault::WrongShape),
    ] {
        app.orders.faults().set(vec![fault]);
        answers.push(app.get("/orders/1").await);
    }
    let impatient = spawn_with(|config| config.server.deadline = Duration::from_millis(50)).await;
    impatient.orders.faults().set(vec![Fault::hang()]);
    answers.push(impatient.get("/orders/1").await);
    let busy = spawn_with(|config| config.server.max_requests = 1).await;
    busy.orders.faults().set(vec![Fault::hang()]);
    let _hanging = actix_web::rt::spawn(raw::get(busy.addr, "/orders/1"));
    while busy.orders.requests() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    answers.push(busy.get("/orders/1").await);

    let mut documented = examples();
    documented.retain(|(status, name), _| status != "200" && name != "internal");
    for answer in answers {
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        let mut body = problem(&answer, answer.status, &code);
        let mut example = documented
            .remove(&(answer.status.to_string(), code))
            .unwrap_or_else(|| panic!("no example of {body}"));
        assert!(body["requestId"].take().is_string() && example["requestId"].take().is_string());
        assert_eq!(body, example);
    }
    assert!(documented.is_empty(), "nobody compares {documented:?}");
}
