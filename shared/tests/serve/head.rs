//! HEAD: what GET says, without its body.

use mock_services::raw::Answer;

use crate::client::{get, request};
use crate::server::{patient, problem};

/// The header fields that are the same each time.
fn fields(answer: &Answer) -> Vec<(String, String)> {
    let varying = ["date", "x-request-id", "transfer-encoding"];
    let lower = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let mut fields: Vec<_> = lower
        .filter(|(name, _)| !varying.contains(&&**name))
        .collect();
    fields.sort();
    fields
}

#[actix_web::test]
async fn head_says_what_get_says_and_has_no_body() {
    let server = patient();
    let mut client = server.connect().await;
    let targets = [
        "/quick",
        "/later/name",
        "/large",
        "/streamed",
        "/own/404",
        "/bare/503",
        "/error/500",
        "/panic",
        "/bare/204",
        "/bare/304",
        "/nothing",
        "/number/none",
        "/openapi.json",
        "/docs",
        "/docs/",
        "/docs/nothing",
    ];
    for target in targets {
        let got = client.exchange(get(target)).await;

        client.send(request("HEAD", target)).await;
        let head = client.answer_to_head().await;

        assert_eq!(head.status, got.status, "{target}");
        assert_eq!(fields(&head), fields(&got), "{target}");
        // Had there been a body, it would stand before the next answer.
        assert_eq!(client.exchange(get("/quick")).await.status, 200, "{target}");
    }
}

#[actix_web::test]
async fn head_of_a_path_without_a_route_is_a_404_without_a_body() {
    let server = patient();
    let mut client = server.connect().await;

    client.send(request("HEAD", "/nothing")).await;

    let answer = client.answer_to_head().await;
    assert_eq!(answer.status, 404);
    assert_ne!(answer.header("content-length"), Some("0"));
    assert_eq!(client.exchange(get("/quick")).await.status, 200);
}

#[actix_web::test]
async fn head_of_a_path_for_other_methods_is_a_405() {
    let server = patient();
    let mut client = server.connect().await;

    client.send(request("HEAD", "/bytes")).await;

    let answer = client.answer_to_head().await;
    assert_eq!(
        (answer.status, answer.header("allow")),
        (405, Some("POST, OPTIONS"))
    );
    problem(
        &client.exchange(get("/bytes")).await,
        405,
        "methodNotAllowed",
    );
}

#[actix_web::test]
async fn head_refused_for_its_head_has_no_body() {
    let server = patient();
    let mut client = server.connect().await;
    let refused = [
        (request("HEAD", "/quick").replace("test", "a b"), 400),
        (request("HEAD", &format!("/{}", "x".repeat(3000))), 414),
    ];
    for (request, status) in refused {
        client.send(request).await;
        assert_eq!(client.answer_to_head().await.status, status);
        assert_eq!(client.exchange(get("/quick")).await.status, 200);
    }
}
