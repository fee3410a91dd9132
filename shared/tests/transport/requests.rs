//! What of a call is on the wire.

use std::time::Duration;

use bff_shared::upstream::{Context, Deadline, Instant, Request};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};

use super::calls::{Upstream, unhurried};
use super::server::{RawServer, thing};

const REMAINING: &str = "x-envoy-expected-rq-timeout-ms";

fn field(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (
        HeaderName::from_static(name),
        HeaderValue::from_static(value),
    )
}

#[actix_web::test]
async fn the_contexts_headers_and_the_requests_own_arrive() {
    let server = RawServer::answering(|_| thing(1));
    let mut context = unhurried();
    context.propagate = [
        field("x-request-id", "0198-abc"),
        field(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        field("tracestate", "first=1"),
        field("tracestate", "second=2"),
    ]
    .into();
    let mut request = Request::get("/things?part=a%20b&part=c");
    request.headers = HeaderMap::from_iter([field("if-none-match", "\"7\"")]);
    Upstream::of(&server)
        .call(&context, request, |_| Ok(()))
        .await
        .unwrap();
    let received = &server.requests()[0];
    assert_eq!(received.method(), "GET");
    assert_eq!(received.target(), "/things?part=a%20b&part=c");
    assert_eq!(received.header("x-request-id"), Some("0198-abc"));
    assert_eq!(
        received.header("traceparent"),
        Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    );
    assert_eq!(received.headers("tracestate"), ["first=1", "second=2"]);
    assert_eq!(received.header("if-none-match"), Some("\"7\""));
}

#[actix_web::test]
async fn a_body_arrives_with_its_length() {
    let server = RawServer::answering(|request| thing(request.id()));
    let body = "x".repeat(100_000);
    let request = Request::new(Method::POST, "/things/1").with_body(body.clone());
    assert_eq!(Upstream::of(&server).ask(request).await, Ok(1));
    let received = &server.requests()[0];
    assert_eq!(received.header("content-length"), Some("100000"));
    assert_eq!(received.header("transfer-encoding"), None);
    assert!(received.body == body.as_bytes());
}

#[actix_web::test]
async fn the_time_that_is_left_is_passed_on() {
    let server = RawServer::answering(|request| thing(request.id()));
    let upstream = Upstream::with(&server, |config| config.deadline = Duration::from_secs(20));
    let sooner = Context::new(Deadline::after(Instant::now(), Duration::from_secs(15)));
    for context in [unhurried(), sooner] {
        upstream
            .call(&context, Request::get("/things/1"), |_| Ok(()))
            .await
            .unwrap();
    }
    let left: Vec<u64> = server
        .requests()
        .iter()
        .map(|request| request.header(REMAINING).unwrap().parse().unwrap())
        .collect();
    // The caller's deadline is later than the upstream's own in the first call, sooner in the second.
    assert!(left[0] > 0 && left[0] <= 20_000, "{left:?}");
    assert!(left[1] > 0 && left[1] <= 15_000, "{left:?}");
}

#[actix_web::test]
async fn a_target_that_is_no_uri_is_never_sent() {
    let server = RawServer::answering(|request| thing(request.id()));
    let upstream = Upstream::of(&server);
    for target in ["/things/1 HTTP/1.1\r\nX-Smuggled: yes", "/things/\u{7f}"] {
        let error = upstream.ask(Request::get(target)).await.unwrap_err();
        assert!(!error.maybe_processed(), "{error}");
    }
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.requests().len(), 1);
}

#[actix_web::test]
async fn without_a_body_only_what_could_have_one_says_so() {
    let server = RawServer::answering(|request| thing(request.id()));
    let upstream = Upstream::of(&server);
    for method in [Method::GET, Method::DELETE, Method::POST] {
        assert_eq!(upstream.ask(Request::new(method, "/things/1")).await, Ok(1));
    }
    let lengths: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("content-length").map(str::to_owned))
        .collect();
    assert_eq!(lengths, [None, None, Some("0".to_owned())]);
}
