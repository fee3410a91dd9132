//! Requests that no client should send: every one is answered, none of them reaches a service.

use mock_services::raw::{self, Answer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::helpers::{GUARD, TestApp, assert_common_headers, problem, spawn_app};

/// No request so far has reached a service, and the next one is answered.
async fn assert_unharmed(app: &TestApp) {
    assert_eq!(app.asked(), (0, 0), "a request reached a service");
    assert_eq!(app.get("/orders/1").await.status, 200);
}

/// The answer to a request with this line and these header fields, and nothing else in its head.
async fn answer_to_head(app: &TestApp, line: &str, fields: &str) -> Answer {
    let head = format!("{line}\r\n{fields}Connection: close\r\n\r\n");
    timeout(GUARD, raw::exchange(app.addr, head.as_bytes()))
        .await
        .expect("an answer")
        .unwrap()
}

#[actix_web::test]
async fn what_is_no_order_id_is_refused_with_what_is_allowed() {
    let app = spawn_app().await;
    let long = "1".repeat(1_500);
    let ids = [
        "abc",
        "-1",
        "0",
        "+1",
        "01",
        "1.5",
        "1e3",
        "0x1",
        "1%20",
        "%201",
        "99999999999999999999",
        "9007199254740992",
        "1%2f..%2f2",
        "..",
        "%2e%2e",
        "%ff",
        "%00",
        "1%00",
        "%EF%BC%91",
        "1,2",
        "1;v=2",
        "{id}",
        "*",
        &long,
    ];

    for id in ids {
        let answer = app.get(&format!("/orders/{id}")).await;
        let body = problem(&answer, 400, "invalidOrderId");
        assert_eq!(
            body["detail"],
            "In /orders/{id}, an id is a whole number from 1 to 9007199254740991, in digits without a leading zero.",
            "{id}"
        );
    }
    assert_unharmed(&app).await;
}

#[actix_web::test]
async fn a_query_changes_nothing() {
    let app = spawn_app().await;

    for query in ["?", "?id=2", "?token=secret&x=%ff", "?/../x"] {
        let answer = app.get(&format!("/orders/1{query}")).await;
        assert_eq!(
            (answer.status, &answer.json()["id"]),
            (200, &1.into()),
            "{query}"
        );
    }
}

#[actix_web::test]
async fn a_path_that_leads_nowhere_is_unknown() {
    let app = spawn_app().await;
    // The last ones are paths of the admin listener: they are not on the public port.
    let paths = [
        "/",
        "/orders/",
        "/orders/1/",
        "/orders/1/2",
        "//orders/1",
        "/orders//1",
        "/orders/../orders/1",
        "/./orders/1",
        "/Orders/1",
        "/orders%2f1",
        "/nope",
        "/openapi.json/",
        "/openapi.yaml",
        "/docs/nope.js",
        "/docs/../openapi.json",
        "/livez",
        "/readyz",
        "/upstreams",
    ];

    for path in paths {
        problem(&app.get(path).await, 404, "unknownPath");
    }
    assert_unharmed(&app).await;
}

#[actix_web::test]
async fn another_method_than_get_and_head_is_not_allowed() {
    let app = spawn_app().await;

    for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "INVENTED", "get"] {
        for path in [
            "/orders/1",
            "/orders/abc",
            "/openapi.json",
            "/docs",
            "/docs/",
        ] {
            let answer = raw::send(app.addr, method, path, &[], "").await.unwrap();
            let body = problem(&answer, 405, "methodNotAllowed");
            assert_eq!(
                answer.header("allow"),
                Some("GET, HEAD, OPTIONS"),
                "{method} {path}"
            );
            assert_eq!(body["detail"], "This path allows GET, HEAD, OPTIONS.");
        }
    }
    assert_unharmed(&app).await;
}

#[actix_web::test]
async fn a_body_that_nobody_asked_for_changes_nothing() {
    let app = spawn_app().await;
    let body = "x".repeat(100_000);

    problem(
        &raw::send(app.addr, "POST", "/orders/1", &[], &body)
            .await
            .unwrap(),
        405,
        "methodNotAllowed",
    );
    problem(
        &raw::send(app.addr, "POST", "/nope", &[], &body)
            .await
            .unwrap(),
        404,
        "unknownPath",
    );
    assert_unharmed(&app).await;
}

#[actix_web::test]
async fn a_target_has_at_most_2_kib() {
    let app = spawn_app().await;
    let target = |length: usize| format!("{:1<length$}", "/orders/1?");

    assert_eq!(app.get(&target(2_048)).await.status, 200);
    let asked = app.asked();
    let paths = [
        target(2_049),
        target(10_000),
        format!("/nope/{}", "x".repeat(2_048)),
    ];
    for path in paths {
        let body = problem(&app.get(&path).await, 414, "uriTooLong");
        assert!(body["detail"].as_str().unwrap().contains("2048"), "{body}");
    }
    assert_eq!(app.asked(), asked);
}

#[actix_web::test]
async fn a_head_has_at_most_16_kib() {
    let app = spawn_app().await;
    let one = "x".repeat(17_000);
    let quarter = "x".repeat(4_500);
    let many = ["a", "b", "c", "d"].map(|name| (name, &*quarter));

    for fields in [&[("X-Large", &*one)][..], &many] {
        let body = problem(
            &app.get_with("/orders/1", fields).await,
            431,
            "headTooLarge",
        );
        assert!(body["detail"].as_str().unwrap().contains("16384"), "{body}");
    }
    assert_unharmed(&app).await;
    assert_eq!(
        app.get_with("/orders/1", &[("X-Large", &one[..15_000])])
            .await
            .status,
        200
    );
}

#[actix_web::test]
async fn a_host_that_is_no_authority_is_refused() {
    let app = spawn_app().await;

    for host in [
        "a b",
        "user@a",
        "user:password@a",
        "[::1",
        "::1",
        "a:80:80",
        "a:x",
        "a:99999",
        ":80",
        "a/b",
        "a?b",
    ] {
        let answer =
            answer_to_head(&app, "GET /orders/1 HTTP/1.1", &format!("Host: {host}\r\n")).await;
        assert_eq!(answer.status, 400, "{host}: {answer:?}");
        problem(&answer, 400, "invalidHost");
    }
    assert_unharmed(&app).await;
}

#[actix_web::test]
async fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
    let app = spawn_app().await;

    for host in [
        "a",
        "A.example",
        "a:80",
        "a:",
        "127.0.0.1:8080",
        "[::1]",
        "[::1]:8080",
        "",
    ] {
        let answer =
            answer_to_head(&app, "GET /orders/1 HTTP/1.1", &format!("Host: {host}\r\n")).await;
        assert_eq!(answer.status, 200, "{host}: {answer:?}");
    }
    assert_eq!(
        answer_to_head(&app, "GET /orders/1 HTTP/1.0", "")
            .await
            .status,
        200,
        "HTTP/1.0 needs no Host"
    );
}

/// The status and the whole answer to `bytes`, whether or not the server read all of them before it closed.
async fn answer_to_bytes(app: &TestApp, bytes: &[u8]) -> (u16, String) {
    let mut connection = TcpStream::connect(app.addr).await.unwrap();
    let (mut read, mut write) = connection.split();
    let mut answer = Vec::new();
    let both = async {
        // What the server does not want to read it may refuse: only its answer counts.
        let (_, _) = tokio::join!(write.write_all(bytes), read.read_to_end(&mut answer));
    };
    timeout(GUARD, both).await.expect("the server closes");
    let answer = String::from_utf8(answer).unwrap();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (
        status.unwrap_or_else(|| panic!("no answer: {answer:?}")),
        answer,
    )
}

#[actix_web::test]
async fn what_actix_itself_refuses_is_still_answered() {
    // These never become a request, so that they get a bare status and no problem.
    let app = spawn_app().await;
    let head = |fields: &str| format!("GET /orders/1 HTTP/1.1\r\n{fields}\r\n").into_bytes();
    let many: String = (0..200).map(|n| format!("X-{n}: x\r\n")).collect();
    let requests = [
        ("no Host", 400, head("")),
        ("two Hosts", 400, head("Host: a\r\nHost: a\r\n")),
        (
            "two lengths",
            400,
            head("Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n"),
        ),
        (
            "length and chunks",
            400,
            head("Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
        ),
        ("a name with a space", 400, head("Host: a\r\nX Y: z\r\n")),
        ("a control character", 400, head("Host: a\r\nX: \u{1}\r\n")),
        ("200 fields", 431, head(&format!("Host: a\r\n{many}"))),
        (
            "200 kB in a field",
            431,
            head(&format!("Host: a\r\nX: {}\r\n", "x".repeat(200_000))),
        ),
        (
            "200 kB in the target",
            431,
            format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(200_000)).into_bytes(),
        ),
        (
            "TLS",
            400,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        ),
        ("no request line", 400, b"hello\r\n\r\n".to_vec()),
        ("bytes", 400, b"\xff\xfe\xfd\r\n\r\n".to_vec()),
        (
            "an unknown version",
            400,
            b"GET /orders/1 HTTP/9.9\r\nHost: a\r\n\r\n".to_vec(),
        ),
        (
            "a target that is none",
            400,
            b"GET <> HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        ),
    ];

    for (what, expected, bytes) in requests {
        let (status, answer) = answer_to_bytes(&app, &bytes).await;
        assert_eq!(status, expected, "{what}: {answer}");
        assert!(
            answer.to_ascii_lowercase().contains("connection: close"),
            "{what}: {answer}"
        );
    }
    assert_unharmed(&app).await;
}

/// Targets of every sort, all of them in characters that may stand in one.
fn target() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[0-9]{1,20}",
        2 => "[A-Za-z0-9._~!$&'()*+,;=:@-]{0,12}",
        2 => prop::collection::vec(any::<u8>(), 1..6).prop_map(|bytes| bytes.iter().map(|byte| format!("%{byte:02x}")).collect()),
        1 => prop::sample::select(vec!["orders", ".", "..", "", "openapi.json", "livez", "%2f", "%"]).prop_map(str::to_owned),
    ];
    let pieces = prop::collection::vec(piece.clone(), 0..4)
        .prop_map(|pieces| format!("/{}", pieces.join("/")));
    let path = prop_oneof![
        3 => piece.clone().prop_map(|id| format!("/orders/{id}")),
        1 => piece.prop_map(|id| format!("/customers/{id}")),
        2 => Just("/orders".to_owned()),
        1 => pieces,
    ];
    let parameter = (
        "(customerId|status|limit|cursor|[a-z]{0,3})",
        "([0-9]{1,4}|placed|[A-Za-z0-9%=/?_-]{0,30})",
    );
    let parameters = prop::collection::vec(
        parameter.prop_map(|(name, value)| format!("{name}={value}")),
        0..4,
    )
    .prop_map(|parameters| parameters.join("&"));
    let query = prop_oneof!["[A-Za-z0-9%&=/?_-]{0,30}", parameters];
    (path, prop::option::of(query)).prop_map(|(path, query)| match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    })
}

#[test]
fn whatever_the_target_the_answer_is_data_or_a_problem_of_the_client() {
    let system = actix_web::rt::System::new();
    let app = system.block_on(spawn_app());
    let mut runner = TestRunner::new(Config {
        cases: 256,
        failure_persistence: None,
        ..Config::default()
    });

    let outcome = runner.run(&target(), |target| {
        let answer = system.block_on(async {
            timeout(GUARD, raw::get(app.addr, &target))
                .await
                .expect("an answer")
                .unwrap()
        });
        assert_common_headers(&answer);
        match answer.status {
            200 => prop_assert_eq!(answer.header("content-type"), Some("application/json")),
            400..=499 => {
                let code = answer.json()["code"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                problem(&answer, answer.status, &code);
            }
            _ => prop_assert!(false, "{:?}", answer),
        }
        Ok(())
    });

    outcome.unwrap();
}
