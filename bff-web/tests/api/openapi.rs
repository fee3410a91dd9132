//! The document: it is the committed one, complete, and what it shows is what is really answered.

use std::collections::{BTreeMap, BTreeSet};

use bff_shared::serve::openapi;
use serde_json::Value;

use crate::helpers::{binary, spawn_app};

mod problems;
mod successes;

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

/// The examples of the answers of `operation`.
pub(crate) fn examples_of(operation: &str) -> BTreeMap<(String, String), Value> {
    examples(operations(&document())[operation])
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
            "get /graphql",
            "get /orders",
            "get /orders/{id}",
            "post /graphql",
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
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
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
            let required = schema["required"].as_array();
            for (name, example) in content["examples"].as_object().unwrap() {
                let value = example["value"].as_object().unwrap();
                let fields: BTreeSet<&String> = value.keys().collect();
                assert!(
                    fields.is_subset(&properties),
                    "{name}: {fields:?} and {properties:?}"
                );
                for field in required.into_iter().flatten() {
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
