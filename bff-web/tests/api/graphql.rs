//! `/graphql`: what REST has, asked for with GraphQL.

mod cancel;
mod customers;
mod documented;
mod explorer;
mod faults;
mod fuzz;
mod http;
mod introspection;
mod limits;
mod orders;
mod paging;
mod sources;
mod writes;

use mock_services::raw::{self, Answer};
use serde_json::{Value, json};

use crate::helpers::TestApp;

pub(crate) const JSON: (&str, &str) = ("Content-Type", "application/json");
pub(crate) const RESPONSE: (&str, &str) = ("Accept", "application/graphql-response+json");

/// A request with a query and variables.
pub(crate) fn request(query: &str, variables: &Value) -> String {
    json!({ "query": query, "variables": variables }).to_string()
}

/// The answer to `query`, as a client that knows GraphQL over HTTP asks.
pub(crate) async fn post(app: &TestApp, query: &str, variables: &Value) -> Answer {
    let body = request(query, variables);
    app.post("/graphql", &[JSON, RESPONSE], &body).await
}

/// What comes of a query that is answered in full.
pub(crate) async fn data(app: &TestApp, query: &str) -> Value {
    let answer = post(app, query, &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["errors"], Value::Null, "{body}");
    body["data"].clone()
}

/// The body of an answer that was executed.
pub(crate) async fn executed(app: &TestApp, query: &str) -> Value {
    let answer = post(app, query, &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The only error of an answer that was not executed.
pub(crate) fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("vary"), Some("Accept"));
    let body = answer.json();
    assert!(body.get("data").is_none(), "{body}");
    let errors = body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{body}");
    assert_eq!(errors[0]["extensions"]["code"], code, "{body}");
    assert!(!errors[0]["message"].as_str().unwrap().is_empty(), "{body}");
    errors[0].clone()
}

/// A target with these parameters.
pub(crate) fn target(parameters: &[(&str, &str)]) -> String {
    let parameters = parameters.iter().map(|(name, value)| {
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        format!("{name}={encoded}")
    });
    format!("/graphql?{}", parameters.collect::<Vec<_>>().join("&"))
}

/// Any request to `/graphql`.
pub(crate) async fn send(
    app: &TestApp,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    raw::send(app.addr, method, target, headers, body)
        .await
        .unwrap()
}
