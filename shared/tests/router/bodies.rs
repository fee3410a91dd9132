//! Bodies of requests: how they go through, and which do not.

use std::time::Duration;

use crate::stack::{Service, get, problem, request, stack, stack_with};

/// A service that answers with what it was sent, once it has all of it.
fn echo() -> Service {
    Service::start(async |mut wire, _| {
        while let Some(head) = wire.next_head().await {
            let body = if head.field("transfer-encoding").is_some() {
                wire.chunks().await
            } else {
                let length = head.field("content-length").unwrap_or("0");
                wire.text(length.parse().unwrap()).await
            };
            let length = body.len();
            let framing = head.field("content-length").unwrap_or("none").to_owned();
            wire.send(format!(
                "HTTP/1.1 200 OK\r\nx-length: {framing}\r\ncontent-length: {length}\r\n\r\n{body}"
            ))
            .await;
        }
    })
}

#[actix_web::test]
async fn a_body_goes_through_as_it_is_framed() {
    let service = echo();
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    let chunked = request("POST", "", "Transfer-Encoding: chunked\r\n");
    let long = "x".repeat(300_000);
    for (bytes, expected, length) in [
        (
            request("POST", "", "Content-Length: 5\r\n") + "hello",
            "hello",
            "5",
        ),
        (request("PUT", "", "Content-Length: 0\r\n"), "", "0"),
        (request("POST", "", ""), "", "0"),
        (request("DELETE", "", ""), "", "none"),
        (
            request("DELETE", "", "Content-Length: 2\r\n") + "ab",
            "ab",
            "2",
        ),
        (get(""), "", "none"),
        (
            chunked.clone() + "3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nX-Trailer: 1\r\n\r\n",
            "abcd",
            "none",
        ),
        (chunked + "0\r\n\r\n", "", "none"),
        (
            request("POST", "", "Content-Length: 300000\r\n") + &long,
            &long,
            "300000",
        ),
    ] {
        let (head, body) = client.exchange(bytes).await;
        assert_eq!((head.status(), &*body), (200, expected));
        assert_eq!(head.field("x-length"), Some(length));
    }
    assert_eq!(service.connections(), 1, "one connection carried them all");
}

#[actix_web::test]
async fn who_asks_whether_to_go_on_is_told_to() {
    let service = echo();
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    for _ in 0..2 {
        let fields = "Content-Length: 5\r\nExpect: 100-continue\r\n";
        client.send(request("POST", "", fields)).await;
        assert_eq!(client.head().await.line(), "HTTP/1.1 100 Continue");
        let (head, body) = client.exchange("hello").await;
        assert_eq!((head.status(), &*body), (200, "hello"));
    }
}

#[actix_web::test]
async fn a_refusal_that_comes_before_the_body_is_passed_on() {
    for (status, closes) in [(417, true), (413, true), (401, false)] {
        let service = Service::start(async move |mut wire, _| {
            let head = wire.head().await;
            assert_eq!(head.field("expect"), None, "we have answered that already");
            let close = if closes { "connection: close\r\n" } else { "" };
            wire.send(format!(
                "HTTP/1.1 {status} No\r\n{close}content-length: 2\r\n\r\nno"
            ))
            .await;
            if !closes {
                wire.rest().await;
            }
        });
        let stack = stack(&[service.addr]);
        let mut client = stack.connect().await;
        let fields = "Content-Length: 500000\r\nExpect: 100-continue\r\n";
        client.send(request("POST", "", fields)).await;
        assert_eq!(client.head().await.status(), 100);
        let (head, body) = client.message().await;
        assert_eq!((head.status(), &*body), (status, "no"));
        assert_eq!(
            head.field("connection"),
            Some("close"),
            "the body was not sent"
        );
        client.closed().await;
        stack.is_idle().await;
    }
}

#[actix_web::test]
async fn a_refusal_by_a_service_that_closes_on_a_body_being_sent_is_not_lost() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 413 No\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno")
            .await;
        // With what was sent unread: a reset follows.
    });
    let stack = stack_with(&[service.addr], |setup| {
        setup.route.max_request_bytes = u32::MAX;
    });
    for _ in 0..20 {
        let mut client = stack.connect().await;
        client
            .send(request("POST", "", "Content-Length: 4000000\r\n"))
            .await;
        _ = client.try_send("x".repeat(1_000_000)).await;
        let (head, body) = client.message().await;
        assert_eq!((head.status(), &*body), (413, "no"));
    }
}

#[actix_web::test]
async fn a_body_announced_as_too_large_is_not_asked_for() {
    let service = echo();
    let stack = stack_with(&[service.addr], |setup| setup.route.max_request_bytes = 10);
    let mut client = stack.connect().await;
    let answer = client
        .exchange(request("POST", "", "Content-Length: 11\r\n"))
        .await;
    problem(&answer, 413, "bodyTooLarge");
    assert!(answer.1.contains("10 bytes"), "{}", answer.1);
    client.closed().await;
    assert_eq!(service.connections(), 0);
    let (head, body) = stack
        .exchange(request("POST", "", "Content-Length: 10\r\n") + "0123456789")
        .await;
    assert_eq!((head.status(), &*body), (200, "0123456789"));
}

#[actix_web::test]
async fn a_body_in_chunks_is_cut_off_when_it_is_too_large() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        let (rest, _) = wire.rest().await;
        assert!(!rest.ends_with(b"0\r\n\r\n"), "it must not look whole");
    });
    let stack = stack_with(&[service.addr], |setup| setup.route.max_request_bytes = 10);
    let mut client = stack.connect().await;
    let head = request("POST", "", "Transfer-Encoding: chunked\r\n");
    client.send(head + "8\r\n01234567\r\n").await;
    assert!(client.is_silent().await);
    let answer = client.exchange("3\r\n890\r\n").await;
    problem(&answer, 413, "bodyTooLarge");
    client.closed().await;
    stack.is_idle().await;
}

#[actix_web::test]
async fn a_client_that_falls_silent_in_its_body_is_told_so() {
    let service = echo();
    let stack = stack_with(&[service.addr], |setup| {
        setup.route.idle_timeout = Duration::from_millis(100);
    });
    let mut client = stack.connect().await;
    let answer = client
        .exchange(request("POST", "", "Content-Length: 5\r\n") + "he")
        .await;
    problem(&answer, 408, "requestTimeout");
    client.closed().await;
    stack.is_idle().await;
}

#[actix_web::test]
async fn a_client_that_is_slow_and_never_silent_is_waited_for() {
    let service = echo();
    let stack = stack_with(&[service.addr], |setup| {
        setup.route.idle_timeout = Duration::from_secs(10);
        setup.route.timeout = Duration::from_secs(1);
    });
    let mut client = stack.connect().await;
    client
        .send(request("POST", "", "Content-Length: 10\r\n"))
        .await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        client.send("x").await;
    }
    let (head, body) = client.message().await;
    assert_eq!((head.status(), &*body), (200, "xxxxxxxxxx"));
}

#[actix_web::test]
async fn a_malformed_chunk_ends_the_connection_and_reaches_nobody_as_an_end() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        let (rest, _) = wire.rest().await;
        assert!(!rest.ends_with(b"0\r\n\r\n"), "it must not look whole");
    });
    let stack = stack(&[service.addr]);
    for chunk in ["x\r\n", "-1\r\nab\r\n", "2\r\nabc\r\n", "2\nab\r\n"] {
        let mut client = stack.connect().await;
        let head = request("POST", "", "Transfer-Encoding: chunked\r\n");
        client.send(head + "1\r\na\r\n" + chunk).await;
        // actix may close before our answer is made.
        let (answer, _) = client.rest().await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "),
            "{chunk:?}"
        );
    }
    stack.is_idle().await;
}
