//! Several requests in one packet.

use crate::client::{get, post, request};
use crate::server::{patient, problem, quick_body};

#[actix_web::test]
async fn answers_come_in_the_order_of_their_requests() {
    let server = patient();
    let mut client = server.connect().await;
    // More than actix takes in at once.
    let requests: String = (0..50)
        .map(|i| get(&format!("/later/{i}")) + &get("/quick"))
        .collect();

    client.send(requests).await;

    for i in 0..50 {
        assert_eq!(client.answer().await.json()["later"], i.to_string());
        assert_eq!(client.answer().await.json(), quick_body());
    }
}

#[actix_web::test]
async fn a_slow_answer_holds_back_those_behind_it() {
    let server = patient();
    let mut client = server.connect().await;
    client
        .send(get("/hang") + &get("/quick") + &get("/nothing"))
        .await;
    server.hands.begun(1).await;

    server.release();

    assert_eq!(client.answer().await.json()["released"], true);
    assert_eq!(client.answer().await.json(), quick_body());
    problem(&client.answer().await, 404, "unknownPath");
}

#[actix_web::test]
async fn bodies_do_not_run_into_the_next_request() {
    let server = patient();
    let mut client = server.connect().await;
    let requests: String = (0..20)
        .map(|length| post("/bytes", &"x".repeat(length)))
        .collect();

    client.send(requests).await;

    for length in 0..20 {
        assert_eq!(client.answer().await.json()["length"], length);
    }
}

#[actix_web::test]
async fn a_head_with_a_get_behind_it_has_no_body() {
    let server = patient();
    for target in [
        "/quick",
        "/later/1",
        "/large",
        "/streamed",
        "/panic-later",
        "/own/404",
        "/nothing",
    ] {
        let mut client = server.connect().await;
        client
            .send(request("HEAD", target) + &get("/later/2"))
            .await;

        client.answer_to_head().await;
        assert_eq!(client.answer().await.json()["later"], "2", "{target}");

        assert_eq!(client.exchange(get("/quick")).await.status, 200);
    }
}

/// A known limit of actix-http: the last head that it has read decides whether an earlier answer, if that was not
/// ready at once, has a body. The edge makes up for it where HEAD comes first, and cannot where it comes last.
#[actix_web::test]
async fn a_head_behind_a_get_harms_its_own_connection_at_most() {
    let server = patient();
    let mut beside = server.connect().await;
    for _ in 0..5 {
        let mut client = server.connect().await;
        client
            .send(get("/later/1") + &request("HEAD", "/later/2"))
            .await;
        let first = client.answer_to_head().await;
        assert_eq!(first.status, 200);

        assert_eq!(beside.exchange(get("/later/3")).await.json()["later"], "3");
    }
    server.still_serves().await;
}

#[actix_web::test]
async fn nothing_behind_a_request_to_close_is_answered() {
    let server = patient();
    let mut client = server.connect().await;
    let last = get("/quick").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");

    let answer = client.exchange(last).await;

    assert_eq!(answer.status, 200);
    client.closed_without_a_word().await;
}
