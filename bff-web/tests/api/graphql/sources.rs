//! What the head of an answer says of its sources: the same that REST's does.

use bff_shared::upstream::Instant;
use mock_services::fault::Fault;
use serde_json::json;

use super::{JSON, RESPONSE, post, request, target};
use crate::helpers::{assert_common_headers, spawn_app, spawn_with, with_caches};

const ORDER: &str = "{ order(id: 1) { total customer { name } } }";

#[actix_web::test]
async fn the_head_tells_of_each_source() {
    let app = spawn_app().await;

    let begun = Instant::now();
    let answer = post(&app, ORDER, &json!({})).await;

    assert_common_headers(&answer);
    let rest = app.get("/orders/1").await;
    for answer in [&answer, &rest] {
        assert!(answer.is_kept_for(5, begun.elapsed()), "{answer:?}");
    }
    assert_eq!(answer.header("etag"), None);
    assert_eq!(answer.header("vary"), Some("Accept"));
    let timing = answer.header("server-timing").unwrap();
    assert!(
        timing.starts_with("order;dur=") && timing.contains(", customers;dur="),
        "{timing}"
    );
    let status = answer.header("cache-status").unwrap();
    assert!(
        status.starts_with("order; fwd=") && status.contains(", customers; fwd="),
        "{status}"
    );
}

#[actix_web::test]
async fn an_answer_may_be_kept_for_as_long_as_its_sources() {
    let app = spawn_with(with_caches).await;

    let target = target(&[("query", ORDER)]);
    let begun = Instant::now();
    let answer = app
        .get_with(&target, &[RESPONSE, ("GraphQL-Preflight", "1")])
        .await;
    assert!(answer.is_kept_for(5, begun.elapsed()), "{answer:?}");
    let customer = post(&app, "{ customer(id: 1) { name } }", &json!({})).await;
    assert!(customer.is_kept_for(60, begun.elapsed()), "{customer:?}");
}

#[actix_web::test]
async fn nobody_keeps_an_error_a_degraded_answer_a_mutation_or_one_without_a_source() {
    let app = spawn_with(with_caches).await;

    for query in [
        "{ order(id: 20000) { id } }",
        "{ order(id: 1) { id } customer(id: 0) { name } }",
        "mutation { cancelOrder(id: 1) { order { id } } }",
        "{ __typename }",
    ] {
        let answer = post(&app, query, &json!({})).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{query}");
    }
    app.customers.faults().set(vec![Fault::status(503)]);
    let degraded = "{ order(id: 2) { sources { customer { state } } } }";
    let answer = post(&app, degraded, &json!({})).await;
    assert_eq!(answer.json()["errors"], json!(null));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[actix_web::test]
async fn an_answer_is_compressed_and_readable_from_an_origin_that_is_set() {
    use bff_shared::serve::{CorsConfig, Origin};
    let origin = "https://app.example.com";
    let app = spawn_with(|config| {
        config.server.cors = CorsConfig {
            allowed_origins: vec![Origin::parse(origin).unwrap()],
            ..CorsConfig::default()
        };
    })
    .await;
    let query =
        "{ orders { nodes { id description lines { description } customer { name email } } } }";
    let headers = [JSON, RESPONSE, ("Origin", origin)];

    let answer = mock_services::raw::exchange(
        app.addr,
        format!(
            "OPTIONS /graphql HTTP/1.1\r\nHost: a\r\nConnection: close\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: graphql-preflight\r\n\r\n"
        )
        .as_bytes(),
    )
    .await
    .unwrap();
    assert_eq!(answer.status, 204);
    let allowed = answer.header("access-control-allow-headers").unwrap();
    for name in [
        "Content-Type",
        "GraphQL-Preflight",
        "X-Requested-With",
        "Apollo-Require-Preflight",
    ] {
        assert!(allowed.split(", ").any(|field| field == name), "{allowed}");
    }
    let body = request(query, &json!({}));
    let plain = app.post("/graphql", &headers, &body).await;
    assert_eq!(plain.header("access-control-allow-origin"), Some(origin));
    assert_eq!(
        plain.header("vary"),
        Some("Accept, Accept-Encoding, Origin")
    );
}
