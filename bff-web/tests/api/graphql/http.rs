//! GraphQL over HTTP: methods, media types, bodies, and pages of other sites.

use serde_json::{Value, json};

use super::{JSON, RESPONSE, refused, request, send, target};
use crate::helpers::{problem, spawn_app};

const QUERY: &str = "{ order(id: 1) { total } }";
const PREFLIGHT: (&str, &str) = ("GraphQL-Preflight", "1");

#[actix_web::test]
async fn the_form_is_what_the_client_accepts() {
    let app = spawn_app().await;
    let response = Some("application/graphql-response+json; charset=utf-8");
    let json = Some("application/json");
    for (accept, form) in [
        (None, json),
        (Some("*/*"), json),
        (Some("application/json"), json),
        (Some("application/graphql-response+json"), response),
        (
            Some("application/graphql-response+json, application/json;q=0.9"),
            response,
        ),
        (Some("application/json, */*;q=0.1"), json),
    ] {
        let headers: Vec<_> = [JSON]
            .into_iter()
            .chain(accept.map(|accept| ("Accept", accept)))
            .collect();
        let answer = app
            .post("/graphql", &headers, &request(QUERY, &json!({})))
            .await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, form),
            "{accept:?}"
        );
        assert_eq!(answer.json()["data"]["order"]["total"], 5.5);
    }
    for accept in ["text/html", "image/*", "application/json;q=0"] {
        let answer = app
            .post(
                "/graphql",
                &[JSON, ("Accept", accept)],
                &request(QUERY, &json!({})),
            )
            .await;
        refused(&answer, 406, "notAcceptable");
    }
    assert_eq!(app.orders.requests(), 6);
}

#[actix_web::test]
async fn the_status_tells_whether_a_request_was_executed() {
    let app = spawn_app().await;
    for (query, code) in [
        ("{", "syntaxError"),
        ("", "syntaxError"),
        ("{ order(id: 1) { nope } }", "invalidQuery"),
        ("{ order { id } }", "invalidQuery"),
        ("{ orders(status: lost) { nodes { id } } }", "invalidQuery"),
        (
            "query($id: ID!) { order(id: $id) { id } }",
            "variableMissing",
        ),
        ("{ order(id: 1) }", "invalidQuery"),
        ("{ order(id: 1) { id { x } } }", "invalidQuery"),
        ("subscription { order(id: 1) { id } }", "invalidQuery"),
        ("{ ...F } fragment F on Query { ...F }", "invalidQuery"),
        ("{ ...Nowhere }", "invalidQuery"),
        (
            "mutation { placeOrder(input: {}) { order { id } } }",
            "invalidQuery",
        ),
        (
            "query A { __typename } query B { __typename }",
            "operationNameMissing",
        ),
    ] {
        for (accept, status) in [(RESPONSE, 400), (("Accept", "application/json"), 200)] {
            let answer = app
                .post("/graphql", &[JSON, accept], &request(query, &json!({})))
                .await;
            assert_eq!(answer.status, status, "{query}: {answer:?}");
            let body = answer.json();
            assert!(body.get("data").is_none(), "{body}");
            assert_eq!(
                body["errors"][0]["extensions"]["code"], code,
                "{query}: {body}"
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn a_fault_of_syntax_says_where_it_is() {
    let app = spawn_app().await;

    let answer = app
        .post(
            "/graphql",
            &[JSON, RESPONSE],
            &request("{\n  order(id: 1) {", &json!({})),
        )
        .await;

    let error = refused(&answer, 400, "syntaxError");
    assert_eq!(error["locations"][0]["line"], 2, "{error}");
}

#[actix_web::test]
async fn the_operation_is_the_one_that_is_named() {
    let app = spawn_app().await;
    let query = "query A { order(id: 1) { id } } query B { order(id: 2) { id } } mutation C { cancelOrder(id: 1) { order { id } } }";
    for (name, id) in [("A", "1"), ("B", "2")] {
        let body = json!({ "query": query, "operationName": name }).to_string();
        let answer = app.post("/graphql", &[JSON, RESPONSE], &body).await;
        assert_eq!(answer.json()["data"]["order"]["id"], id);
        let by_url = target(&[("query", query), ("operationName", name)]);
        let answer = app.get_with(&by_url, &[RESPONSE, PREFLIGHT]).await;
        assert_eq!(answer.json()["data"]["order"]["id"], id, "{answer:?}");
    }
    for name in ["D", ""] {
        let body = json!({ "query": query, "operationName": name }).to_string();
        let answer = app.post("/graphql", &[JSON, RESPONSE], &body).await;
        refused(&answer, 400, "unknownOperation");
    }
    let by_url = target(&[("query", query), ("operationName", "C")]);
    let answer = app.get_with(&by_url, &[RESPONSE, PREFLIGHT]).await;
    refused(&answer, 405, "mutationByGet");
    assert_eq!(app.orders.requests_of("POST", "/orders/{id}/cancel"), 0);
}

#[actix_web::test]
async fn with_get_nothing_is_changed() {
    let app = spawn_app().await;
    for query in [
        "mutation { cancelOrder(id: 1) { order { id } } }",
        "mutation { __typename }",
    ] {
        for accept in [RESPONSE, ("Accept", "*/*")] {
            let answer = app
                .get_with(&target(&[("query", query)]), &[accept, PREFLIGHT])
                .await;
            refused(&answer, 405, "mutationByGet");
            assert_eq!(answer.header("allow"), Some("POST"));
            let head = send(
                &app,
                "HEAD",
                &target(&[("query", query)]),
                &[accept, PREFLIGHT],
                "",
            )
            .await;
            assert_eq!((head.status, &*head.body), (405, ""));
        }
    }
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn get_takes_variables_as_json() {
    let app = spawn_app().await;
    let query = "query($id: ID!) { order(id: $id) { id } }";
    let of = |variables| target(&[("query", query), ("variables", variables)]);

    let answer = app
        .get_with(&of(r#"{"id":1}"#), &[RESPONSE, PREFLIGHT])
        .await;
    assert_eq!(answer.json()["data"]["order"]["id"], "1", "{answer:?}");
    for (variables, code) in [
        ("{", "invalidRequest"),
        ("1", "invalidRequest"),
        ("[]", "invalidRequest"),
        ("{}", "variableMissing"),
        (r#"{"id":null}"#, "variableMissing"),
        ("", "variableMissing"),
    ] {
        let answer = app.get_with(&of(variables), &[RESPONSE, PREFLIGHT]).await;
        refused(&answer, 400, code);
    }
    let twice = format!("{}&query=%7B__typename%7D", of("{}"));
    refused(
        &app.get_with(&twice, &[RESPONSE, PREFLIGHT]).await,
        400,
        "invalidRequest",
    );
    refused(
        &app.get_with("/graphql", &[RESPONSE, PREFLIGHT]).await,
        400,
        "queryMissing",
    );
}

#[actix_web::test]
async fn a_body_has_the_type_of_json() {
    let app = spawn_app().await;
    let body = request(QUERY, &json!({}));
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "Application/JSON",
        "application/json; profile=x",
    ] {
        let answer = app.post("/graphql", &[("Content-Type", kind)], &body).await;
        assert_eq!(answer.status, 200, "{kind}");
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/cbor",
        "application/graphql-response+json",
        "application/json; charset=latin1",
        "text/plain, application/json",
        "",
    ] {
        let answer = app.post("/graphql", &[("Content-Type", kind)], &body).await;
        refused(&answer, 415, "unsupportedMediaType");
    }
    refused(
        &app.post("/graphql", &[], &body).await,
        415,
        "unsupportedMediaType",
    );
    let twice = [("Content-Type", "text/plain"), JSON];
    refused(
        &app.post("/graphql", &twice, &body).await,
        415,
        "unsupportedMediaType",
    );
}

#[actix_web::test]
async fn a_body_is_an_object_with_a_query_in_either_form() {
    let app = spawn_app().await;
    for (body, code) in [
        ("", "invalidJson"),
        ("{", "invalidJson"),
        ("null", "invalidJson"),
        ("1", "invalidJson"),
        ("\"{ __typename }\"", "invalidJson"),
        ("{}", "queryMissing"),
        (r#"{"query":null}"#, "queryMissing"),
        (r#"{"query":1}"#, "invalidRequest"),
        (r#"{"query":["{ __typename }"]}"#, "invalidRequest"),
        (
            r#"{"query":"{ __typename }","variables":"{}"}"#,
            "invalidRequest",
        ),
        (
            r#"{"query":"{ __typename }","variables":[1]}"#,
            "invalidRequest",
        ),
        (
            r#"{"query":"{ __typename }","operationName":7}"#,
            "invalidRequest",
        ),
        (
            r#"{"query":"{ __typename }","extensions":false}"#,
            "invalidRequest",
        ),
        (r#"[{"query":"{ __typename }"}]"#, "batchNotSupported"),
        ("[]", "batchNotSupported"),
    ] {
        for accept in [RESPONSE, ("Accept", "application/json")] {
            let answer = app.post("/graphql", &[JSON, accept], body).await;
            refused(&answer, 400, code);
        }
    }
    let members = json!({ "query": "{ __typename }", "variables": null, "operationName": null, "extensions": {}, "id": 1 });
    let answer = app.post("/graphql", &[JSON], &members.to_string()).await;
    assert_eq!(answer.json()["data"], json!({ "__typename": "Query" }));
    let large = format!("{{\"query\":\"{}\"}}", " ".repeat(65 * 1024));
    problem(
        &app.post("/graphql", &[JSON], &large).await,
        413,
        "bodyTooLarge",
    );
}

#[actix_web::test]
async fn no_page_of_another_site_can_ask() {
    let app = spawn_app().await;
    let query = target(&[("query", QUERY)]);
    // All that a browser sends for any page without asking before.
    for headers in [
        &[][..],
        &[
            ("Accept", "*/*"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Origin", "https://b.example"),
        ],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Content-Type", "text/plain")],
        &[("Content-Type", "application/x-www-form-urlencoded")],
        &[("GraphQL-Preflight", "")],
        &[("X-Request-Id", "1")],
        &[("Cookie", "session=1")],
    ] {
        let answer = send(&app, "GET", &query, headers, "").await;
        let error = refused(&answer, 403, "preflightMissing");
        for name in [
            "GraphQL-Preflight",
            "Content-Type: application/json",
            "POST",
        ] {
            assert!(error["message"].as_str().unwrap().contains(name), "{error}");
        }
    }
    assert_eq!(app.asked(), (0, 0));
    for header in [
        PREFLIGHT,
        ("Apollo-Require-Preflight", "true"),
        ("X-Apollo-Operation-Name", "A"),
        ("X-Requested-With", "XMLHttpRequest"),
        ("Content-Type", "application/json"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Site", "none"),
    ] {
        let answer = send(&app, "GET", &query, &[header], "").await;
        assert_eq!(answer.status, 200, "{header:?}: {answer:?}");
    }
}

#[actix_web::test]
async fn other_methods_are_refused_and_options_lists_those_that_are_not() {
    let app = spawn_app().await;
    for method in ["PUT", "PATCH", "DELETE"] {
        let answer = send(&app, method, "/graphql", &[JSON], "{}").await;
        problem(&answer, 405, "methodNotAllowed");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST, OPTIONS"));
    }
    let options = send(&app, "OPTIONS", "/graphql", &[], "").await;
    assert_eq!(
        (options.status, options.header("allow")),
        (204, Some("GET, HEAD, POST, OPTIONS"))
    );
    let query = target(&[("query", QUERY)]);
    let head = send(&app, "HEAD", &query, &[PREFLIGHT], "").await;
    assert_eq!((head.status, &*head.body), (200, ""));
    let long = target(&[("query", &" ".repeat(3_000))]);
    problem(
        &send(&app, "GET", &long, &[PREFLIGHT], "").await,
        414,
        "uriTooLong",
    );
}

#[actix_web::test]
async fn fragments_directives_and_aliases_do_what_they_say() {
    let app = spawn_app().await;
    let query = "query($yes: Boolean!) {
        a: order(id: 1) { ...Parts total @skip(if: $yes) }
        b: order(id: 2) @include(if: $yes) { ... on Order { key: id } __typename } }
        fragment Parts on Order { id }";

    let body = app
        .post(
            "/graphql",
            &[JSON],
            &request(query, &json!({ "yes": true })),
        )
        .await
        .json();

    assert_eq!(body["errors"], Value::Null);
    assert_eq!(
        body["data"],
        json!({ "a": { "id": "1" }, "b": { "key": "2", "__typename": "Order" } })
    );
}
