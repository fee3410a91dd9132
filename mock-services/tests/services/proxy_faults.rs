//! Every fault of the proxy, as a client sees it.

use std::{io::ErrorKind, time::Duration};

use mock_services::{
    fault::Latency,
    proxy::{BlackHole, Cut, Effect, Proxy, ProxyFault, Reset},
};
use tokio::{net::TcpStream, time::Instant};

use crate::proxy::{ANSWER, CHUNKED, Client, Ending, GET, POST, ask, patiently, start, until};

const HEAD: &str = "HEAD / HTTP/1.1\r\n\r\n";
/// How the head ends that the proxy has framed anew.
const REFRAMED: &str = "HTTP/1.1 200 OK\r\nX-A:  b\r\nTransfer-Encoding: chunked\r\n\r\n";

fn applied(proxy: &Proxy) -> Vec<u64> {
    proxy
        .faults()
        .report()
        .iter()
        .map(|report| report.applied)
        .collect()
}

async fn one_applied(proxy: &Proxy) {
    until("the fault", async || applied(proxy)[0] >= 1).await;
}

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
async fn a_black_hole_silences_every_connection_and_gives_back_what_it_held() {
    for fault in [
        ProxyFault::black_hole_answers(),
        ProxyFault::black_hole_requests(),
    ] {
        let lost = fault.effect == Effect::BlackHole(BlackHole::Requests);
        let (service, proxy) = start(ANSWER).await;
        let mut open = Client::connect(proxy.addr()).await;
        open.send(GET).await;
        open.expect(ANSWER).await;

        proxy.faults().set(vec![fault]);
        let mut new = Client::connect(proxy.addr()).await;
        open.send(GET).await;
        new.send(GET).await;
        until("both", async || applied(&proxy) == [2]).await;
        if !lost {
            until("both", async || service.requests() == 3).await;
        }
        open.expect_silence();
        new.expect_silence();
        assert_eq!(service.requests(), if lost { 1 } else { 3 });

        proxy.faults().clear();
        open.expect(ANSWER).await;
        new.expect(ANSWER).await;
        assert_eq!(service.requests(), 3);
    }
}

#[actix_web::test]
async fn a_black_hole_takes_answers_that_are_on_their_way() {
    let (_service, proxy) = start(ANSWER).await;
    proxy.faults().set(vec![ProxyFault::drip_ms(1)]);
    let mut client = Client::connect(proxy.addr()).await;
    client.send(GET).await;
    client.expect("H").await;
    proxy.faults().set(vec![ProxyFault::black_hole_answers()]);
    // It was not made while the black hole was there, and is not counted.
    assert_eq!(applied(&proxy), [0]);
    proxy.faults().clear();
    client.expect(&ANSWER[1..]).await;
}

#[actix_web::test]
async fn a_black_hole_for_some_takes_no_others() {
    let (mut service, proxy) = start(ANSWER).await;
    proxy
        .faults()
        .set(vec![ProxyFault::black_hole_answers().times(1)]);
    let mut lost = Client::connect(proxy.addr()).await;
    lost.send(GET).await;
    one_applied(&proxy).await;
    let mut spared = Client::connect(proxy.addr()).await;
    spared.send(GET).await;
    spared.expect(ANSWER).await;
    until("both", async || service.requests() == 2).await;
    lost.expect_silence();
    // A client that gives up is not kept.
    drop(lost);
    service.ended(1).await;
}

#[actix_web::test]
async fn refusing_is_there_at_once_resets_what_is_open_and_heals_on_the_same_port() {
    let (service, proxy) = start(ANSWER).await;
    for round in 0..20 {
        let mut idle = Client::connect(proxy.addr()).await;
        idle.send(GET).await;
        idle.expect(ANSWER).await;
        let untouched = Client::connect(proxy.addr()).await;
        proxy.faults().set(vec![ProxyFault::hang()]);
        let mut waiting = Client::connect(proxy.addr()).await;
        waiting.send(GET).await;
        one_applied(&proxy).await;

        proxy.faults().set(vec![ProxyFault::refuse()]);
        let refused = TcpStream::connect(proxy.addr()).await;
        assert_eq!(
            refused.expect_err("refused").kind(),
            ErrorKind::ConnectionRefused
        );
        for mut client in [idle, untouched, waiting] {
            assert_eq!(client.rest().await, (String::new(), Ending::Reset));
        }
        assert_eq!(applied(&proxy), [1]);

        if round % 2 == 0 {
            proxy.faults().clear();
        } else {
            proxy.faults().set(vec![ProxyFault::latency_ms(0)]);
        }
        let mut healed = Client::connect(proxy.addr()).await;
        healed.send(GET).await;
        healed.expect(ANSWER).await;
        proxy.faults().clear();
    }
    assert_eq!(service.requests(), 40);
}

#[actix_web::test]
async fn a_connection_is_reset_however_soon_refusing_is_over() {
    let (_service, proxy) = start(ANSWER).await;
    let mut client = Client::connect(proxy.addr()).await;
    client.send(GET).await;
    client.expect(ANSWER).await;
    proxy.faults().set(vec![ProxyFault::refuse()]);
    proxy.faults().clear();
    let mut next = Client::connect(proxy.addr()).await;
    assert_eq!(client.rest().await, (String::new(), Ending::Reset));
    next.send(GET).await;
    next.expect(ANSWER).await;
}

#[actix_web::test]
async fn flapping_refuses_and_heals_in_turns() {
    let (_service, proxy) = start(ANSWER).await;
    proxy
        .faults()
        .set(vec![ProxyFault::flap_ms(60_000, 1).times(1)]);
    let mut client = Client::connect(proxy.addr()).await;
    client.send(GET).await;
    client.expect(ANSWER).await;

    proxy.faults().set(vec![ProxyFault::flap_ms(1, 1).times(3)]);
    assert_eq!(client.rest().await, (String::new(), Ending::Reset));
    until("all three", async || applied(&proxy) == [3]).await;
    assert_eq!(proxy.faults().report()[0].remaining, Some(0));
    until("the end of it", async || {
        TcpStream::connect(proxy.addr()).await.is_ok()
    })
    .await;

    proxy.faults().set(vec![ProxyFault::flap_ms(1, 60_000)]);
    until("refusal", async || {
        TcpStream::connect(proxy.addr()).await.is_err()
    })
    .await;
    proxy.faults().clear();
    let mut client = Client::connect(proxy.addr()).await;
    client.send(GET).await;
    patiently("an answer", client.expect(ANSWER)).await;
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
