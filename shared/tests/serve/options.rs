//! OPTIONS, and HEAD on every path that is documented.
//!
//! What somebody may try: ask a path what it can do, with a tool, a monitor or a browser; ask the server itself with `*`;
//! ask for the head of whatever the document lists.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::client::{Client, get, post, request};
use crate::server::{patient, problem, spawn};

#[actix_web::test]
async fn a_path_that_is_known_says_which_methods_it_has() {
    let server = patient();
    let mut client = server.connect().await;
    for (target, methods) in [
        ("/quick", "GET, HEAD, OPTIONS"),
        ("/quick?page=2", "GET, HEAD, OPTIONS"),
        ("/bytes", "POST, OPTIONS"),
        ("/changed", "PUT, OPTIONS"),
        ("/tagged", "GET, HEAD, POST, OPTIONS"),
        ("/text/json/1", "GET, HEAD, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("/docs", "GET, HEAD, OPTIONS"),
        ("/docs/", "GET, HEAD, OPTIONS"),
        ("http://test/quick", "GET, HEAD, OPTIONS"),
    ] {
        client.send(request("OPTIONS", target)).await;
        let answer = client.answer_to_head().await;

        assert_eq!(answer.status, 204, "{target}");
        assert_eq!(answer.header("allow"), Some(methods), "{target}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("x-request-id").is_some());
        for absent in [
            "content-length",
            "transfer-encoding",
            "content-type",
            "etag",
        ] {
            assert_eq!(answer.header(absent), None, "{target}");
        }
        assert_eq!(client.exchange(get("/quick")).await.status, 200);
    }
}

#[actix_web::test]
async fn the_server_itself_can_be_asked() {
    let server = patient();
    let mut client = server.connect().await;

    client.send(request("OPTIONS", "*")).await;
    let answer = client.answer_to_head().await;

    assert_eq!((answer.status, answer.header("allow")), (204, None));
    assert_eq!(client.exchange(get("/quick")).await.status, 200);
    // For another method `*` is nothing.
    problem(&client.exchange(get("*")).await, 404, "unknownPath");
}

#[actix_web::test]
async fn a_path_that_is_not_known_is_a_404_for_options_as_well() {
    let server = patient();
    let mut client = server.connect().await;
    for target in ["/nothing", "/quick/", "/", "/text/json"] {
        let answer = client.exchange(request("OPTIONS", target)).await;
        problem(&answer, 404, "unknownPath");
        assert_eq!(answer.header("allow"), None);
    }
}

#[actix_web::test]
async fn a_body_is_not_read_and_does_no_harm() {
    let server = patient();
    let mut client = server.connect().await;
    let with_body = post("/quick", "{\"a\": 1}").replacen("POST", "OPTIONS", 1);

    client.send(with_body).await;

    // As after every body that was not read, the connection ends with the answer, and says so.
    let answer = client.answer_to_head().await;
    assert_eq!(
        (answer.status, answer.header("connection")),
        (204, Some("close"))
    );
    client.closed_without_a_word().await;
    server.still_serves().await;
}

#[actix_web::test]
async fn a_head_that_is_not_in_order_is_refused() {
    let server = patient();
    let mut client = server.connect().await;

    let answer = client
        .exchange(request("OPTIONS", "/quick").replace("test", "a b"))
        .await;

    problem(&answer, 400, "invalidHost");
}

#[actix_web::test]
async fn asking_needs_no_place_among_the_requests_in_flight() {
    let server = spawn(|config| config.max_requests = 1);
    let mut hanging = server.connect().await;
    hanging.send(get("/hang")).await;
    server.hands.begun(1).await;
    let mut client = server.connect().await;

    problem(&client.exchange(get("/quick")).await, 503, "overloaded");
    client.send(request("OPTIONS", "/quick")).await;
    assert_eq!(client.answer_to_head().await.status, 204);

    server.release();
    assert_eq!(hanging.answer().await.status, 200);
    server.still_serves().await;
}

#[actix_web::test]
async fn the_admin_listener_says_it_too() {
    let server = patient();
    let mut client = Client::connect(server.admin).await;
    for target in ["/livez", "/readyz", "/upstreams"] {
        client.send(request("OPTIONS", target)).await;
        let answer = client.answer_to_head().await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (204, Some("GET, HEAD, OPTIONS"))
        );
    }
}

/// A value for each parameter of the test server's paths.
fn filled(template: &str) -> String {
    [
        ("{kind}", "json"),
        ("{length}", "5000"),
        ("{state}", "fresh"),
    ]
    .into_iter()
    .fold(template.to_owned(), |path, (name, value)| {
        path.replace(name, value)
    })
}

#[actix_web::test]
async fn head_answers_wherever_the_document_lists_a_get() {
    let server = patient();
    let document = server.get("/openapi.json").await.json();
    let paths: BTreeMap<String, Value> = serde_json::from_value(document["paths"].clone()).unwrap();
    let mut client = server.connect().await;
    let mut asked = 0;
    for (template, item) in paths {
        let target = filled(&template);
        client.send(request("OPTIONS", &target)).await;
        let options = client.answer_to_head().await;
        let allowed: Vec<_> = options.header("allow").unwrap().split(", ").collect();
        for method in ["get", "post", "put", "patch", "delete"] {
            let is_documented = item.get(method).is_some();
            let upper = method.to_ascii_uppercase();
            assert_eq!(allowed.contains(&&*upper), is_documented, "{template}");
        }
        client.send(request("HEAD", &target)).await;
        let head = client.answer_to_head().await;
        if item.get("get").is_some() {
            assert!(allowed.contains(&"HEAD"));
            let got = client.exchange(get(&target)).await;
            assert_eq!((head.status, got.status), (200, 200), "{target}");
            for field in [
                "content-type",
                "content-length",
                "etag",
                "cache-control",
                "vary",
            ] {
                assert_eq!(head.header(field), got.header(field), "{target} {field}");
            }
            asked += 1;
        } else {
            assert_eq!(head.status, 405, "{target}");
        }
    }
    assert!(asked >= 4, "{asked}");
}
