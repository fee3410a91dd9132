//! What a request carries beside its target, and what of it goes on to the services.

use std::time::Duration;

use mock_services::fault::Fault;
use serde_json::json;
use tokio::time::timeout;

use crate::helpers::recorder::Recorder;
use crate::helpers::{GUARD, TestApp, endpoint, problem, spawn_app, spawn_with};

const EXPECTED: &str = "x-envoy-expected-rq-timeout-ms";

/// A BFF in front of services that write down what they are asked.
async fn spawn_recorded() -> (TestApp, [Recorder; 2]) {
    let recorders = [Recorder::orders().await, Recorder::customers().await];
    let urls = [endpoint(&recorders[0].url()), endpoint(&recorders[1].url())];
    let app = spawn_with(|config| {
        let [orders, customers] = urls;
        (
            config.services.orders.endpoints,
            config.services.customers.endpoints,
        ) = (vec![orders], vec![customers]);
    })
    .await;
    (app, recorders)
}

/// Whether it is a UUID of version 7 (RFC 9562) as it is usually written.
fn is_uuid_v7(id: &str) -> bool {
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    let digits = id
        .bytes()
        .all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    groups == [8, 4, 4, 4, 12]
        && digits
        && id.as_bytes()[14] == b'7'
        && b"89ab".contains(&id.as_bytes()[19])
}

#[actix_web::test]
async fn a_well_formed_request_id_comes_back_and_goes_on() {
    let (app, recorders) = spawn_recorded().await;
    let longest = "x".repeat(128);

    for id in ["a", "0", "AZaz09-_.:=+/", "../../etc", &longest] {
        let answer = app.get_with("/orders/1", &[("X-Request-Id", id)]).await;
        assert_eq!(
            (answer.status, answer.header("x-request-id")),
            (200, Some(id))
        );
        for recorder in &recorders {
            assert_eq!(recorder.last().all("x-request-id"), [id], "exactly one");
        }
    }
}

#[actix_web::test]
async fn a_request_id_that_is_not_well_formed_is_replaced() {
    let (app, recorders) = spawn_recorded().await;
    let too_long = "x".repeat(129);

    for id in [
        "",
        " ",
        "a b",
        "a\tb",
        "\"a\"",
        "a'b",
        "a,b",
        "a;b",
        "{a}",
        "a%0a",
        "ä",
        "\u{1F600}",
        &too_long,
    ] {
        let answer = app.get_with("/orders/1", &[("X-Request-Id", id)]).await;
        let new = answer.header("x-request-id").unwrap();
        assert_eq!(answer.status, 200);
        assert!(is_uuid_v7(new), "{id:?} became {new:?}");
        for recorder in &recorders {
            assert_eq!(recorder.last().all("x-request-id"), [new], "{id:?}");
        }
    }
}

#[actix_web::test]
async fn of_two_request_ids_neither_counts() {
    let (app, [orders, _]) = spawn_recorded().await;

    let answer = app
        .get_with("/orders/1", &[("X-Request-Id", "a"), ("X-Request-Id", "b")])
        .await;

    let new = answer.header("x-request-id").unwrap();
    assert!(is_uuid_v7(new), "{new}");
    assert_eq!(orders.only().all("x-request-id"), [new]);
}

#[actix_web::test]
async fn without_a_request_id_each_request_gets_one_in_the_order_of_time() {
    let app = spawn_app().await;

    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(
            app.get("/orders/0")
                .await
                .header("x-request-id")
                .unwrap()
                .to_owned(),
        );
    }

    assert!(ids.iter().all(|id| is_uuid_v7(id)), "{ids:?}");
    assert!(
        ids.is_sorted_by(|earlier, later| earlier < later),
        "{ids:?}"
    );
}

#[actix_web::test]
async fn a_problem_has_the_request_id_as_well() {
    let app = spawn_app().await;

    for (target, status, code) in [
        ("/orders/abc", 400, "invalidOrderId"),
        ("/nope", 404, "unknownPath"),
    ] {
        let answer = app.get_with(target, &[("X-Request-Id", "mine")]).await;
        assert_eq!(problem(&answer, status, code)["requestId"], "mine");
    }
}

#[actix_web::test]
async fn the_trace_context_goes_on_as_it_is() {
    let (app, recorders) = spawn_recorded().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let state = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

    let answer = app
        .get_with(
            "/orders/1",
            &[("traceparent", parent), ("tracestate", state)],
        )
        .await;

    assert_eq!(answer.status, 200);
    for recorder in &recorders {
        let head = recorder.only();
        assert_eq!(
            (head.all("traceparent"), head.all("tracestate")),
            (vec![parent.to_owned()], vec![state.to_owned()])
        );
    }
}

#[actix_web::test]
async fn nothing_else_that_a_client_sends_goes_on() {
    let (app, recorders) = spawn_recorded().await;
    let sent = [
        ("Authorization", "Bearer secret"),
        ("Cookie", "session=secret"),
        ("Proxy-Authorization", "Basic secret"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("Forwarded", "for=192.0.2.1"),
        ("Accept-Encoding", "gzip, br"),
        ("Accept-Language", "de"),
        ("If-None-Match", "\"secret\""),
        ("Range", "bytes=0-1"),
        ("Origin", "https://secret.example"),
        ("User-Agent", "secret/1"),
        ("X-Invented", "secret"),
    ];

    let answer = app.get_with("/orders/1?token=secret", &sent).await;

    assert_eq!(answer.status, 200);
    for (recorder, target) in recorders.iter().zip(["/orders/1", "/customers/56"]) {
        let head = recorder.only();
        assert!(
            head.0.starts_with(&format!("GET {target} HTTP/1.1\r\n")),
            "{head:?}"
        );
        let mut names: Vec<String> = head.fields().into_iter().map(|(name, _)| name).collect();
        // The HTTP client's own, which say nothing of the caller.
        names.retain(|name| name != "date");
        names.sort();
        assert_eq!(
            names,
            [
                "accept",
                "accept-encoding",
                "host",
                EXPECTED,
                "x-request-id"
            ],
            "{head:?}"
        );
        assert!(!head.0.contains("secret"), "{head:?}");
    }
}

#[actix_web::test]
async fn a_service_is_asked_by_its_own_name_and_for_plain_json() {
    let (app, recorders) = spawn_recorded().await;

    app.get("/orders/1").await;

    for recorder in &recorders {
        let head = recorder.only();
        assert_eq!(head.all("host"), [recorder.addr().to_string()]);
        assert_eq!(head.all("accept-encoding"), ["identity"]);
        assert_eq!(head.all("accept"), ["application/json"]);
    }
}

#[actix_web::test]
async fn a_caller_who_waits_for_less_gets_an_answer_sooner() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let app = spawn_with(|config| {
        config.server.deadline = HOUR;
        (
            config.services.customers.deadline,
            config.services.customers.attempt_timeout,
        ) = (HOUR, HOUR);
    })
    .await;
    app.customers.faults().set(vec![Fault::hang()]);

    // Long enough for the order even on a busy machine.
    let answer = timeout(GUARD, app.get_with("/orders/1", &[(EXPECTED, "2000")]))
        .await
        .expect("an answer");

    assert_eq!(
        (answer.status, &answer.json()["customer"]),
        (200, &json!(null)),
        "{answer:?}"
    );
    assert_eq!(
        answer.json()["sources"]["customer"],
        json!({ "state": "omitted", "reason": "timeout" })
    );
}

/// The time that each service was told it has, in milliseconds, for a caller who says `expected`.
async fn told(expected: Option<&str>) -> [u64; 2] {
    let (app, recorders) = spawn_recorded().await;
    let fields: Vec<(&str, &str)> = expected
        .map(|expected| (EXPECTED, expected))
        .into_iter()
        .collect();
    let answer = app.get_with("/orders/1", &fields).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json()["sources"]["customer"],
        json!({ "state": "fresh" }),
        "{expected:?}"
    );
    recorders.map(|recorder| {
        let told = recorder.only().all(EXPECTED);
        assert_eq!(told.len(), 1, "{told:?}");
        told[0].parse().unwrap()
    })
}

#[actix_web::test]
async fn each_service_is_told_the_time_that_is_left() {
    let [orders, customers] = told(Some("20000")).await;

    assert!(
        orders <= 20_000 && customers <= orders,
        "{orders} {customers}"
    );
    assert!(customers > 1_000, "most of the time is left: {customers}");
}

#[actix_web::test]
async fn a_caller_cannot_get_more_time_than_the_deadline() {
    let own = u64::try_from((GUARD / 2).as_millis()).unwrap();

    for expected in ["31000", "3600000", "18446744073709551615"] {
        let [orders, customers] = told(Some(expected)).await;
        assert!(
            customers <= orders && orders <= own,
            "{expected}: {orders} {customers}"
        );
    }
}

#[actix_web::test]
async fn a_time_that_is_none_is_ignored() {
    for expected in [
        "",
        "0",
        "-5",
        "1.5",
        "abc",
        "5s",
        "1 2",
        "18446744073709551616",
        "０",
    ] {
        let [orders, _] = told(Some(expected)).await;
        assert!(orders > 1_000, "{expected}: {orders}");
    }
}
