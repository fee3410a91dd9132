//! What the binary logs of a request, and what it never logs.

use mock_services::fault::{BodyFault, Fault};
use mock_services::{Options, Running, customers, orders, raw};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::helpers::binary::Program;
use crate::helpers::recorder::Recorder;
use crate::helpers::until;

fn services() -> (Running, Running) {
    (
        orders::start(&Options::default()).unwrap(),
        customers::start(&Options::default()).unwrap(),
    )
}

/// Ends the binary and returns every line of its log from the first request on.
async fn lines(program: Program) -> Vec<String> {
    program.signal("TERM");
    let (code, lines) = program.end().await;
    assert_eq!(code, Some(0), "{lines:?}");
    lines
}

/// The value of `name=` in a line; that of the last field goes to the end of the line.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, value) = line
        .split_once(&format!(" {name}="))
        .unwrap_or_else(|| panic!("no {name} in {line}"));
    if name == "sources" {
        value
    } else {
        value.split(' ').next().unwrap()
    }
}

/// Checks that `text` is a time such as `1.5ms` and that `rest` follows.
fn assert_took(text: &str, rest: &str) {
    let (took, after) = text.split_once("ms").unwrap_or_else(|| panic!("{text}"));
    assert!(took.parse::<f64>().is_ok_and(|took| took >= 0.0), "{text}");
    assert_eq!(after, rest, "{text}");
}

#[actix_web::test]
async fn every_request_leaves_one_line() {
    let (orders, customers) = services();
    let program = Program::serve(&orders.url(), &customers.url(), &[]).await;
    let requests = [
        ("GET", "/orders/1", "/orders/{id}"),
        ("GET", "/orders/abc", "/orders/{id}"),
        ("GET", "/orders/10001", "/orders/{id}"),
        ("GET", "/nope", "-"),
        ("POST", "/orders/1", "/orders/{id}"),
        ("INVENTED", "/", "-"),
        ("GET", "/openapi.json", "/openapi.json"),
    ];

    let mut answers = Vec::new();
    for (n, (method, target, _)) in requests.iter().enumerate() {
        let id = format!("request-{n}");
        answers.push(
            raw::send(program.addr, method, target, &[("X-Request-Id", &id)], "")
                .await
                .unwrap(),
        );
    }
    // Those who ask for health do so every few seconds: they leave none.
    raw::get(program.admin, "/readyz").await.unwrap();

    let lines: Vec<String> = lines(program)
        .await
        .into_iter()
        .filter(|line| line.contains(" access "))
        .collect();
    assert_eq!(lines.len(), requests.len(), "{lines:#?}");
    for (n, (((method, _, route), answer), line)) in
        requests.iter().zip(answers).zip(&lines).enumerate()
    {
        assert_eq!(field(line, "id"), format!("request-{n}"));
        assert_eq!(
            (field(line, "method"), field(line, "route")),
            (*method, *route),
            "{line}"
        );
        assert_eq!(field(line, "status"), answer.status.to_string(), "{line}");
        assert_eq!(
            field(line, "bytes"),
            answer.body.len().to_string(),
            "{line}"
        );
        assert!(
            field(line, "ms")
                .parse::<f64>()
                .is_ok_and(|took| took >= 0.0),
            "{line}"
        );
    }
    let [order, customer] = field(&lines[0], "sources").split(',').collect::<Vec<_>>()[..] else {
        panic!("{}", lines[0])
    };
    assert_took(order.strip_prefix("order:fresh:").unwrap(), "");
    assert_took(customer.strip_prefix("customer:fresh:").unwrap(), "");
    for line in [&lines[1], &lines[3], &lines[6]] {
        assert_eq!(field(line, "sources"), "-", "{line}");
    }
}

#[actix_web::test]
async fn a_degraded_answer_leaves_reason_and_cause() {
    let (orders, customers) = services();
    let mut program = Program::serve(&orders.url(), &customers.url(), &[]).await;
    let service = customers.url();

    for (fault, reason, cause) in [
        (Fault::status(503), "unavailable", "answered 503"),
        (Fault::status(429), "overloaded", "answered 429"),
        (
            Fault::body(BodyFault::Html),
            "invalidResponse",
            "answered 200 OK with not JSON, line 1 column 1",
        ),
    ] {
        customers.faults().set(vec![fault]);
        assert_eq!(program.get("/orders/1").await.status, 200);
        let line = program.line(" access ").await;
        let (_, customer) = field(&line, "sources")
            .split_once(",customer:omitted:")
            .unwrap();
        let (took, told) = customer.split_once('(').unwrap();
        assert_took(took, "");
        assert!(
            told.starts_with(&format!("{reason}: {service} ")) && told.contains(cause),
            "{line}"
        );
    }
}

#[actix_web::test]
async fn a_failed_answer_leaves_reason_and_cause() {
    let (orders, customers) = services();
    let mut program = Program::serve(&orders.url(), &customers.url(), &[]).await;
    orders.faults().set(vec![Fault::status(500)]);

    assert_eq!(program.get("/orders/1").await.status, 503);

    let line = program.line(" access ").await;
    let told = field(&line, "sources");
    assert!(
        told.starts_with(&format!(
            "order:failed(unavailable: {} answered 500",
            orders.url()
        )),
        "{line}"
    );
}

#[actix_web::test]
async fn a_refused_request_leaves_the_reason() {
    let (orders, customers) = services();
    orders.faults().set(vec![Fault::hang()]);
    let limit = [("BFF__MAX_REQUESTS", "1")];
    let mut program = Program::serve(&orders.url(), &customers.url(), &limit).await;
    let _hanging = actix_web::rt::spawn(raw::get(program.addr, "/orders/1"));
    until("it is in flight", async || orders.requests() == 1).await;

    assert_eq!(program.get("/orders/2").await.status, 503);

    let line = program.line(" access ").await;
    let told =
        "server:failed(overloaded: 1 requests are in flight, as many as max_requests allows)";
    assert_eq!(field(&line, "sources"), told);
}

#[actix_web::test]
async fn as_json_every_line_is_an_object_with_fields_of_fixed_types() {
    let (orders, customers) = services();
    let program = Program::serve(
        &orders.url(),
        &customers.url(),
        &[("BFF__LOG__FORMAT", "json")],
    )
    .await;
    let length = raw::send(
        program.addr,
        "GET",
        "/orders/1",
        &[("X-Request-Id", "mine")],
        "",
    )
    .await
    .unwrap()
    .body
    .len();
    customers.faults().set(vec![Fault::status(503)]);
    program.get("/orders/1").await;
    program.get("/nope").await;

    let lines: Vec<Value> = lines(program)
        .await
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();

    for line in &lines {
        for name in ["time", "level", "target", "message"] {
            assert!(line[name].is_string(), "{name}: {line}");
        }
        let time = line["time"].as_str().unwrap();
        assert!(
            time.len() == 24 && time.ends_with('Z') && time.as_bytes()[10] == b'T',
            "{time}"
        );
    }
    let access: Vec<&Value> = lines
        .iter()
        .filter(|line| line["target"] == "access")
        .collect();
    assert_eq!(access.len(), 3, "{lines:#?}");
    for line in &access {
        for name in ["method", "route", "id", "sources"] {
            assert!(line[name].is_string(), "{name}: {line}");
        }
        assert!(line["status"].is_u64() && line["bytes"].is_u64(), "{line}");
        assert!(
            line["ms"].as_f64().is_some_and(|took| took >= 0.0),
            "{line}"
        );
    }
    assert_eq!(
        (&access[0]["id"], &access[0]["route"]),
        (&"mine".into(), &"/orders/{id}".into())
    );
    assert_eq!(
        (&access[0]["status"], &access[0]["bytes"]),
        (&200.into(), &length.into())
    );
}

/// A customer service's answers with something personal in each, all of them unusable.
const UNUSABLE: [&str; 6] = [
    r#"{"id":56,"name":"Secret Name","email":"secret@example.com""#,
    r#"{"id":56,"name":"Secret Name","email":["secret@example.com"]}"#,
    r#"{"id":"secret@example.com","name":"Secret Name","email":"secret@example.com"}"#,
    r#"{"id":57,"name":"Secret Name","email":"secret@example.com"}"#,
    r#"{"secret@example.com":56}"#,
    "secret@example.com",
];

#[actix_web::test]
async fn nothing_personal_and_no_credential_gets_into_a_line_whatever_the_filter() {
    for (format, filter) in [("text", "debug"), ("json", "debug"), ("text", "trace")] {
        let orders = Recorder::orders().await;
        let mut customers = Vec::new();
        for body in UNUSABLE {
            customers.push(Recorder::start(body).await.url());
        }
        let variables = [("BFF__LOG__FORMAT", format), ("BFF__LOG__FILTER", filter)];
        let program = Program::serve(&orders.url(), &customers.join(","), &variables).await;
        let credentials = [
            ("Authorization", "Bearer secret"),
            ("Cookie", "session=secret"),
            ("X-Request-Id", "secret@example.com"),
        ];

        // Once for each endpoint, so that every answer is met.
        for _ in UNUSABLE {
            let answer = raw::send(
                program.addr,
                "GET",
                "/orders/1?token=secret",
                &credentials,
                "",
            )
            .await
            .unwrap();
            assert_eq!(
                answer.json()["sources"]["customer"]["reason"],
                "invalidResponse",
                "{answer:?}"
            );
        }
        for target in [
            "/orders/secret",
            "/secret/secret?secret",
            "/orders/9007199254740991?secret",
            "/docs/secret",
        ] {
            let answer = raw::send(program.addr, "GET", target, &credentials, "")
                .await
                .unwrap();
            assert!(answer.status >= 400, "{target}: {answer:?}");
        }
        raw::send(
            program.addr,
            "POST",
            "/orders/1",
            &credentials,
            "{\"password\":\"secret\"}",
        )
        .await
        .unwrap();
        raw::exchange(
            program.addr,
            b"GET /secret HTTP/1.1\r\nHost: user:secret@host\r\nConnection: close\r\n\r\n",
        )
        .await
        .unwrap();

        let lines = lines(program).await;
        assert_eq!(
            lines.iter().filter(|line| line.contains("access")).count(),
            UNUSABLE.len() + 6,
            "{lines:#?}"
        );
        for line in lines {
            for part in ["secret", "Secret", "9007199254740991", "password"] {
                assert!(!line.contains(part), "{format} {filter}: {line}");
            }
        }
    }
}

#[actix_web::test]
async fn no_request_id_breaks_a_line_or_forges_one() {
    let (orders, customers) = services();
    let program = Program::serve(&orders.url(), &customers.url(), &[]).await;
    let ids = [
        "a\tb",
        "a status=500",
        "\u{85}forged",
        "\u{2028}forged",
        "\u{1b}[31mforged",
        "a\rforged",
        "a\0forged",
        "\"forged",
    ];

    for id in ids {
        let answer = raw::send(
            program.addr,
            "GET",
            "/orders/1",
            &[("X-Request-Id", id)],
            "",
        )
        .await
        .unwrap();
        assert!(matches!(answer.status, 200 | 400), "{id:?}: {answer:?}");
    }

    for line in lines(program).await {
        assert!(
            line.len() > 24 && line.as_bytes()[23] == b'Z' && line.starts_with("20"),
            "{line:?} is no line of its own"
        );
        assert!(
            !line.contains("forged")
                && !line.contains("status=500")
                && !line.contains(char::is_control),
            "{line:?}"
        );
    }
}

#[actix_web::test]
async fn a_client_that_does_not_wait_leaves_a_line_of_its_own() {
    let (orders, customers) = services();
    customers.faults().set(vec![Fault::hang()]);
    let mut program = Program::serve(&orders.url(), &customers.url(), &[]).await;
    let mut client = TcpStream::connect(program.addr).await.unwrap();
    client
        .write_all(b"GET /orders/1 HTTP/1.1\r\nHost: test\r\nX-Request-Id: impatient\r\n\r\n")
        .await
        .unwrap();
    until("the customer service was asked", async || {
        customers.requests() == 1
    })
    .await;

    drop(client);

    let line = program.line("id=impatient").await;
    assert_eq!(
        (field(&line, "status"), field(&line, "bytes")),
        ("499", "0")
    );
}
