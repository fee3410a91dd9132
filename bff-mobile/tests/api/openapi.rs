//! The document: it is the committed one, complete, and what it shows is what is really answered.

use std::collections::BTreeMap;

use bff_shared::serve::openapi;
use serde_json::Value;

use crate::helpers::spawn_app;

mod problems;
mod successes;

/// The document as it is committed.
const COMMITTED: &str = include_str!("../../openapi.json");

fn document() -> Value {
    serde_json::from_str(COMMITTED).unwrap()
}

/// The operation with this id.
fn operation(id: &str) -> Value {
    let document = document();
    let paths = document["paths"].as_object().unwrap().values();
    let mut operations = paths.flat_map(|item| item.as_object().unwrap().values());
    let operation = operations.find(|operation| operation["operationId"] == id);
    operation.unwrap().clone()
}

/// The value of each example of an answer to this operation, by status and name.
fn examples(id: &str) -> BTreeMap<(String, String), Value> {
    let mut examples = BTreeMap::new();
    for (status, response) in operation(id)["responses"].as_object().unwrap() {
        // A 304 has none.
        for content in response["content"]
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::values)
        {
            for (name, example) in content["examples"].as_object().unwrap() {
                assert!(example["summary"].is_string(), "{id}: {name}");
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

#[test]
fn every_operation_is_described_and_every_parameter_has_an_example() {
    let document = document();
    let mut ids = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            ids.push(id);
            for text in ["summary", "description"] {
                assert!(
                    operation[text]
                        .as_str()
                        .is_some_and(|text| !text.is_empty())
                );
            }
            for parameter in operation["parameters"].as_array().unwrap() {
                assert!(parameter["description"].is_string(), "{id}: {parameter}");
                assert!(!parameter["example"].is_null(), "{id}: {parameter}");
            }
        }
    }
    ids.sort_unstable();
    assert_eq!(
        ids,
        [
            "cancelOrder",
            "getHome",
            "getOrder",
            "listOrders",
            "placeOrder"
        ]
    );
}

#[actix_web::test]
async fn every_header_of_an_answer_is_described() {
    let app = spawn_app().await;
    let answers = [
        ("listOrders", app.get("/orders?limit=1").await),
        ("getOrder", app.get("/orders/1").await),
        ("getHome", app.get("/home/56").await),
        (
            "placeOrder",
            app.post("/orders", Some("a"), &crate::writes::order())
                .await,
        ),
        ("cancelOrder", app.cancel(1, None).await),
    ];

    for (id, answer) in answers {
        let operation = operation(id);
        let described = &operation["responses"][answer.status.to_string()]["headers"];
        let described: Vec<_> = described
            .as_object()
            .unwrap()
            .keys()
            .map(|name| name.to_lowercase())
            .collect();
        for name in &described {
            assert!(answer.header(name).is_some(), "{id} has no {name}");
        }
        // Those of every answer on the web are no part of the contract.
        const COMMON: [&str; 8] = [
            "connection",
            "content-length",
            "content-security-policy",
            "content-type",
            "date",
            "referrer-policy",
            "vary",
            "x-content-type-options",
        ];
        for (name, _) in &answer.headers {
            let name = name.to_lowercase();
            assert!(
                COMMON.contains(&&*name) || described.contains(&name),
                "{id}: {name} is not described"
            );
        }
    }
}
