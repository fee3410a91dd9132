//! Bodies of requests: too slow, too large, malformed, cut short.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::client::{Client, get, parse, post, post_chunked, post_head};
use crate::server::{impatient, patient, problem};

const LIMIT: usize = 64 * 1024;

const PAUSE: Duration = Duration::from_millis(50);

/// The answer among what a client was told before its connection was closed.
fn answer(told: &[u8]) -> mock_services::raw::Answer {
    let text = std::str::from_utf8(told).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
    let mut answer = parse(head.as_bytes());
    answer.body = body.to_owned();
    answer
}

#[actix_web::test]
async fn a_body_that_drips_to_a_route_that_reads_it_is_a_408() {
    let server = impatient();
    let bodies = [
        (post_head("/bytes", 10_000), "x"),
        (post_head("/json", 10_000), " "),
        (post_chunked("/bytes"), "1\r\nx\r\n"),
    ];
    for (head, drip) in bodies {
        let mut client = server.connect().await;
        client.send(&head).await;

        let told = client.drip_until_closed(drip.as_bytes(), PAUSE).await;

        problem(&answer(&told), 408, "requestTimeout");
    }
    server.still_serves().await;
}

#[actix_web::test]
async fn a_body_that_never_comes_is_a_408() {
    let server = impatient();
    for head in [
        post_head("/bytes", 1),
        post_head("/json", 1),
        post_chunked("/bytes"),
    ] {
        let mut client = server.connect().await;

        let answer = client.exchange(head).await;

        problem(&answer, 408, "requestTimeout");
        client.closed_without_a_word().await;
    }
    server.still_serves().await;
}

#[actix_web::test]
async fn a_body_in_pieces_is_read_whole() {
    let server = patient();
    let mut client = server.connect().await;
    client.send(post_head("/bytes", 5)).await;
    for piece in ["a", "bc", "de"] {
        sleep(PAUSE).await;
        client.send(piece).await;
    }
    assert_eq!(client.answer().await.json(), json!({ "length": 5 }));

    client.send(post_chunked("/bytes")).await;
    for piece in ["2\r\n", "ab\r\n3\r", "\ncde\r\n0\r\n\r\n"] {
        sleep(PAUSE).await;
        client.send(piece).await;
    }
    assert_eq!(client.answer().await.json(), json!({ "length": 5 }));
}

#[actix_web::test]
async fn the_time_for_a_body_is_no_limit_on_what_follows() {
    let server = impatient();
    for request in [post("/hang", "body"), post_head("/hang", 4)] {
        server.hands.release.send_replace(false);
        let mut client = server.connect().await;
        client.send(request).await;
        server.hands.begun(1).await;

        sleep(Duration::from_secs(1)).await;
        server.release();

        assert_eq!(client.answer().await.status, 200);
    }
}

#[actix_web::test]
async fn a_body_of_64_kib_is_read() {
    let server = patient();
    let mut client = server.connect().await;

    let answer = client.exchange(post("/bytes", &"x".repeat(LIMIT))).await;
    assert_eq!(answer.json(), json!({ "length": LIMIT }));

    let text = "x".repeat(LIMIT - 2);
    let answer = client.exchange(post("/json", &format!("\"{text}\""))).await;
    assert_eq!(answer.json(), json!({ "read": text }));
}

#[actix_web::test]
async fn a_body_over_64_kib_is_a_413() {
    let server = patient();
    let chunk = format!("{:x}\r\n{}\r\n", LIMIT + 1, "x".repeat(LIMIT + 1));
    let json_chunked =
        post_chunked("/json").replace("\r\n\r\n", "\r\nContent-Type: application/json\r\n\r\n");
    let requests = [
        // Refused by its length: not a byte of it has to come.
        post_head("/bytes", LIMIT + 1),
        post_head("/json", LIMIT + 1),
        // Refused once it is too long.
        post_chunked("/bytes") + &chunk,
        json_chunked + &chunk,
    ];
    for request in requests {
        let mut client = server.connect().await;
        problem(&client.exchange(&request).await, 413, "bodyTooLarge");
    }
    server.still_serves().await;
}

#[actix_web::test]
async fn json_that_cannot_be_read_is_a_400() {
    let server = patient();
    let mut client = server.connect().await;
    let deep = "[".repeat(LIMIT);
    for body in [
        "",
        "{",
        "nonsense",
        "{\"a\":1}}",
        "\u{0}",
        "\"\\ud800\"",
        &deep,
    ] {
        let answer = client.exchange(post("/json", body)).await;
        let body = problem(&answer, 400, "badRequest");
        assert!(
            !body.to_string().contains("line"),
            "nothing of the parser's words: {body}"
        );
    }
    server.still_serves().await;
}

#[actix_web::test]
async fn a_body_that_does_not_say_it_is_json_is_refused() {
    let server = patient();
    let request = post("/json", "{}").replace("application/json", "text/plain");

    let answer = server.connect().await.exchange(request).await;

    problem(&answer, 400, "badRequest");
}

#[actix_web::test]
async fn a_malformed_chunk_is_a_400() {
    let server = patient();
    for chunk in [
        "nonsense\r\n",
        "-1\r\n",
        "1\r\nxyz",
        "fffffffffffffffff\r\n",
    ] {
        let mut client = server.connect().await;
        client.send(post_chunked("/bytes") + chunk).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 400, "{chunk:?}: {answer:?}");
    }
    server.still_serves().await;
}

#[actix_web::test]
async fn a_client_that_leaves_in_the_middle_of_its_body_is_forgotten() {
    let server = patient();
    for head in [
        post_head("/bytes", 100),
        post_head("/json", 100),
        post_chunked("/bytes"),
    ] {
        let mut client = server.connect().await;
        client.send(&head).await;
        client.close();
        let mut client = server.connect().await;
        client.send(head).await;
        client.reset();
    }
    server.still_serves().await;
}

#[actix_web::test]
async fn a_client_that_asks_first_is_told_to_continue() {
    let server = patient();
    let mut client = server.connect().await;
    let head = post_head("/bytes", 3).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");

    client.send(head).await;
    assert_eq!(client.answer_to_head().await.status, 100);

    assert_eq!(client.exchange("abc").await.json(), json!({ "length": 3 }));
    assert_eq!(client.exchange(get("/quick")).await.status, 200);
}

#[actix_web::test]
async fn what_follows_a_body_is_the_next_request() {
    let server = patient();
    let mut client = server.connect().await;
    let two: String = post("/bytes", &get("/panic")) + &get("/quick");

    let first = client.exchange(two).await;

    assert_eq!(first.json(), json!({ "length": get("/panic").len() }));
    assert_eq!(client.answer().await.json(), crate::server::quick_body());
    assert_reused(&mut client).await;
}

async fn assert_reused(client: &mut Client) {
    assert_eq!(client.exchange(get("/quick")).await.status, 200);
}
