//! The end of a server: what is in flight is finished, and nothing else waited for.

use std::time::Duration;

use bff_shared::serve::{Config, Stop};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::client::{Client, get, in_time, post_chunked};
use crate::server::{LARGE, TestServer, spawn};

/// A server that waits for work in flight longer than any test.
fn with_drain(delay: Duration) -> TestServer {
    spawn(|config: &mut Config| {
        config.drain_delay = delay;
        config.stop_timeout = Duration::from_secs(300);
    })
}

/// Waits until nobody listens any more.
async fn refused(server: &TestServer) {
    in_time(async {
        while TcpStream::connect(server.addr).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

async fn readiness(server: &TestServer) -> u16 {
    let mut admin = Client::connect(server.admin).await;
    admin.exchange(get("/readyz")).await.status
}

async fn until_draining(server: &TestServer) {
    in_time(async {
        while readiness(server).await != 503 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[actix_web::test]
async fn idle_connections_hold_no_stop_up() {
    let mut server = with_drain(Duration::ZERO);
    let mut used = server.connect().await;
    assert_eq!(used.exchange(get("/quick")).await.status, 200);
    let mut unused = server.connect().await;
    let mut unfinished = server.connect().await;
    assert_eq!(unfinished.exchange(get("/quick")).await.status, 200);
    unfinished.send("GET /quick HTTP/1.1\r\nHost:").await;
    let mut without_end = server.connect().await;
    let request = post_chunked("/unread") + "1\r\nx\r\n";
    assert_eq!(without_end.exchange(request).await.status, 200);

    server.stop(Stop::Now);

    used.closed_without_a_word().await;
    unused.closed().await;
    unfinished.closed_without_a_word().await;
    without_end.closed_without_a_word().await;
    server.ended().await;
}

#[actix_web::test]
async fn what_is_in_flight_is_finished() {
    let mut server = with_drain(Duration::ZERO);
    let mut client = server.connect().await;
    client.send(get("/hang")).await;
    server.hands.begun(1).await;

    server.stop(Stop::Now);
    refused(&server).await;
    assert!(!server.has_ended(), "it waits for the request");
    server.release();

    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.json()["released"].as_bool()),
        (200, Some(true))
    );
    assert_eq!(answer.header("connection"), Some("close"));
    client.closed_without_a_word().await;
    server.ended().await;
}

#[actix_web::test]
async fn a_large_answer_on_its_way_is_finished_however_slowly_it_is_read() {
    const STEPS: usize = 8;
    let mut server = with_drain(Duration::ZERO);
    let mut client = server.connect_with_little_room().await;
    client.send(get("/large")).await;
    client.answer_to_head().await;

    server.stop(Stop::Now);
    refused(&server).await;
    for _ in 0..STEPS {
        sleep(Duration::from_millis(300)).await;
        client.take(LARGE / STEPS).await;
    }

    client.closed_without_a_word().await;
    server.ended().await;
}

#[actix_web::test]
async fn what_is_in_flight_has_until_the_stop_timeout() {
    let mut server = spawn(|config| config.stop_timeout = Duration::from_secs(1));
    let mut client = server.connect().await;
    client.send(get("/hang")).await;
    server.hands.begun(1).await;

    server.stop(Stop::Now);

    client.closed_without_a_word().await;
    let hands = server.hands.clone();
    server.ended().await;
    hands.ended(1).await;
}

#[actix_web::test]
async fn a_client_that_does_not_read_holds_no_stop_up_for_ever() {
    let mut server = spawn(|config| config.stop_timeout = Duration::from_secs(1));
    let mut client = server.connect().await;
    client.send(get("/large")).await;
    client.take(1000).await;

    server.stop(Stop::Now);

    server.ended().await;
}

#[actix_web::test]
async fn while_draining_it_serves_and_announces_its_end() {
    let mut server = with_drain(Duration::from_secs(300));
    let mut kept = server.connect().await;
    let before = kept.exchange(get("/quick")).await;
    assert_eq!((before.status, before.header("connection")), (200, None));
    assert_eq!(readiness(&server).await, 200);

    server.stop(Stop::Drain);
    until_draining(&server).await;

    for target in ["/quick", "/later/name", "/nothing", "/panic"] {
        let mut new = server.connect().await;
        let answer = new.exchange(get(target)).await;
        assert_eq!(answer.header("connection"), Some("close"), "{target}");
        new.closed_without_a_word().await;
    }
    let answer = kept.exchange(get("/quick")).await;
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    kept.closed_without_a_word().await;
    assert!(!server.has_ended());
}

#[actix_web::test]
async fn it_drains_first_and_stops_then() {
    let mut server = with_drain(Duration::from_secs(2));
    let mut client = server.connect().await;
    client.send(get("/hang")).await;
    server.hands.begun(1).await;

    server.stop(Stop::Drain);
    until_draining(&server).await;
    server.still_serves().await;
    refused(&server).await;
    // The operators' listener is the last to go.
    assert_eq!(readiness(&server).await, 503);
    assert!(!server.has_ended());
    server.release();

    assert_eq!(client.answer().await.status, 200);
    server.ended().await;
}

#[actix_web::test]
async fn when_asked_to_stop_now_it_does_not_drain() {
    let mut server = with_drain(Duration::from_secs(300));
    server.still_serves().await;

    server.stop(Stop::Now);

    server.ended().await;
}

#[actix_web::test]
async fn afterwards_both_ports_are_free() {
    let mut server = with_drain(Duration::ZERO);
    let ports = [server.addr, server.admin];
    server.still_serves().await;

    server.stop(Stop::Now);
    server.ended().await;

    for port in ports {
        TcpListener::bind(port).await.unwrap();
    }
}
