//! What a call looks like on the wire, and how calls share a connection.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bff_shared::upstream::{Context, Deadline, Instant};
use futures_util::future::join_all;
use h2::server::Builder;
use http::{HeaderName, HeaderValue, Method};
use tokio::sync::Barrier;

use super::calls::{Upstream, change, get, unhurried};
use super::server::{Answer, Server, message};

/// What a `grpc-timeout` says (gRPC over HTTP2, "Timeout").
fn timeout(text: &str) -> Duration {
    let (digits, unit) = text.split_at(text.len() - 1);
    assert!((1..=8).contains(&digits.len()), "{text}");
    let number: u64 = digits.parse().unwrap();
    match unit {
        "H" => Duration::from_secs(3600 * number),
        "M" => Duration::from_secs(60 * number),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => panic!("no unit: {text}"),
    }
}

#[actix_web::test]
async fn a_call_is_one_message_under_its_own_name() {
    let server = Server::good();
    let upstream = Upstream::of(&server);
    let passed_on = [
        ("traceparent", "00-1-2-01"),
        ("x-request-id", "request-1"),
        ("x-several", "one"),
        ("x-several", "two"),
    ]
    .map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    });
    let context = Context {
        propagate: passed_on.into(),
        ..unhurried()
    };
    let mut request = get(7);
    let own = HeaderValue::from_static("own");
    request.headers.insert("x-own", own);
    let answer = upstream.call(&context, request).await.unwrap();
    assert_eq!(answer.value.id, 7);

    let calls = server.calls();
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    assert_eq!(call.method, Method::POST);
    assert_eq!(call.uri.path(), "/things.Things/Get");
    assert_eq!(call.uri.scheme_str(), Some("http"));
    let authority = call.uri.authority().unwrap().as_str();
    assert_eq!(authority, server.address().to_string());
    assert_eq!(call.header("content-type"), Some("application/grpc"));
    assert_eq!(call.header("te"), Some("trailers"));
    assert_eq!(call.header("traceparent"), Some("00-1-2-01"));
    assert_eq!(call.header("x-request-id"), Some("request-1"));
    assert_eq!(call.header("x-own"), Some("own"));
    let several: Vec<_> = call.headers.get_all("x-several").iter().collect();
    assert_eq!(several, ["one", "two"]);
    assert_eq!(call.body, message(7));
    // What is compressed could be of any size once it is not.
    assert_eq!(
        call.header("grpc-encoding").unwrap_or("identity"),
        "identity"
    );
    let accepted = call.header("grpc-accept-encoding").unwrap_or("identity");
    assert_eq!(accepted, "identity");
}

#[actix_web::test]
async fn a_call_says_how_much_time_is_left() {
    let server = Server::good();
    let upstream = Upstream::of(&server);
    for millis in [400, 4_000, 40_000, 4_000_000] {
        let allowed = Duration::from_millis(millis);
        let context = Context::new(Deadline::after(Instant::now(), allowed));
        // On a very busy machine the shortest may be over before it is answered, but not before it is sent.
        _ = upstream.call(&context, get(1)).await;
        let said = server.calls().pop().unwrap();
        let said = timeout(said.header("grpc-timeout").unwrap());
        let at_most = allowed.min(upstream.cluster.config().deadline);
        assert!(!said.is_zero() && said <= at_most, "{said:?}");
        assert!(
            said >= at_most.saturating_sub(super::calls::GUARD),
            "{said:?}"
        );
    }
}

#[actix_web::test]
async fn calls_share_one_connection_one_after_another_and_at_the_same_time() {
    let all = Rc::new(Barrier::new(50));
    let server = Server::start(async move |call| {
        let id = call.received.id();
        if id >= 100 {
            // Nobody is answered before all have asked.
            all.wait().await;
        }
        call.give(Answer::thing(id)).await;
    });
    let upstream = Upstream::of(&server);
    for id in 0..20 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    assert_eq!(upstream.change(20).await, Ok(20));
    let answers = join_all((100..150).map(|id| upstream.get(id))).await;
    assert_eq!(answers, (100..150).map(Ok).collect::<Vec<_>>());
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn the_first_calls_of_all_wait_for_the_same_connection() {
    let server = Server::good();
    let upstream = Upstream::of(&server);
    let answers = join_all((0..50).map(|id| upstream.get(id))).await;
    assert_eq!(answers, (0..50).map(Ok).collect::<Vec<_>>());
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn whoever_leaves_while_a_connection_is_made_takes_it_from_nobody() {
    let server = Server::good();
    let upstream = Upstream::of(&server);
    let first = upstream.spawn_get(1);
    let second = upstream.spawn_get(2);
    tokio::task::yield_now().await;
    first.abort();
    assert_eq!(second.await.unwrap(), Ok(2));
    assert_eq!(server.connections(), 1);
}

/// Also those of a connection's first moment, in which the server has not said yet how many it takes: one too many
/// would be refused, and what writes is then lost.
#[actix_web::test]
async fn calls_beyond_what_the_server_takes_at_once_wait() {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(2);
    let (now, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let highest = Rc::clone(&most);
    let server = Server::with(builder, async move |call| {
        now.set(now.get() + 1);
        most.set(most.get().max(now.get()));
        tokio::task::yield_now().await;
        now.set(now.get() - 1);
        let id = call.received.id();
        call.give(Answer::thing(id)).await;
    });
    let upstream = Upstream::of(&server);
    for round in 0..3 {
        let ids = || (30 * round)..(30 * round + 30);
        let answers = join_all(ids().map(|id| upstream.ask(change(id)))).await;
        assert_eq!(answers, ids().map(Ok).collect::<Vec<_>>());
    }
    assert!(highest.get() <= 2, "{} at once", highest.get());
    assert_eq!(server.connections(), 1);
}
