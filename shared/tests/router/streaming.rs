//! Bodies of any length, each side at the other's pace.

use std::time::Duration;

use bff_shared::serve::Stop;
use tokio::sync::watch;

use crate::stack::{Service, get, request, stack, stack_with};
use crate::wire::Wire;

/// How long nobody takes anything before a side counts as held back.
const PAUSE: Duration = Duration::from_millis(400);

/// What the sockets and buffers between two sides take in at most: the kernel's own are the most of it.
const BETWEEN: usize = 24 * 1024 * 1024;

/// More than that.
const LARGE: usize = 64 * 1024 * 1024;

#[actix_web::test]
async fn events_come_one_by_one() {
    let (released, release) = watch::channel(0);
    let service = Service::start(async move |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        let mut release = release.clone();
        for number in 1..=3 {
            release
                .wait_for(|released| *released >= number)
                .await
                .unwrap();
            let event = format!("data: {number}\n\n");
            wire.send(format!("{:x}\r\n{event}\r\n", event.len())).await;
        }
        wire.send("0\r\n\r\n").await;
    });
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    client
        .send(request("GET", "", "Accept: text/event-stream\r\n"))
        .await;
    let head = client.head().await;
    assert_eq!(head.field("content-type"), Some("text/event-stream"));
    for number in 1..=3 {
        assert!(client.is_silent().await, "the next event is held back");
        released.send_replace(number);
        assert_eq!(client.chunk().await, format!("data: {number}\n\n"));
    }
    assert_eq!(client.chunk().await, "");
}

#[actix_web::test]
async fn a_stream_may_be_silent_for_longer_than_an_idle_connection_is_kept() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\n\r\nfirst").await;
        tokio::time::sleep(Duration::from_millis(3500)).await;
        wire.send("second").await;
    });
    let stack = stack_with(&[service.addr], |setup| {
        setup.server.keep_alive = Duration::from_secs(1);
        setup.server.head_timeout = Duration::from_secs(1);
    });
    let mut client = stack.connect().await;
    client.send(get("")).await;
    client.head().await;
    assert_eq!(client.chunks().await, "firstsecond");
}

/// A service whose answer has no end, and how much of it was taken.
fn endless(head: &'static str) -> (Service, watch::Receiver<usize>) {
    let (written, taken) = watch::channel(0);
    let service = Service::start(async move |mut wire, _| {
        wire.head().await;
        wire.send(head).await;
        written.send_replace(wire.send_until_stuck(PAUSE).await);
        wire.rest().await;
    });
    (service, taken)
}

#[actix_web::test]
async fn a_client_that_does_not_read_holds_the_service_back() {
    let (service, mut taken) = endless("HTTP/1.1 200 OK\r\n\r\n");
    let stack = stack(&[service.addr]);
    let mut client = Wire::connect_with_little_room(stack.addr).await;
    client.send(get("")).await;
    client.head().await;
    taken.changed().await.unwrap();
    let taken = *taken.borrow();
    assert!(
        taken < BETWEEN,
        "{taken} bytes were taken that nobody reads"
    );
}

#[actix_web::test]
async fn a_client_that_never_reads_is_cut_off() {
    let (service, _taken) = endless("HTTP/1.1 200 OK\r\n\r\n");
    let stack = stack_with(&[service.addr], |setup| {
        setup.server.keep_alive = Duration::from_secs(1);
        setup.server.head_timeout = Duration::from_secs(1);
    });
    let mut client = Wire::connect_with_little_room(stack.addr).await;
    client.send(get("")).await;
    client.head().await;
    stack.is_idle().await;
}

#[actix_web::test]
async fn a_service_that_does_not_read_holds_the_client_back() {
    let service = Service::start(async |wire, _| {
        std::future::pending::<()>().await;
        drop(wire);
    });
    let stack = stack_with(&[service.addr], |setup| {
        setup.route.max_request_bytes = u32::MAX;
    });
    let mut client = stack.connect().await;
    client
        .send(request("POST", "", "Transfer-Encoding: chunked\r\n"))
        .await;
    client.send("fffffff\r\n").await;
    let taken = client.send_until_stuck(PAUSE).await;
    assert!(
        taken < BETWEEN,
        "{taken} bytes were taken that nobody reads"
    );
}

#[actix_web::test]
async fn a_large_answer_comes_through_whole() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n"
        ))
        .await;
        let piece = vec![b'x'; 1024 * 1024];
        for _ in 0..LARGE / piece.len() {
            wire.send(&piece).await;
        }
        wire.rest().await;
    });
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    client.send(get("")).await;
    let head = client.head().await;
    assert_eq!(head.field("content-length"), Some(&*LARGE.to_string()));
    for _ in 0..LARGE / 65_536 {
        client.take(65_536).await;
    }
    stack.is_idle().await;
}

#[actix_web::test]
async fn a_large_body_goes_through_whole() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        for _ in 0..LARGE / 65_536 {
            wire.take(65_536).await;
        }
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await;
    });
    let stack = stack_with(&[service.addr], |setup| {
        setup.route.max_request_bytes = u32::MAX;
    });
    let mut client = stack.connect().await;
    client
        .send(request("POST", "", &format!("Content-Length: {LARGE}\r\n")))
        .await;
    let piece = vec![b'x'; 1024 * 1024];
    for _ in 0..LARGE / piece.len() {
        client.send(&piece).await;
    }
    let (head, body) = client.message().await;
    assert_eq!((head.status(), &*body), (200, "ok"));
}

#[actix_web::test]
async fn both_directions_move_at_the_same_time() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        loop {
            let piece = wire.chunk().await;
            let length = piece.len();
            wire.send(format!("{length:x}\r\n{piece}\r\n")).await;
            if length == 0 {
                return;
            }
        }
    });
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    client
        .send(request("POST", "", "Transfer-Encoding: chunked\r\n"))
        .await;
    let head = client.head().await;
    assert_eq!(head.status(), 200, "before the body was sent");
    for word in ["one", "two", "three"] {
        client.send(format!("{:x}\r\n{word}\r\n", word.len())).await;
        assert_eq!(client.chunk().await, word);
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.chunk().await, "");
    stack.is_idle().await;
}

#[actix_web::test]
async fn an_early_end_of_the_answer_ends_the_upload() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
            .await;
        wire.rest().await;
    });
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    client
        .send(request("POST", "", "Transfer-Encoding: chunked\r\n"))
        .await;
    let (head, body) = client.message().await;
    assert_eq!((head.status(), &*body), (200, "ok"));
    stack.is_idle().await;
    // The next request gets a connection of its own: this one's request has never ended.
    let mut other = stack.connect().await;
    other
        .send(request("POST", "", "Transfer-Encoding: chunked\r\n"))
        .await;
    other.message().await;
    assert_eq!(service.connections(), 2);
}

#[actix_web::test]
async fn a_stream_ends_in_order_when_the_server_stops() {
    let (released, release) = watch::channel(false);
    let service = Service::start(async move |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\n\r\nfirst").await;
        release
            .clone()
            .wait_for(|released| *released)
            .await
            .unwrap();
        wire.send("last").await;
    });
    let mut stack = stack_with(&[service.addr], |setup| {
        setup.server.stop_timeout = Duration::from_secs(20);
    });
    let mut client = stack.connect().await;
    client.send(get("")).await;
    client.head().await;
    assert_eq!(client.chunk().await, "first");
    stack.stop(Stop::Now);
    assert!(client.is_silent().await);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    released.send_replace(true);
    assert_eq!(client.chunks().await, "last");
    stack.ended().await;
}

#[actix_web::test]
async fn a_stream_that_does_not_end_is_cut_off_when_the_time_to_stop_is_over() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\n\r\nfirst").await;
        wire.rest().await;
    });
    let mut stack = stack_with(&[service.addr], |setup| {
        setup.server.stop_timeout = Duration::from_millis(300);
    });
    let mut client = stack.connect().await;
    client.send(get("")).await;
    client.head().await;
    assert_eq!(client.chunk().await, "first");
    stack.stop(Stop::Now);
    stack.ended().await;
    client.closed().await;
}
