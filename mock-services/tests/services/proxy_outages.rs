//! The proxy's faults of all connections: silence, refusing, flapping.

use std::io::ErrorKind;

use mock_services::proxy::{BlackHole, Effect, ProxyFault};
use tokio::net::TcpStream;

use crate::proxy::{
    ANSWER, Client, Ending, GET, POST, accept, applied, by_hand, one_applied, start, until,
};

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
    let (service, proxy) = start(ANSWER).await;
    proxy.faults().set(vec![ProxyFault::drip_ms(1)]);
    let mut client = Client::connect(proxy.addr()).await;
    client.send(GET).await;
    client.expect("H").await;
    proxy.faults().set(vec![ProxyFault::black_hole_answers()]);
    // It was not made while the black hole was there, and is not counted.
    assert_eq!(applied(&proxy), [0]);

    // What others ask gives time to what should not come.
    let mut others = Vec::new();
    let mut others_ask = async |requests| {
        let mut other = Client::connect(proxy.addr()).await;
        other.send(GET).await;
        others.push(other);
        until("the request", async || service.requests() == requests).await;
    };
    others_ask(2).await;
    let came = client.so_far();
    for requests in 3..10 {
        others_ask(requests).await;
        client.expect_silence();
    }
    proxy.faults().clear();
    client.expect(&ANSWER[1 + came.len()..]).await;
    for mut other in others {
        other.expect(ANSWER).await;
    }
}

#[actix_web::test]
async fn a_black_hole_takes_requests_that_are_on_their_way() {
    let (listener, proxy) = by_hand().await;
    let mut client = Client::connect(proxy.addr()).await;
    let (most, last) = POST.split_at(POST.len() - 1);
    client.send(most).await;
    let mut service = accept(&listener).await;
    service.expect(most).await;
    proxy.faults().set(vec![ProxyFault::black_hole_requests()]);
    client.send(last).await;
    for requests in 1..9 {
        Client::connect(proxy.addr()).await.send(GET).await;
        until("the request", async || proxy.requests() == 1 + requests).await;
        service.expect_silence();
    }
    // The other direction is as it was.
    service.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
    proxy.faults().clear();
    service.expect(last).await;
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
    client.expect(ANSWER).await;
}
