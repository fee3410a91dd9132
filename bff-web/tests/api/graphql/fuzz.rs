//! Whatever is sent: no answer is a fault of the server's, and each comes.

use mock_services::raw;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;
use tokio::time::timeout;

use super::{JSON, RESPONSE};
use crate::helpers::{GUARD, TestApp, spawn_app};

const TIMES: usize = 150;

/// Pieces of documents, in any sequence: most are nonsense, and some are nearly none.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        "!",
        "$a",
        "@skip(if: true)",
        "...",
        "...F",
        "on Order",
        "query",
        "mutation",
        "fragment F on Order",
        "order(id: 1)",
        "orders(first: 2)",
        "nodes",
        "edges",
        "node",
        "customer",
        "customer(id: 56)",
        "id",
        "total",
        "sources",
        "__schema",
        "__typename",
        "\"",
        "\"\"\"",
        "\\",
        "-1",
        "1e999",
        "null",
        "x:",
        "#",
        "\u{0}",
        "é",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.join(" "))
}

/// Bodies of any bytes, and of a request with any members.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    let member = prop::sample::select(vec![
        json!(null),
        json!(1),
        json!(-1.5e300),
        json!("{ __typename }"),
        json!([]),
        json!({}),
        json!({ "a": [1] }),
        json!(true),
    ]);
    let members = (member.clone(), member.clone(), member).prop_map(|(query, variables, name)| {
        json!({ "query": query, "variables": variables, "operationName": name })
            .to_string()
            .into_bytes()
    });
    let valid = pieces().prop_map(|query| {
        json!({ "query": query, "variables": { "a": 1 } })
            .to_string()
            .into_bytes()
    });
    prop_oneof![bytes, members, valid]
}

async fn assert_answered(app: &TestApp, body: &[u8]) {
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nAccept: {}\r\n\
         Content-Length: {}\r\n\r\n",
        RESPONSE.1,
        body.len()
    );
    let whole = [head.as_bytes(), body].concat();
    let answer = timeout(GUARD, raw::exchange(app.addr, &whole)).await;
    let answer = answer.expect("an answer").unwrap();
    let shown = String::from_utf8_lossy(body);
    assert!(matches!(answer.status, 200 | 400), "{shown}: {answer:?}");
    let told = answer.json();
    assert!(
        told["errors"].is_array() || told["data"].is_object(),
        "{shown}: {answer:?}"
    );
}

#[actix_web::test]
async fn any_body_has_an_answer() {
    let app = spawn_app().await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..TIMES {
        let body = bodies().new_tree(&mut runner).unwrap().current();
        assert_answered(&app, &body).await;
    }
}

#[actix_web::test]
async fn any_document_has_an_answer() {
    let app = spawn_app().await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..TIMES {
        let query = prop_oneof![pieces(), ".{0,100}"]
            .new_tree(&mut runner)
            .unwrap()
            .current();
        assert_answered(&app, json!({ "query": query }).to_string().as_bytes()).await;
        let target = super::target(&[("query", &query)]);
        let answer = app.get_with(&target, &[JSON, RESPONSE]).await;
        assert!(
            matches!(answer.status, 200 | 400 | 405 | 414),
            "{query}: {answer:?}"
        );
    }
}
