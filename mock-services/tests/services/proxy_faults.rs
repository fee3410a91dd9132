//! The proxy's faults of single answers, as a client sees them.

use std::time::Duration;

use mock_services::{
    fault::Latency,
    proxy::{Cut, ProxyFault, Reset},
};
use tokio::time::Instant;

use crate::proxy::{ANSWER, CHUNKED, Client, Ending, GET, POST, applied, ask, one_applied, start};

const HEAD: &str = "HEAD / HTTP/1.1\r\n\r\n";
/// How the head ends that the proxy has framed anew.
const REFRAMED: &str = "HTTP/1.1 200 OK\r\nX-A:  b\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What is left of an answer after this fault, with and without chunks, and whether the service saw
/// the request.
async fn left(fault: ProxyFault, answer: &'static str, request: &str) -> (String, Ending, bool) {
    let (service, proxy) = start(answer).await;
    proxy.faults().set(vec![fault.times(1)]);
    let (left, ending) = ask(&proxy, request).await;
    assert_eq!(applied(&proxy), [1]);
    let seen = service.requests() == 1;
    // The next is none of its business.
    let mut client = Client::connect(proxy.addr()).await;
    client.send(GET).await;
    client.expect(answer).await;
    (left, ending, seen)
}

#[actix_web::test]
async fn resets_come_when_they_are_asked_for() {
    for answer in [ANSWER, CHUNKED] {
        let head = answer.find("\r\n\r\n").expect("a head") + 4;
        let middle = head + (answer.len() - head) / 2;
        for (reset, expected, seen) in [
            (Reset::AfterRequest, 0, false),
            (Reset::BeforeHead, 0, true),
            (Reset::MidHead, head / 2, true),
            (Reset::AfterHead, head, true),
            (Reset::MidBody, middle, true),
        ] {
            let expected = (answer[..expected].to_owned(), Ending::Reset, seen);
            for request in [GET, POST] {
                let left = left(ProxyFault::reset(reset), answer, request).await;
                assert_eq!(left, expected, "{reset:?}");
            }
        }
    }
}

#[actix_web::test]
async fn a_reset_after_the_request_waits_for_all_of_it() {
    let (service, proxy) = start(ANSWER).await;
    proxy.faults().set(vec![ProxyFault::reset_after_request()]);
    let mut client = Client::connect(proxy.addr()).await;
    let (most, last) = POST.split_at(POST.len() - 1);
    client.send(most).await;
    one_applied(&proxy).await;
    client.expect_silence();
    client.send(last).await;
    assert_eq!(client.rest().await, (String::new(), Ending::Reset));
    assert_eq!((service.requests(), proxy.requests()), (0, 1));
}

#[actix_web::test]
async fn bodies_are_cut_short_without_a_reset() {
    let sized = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234";
    for (cut, of_sized, of_chunked) in [
        (
            Cut::Sized,
            "HTTP/1.1 200 OK\r\nX-A:  b\r\nContent-Length: 10\r\n\r\n01234".to_owned(),
            sized.to_owned(),
        ),
        (
            Cut::InChunk,
            format!("{REFRAMED}a\r\n01234"),
            format!("{}a\r\n01234", REFRAMED.replace("X-A:  b\r\n", "")),
        ),
        (
            Cut::BeforeLastChunk,
            format!("{REFRAMED}a\r\n0123456789\r\n"),
            format!("{}a\r\n0123456789\r\n", REFRAMED.replace("X-A:  b\r\n", "")),
        ),
    ] {
        for (answer, expected) in [(ANSWER, of_sized), (CHUNKED, of_chunked)] {
            let left = left(ProxyFault::cut(cut), answer, GET).await;
            assert_eq!(left, (expected, Ending::Closed, true), "{cut:?}");
        }
    }
}

#[actix_web::test]
async fn an_answer_that_has_no_body_comes_whole_and_the_connection_ends() {
    let not_modified = "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n";
    for cut in [Cut::Sized, Cut::InChunk, Cut::BeforeLastChunk] {
        let left = left(ProxyFault::cut(cut), not_modified, GET).await;
        assert_eq!(left, (not_modified.to_owned(), Ending::Closed, true));
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    let left = left(ProxyFault::cut(Cut::Sized), head, HEAD).await;
    assert_eq!(left, (head.to_owned(), Ending::Closed, true));
}

#[actix_web::test]
async fn garbage_is_no_answer() {
    let (left, ending, seen) = left(ProxyFault::garbage(), ANSWER, POST).await;
    assert!(!left.is_empty() && !left.starts_with("HTTP"), "{left:?}");
    assert_eq!((ending, seen), (Ending::Closed, false));
}

#[actix_web::test]
async fn early_hints_come_first_and_the_connection_is_kept() {
    let (_service, proxy) = start(ANSWER).await;
    proxy.faults().set(vec![ProxyFault::early_hints().times(2)]);
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n";
    let mut client = Client::connect(proxy.addr()).await;
    for expected in [hints, hints, ""] {
        client.send(GET).await;
        client.expect(expected).await;
        client.expect(ANSWER).await;
    }
}

#[actix_web::test]
async fn more_is_announced_than_comes_and_the_connection_stays_open() {
    for (fault, length) in [
        (ProxyFault::announce_extra(1), "11"),
        (ProxyFault::announce_huge(), "9007199254741001"),
    ] {
        let (mut service, proxy) = start(ANSWER).await;
        proxy.faults().set(vec![fault]);
        let mut client = Client::connect(proxy.addr()).await;
        client.send(GET).await;
        let head = format!("HTTP/1.1 200 OK\r\nX-A:  b\r\nContent-Length: {length}\r\n\r\n");
        client.expect(&head).await;
        client.expect("0123456789").await;
        proxy.faults().clear();
        client.send(GET).await;
        client.expect_silence();
        // Only the client can end it.
        client.close_half().await;
        assert_eq!(client.rest().await, (String::new(), Ending::Closed));
        service.ended(1).await;
    }
}

#[actix_web::test]
async fn what_hangs_is_never_answered() {
    let (service, proxy) = start(ANSWER).await;
    proxy.faults().set(vec![ProxyFault::hang()]);
    let mut client = Client::connect(proxy.addr()).await;
    client.send(GET).await;
    one_applied(&proxy).await;
    proxy.faults().clear();
    let mut other = Client::connect(proxy.addr()).await;
    other.send(GET).await;
    other.expect(ANSWER).await;
    client.expect_silence();
    client.close_half().await;
    assert_eq!(client.rest().await, (String::new(), Ending::Closed));
    assert_eq!((service.requests(), proxy.requests()), (1, 2));
}

#[actix_web::test]
async fn latency_and_dripping_take_their_time_and_change_nothing() {
    const PAUSE: Duration = Duration::from_millis(30);
    let (service, proxy) = start(ANSWER).await;
    let mut client = Client::connect(proxy.addr()).await;
    let slowest = Latency::UniformMs(30, 30);
    for (faults, least) in [
        (vec![ProxyFault::latency_ms(30)], PAUSE),
        (
            vec![ProxyFault::latency(slowest), ProxyFault::drip_ms(0)],
            PAUSE,
        ),
        (
            vec![ProxyFault::drip_ms(1)],
            Duration::from_millis(ANSWER.len() as u64 - 1),
        ),
    ] {
        proxy.faults().set(faults);
        let begun = Instant::now();
        client.send(GET).await;
        client.expect(ANSWER).await;
        assert!(begun.elapsed() >= least);
        assert!(applied(&proxy).iter().all(|applied| *applied == 1));
    }
    proxy
        .faults()
        .set(vec![ProxyFault::latency_ms(30), ProxyFault::garbage()]);
    let begun = Instant::now();
    client.send(GET).await;
    assert_eq!(client.rest().await.1, Ending::Closed);
    assert!(begun.elapsed() >= PAUSE);
    assert_eq!(service.requests(), 3);
}

#[actix_web::test]
async fn dripping_is_a_byte_at_a_time() {
    let (_service, proxy) = start(ANSWER).await;
    proxy.faults().set(vec![ProxyFault::drip_ms(60_000)]);
    let mut client = Client::connect(proxy.addr()).await;
    client.send(GET).await;
    client.expect("H").await;
    client.expect_silence();
}

#[actix_web::test]
async fn share_and_times_are_exact_on_kept_connections_too() {
    let (_service, proxy) = start(ANSWER).await;
    for (share, expected) in [(0.1, 20), (0.25, 50), (1.0, 200)] {
        proxy
            .faults()
            .set(vec![ProxyFault::reset_before_head().share(share)]);
        let mut resets = 0;
        let mut client = Client::connect(proxy.addr()).await;
        for _ in 0..200 {
            client.send(GET).await;
            if let Err(ending) = client.comes().await {
                assert_eq!(ending, Ending::Reset);
                resets += 1;
                client = Client::connect(proxy.addr()).await;
            } else {
                client.expect(ANSWER).await;
            }
        }
        assert_eq!(resets, expected, "share {share}");
    }
    proxy.faults().set(vec![
        ProxyFault::reset_mid_head().share(0.5).times(3),
        ProxyFault::garbage().times(2),
    ]);
    let mut endings = Vec::new();
    for _ in 0..20 {
        let mut client = Client::connect(proxy.addr()).await;
        client.send(GET).await;
        client.close_half().await;
        endings.push(client.rest().await);
    }
    let resets = endings
        .iter()
        .filter(|(_, ending)| *ending == Ending::Reset);
    assert_eq!(resets.count(), 3);
    let sound = endings.iter().filter(|(left, _)| left == ANSWER);
    assert_eq!(sound.count(), 15);
    assert_eq!(applied(&proxy), [3, 2]);
}
