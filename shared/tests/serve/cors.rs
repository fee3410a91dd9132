//! Pages of other origins.
//!
//! What somebody may try: a page of the web client's own origin, of another one, of a file (`null`); an origin that looks
//! alike; a preflight, and one for a method that the path has not; to read an error, a 304, an overload. What may go wrong:
//! a cache that gives one origin the answer to another; a wildcard where cookies go along; an error that the page cannot
//! read and takes for a network fault.

use std::time::Duration;

use bff_shared::config::Settings;
use bff_shared::serve::{CorsConfig, Origin};
use mock_services::raw::Answer;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::client::{Client, get, request, with};
use crate::server::{TAG, TestServer, patient, spawn};

const APP: &str = "https://app.example.com";
const DEVELOPER: &str = "http://localhost:3000";

const EXPOSED: &str = "ETag, Server-Timing, Cache-Status, X-Request-Id, Location, Retry-After";

fn cors() -> CorsConfig {
    CorsConfig {
        allowed_origins: [APP, DEVELOPER]
            .map(|origin| Origin::parse(origin).unwrap())
            .into(),
        ..CorsConfig::default()
    }
}

fn allowing() -> TestServer {
    spawn(|config| config.cors = cors())
}

fn from(origin: &str, target: &str) -> String {
    with(&get(target), &[("Origin", origin)])
}

fn preflight(origin: &str, target: &str, method: &str) -> String {
    with(
        &request("OPTIONS", target),
        &[
            ("Origin", origin),
            ("Access-Control-Request-Method", method),
        ],
    )
}

/// The fields of the CORS protocol that the answer has, in alphabetical order.
fn fields(answer: &Answer) -> Vec<(String, &str)> {
    let lower = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), &**value));
    let mut fields: Vec<_> = lower
        .filter(|(name, _)| name.starts_with("access-control-"))
        .collect();
    fields.sort();
    fields
}

fn varies_by_origin(answer: &Answer) -> bool {
    let vary = answer.header("vary").unwrap_or_default();
    vary.split(", ").any(|name| name == "Origin")
}

/// That a page of `origin` may read this.
fn readable(answer: &Answer, origin: &str) {
    assert_eq!(
        fields(answer),
        [
            ("access-control-allow-origin".to_owned(), origin),
            ("access-control-expose-headers".to_owned(), EXPOSED),
        ],
        "{answer:?}"
    );
    assert!(varies_by_origin(answer), "{answer:?}");
}

/// The answer without its body, which is left behind.
async fn head_of(client: &mut Client, request: String) -> Answer {
    client.send(request).await;
    let answer = client.answer_to_head().await;
    if let Some(length) = answer.header("content-length") {
        client.take(length.parse().unwrap()).await;
    }
    answer
}

#[actix_web::test]
async fn by_default_nothing_is_said_of_origins() {
    let server = patient();
    let mut client = server.connect().await;
    for request in [
        from(APP, "/quick"),
        from(APP, "/nothing"),
        from("null", "/quick"),
    ] {
        let answer = client.exchange(request).await;
        assert!(fields(&answer).is_empty(), "{answer:?}");
        assert_eq!(answer.header("vary"), None);
    }
    client.send(preflight(APP, "/quick", "GET")).await;
    let answer = client.answer_to_head().await;
    assert_eq!(
        (answer.status, answer.header("allow")),
        (204, Some("GET, HEAD, OPTIONS"))
    );
    assert!(fields(&answer).is_empty(), "{answer:?}");
    assert_eq!(answer.header("vary"), None);
}

#[actix_web::test]
async fn a_page_of_an_allowed_origin_may_read_whatever_is_answered() {
    let server = allowing();
    let mut client = server.connect().await;
    for origin in [APP, DEVELOPER] {
        for (target, status) in [
            ("/quick", 200),
            ("/composed/fresh", 200),
            ("/streamed", 200),
            ("/tagged", 200),
            ("/nothing", 404),
            ("/bytes", 405),
            ("/own/409", 409),
            ("/error/503", 503),
            ("/panic", 500),
            ("/bare/204", 204),
            ("/openapi.json", 200),
        ] {
            client.send(from(origin, target)).await;
            let (answer, _) = client.answer_in_bytes().await;
            assert_eq!(answer.status, status, "{target}");
            readable(&answer, origin);
        }
        let known = with(&from(origin, "/tagged"), &[("If-None-Match", TAG)]);
        client.send(known).await;
        let known = client.answer_to_head().await;
        assert_eq!(known.status, 304);
        readable(&known, origin);
        let refused = from(origin, "/quick").replace("Host: test", "Host: a b");
        let refused = client.exchange(refused).await;
        assert_eq!(refused.status, 400);
        readable(&refused, origin);
        let head = from(origin, "/quick").replacen("GET", "HEAD", 1);
        client.send(head).await;
        readable(&client.answer_to_head().await, origin);
        let made = with(&request("POST", "/created"), &[("Origin", origin)]);
        let made = client.exchange(made).await;
        assert_eq!(made.status, 201);
        readable(&made, origin);
    }
}

#[actix_web::test]
async fn a_page_of_an_allowed_origin_may_read_that_there_is_too_much_to_do() {
    let server = spawn(|config| (config.cors, config.max_requests) = (cors(), 1));
    let mut hanging = server.connect().await;
    hanging.send(get("/hang")).await;
    server.hands.begun(1).await;
    let mut client = server.connect().await;

    let answer = client.exchange(from(APP, "/quick")).await;

    assert_eq!(answer.status, 503);
    readable(&answer, APP);
    assert!(answer.header("retry-after").is_some());
    // Or the page would see a network fault.
    client.send(preflight(APP, "/quick", "GET")).await;
    assert_eq!(client.answer_to_head().await.status, 204);
}

#[actix_web::test]
async fn another_origin_gets_the_answer_and_no_leave_to_show_it() {
    let server = allowing();
    let mut client = server.connect().await;
    let others = [
        "null",
        "*",
        "https://other.example.com",
        "http://app.example.com",
        "https://app.example.com:443",
        "https://app.example.com:8443",
        "https://app.example.com/",
        "https://app.example.com.",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://appXexample.com",
        "https://APP.example.com",
        "HTTPS://app.example.com",
        "https://app.example.com https://app.example.com",
        "https://app.example.com, http://localhost:3000",
        "http://localhost:30000",
        "",
    ];
    for origin in others {
        for target in ["/quick", "/nothing"] {
            let answer = client.exchange(from(origin, target)).await;
            assert_eq!(answer.status, if target == "/quick" { 200 } else { 404 });
            assert!(fields(&answer).is_empty(), "{origin}: {answer:?}");
            assert!(varies_by_origin(&answer));
        }
        client.send(preflight(origin, "/quick", "GET")).await;
        let answer = client.answer_to_head().await;
        assert_eq!(answer.status, 204, "{origin}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
        assert!(fields(&answer).is_empty(), "{origin}: {answer:?}");
        assert!(varies_by_origin(&answer));
    }
    // Two fields are no origin, nor is none.
    let two = with(&from(APP, "/quick"), &[("Origin", APP)]);
    for request in [two, get("/quick")] {
        let answer = client.exchange(request).await;
        assert!(fields(&answer).is_empty(), "{answer:?}");
        assert!(varies_by_origin(&answer));
    }
}

#[actix_web::test]
async fn a_preflight_says_what_the_path_has_and_what_is_read() {
    let server = allowing();
    let mut client = server.connect().await;
    for (target, method, methods) in [
        ("/quick", "GET", "GET, HEAD, OPTIONS"),
        ("/quick", "DELETE", "GET, HEAD, OPTIONS"),
        ("/bytes", "POST", "POST, OPTIONS"),
        ("/changed", "PUT", "PUT, OPTIONS"),
    ] {
        client.send(preflight(APP, target, method)).await;
        let answer = client.answer_to_head().await;

        assert_eq!(answer.status, 204);
        let has = |name: &str| answer.header(&format!("access-control-{name}"));
        assert_eq!(has("allow-origin"), Some(APP));
        assert_eq!(has("allow-methods"), Some(methods), "{target}");
        assert_eq!(has("max-age"), Some("600"));
        assert_eq!(has("allow-credentials"), None);
        let headers = has("allow-headers").unwrap().to_ascii_lowercase();
        let headers: Vec<_> = headers.split(", ").collect();
        for name in [
            "content-type",
            "idempotency-key",
            "if-none-match",
            "x-request-id",
            "traceparent",
            "tracestate",
            "x-envoy-expected-rq-timeout-ms",
        ] {
            assert!(headers.contains(&name), "{name} is not in {headers:?}");
        }
        assert_eq!(answer.header("content-length"), None);
        assert!(varies_by_origin(&answer));
    }
    // Of a path that is not there, no preflight succeeds.
    let answer = client.exchange(preflight(APP, "/nothing", "GET")).await;
    assert_eq!(answer.status, 404);
    readable(&answer, APP);
    // An OPTIONS that a page really sends is no preflight.
    let plain = with(&request("OPTIONS", "/quick"), &[("Origin", APP)]);
    client.send(plain).await;
    readable(&client.answer_to_head().await, APP);
}

#[actix_web::test]
async fn credentials_and_time_are_as_they_are_set() {
    let server = spawn(|config| {
        config.cors = CorsConfig {
            max_age: Duration::from_secs(3),
            allow_credentials: true,
            ..cors()
        };
    });
    let mut client = server.connect().await;
    let credentials = |answer: &Answer| {
        let value = answer.header("access-control-allow-credentials");
        value.map(str::to_owned)
    };

    let answer = client.exchange(from(APP, "/quick")).await;
    assert_eq!(credentials(&answer).as_deref(), Some("true"));
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP));
    client.send(preflight(APP, "/quick", "GET")).await;
    let answer = client.answer_to_head().await;
    assert_eq!(credentials(&answer).as_deref(), Some("true"));
    assert_eq!(answer.header("access-control-max-age"), Some("3"));

    let answer = client.exchange(from("https://b.example", "/quick")).await;
    assert_eq!(credentials(&answer), None);
}

#[actix_web::test]
async fn an_answer_varies_by_all_that_it_depends_on() {
    let server = allowing();
    let mut client = server.connect().await;
    for (request, expected) in [
        (get("/quick"), "Origin"),
        (get("/text/json/2000"), "Accept-Encoding, Origin"),
        (get("/text/varying/2000"), "accept, Accept-Encoding, Origin"),
        (from(APP, "/tagged"), "accept, Origin"),
    ] {
        let answer = client.exchange(request).await;
        assert_eq!(answer.header("vary"), Some(expected));
    }
}

#[actix_web::test]
async fn operators_pages_are_for_no_other_origin() {
    let server = allowing();
    let mut client = Client::connect(server.admin).await;

    let answer = client.exchange(from(APP, "/upstreams")).await;

    assert_eq!(answer.status, 200);
    assert!(fields(&answer).is_empty() && answer.header("vary").is_none());
}

fn read(file: &str, variables: &[(&str, &str)]) -> Result<CorsConfig, Vec<String>> {
    let variables = variables
        .iter()
        .map(|(name, value)| (format!("BFF__CORS__{name}"), *value));
    let settings = Settings::new().with_file("bff.toml", file);
    let read = settings
        .with_env(variables)
        .read(|settings| settings.section("cors", CorsConfig::read));
    read.map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn the_section_is_read_and_each_wrong_origin_is_a_fault_of_its_own() {
    let listed =
        "[cors]\nallowed_origins = [\"https://app.example.com\", \"http://localhost:3000\"]\n";

    assert_eq!(read("", &[]), Ok(CorsConfig::default()));
    assert_eq!(
        read("[cors]\nallowed_origins = []\n", &[]),
        Ok(CorsConfig::default())
    );
    assert_eq!(read(listed, &[]), Ok(cors()));
    let both = format!("{APP}, {DEVELOPER}");
    assert_eq!(read("", &[("ALLOWED_ORIGINS", &both)]), Ok(cors()));
    // The environment can switch off what a file switches on.
    assert_eq!(
        read(listed, &[("ALLOWED_ORIGINS", "")]),
        Ok(CorsConfig::default())
    );
    let rest = [("MAX_AGE", "3s"), ("ALLOW_CREDENTIALS", "true")];
    let expected = CorsConfig {
        max_age: Duration::from_secs(3),
        allow_credentials: true,
        ..cors()
    };
    assert_eq!(read(listed, &rest), Ok(expected));

    let wrong = "[cors]\nallowed_origins = [\n  \"*\",\n  \"https://app.example.com\",\n  \"https://app.example.com/\",\n  \"https://app.example.com\",\n  \"\",\n]\n";
    let faults = read(wrong, &[]).unwrap_err();
    for (fault, (place, why)) in faults.iter().zip([
        ("bff.toml:3:3: ", "no wildcard"),
        ("bff.toml:5:3: ", "no path"),
        ("bff.toml:6:3: ", "twice"),
        ("bff.toml:7:3: ", "empty"),
    ]) {
        assert!(fault.starts_with(place) && fault.contains(why), "{fault}");
        assert!(fault.contains("\"https://app.example.com\""), "{fault}");
    }
    assert_eq!(faults.len(), 4, "{faults:?}");
    for wrong in [
        "[cors]\nallowed_origins = \"https://a.example\"\n",
        "[cors]\nmax_age = \"25h\"\n",
    ] {
        assert_eq!(read(wrong, &[]).unwrap_err().len(), 1);
    }
}

/// Texts close to an origin that is allowed.
fn alike() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "https",
        "http",
        "://",
        ":",
        "/",
        "app",
        "App",
        ".",
        "example",
        ".com",
        "localhost",
        "3000",
        "null",
        "*",
        " ",
        "@",
        APP,
        DEVELOPER,
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

#[actix_web::test]
async fn leave_is_given_to_the_exact_text_and_to_nothing_else() {
    let server = allowing();
    let mut client = server.connect().await;
    let mut runner = TestRunner::default();
    let mut granted = 0;
    for _ in 0..1000 {
        let origin = alike().new_tree(&mut runner).unwrap().current();

        let answer = head_of(&mut client, from(&origin, "/quick")).await;

        // White space around a field's value is no part of it.
        let is_allowed = [APP, DEVELOPER].contains(&origin.trim());
        assert_eq!(!fields(&answer).is_empty(), is_allowed, "{origin:?}");
        if is_allowed {
            readable(&answer, origin.trim());
            granted += 1;
        }
    }
    assert!(granted > 5, "{granted}");
}
