//! More requests than the server takes at once: one too many is refused at the door, and every place comes back.

use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use crate::client::{Client, get, in_time, post_head, request};
use crate::server::{LARGE, TestServer, problem, spawn};

fn with_places(places: u32) -> TestServer {
    spawn(|config| config.max_requests = places)
}

async fn report(server: &TestServer) -> Value {
    let mut admin = Client::connect(server.admin).await;
    admin.exchange(get("/upstreams")).await.json()["server"].clone()
}

async fn until_in_flight(server: &TestServer, count: usize) {
    in_time(async {
        while report(server).await["inFlight"] != count {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[actix_web::test]
async fn one_too_many_is_refused_at_once_and_the_next_is_served_when_one_ends() {
    let server = with_places(2);
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.send(get("/hang")).await;
    server.hands.begun(1).await;
    second.send(get("/hang")).await;
    server.hands.begun(2).await;
    let mut third = server.connect().await;

    for target in ["/quick", "/hang", "/nothing", "/openapi.json"] {
        let answer = third.exchange(get(target)).await;
        problem(&answer, 503, "overloaded");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }

    assert_eq!(
        report(&server).await,
        json!({ "inFlight": 2, "maxRequests": 2, "refused": 4, "phase": "ready" })
    );
    let mut admin = Client::connect(server.admin).await;
    for target in ["/livez", "/readyz", "/upstreams"] {
        assert_eq!(admin.exchange(get(target)).await.status, 200, "{target}");
    }
    // A client that goes away gives its place back.
    first.close();
    server.hands.ended(1).await;
    until_in_flight(&server, 1).await;
    assert_eq!(third.exchange(get("/quick")).await.status, 200);
    server.release();
    assert_eq!(second.answer().await.status, 200);
    until_in_flight(&server, 0).await;
}

#[actix_web::test]
async fn what_is_refused_is_refused_before_its_body_and_without_one_for_head() {
    let server = with_places(1);
    let mut only = server.connect().await;
    only.send(get("/hang")).await;
    server.hands.begun(1).await;

    let mut client = server.connect().await;
    client.send(request("HEAD", "/quick")).await;
    assert_eq!(client.answer_to_head().await.status, 503);
    // Of this body nothing comes.
    let answer = client.exchange(post_head("/bytes", 1000)).await;

    problem(&answer, 503, "overloaded");
}

#[actix_web::test]
async fn an_answer_counts_until_its_body_is_complete() {
    let server = with_places(1);
    let mut streaming = server.connect().await;
    streaming.send(get("/hang-stream")).await;
    assert_eq!(streaming.answer_to_head().await.status, 200);

    problem(&server.get("/quick").await, 503, "overloaded");
    server.release();

    server.hands.ended(1).await;
    until_in_flight(&server, 0).await;
    server.still_serves().await;

    let mut unread = server.connect_with_little_room().await;
    unread.send(get("/large")).await;
    unread.answer_to_head().await;
    problem(&server.get("/quick").await, 503, "overloaded");
    unread.take(LARGE).await;
    until_in_flight(&server, 0).await;
    server.still_serves().await;
}

#[actix_web::test]
async fn every_way_to_end_gives_the_place_back() {
    let server = with_places(1);
    let mut begun = 0;
    for _ in 0..5 {
        for target in [
            "/quick",
            "/later/1",
            "/streamed",
            "/panic",
            "/panic-later",
            "/error/500",
            "/own/404",
            "/bare/304",
            "/number/none",
            "/nothing",
            "/tagged",
        ] {
            assert_ne!(server.get(target).await.header("retry-after"), Some("1"));
            until_in_flight(&server, 0).await;
        }
        let mut unreadable = server.connect().await;
        let answer = unreadable.exchange("GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
        assert_eq!(answer.await.status, 400);
        let mut head = server.connect().await;
        head.send(request("HEAD", "/large")).await;
        assert_eq!(head.answer_to_head().await.status, 200);
        until_in_flight(&server, 0).await;
        // Clients that go away: before the answer, within its body, within their own body.
        let mut waiting = server.connect().await;
        waiting.send(get("/hang")).await;
        begun += 1;
        server.hands.begun(begun).await;
        waiting.close();
        until_in_flight(&server, 0).await;
        let mut streaming = server.connect().await;
        streaming.send(get("/hang-stream")).await;
        streaming.answer_to_head().await;
        begun += 1;
        streaming.reset();
        until_in_flight(&server, 0).await;
        let mut large = server.connect_with_little_room().await;
        large.send(get("/large-stream")).await;
        large.answer_to_head().await;
        large.reset();
        until_in_flight(&server, 0).await;
        let mut unfinished = server.connect().await;
        unfinished.send(post_head("/bytes", 100)).await;
        until_in_flight(&server, 1).await;
        unfinished.close();
        until_in_flight(&server, 0).await;
    }
    assert_eq!(report(&server).await["refused"], 0);
}

#[actix_web::test]
async fn the_limit_is_one_for_all_workers() {
    let server = spawn(|config| (config.max_requests, config.workers) = (3, 3));
    let mut clients = Vec::new();
    for count in 1..=3 {
        let mut client = server.connect().await;
        client.send(get("/hang")).await;
        server.hands.begun(count).await;
        clients.push(client);
    }
    for _ in 0..6 {
        problem(&server.get("/quick").await, 503, "overloaded");
    }
    server.release();
    for client in &mut clients {
        assert_eq!(client.answer().await.status, 200);
    }
    until_in_flight(&server, 0).await;
    assert_eq!(report(&server).await["refused"], 6);
}
