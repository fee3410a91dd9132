//! Errors: each becomes a problem, whoever made it, and what a route wrote itself stays.

use serde_json::json;

use crate::client::{get, request};
use crate::server::{SECRET, patient, problem};

const STATUSES: [(u16, &str); 14] = [
    (400, "badRequest"),
    (401, "badRequest"),
    (403, "badRequest"),
    (404, "unknownPath"),
    (405, "methodNotAllowed"),
    (408, "requestTimeout"),
    (409, "badRequest"),
    (413, "bodyTooLarge"),
    (415, "badRequest"),
    (429, "badRequest"),
    (500, "internal"),
    (501, "internal"),
    (503, "internal"),
    (504, "internal"),
];

#[actix_web::test]
async fn an_error_of_actix_becomes_a_problem_of_the_same_status() {
    let server = patient();
    let mut client = server.connect().await;
    for (status, code) in STATUSES {
        let answer = client.exchange(get(&format!("/error/{status}"))).await;

        problem(&answer, status, code);
        assert!(!format!("{answer:?}").contains(SECRET), "{answer:?}");
    }
}

#[actix_web::test]
async fn an_error_without_a_body_becomes_a_problem_of_the_same_status() {
    let server = patient();
    let mut client = server.connect().await;
    for (status, code) in STATUSES {
        let answer = client.exchange(get(&format!("/bare/{status}"))).await;
        problem(&answer, status, code);
    }
}

#[actix_web::test]
async fn the_body_that_a_route_gives_an_error_stays() {
    let server = patient();
    let mut client = server.connect().await;
    for (status, _) in STATUSES {
        let answer = client.exchange(get(&format!("/own/{status}"))).await;

        assert_eq!(
            (answer.status, answer.json()),
            (status, json!({ "own": true }))
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("x-request-id").is_some());
    }
}

#[actix_web::test]
async fn what_an_extractor_cannot_read_is_a_problem() {
    let server = patient();
    for number in ["256", "-1", "one", "%00", "%ff"] {
        let answer = server.get(&format!("/number/{number}")).await;
        // A path parameter of the wrong kind is a path that does not exist.
        problem(&answer, 404, "unknownPath");
    }
    assert_eq!(server.get("/number/255").await.body, "255");
}

#[actix_web::test]
async fn a_path_without_a_route_is_a_404() {
    let server = patient();
    for target in [
        "/",
        "/nothing",
        "/quick/",
        "//quick",
        "/Quick",
        "/quick%2f",
        "/../quick",
        "/%2e%2e/quick",
    ] {
        problem(&server.get(target).await, 404, "unknownPath");
    }
}

#[actix_web::test]
async fn a_method_without_a_route_is_a_405_that_lists_the_others() {
    let server = patient();
    let mut client = server.connect().await;
    let methods = [
        ("POST", "/quick", "GET, HEAD, OPTIONS"),
        ("DELETE", "/quick", "GET, HEAD, OPTIONS"),
        ("TRACE", "/quick", "GET, HEAD, OPTIONS"),
        ("BREW", "/quick", "GET, HEAD, OPTIONS"),
        ("options", "/quick", "GET, HEAD, OPTIONS"),
        ("GET", "/bytes", "POST, OPTIONS"),
        ("POST", "/openapi.json", "GET, HEAD, OPTIONS"),
    ];
    for (method, target, allowed) in methods {
        let answer = client.exchange(request(method, target)).await;

        problem(&answer, 405, "methodNotAllowed");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {target}");
    }
}

#[actix_web::test]
async fn the_admin_listener_gives_problems_too() {
    let server = patient();
    let mut client = crate::client::Client::connect(server.admin).await;

    problem(&client.exchange(get("/quick")).await, 404, "unknownPath");
    assert_eq!(client.exchange(get("/livez")).await.status, 200);
    assert_eq!(client.exchange(get("/readyz")).await.status, 200);
}
