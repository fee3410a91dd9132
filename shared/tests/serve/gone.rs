//! Clients that go away: what is done for them ends.

use crate::client::{get, post, post_head};
use crate::server::patient;

#[actix_web::test]
async fn work_ends_when_its_client_closes() {
    let server = patient();
    for round in 1..=5 {
        let mut client = server.connect().await;
        client.send(get("/hang")).await;
        server.hands.begun(round).await;

        client.close();

        server.hands.ended(round).await;
    }
    server.still_serves().await;
}

#[actix_web::test]
async fn work_ends_when_its_client_resets() {
    let server = patient();
    for round in 1..=5 {
        let mut client = server.connect().await;
        client.send(get("/hang")).await;
        server.hands.begun(round).await;

        client.reset();

        server.hands.ended(round).await;
    }
    server.still_serves().await;
}

#[actix_web::test]
async fn work_ends_when_its_client_closes_with_a_body_that_nobody_read() {
    let server = patient();
    let long = "x".repeat(60_000);
    let requests = [
        post("/hang", "body"),
        post_head("/hang", 100) + "part",
        post("/hang", &long),
        post_head("/hang", 1_000_000) + &long,
    ];
    for (round, request) in (1..).zip(requests) {
        let mut client = server.connect().await;
        client.send(request).await;
        server.hands.begun(round).await;

        client.close();

        server.hands.ended(round).await;
    }
    server.still_serves().await;
}

#[actix_web::test]
async fn work_ends_when_its_client_closes_its_side_only() {
    let server = patient();
    let mut client = server.connect().await;
    client.send(get("/hang")).await;
    server.hands.begun(1).await;

    client.close_sending().await;

    server.hands.ended(1).await;
    client.closed_without_a_word().await;
    server.still_serves().await;
}

#[actix_web::test]
async fn a_client_that_goes_while_another_waits_takes_nothing_with_it() {
    let server = patient();
    let mut waiting = server.connect().await;
    waiting.send(get("/hang")).await;
    server.hands.begun(1).await;
    let mut going = server.connect().await;
    going.send(get("/hang")).await;
    server.hands.begun(2).await;

    going.reset();
    server.hands.ended(1).await;
    server.release();

    assert_eq!(waiting.answer().await.status, 200);
}

#[actix_web::test]
async fn a_client_that_goes_in_the_middle_of_its_answer_is_forgotten() {
    let server = patient();
    for target in ["/large", "/large-stream"] {
        let mut client = server.connect().await;
        client.send(get(target)).await;
        client.take(1000).await;
        client.reset();
        let mut client = server.connect().await;
        client.send(get(target)).await;
        client.take(1000).await;
        client.close();
    }
    server.still_serves().await;
}
