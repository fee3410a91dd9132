//! What comes back is what the service said.

use crate::stack::{Service, get, request, stack, stack_with};

#[actix_web::test]
async fn an_answer_comes_back_as_it_is() {
    let service = Service::answering(
        "HTTP/1.1 203 Whatever\r\ncontent-length: 5\r\ncontent-type: text/x\r\netag: \"a\"\r\nset-cookie: a=1\r\n\
         set-cookie: b=2\r\ncontent-encoding: br\r\ncache-control: max-age=3\r\nx-own: 1\r\nvary: accept\r\n\r\nhello",
    );
    let stack = stack(&[service.addr]);
    let (head, body) = stack.get("7").await;
    assert_eq!((head.status(), &*body), (203, "hello"));
    for (name, value) in [
        ("content-length", "5"),
        ("content-type", "text/x"),
        ("etag", "\"a\""),
        ("content-encoding", "br"),
        ("cache-control", "max-age=3"),
        ("x-own", "1"),
        ("vary", "accept"),
        ("via", "1.1 bff"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(head.field(name), Some(value), "{head:?}");
    }
    assert_eq!(head.all("set-cookie"), ["a=1", "b=2"]);
    assert!(head.field("x-request-id").is_some());
    assert_eq!(
        head.field("content-security-policy"),
        None,
        "it would break a page"
    );
    assert_eq!(head.field("referrer-policy"), None, "{head:?}");
}

#[actix_web::test]
async fn a_policy_of_the_services_own_stays() {
    let service = Service::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-security-policy: x\r\nx-content-type-options: y\r\n\
         via: 1.0 inner\r\n\r\n",
    );
    let (head, _) = stack(&[service.addr]).get("").await;
    assert_eq!(head.field("content-security-policy"), Some("x"));
    assert_eq!(head.field("x-content-type-options"), Some("y"));
    assert_eq!(head.all("via").join(", "), "1.0 inner, 1.1 bff");
}

#[actix_web::test]
async fn what_belongs_to_the_connection_to_the_service_ends_there() {
    let service = Service::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive, X-Secret\r\nconnection: x-other\r\n\
         keep-alive: timeout=5\r\nx-secret: 1\r\nx-other: 1\r\nproxy-connection: x\r\nte: x\r\ntrailer: x\r\n\
         upgrade: h2c\r\nproxy-authenticate: x\r\nx-kept: 1\r\n\r\nok",
    );
    let (head, body) = stack(&[service.addr]).get("").await;
    assert_eq!(
        (head.status(), &*body, head.field("x-kept")),
        (200, "ok", Some("1"))
    );
    for name in [
        "connection",
        "keep-alive",
        "x-secret",
        "x-other",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
        "proxy-authenticate",
    ] {
        assert_eq!(head.field(name), None, "{name}");
    }
}

#[actix_web::test]
async fn an_error_of_the_services_is_no_problem_of_ours() {
    for (answer, status) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 404),
        (
            "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nx: y\r\n\r\n",
            500,
        ),
        (
            "HTTP/1.1 429 Slow\r\ncontent-length: 0\r\nretry-after: 7\r\n\r\n",
            429,
        ),
        (
            "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: /x\r\n\r\n",
            302,
        ),
    ] {
        let service = Service::answering(answer);
        let (head, body) = stack(&[service.addr]).get("").await;
        assert_eq!((head.status(), &*body), (status, ""), "{head:?}");
        assert_eq!(head.field("content-type"), None);
        assert_eq!(service.connections(), 1, "asked once");
    }
}

#[actix_web::test]
async fn head_is_asked_as_head_and_has_the_length_of_the_body_it_has_not() {
    let service =
        Service::answering("HTTP/1.1 200 OK\r\ncontent-length: 12345\r\netag: \"x\"\r\n\r\n");
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    for _ in 0..3 {
        client.send(request("HEAD", "7", "")).await;
        let head = client.head().await;
        assert_eq!(
            (head.status(), head.field("content-length")),
            (200, Some("12345"))
        );
        assert_eq!(head.field("transfer-encoding"), None);
    }
    assert!(client.is_silent().await, "no body comes");
    assert_eq!(service.connections(), 1, "the connection was kept");
    let mirror = Service::mirror();
    // It announces a body, which HEAD has not: the bytes are no answer to the next request.
    let stack = self::stack(&[mirror.addr]);
    let mut client = stack.connect().await;
    client.send(request("HEAD", "7", "")).await;
    assert_eq!(client.head().await.status(), 200);
    let (head, body) = client.exchange(get("8")).await;
    assert_eq!(head.status(), 200);
    assert!(body.starts_with("GET /8 "), "{body}");
}

#[actix_web::test]
async fn answers_without_a_body_have_none() {
    for (answer, status, length) in [
        ("HTTP/1.1 204 No Content\r\netag: \"a\"\r\n\r\n", 204, None),
        (
            "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
            204,
            None,
        ),
        (
            "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n",
            304,
            None,
        ),
        (
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 77\r\n\r\n",
            304,
            Some("77"),
        ),
    ] {
        let service = Service::answering(answer);
        let stack = stack(&[service.addr]);
        let mut client = stack.connect().await;
        for _ in 0..2 {
            client
                .send(request("GET", "7", "if-none-match: \"a\"\r\n"))
                .await;
            let head = client.head().await;
            assert_eq!(
                (head.status(), head.field("content-length")),
                (status, length)
            );
            assert_eq!(head.field("transfer-encoding"), None, "{head:?}");
        }
        assert!(client.is_silent().await);
        assert_eq!(service.connections(), 1);
    }
}

#[actix_web::test]
async fn conditions_are_the_services_matter() {
    let service =
        Service::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\netag: \"a\"\r\n\r\nok");
    let stack = stack(&[service.addr]);
    let (head, body) = stack
        .exchange(request("GET", "", "if-none-match: \"a\"\r\n"))
        .await;
    assert_eq!((head.status(), &*body), (200, "ok"));
}

#[actix_web::test]
async fn a_chunked_answer_stays_chunked_and_one_until_the_end_becomes_so() {
    let chunked = Service::answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n",
    );
    let to_the_end = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\n\r\nabcde").await;
    });
    let old = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.0 200 OK\r\n\r\nabcde").await;
    });
    for (service, via) in [
        (chunked, "1.1 bff"),
        (to_the_end, "1.1 bff"),
        (old, "1.0 bff"),
    ] {
        let stack = stack(&[service.addr]);
        let mut client = stack.connect().await;
        for _ in 0..2 {
            let (head, body) = client.exchange(get("")).await;
            assert_eq!((head.status(), &*body), (200, "abcde"));
            assert_eq!(head.field("transfer-encoding"), Some("chunked"));
            assert_eq!(head.field("content-length"), None);
            assert_eq!(head.field("via"), Some(via));
        }
    }
}

#[actix_web::test]
async fn a_client_of_http_1_0_gets_no_chunks() {
    let service = Service::answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    client
        .send("GET /services/things/ HTTP/1.0\r\nHost: x\r\n\r\n")
        .await;
    let head = client.head().await;
    assert_eq!(
        (head.status(), head.field("transfer-encoding")),
        (200, None)
    );
    assert_eq!(client.rest().await.0, b"abc");
}

#[actix_web::test]
async fn interim_answers_are_left_out() {
    let service = Service::answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    );
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    for _ in 0..3 {
        let (head, body) = client.exchange(get("")).await;
        assert_eq!(
            (head.status(), &*body, head.field("link")),
            (200, "ok", None)
        );
    }
    assert_eq!(service.connections(), 1);
}

#[actix_web::test]
async fn what_is_not_under_the_prefix_is_not_passed_on() {
    let service = Service::mirror();
    let stack = stack(&[service.addr]);
    for path in [
        "/services/things",
        "/services/other/",
        "/Services/things/",
        "/services%2fthings/",
    ] {
        let (head, _) = stack
            .exchange(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await;
        assert_eq!(head.status(), 404, "{path}");
    }
    let (head, _) = stack
        .exchange("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert_eq!(head.status(), 200);
    assert_eq!(service.connections(), 0);
}

#[actix_web::test]
async fn other_methods_are_refused_with_those_allowed() {
    let service = Service::mirror();
    let stack = stack_with(&[service.addr], |setup| {
        setup.route.methods = vec!["GET".parse().unwrap(), "HEAD".parse().unwrap()];
    });
    for method in ["POST", "DELETE", "OPTIONS", "TRACE", "CONNECT", "WHATEVER"] {
        let answer = stack
            .exchange(request(method, "7", "Content-Length: 0\r\n"))
            .await;
        crate::stack::problem(&answer, 405, "methodNotAllowed");
        assert_eq!(answer.0.field("allow"), Some("GET, HEAD"));
    }
    assert_eq!(service.connections(), 0);
}
