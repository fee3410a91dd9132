//! Which path the service is asked for, and which nobody is.

use crate::stack::{PREFIX, Service, get, problem, stack, stack_with};

#[actix_web::test]
async fn the_prefix_is_replaced_and_the_query_stays() {
    let service = Service::mirror();
    for (strip, target_prefix, rest, target) in [
        (true, "/", "", "/"),
        (true, "/", "7?a=b&c=%2f..//", "/7?a=b&c=%2f..//"),
        (true, "/things/", "7/parts/?", "/things/7/parts/?"),
        (true, "/x/", "%c3%a4%20;p=1", "/x/%c3%a4%20;p=1"),
        (false, "/x/", "7?q", "/services/things/7?q"),
    ] {
        let stack = stack_with(&[service.addr], |setup| {
            setup.route.strip_prefix = strip;
            setup.route.target_prefix = target_prefix.to_owned();
        });
        let (_, body) = stack.get(rest).await;
        assert_eq!(
            body.lines().next(),
            Some(&*format!("GET {target} HTTP/1.1"))
        );
    }
}

#[actix_web::test]
async fn a_target_in_absolute_form_is_the_same() {
    let service = Service::mirror();
    let stack = stack(&[service.addr]);
    let bytes = format!(
        "GET http://user:pass@true.example{PREFIX}7?a HTTP/1.1\r\nHost: other.example\r\n\r\n"
    );
    let (_, body) = stack.exchange(bytes).await;
    assert!(body.starts_with("GET /7?a HTTP/1.1\r\n"), "{body}");
    assert!(
        body.contains("x-forwarded-host: true.example\r\n"),
        "{body}"
    );
}

#[actix_web::test]
async fn tricks_are_refused_and_reach_nobody() {
    let service = Service::mirror();
    let stack = stack(&[service.addr]);
    for rest in [
        "a%2fb",
        "a%2Fb",
        "a%5cb",
        "%00",
        "a%0d%0ab",
        "%0A",
        "..",
        "../secret",
        "a/../../secret",
        "./a",
        "a/.",
        "%2e%2e/secret",
        ".%2E/x",
        "a/%2e",
        "..;/x",
        "/a",
        "a//b",
        "a\\b",
        "..\\x",
        "%",
        "%4",
        "%g0",
        "%c0%ae%c0%ae/x",
    ] {
        let answer = stack.get(rest).await;
        problem(&answer, 400, "invalidPath");
    }
    assert_eq!(service.connections(), 0);
}

#[actix_web::test]
async fn line_breaks_make_no_second_field() {
    let service = Service::mirror();
    let stack = stack(&[service.addr]);
    for rest in ["a\rb", "a\nb", "a\0b", "a b"] {
        let mut client = stack.connect().await;
        client.send(get(rest)).await;
        let (answer, _) = client.rest().await;
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{rest:?}");
    }
    assert_eq!(service.connections(), 0);
}

#[actix_web::test]
async fn a_target_may_be_as_long_as_rfc_9110_asks_for() {
    let service = Service::mirror();
    let stack = stack(&[service.addr]);
    let (head, _) = stack.get(&"a".repeat(8_000 - PREFIX.len())).await;
    assert_eq!(head.status(), 200);
    let answer = stack.get(&"a".repeat(8_001 - PREFIX.len())).await;
    problem(&answer, 414, "uriTooLong");
}
