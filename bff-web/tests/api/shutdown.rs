//! The end: announced, orderly, and complete for whoever has asked before.

use std::time::Duration;

use bff_shared::serve::Stop;
use mock_services::fault::Fault;
use mock_services::raw::{self, Answer};
use mock_services::{Options, Running, customers, orders};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::helpers::binary::Program;
use crate::helpers::{GUARD, TestApp, problem, spawn_with, until};

/// Longer than any test waits: what ends sooner has not waited for it.
const ENDLESS: Duration = Duration::from_secs(3_600);

fn stop(app: &mut TestApp, how: Stop) {
    app.stop.take().unwrap().send(how).unwrap();
}

/// Waits for the server's end, which has to be an orderly one.
async fn ended(app: TestApp) {
    timeout(GUARD, app.server)
        .await
        .expect("the server ends")
        .unwrap()
        .unwrap();
    for addr in [app.addr, app.admin] {
        assert!(
            TcpStream::connect(addr).await.is_err(),
            "{addr} still listens"
        );
    }
}

/// Asks for order 1 and returns once the customer service has been asked for its customer.
async fn ask_slowly(
    addr: std::net::SocketAddr,
    customers: &Running,
) -> JoinHandle<std::io::Result<Answer>> {
    // Time enough for a signal on a busy machine.
    customers.faults().set(vec![Fault::latency_ms(1_500)]);
    let answer = actix_web::rt::spawn(raw::get(addr, "/orders/1"));
    until("the customer service is asked", async || {
        customers.requests() == 1
    })
    .await;
    answer
}

/// The answer is there in full: neither cut off nor without its customer.
async fn assert_complete(answer: JoinHandle<std::io::Result<Answer>>) {
    let answer = timeout(GUARD, answer)
        .await
        .expect("an answer")
        .unwrap()
        .unwrap();
    assert_eq!(
        (answer.status, &answer.json()["customer"]["name"]),
        (200, &json!("John Doe")),
        "{answer:?}"
    );
    assert_eq!(
        answer.json()["sources"]["customer"],
        json!({ "state": "fresh" })
    );
}

/// A GET on a connection that stays open; returns the head of the answer.
async fn get_and_keep(connection: &mut TcpStream) -> String {
    connection
        .write_all(b"GET /orders/0 HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    while !answer.ends_with('}') {
        let mut bytes = [0; 4_096];
        let read = timeout(GUARD, connection.read(&mut bytes))
            .await
            .expect("an answer")
            .unwrap();
        assert_ne!(read, 0, "closed after {answer:?}");
        answer += std::str::from_utf8(&bytes[..read]).unwrap();
    }
    answer
        .split_once("\r\n\r\n")
        .unwrap()
        .0
        .to_ascii_lowercase()
}

#[actix_web::test]
async fn while_it_drains_it_is_not_ready_and_still_answers_and_announces_the_end() {
    let mut app = spawn_with(|config| config.server.drain_delay = ENDLESS).await;
    let mut kept = TcpStream::connect(app.addr).await.unwrap();
    assert!(!get_and_keep(&mut kept).await.contains("connection: close"));

    stop(&mut app, Stop::Drain);
    until("it is not ready", async || {
        raw::get(app.admin, "/readyz").await.unwrap().status == 503
    })
    .await;

    assert_eq!(
        raw::get(app.admin, "/readyz").await.unwrap().json(),
        json!({ "status": "draining" })
    );
    let answer = raw::exchange(app.addr, b"GET /orders/1 HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close")),
        "a new connection"
    );
    problem(&app.get("/orders/0").await, 400, "invalidOrderId");
    assert!(
        get_and_keep(&mut kept).await.contains("connection: close"),
        "a connection from before"
    );
    assert_eq!(
        timeout(GUARD, kept.read(&mut [0]))
            .await
            .expect("it is closed")
            .unwrap(),
        0
    );
}

#[actix_web::test]
async fn after_the_drain_delay_it_ends() {
    let mut app = spawn_with(|config| config.server.drain_delay = Duration::from_millis(50)).await;
    assert_eq!(app.get("/orders/1").await.status, 200);

    stop(&mut app, Stop::Drain);

    ended(app).await;
}

#[actix_web::test]
async fn a_stop_without_draining_waits_for_no_delay() {
    let mut app = spawn_with(|config| config.server.drain_delay = ENDLESS).await;

    stop(&mut app, Stop::Now);

    ended(app).await;
}

#[actix_web::test]
async fn a_request_in_flight_is_answered_in_full() {
    let mut app = spawn_with(|config| config.server.stop_timeout = GUARD).await;
    let answer = ask_slowly(app.addr, &app.customers).await;

    stop(&mut app, Stop::Now);

    assert_complete(answer).await;
    ended(app).await;
}

#[actix_web::test]
async fn idle_connections_do_not_hold_the_end_up() {
    let mut app = spawn_with(|config| {
        (
            config.server.stop_timeout,
            config.server.keep_alive,
            config.server.head_timeout,
        ) = (ENDLESS, ENDLESS, ENDLESS);
    })
    .await;
    let mut silent = TcpStream::connect(app.addr).await.unwrap();
    let mut kept = TcpStream::connect(app.addr).await.unwrap();
    get_and_keep(&mut kept).await;

    stop(&mut app, Stop::Now);

    ended(app).await;
    for connection in [&mut silent, &mut kept] {
        assert!(!matches!(connection.read(&mut [0]).await, Ok(1..)));
    }
}

#[actix_web::test]
async fn a_connection_that_sends_half_a_request_does_not_hold_the_end_up() {
    let mut app = spawn_with(|config| {
        (config.server.stop_timeout, config.server.head_timeout) = (ENDLESS, ENDLESS);
    })
    .await;
    let mut half = TcpStream::connect(app.addr).await.unwrap();
    get_and_keep(&mut half).await;
    half.write_all(b"GET /orders/1 HTTP/1.1\r\nHo")
        .await
        .unwrap();

    stop(&mut app, Stop::Now);

    ended(app).await;
}

#[actix_web::test]
async fn the_binary_ends_well_on_either_signal_and_answers_who_has_asked_before() {
    let orders = orders::start(&Options::default()).unwrap();
    for signal in ["TERM", "INT"] {
        let customers = customers::start(&Options::default()).unwrap();
        let mut program = Program::serve(&orders.url(), &customers.url(), &[]).await;
        let answer = ask_slowly(program.addr, &customers).await;

        program.signal(signal);

        program.line("stopping").await;
        assert_complete(answer).await;
        let addr = program.addr;
        let (code, lines) = program.end().await;
        assert_eq!(code, Some(0), "SIG{signal}: {lines:?}");
        assert!(
            lines.last().is_some_and(|line| line.contains("stopped")),
            "SIG{signal}: {lines:?}"
        );
        assert!(
            TcpStream::connect(addr).await.is_err(),
            "SIG{signal}: it still listens"
        );
    }
}

#[actix_web::test]
async fn a_second_signal_ends_the_binary_at_once() {
    let (orders, customers) = (
        orders::start(&Options::default()).unwrap(),
        customers::start(&Options::default()).unwrap(),
    );
    let mut program = Program::serve(
        &orders.url(),
        &customers.url(),
        &[("BFF__DRAIN_DELAY", "5m")],
    )
    .await;

    program.signal("TERM");
    program.line("draining").await;
    program.signal("TERM");

    assert_eq!(
        program.end().await.0,
        Some(143),
        "128 and the signal's number, as a shell has it"
    );
}
