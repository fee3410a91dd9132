//! What of a request's head goes on, and what stands in its place.

use crate::stack::{Service, request, stack, stack_with};
use crate::wire::Head;

/// The head that the service gets for a GET with these further fields.
async fn received(fields: &str, trusted: &[&str], listed: &[&str]) -> Head {
    let service = Service::mirror();
    let stack = stack_with(&[service.addr], |setup| {
        let nets = trusted.iter().map(|net| net.parse().unwrap());
        setup.server.trusted_proxies = nets.collect();
        let names = listed.iter().map(|name| name.parse().unwrap());
        setup.route.request_headers = names.collect();
    });
    let (head, body) = stack.exchange(request("GET", "7", fields)).await;
    assert_eq!(head.status(), 200, "{head:?}");
    Head(body)
}

#[actix_web::test]
async fn what_is_about_the_content_goes_on_and_the_rest_only_where_it_is_listed() {
    const FIELDS: &str = "Accept: a\r\nAccept-Language: b\r\nAccept-Encoding: br\r\nRange: bytes=0-1\r\n\
        If-None-Match: \"x\"\r\nUser-Agent: u\r\nLast-Event-Id: 4\r\nCookie: secret\r\nAuthorization: secret\r\n\
        X-Other: o\r\nX-Real-IP: 1.2.3.4\r\n";
    let head = received(FIELDS, &[], &[]).await;
    for (name, value) in [
        ("accept", "a"),
        ("accept-language", "b"),
        ("accept-encoding", "br"),
        ("range", "bytes=0-1"),
        ("if-none-match", "\"x\""),
        ("user-agent", "u"),
        ("last-event-id", "4"),
    ] {
        assert_eq!(head.field(name), Some(value), "{head:?}");
    }
    for name in [
        "cookie",
        "authorization",
        "x-other",
        "x-real-ip",
        "content-length",
        "connection",
    ] {
        assert_eq!(head.field(name), None, "{name}");
    }
    let head = received(FIELDS, &[], &["cookie", "authorization"]).await;
    assert_eq!(head.field("cookie"), Some("secret"));
    assert_eq!(head.field("authorization"), Some("secret"));
    assert_eq!(head.field("x-other"), None);
}

#[actix_web::test]
async fn what_is_meant_for_us_alone_ends_here() {
    const FIELDS: &str = "Connection: close, X-Named, Accept, X-Forwarded-For\r\nX-Named: 1\r\nX-Listed: 2\r\n\
        Accept: a\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nUpgrade: h2c\r\n\
        HTTP2-Settings: x\r\nTrailer: x\r\n";
    let head = received(FIELDS, &[], &["x-named", "x-listed"]).await;
    assert_eq!(head.field("x-listed"), Some("2"));
    assert!(
        head.field("x-forwarded-for").is_some(),
        "ours, whatever Connection names"
    );
    for name in [
        "connection",
        "x-named",
        "accept",
        "keep-alive",
        "te",
        "proxy-connection",
        "proxy-authorization",
        "upgrade",
        "http2-settings",
        "trailer",
    ] {
        assert_eq!(head.field(name), None, "{name}");
    }
}

const FORGED: &str = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\nX-Forwarded-Proto: https\r\n\
    X-Forwarded-Host: shop.example\r\nForwarded: for=6.6.6.6;proto=https\r\nX-Forwarded-Port: 1\r\n\
    X-Forwarded-Prefix: /x\r\n";

#[actix_web::test]
async fn what_a_stranger_says_of_those_before_is_not_passed_on() {
    for trusted in [&[][..], &["10.0.0.0/8", "::1/128"]] {
        let head = received(FORGED, trusted, &[]).await;
        for (name, value) in [
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "public.example"),
            (
                "forwarded",
                "for=127.0.0.1;host=\"public.example\";proto=http",
            ),
        ] {
            assert_eq!(head.field(name), Some(value));
        }
        assert_eq!(head.field("x-forwarded-port"), None);
        assert_eq!(head.field("x-forwarded-prefix"), None);
    }
}

#[actix_web::test]
async fn what_a_trusted_proxy_says_stays_with_ours_behind_it() {
    let head = received(FORGED, &["127.0.0.0/8"], &[]).await;
    for (name, value) in [
        ("x-forwarded-for", "6.6.6.6, 7.7.7.7, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example"),
        (
            "forwarded",
            "for=6.6.6.6;proto=https, for=127.0.0.1;host=\"public.example\";proto=http",
        ),
    ] {
        assert_eq!(head.field(name), Some(value));
    }
    let head = received("", &["127.0.0.1/32"], &[]).await;
    assert_eq!(head.field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(head.field("x-forwarded-proto"), Some("http"));
}

#[actix_web::test]
async fn the_service_is_called_by_its_own_name() {
    let service = Service::mirror();
    let stack = stack(&[service.addr]);
    let (_, body) = stack.get("7").await;
    let head = Head(body);
    assert_eq!(head.field("host"), Some(&*service.addr.to_string()));
    assert_eq!(head.field("via"), Some("1.1 bff"));
}

#[actix_web::test]
async fn via_tells_who_was_before() {
    let head = received("Via: 1.0 first, 1.1 second\r\n", &[], &[]).await;
    assert_eq!(head.field("via"), Some("1.0 first, 1.1 second, 1.1 bff"));
    let service = Service::mirror();
    let stack = stack_with(&[service.addr], |setup| {
        setup.server.via = "web.example".to_owned();
    });
    let (answer, body) = stack
        .exchange("GET /services/things/ HTTP/1.0\r\nHost: x\r\n\r\n")
        .await;
    assert_eq!(Head(body).field("via"), Some("1.0 web.example"));
    assert_eq!(answer.field("via"), Some("1.1 web.example"));
}

#[actix_web::test]
async fn request_id_trace_and_the_time_left_go_on() {
    let fields = "X-Request-Id: mine\r\ntraceparent: 00-a-b-01\r\ntracestate: x=y\r\nX-Envoy-Expected-Rq-Timeout-Ms: 5000\r\n";
    let head = received(fields, &[], &[]).await;
    assert_eq!(head.field("x-request-id"), Some("mine"));
    assert_eq!(head.field("traceparent"), Some("00-a-b-01"));
    assert_eq!(head.field("tracestate"), Some("x=y"));
    let left: u64 = head
        .field("x-envoy-expected-rq-timeout-ms")
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=5000).contains(&left), "{left}");
    let head = received("", &[], &[]).await;
    let left: u64 = head
        .field("x-envoy-expected-rq-timeout-ms")
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        (50_000..=60_000).contains(&left),
        "the route's own time: {left}"
    );
}
