//! The document: it is the committed one, complete, and what it shows is what is really answered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bff_shared::serve::openapi;
use mock_services::fault::{BodyFault, Fault};
use mock_services::raw::{self, Answer};
use mock_services::{Options, customers, orders};
use serde_json::Value;

use crate::helpers::{
    GUARD, TestApp, binary, kill, problem, spawn_app, spawn_over, spawn_with, until,
};

/// The document as it is committed.
const COMMITTED: &str = include_str!("../../openapi.json");

fn document() -> Value {
    serde_json::from_str(COMMITTED).unwrap()
}

/// Every operation by its method and path.
fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

/// The content of an answer by its type; a 304 has none.
fn contents(response: &Value) -> serde_json::Map<String, Value> {
    response["content"].as_object().cloned().unwrap_or_default()
}

/// The value of each example of an answer, by status and name.
fn examples(operation: &Value) -> BTreeMap<(String, String), Value> {
    let mut examples = BTreeMap::new();
    for (status, response) in operation["responses"].as_object().unwrap() {
        for content in contents(response).values() {
            for (name, example) in content["examples"].as_object().unwrap() {
                examples.insert((status.clone(), name.clone()), example["value"].clone());
            }
        }
    }
    examples
}

fn order_examples() -> BTreeMap<(String, String), Value> {
    examples(operations(&document())["get /orders/{id}"])
}

#[test]
fn the_committed_document_is_what_the_code_says() {
    assert_eq!(
        COMMITTED,
        openapi::text(&bff_web::document()),
        "renew it: cargo run -q -p bff-web -- openapi > bff-web/openapi.json"
    );
}

#[actix_web::test]
async fn the_binary_prints_the_committed_document() {
    let ended = binary::run(&["openapi"], &[]).await;

    assert_eq!(
        (ended.code, &*ended.stdout, &*ended.stderr),
        (Some(0), COMMITTED, "")
    );
}

#[actix_web::test]
async fn the_committed_document_is_served_byte_for_byte() {
    let app = spawn_app().await;

    let answer = app.get("/openapi.json").await;

    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(answer.body, COMMITTED);
}

#[test]
fn the_document_is_of_version_3_1() {
    let document = document();

    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.1."),
        "{}",
        document["openapi"]
    );
    assert_eq!(
        operations(&document).into_keys().collect::<Vec<_>>(),
        [
            "get /customers/{id}",
            "get /orders",
            "get /orders/{id}",
            "post /orders",
            "post /orders/{id}/cancel"
        ]
    );
}

#[test]
fn every_parameter_and_every_answer_has_an_example() {
    let document = document();

    for (name, operation) in operations(&document) {
        for text in ["operationId", "summary", "description"] {
            assert!(
                operation[text]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{name}: {text}"
            );
        }
        for parameter in operation["parameters"].as_array().unwrap() {
            assert!(!parameter["example"].is_null(), "{name}: {parameter}");
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            for (kind, content) in contents(response) {
                let examples = content["examples"].as_object().unwrap();
                assert!(!examples.is_empty(), "{name}: {status} {kind}");
                for (example, shown) in examples {
                    assert!(shown["value"].is_object(), "{name}: {status} {example}");
                    assert!(
                        shown["summary"]
                            .as_str()
                            .is_some_and(|text| !text.is_empty()),
                        "{name}: {status} {example}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_example_has_the_fields_that_its_schema_requires_and_no_others() {
    let document = document();

    for operation in operations(&document).values() {
        let responses = operation["responses"].as_object().unwrap().values();
        for content in responses.flat_map(|response| contents(response).into_values()) {
            let schema = content["schema"]["$ref"]
                .as_str()
                .unwrap()
                .strip_prefix('#')
                .unwrap();
            let schema = document.pointer(schema).unwrap();
            let properties: BTreeSet<&String> =
                schema["properties"].as_object().unwrap().keys().collect();
            let required = schema["required"].as_array().unwrap();
            for (name, example) in content["examples"].as_object().unwrap() {
                let value = example["value"].as_object().unwrap();
                let fields: BTreeSet<&String> = value.keys().collect();
                assert!(
                    fields.is_subset(&properties),
                    "{name}: {fields:?} and {properties:?}"
                );
                for field in required {
                    assert!(
                        value.contains_key(field.as_str().unwrap()),
                        "{name}: {field}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn follow(document: &Value, value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    assert!(
                        document
                            .pointer(target.strip_prefix('#').unwrap())
                            .is_some(),
                        "{target}"
                    );
                }
                members.values().for_each(|member| follow(document, member));
            }
            Value::Array(items) => items.iter().for_each(|item| follow(document, item)),
            _ => {}
        }
    }
    let document = document();
    follow(&document, &document);
}

/// Checks that every header is there that the document promises for this status.
fn assert_headers(answer: &Answer, status: &str) {
    let headers = &document()["paths"]["/orders/{id}"]["get"]["responses"][status]["headers"];
    for header in headers.as_object().unwrap().keys() {
        assert!(
            answer.header(header).is_some(),
            "{header} is not on {answer:?}"
        );
    }
}

/// The answer when the customer service fails that has answered before.
async fn stale_customer() -> Value {
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
    bff.get("/orders/1").await.json()
}

#[actix_web::test]
async fn every_example_of_an_order_is_a_real_answer() {
    let app = spawn_app().await;
    let mut examples = order_examples();
    let mut shown = |name: &str| {
        examples
            .remove(&("200".to_owned(), name.to_owned()))
            .unwrap()
    };

    let complete = app.get("/orders/1").await;
    assert_eq!(complete.json(), shown("complete"));
    assert_headers(&complete, "200");
    let tag = complete.header("etag").unwrap();
    let known = app.get_with("/orders/1", &[("If-None-Match", tag)]).await;
    assert_eq!(known.status, 304, "{known:?}");
    assert_headers(&known, "304");
    let TestApp {
        addr, customers, ..
    } = app;
    let _port = kill(customers).await;
    assert_eq!(
        raw::get(addr, "/orders/1").await.unwrap().json(),
        shown("withoutCustomer")
    );
    let mut expected = shown("staleCustomer");
    let mut stale = stale_customer().await;
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

/// The answer to one request too many.
async fn overloaded() -> Answer {
    let app = spawn_with(|config| config.server.max_requests = 1).await;
    app.orders.faults().set(vec![Fault::hang()]);
    let _hanging = actix_web::rt::spawn(raw::get(app.addr, "/orders/1"));
    until("the order service is asked", async || {
        app.orders.requests() == 1
    })
    .await;
    app.get("/orders/1").await
}

/// Every problem that `GET /orders/{id}` can end in, brought about, by status and code.
async fn provoked() -> BTreeMap<(String, String), Value> {
    let app = spawn_app().await;
    let mut answers: Vec<Answer> = Vec::new();
    answers.push(app.get("/orders/abc").await);
    answers.push(app.get("/orders/20000").await);
    answers.push(app.get(&format!("/orders/{}", "1".repeat(3_000))).await);
    answers.push(
        app.get_with("/orders/1", &[("X-Large", &"x".repeat(20_000))])
            .await,
    );
    answers.push(
        raw::exchange(
            app.addr,
            b"GET /orders/1 HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
        )
        .await
        .unwrap(),
    );
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
    answers.push(overloaded().await);
    let by_code = answers.into_iter().map(|answer| {
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        let mut body = problem(&answer, answer.status, &code);
        body["requestId"].take();
        ((answer.status.to_string(), code), body)
    });
    by_code.collect()
}

#[actix_web::test]
async fn every_example_of_a_problem_is_a_real_answer_and_every_problem_has_one() {
    let provoked = provoked().await;

    let mut documented = order_examples();
    documented.retain(|(status, _), _| status != "200");
    for body in documented.values_mut() {
        assert!(body["requestId"].take().is_string(), "{body}");
    }
    // A fault of our own cannot be brought about from outside.
    let internal = documented
        .remove(&("500".to_owned(), "internal".to_owned()))
        .unwrap();

    assert_eq!(provoked, documented);
    assert_eq!(
        (&internal["code"], &internal["status"]),
        (&"internal".into(), &500.into())
    );
}
