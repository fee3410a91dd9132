//! Clients that take their time: each is cut off in the end, and nobody else with it.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::sleep;

use crate::client::{GUARD, get, in_time, post_chunked, post_head};
use crate::server::{LARGE, TestServer, impatient};

/// Between two bytes of a dripping client, and two requests of a well-behaved one.
const PAUSE: Duration = Duration::from_millis(100);

/// Longer than an impatient server keeps a connection on which nothing happens.
const LONG: Duration = Duration::from_secs(5);

/// Lets `bad` come to its end, while a kept connection beside it sends requests and gets each answered.
async fn beside<T>(server: &TestServer, bad: impl Future<Output = T>) -> T {
    let mut good = server.connect().await;
    let over = Cell::new(false);
    let bad = async {
        let end = in_time(bad).await;
        over.set(true);
        end
    };
    let good = async {
        while !over.get() {
            assert_eq!(good.exchange(get("/quick")).await.status, 200);
            sleep(PAUSE).await;
        }
        assert_eq!(good.exchange(get("/quick")).await.status, 200);
    };
    let (end, ()) = tokio::join!(bad, good);
    end
}

#[actix_web::test]
async fn a_first_head_that_drips_is_cut_off() {
    let server = impatient();
    let mut client = server.connect().await;

    let told = beside(&server, async {
        client.send("GET /quick HTTP/1.1\r\nX-Drip: ").await;
        client.drip_until_closed(b"a", PAUSE).await
    })
    .await;

    assert!(told.is_empty() || told.starts_with(b"HTTP/1.1 408 "));
}

#[actix_web::test]
async fn a_later_head_that_drips_is_cut_off() {
    let server = impatient();
    let mut client = server.connect().await;
    assert_eq!(client.exchange(get("/quick")).await.status, 200);

    let told = beside(&server, async {
        client.send("GET /quick HTTP/1.1\r\nX-Drip: ").await;
        client.drip_until_closed(b"a", PAUSE).await
    })
    .await;

    assert!(told.is_empty(), "{told:?}");
}

#[actix_web::test]
async fn empty_lines_between_requests_keep_no_connection() {
    let server = impatient();
    let mut client = server.connect().await;
    assert_eq!(client.exchange(get("/quick")).await.status, 200);

    let told = beside(&server, client.drip_until_closed(b"\r\n", PAUSE)).await;

    assert!(told.is_empty(), "{told:?}");
}

#[actix_web::test]
async fn a_chunked_body_without_end_behind_its_answer_is_cut_off() {
    let server = impatient();
    let mut client = server.connect().await;
    let request = post_chunked("/unread") + "1\r\nx\r\n";
    assert_eq!(client.exchange(request).await.status, 200);

    let told = beside(&server, client.drip_until_closed(b"1\r\nx\r\n", PAUSE)).await;

    assert!(told.is_empty(), "{told:?}");
}

#[actix_web::test]
async fn a_body_short_of_its_length_behind_its_answer_is_cut_off() {
    let server = impatient();
    let mut client = server.connect().await;
    let request = post_head("/unread", 1_000_000) + "x";
    assert_eq!(client.exchange(request).await.status, 200);

    let told = beside(&server, client.drip_until_closed(b"x", PAUSE)).await;

    assert!(told.is_empty(), "{told:?}");
}

#[actix_web::test]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let server = impatient();
    for target in ["/large", "/large-stream"] {
        let mut client = server.connect().await;
        client.send(get(target)).await;

        beside(&server, async {
            // Whether the server has closed shows in writing, since reading would be reading.
            while client.try_send("\r\n").await {
                sleep(PAUSE).await;
            }
        })
        .await;
    }
}

#[actix_web::test]
async fn a_client_that_reads_slowly_gets_all_of_its_answer() {
    const STEP: usize = LARGE / 40;
    let server = impatient();
    let mut client = server.connect_with_little_room().await;
    // Both at once: when the server has handed all of the first answer to the system, the connection would be idle.
    client.send(get("/large") + &get("/quick")).await;
    let head = client.answer_to_head().await;
    assert_eq!(head.header("content-length"), Some(&*LARGE.to_string()));

    for step in (0..LARGE).step_by(STEP) {
        sleep(3 * PAUSE / 2).await;
        client.take(STEP.min(LARGE - step)).await;
    }

    assert_eq!(client.answer().await.status, 200);
}

#[actix_web::test]
async fn a_connection_that_sends_nothing_is_closed() {
    let server = impatient();
    let mut client = server.connect().await;

    let told = beside(&server, client.closed()).await;

    assert!(told.is_empty() || told.starts_with(b"HTTP/1.1 408 "));
}

#[actix_web::test]
async fn a_kept_connection_that_falls_silent_is_closed() {
    let server = impatient();
    let mut client = server.connect().await;
    assert_eq!(client.exchange(get("/quick")).await.status, 200);

    beside(&server, client.closed_without_a_word()).await;
}

#[actix_web::test]
async fn a_kept_connection_in_use_stays_open() {
    let server = impatient();
    beside(&server, sleep(LONG)).await;
}

#[actix_web::test]
async fn a_slow_route_is_not_cut_off() {
    let server = impatient();
    let mut client = server.connect().await;
    client.send(get("/hang")).await;
    server.hands.begun(1).await;

    sleep(LONG).await;
    server.release();

    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.exchange(get("/quick")).await.status, 200);
}

#[actix_web::test]
async fn many_slow_clients_at_once_are_all_cut_off() {
    let server = impatient();
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = server.connect().await;
        assert_eq!(client.exchange(get("/quick")).await.status, 200);
        client.send("GET /quick HTTP/1.1\r\nX-Unfinished: ").await;
        clients.push(client);
    }

    let all = async {
        for client in &mut clients {
            client.closed_without_a_word().await;
        }
    };

    tokio::time::timeout(GUARD, beside(&server, all))
        .await
        .unwrap();
}
