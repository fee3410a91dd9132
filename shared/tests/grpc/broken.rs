//! Streams and connections that are broken off: what that says about the call, and when it is made again.

use bff_shared::upstream::{BudgetConfig, Config, ErrorKind, Target};
use futures_util::future::join_all;
use h2::Reason;

use super::calls::{Upstream, failed};
use super::frames::{self, Raw, answer, go_away, reset};
use super::server::{Server, message};

fn repeating(config: &mut Config) {
    config.retry.repeats = 1;
}

/// For what a repeat would hide.
fn without_budget(config: &mut Config) {
    config.retry.budget = BudgetConfig {
        percent: 0,
        per_second: 0,
    };
}

/// How far an answer comes before its stream is broken off.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Begun {
    Nothing,
    Head,
    Half,
    Message,
}

const BEGUN: [Begun; 4] = [Begun::Nothing, Begun::Head, Begun::Half, Begun::Message];

impl Begun {
    fn bytes(self, stream: u32) -> Vec<u8> {
        let head = frames::head(stream);
        let data = |bytes: &[u8]| frames::data(stream, bytes);
        match self {
            Self::Nothing => Vec::new(),
            Self::Head => head,
            Self::Half => [head, data(&message(1)[..6])].concat(),
            Self::Message => [head, data(&message(1))].concat(),
        }
    }
}

/// Lets a connection's first call be dealt with by `first`, unless it is the `good` one, and answers all others.
fn breaking(first: impl AsyncFn(&mut Raw, u32) -> bool + 'static) -> Server {
    Server::frames(async move |mut raw: Raw| {
        raw.greet().await;
        if raw.number == 0 {
            let Some((stream, _)) = raw.call().await else {
                return;
            };
            if !first(&mut raw, stream).await {
                return;
            }
        }
        raw.serve().await;
    })
}

fn resetting(begun: Begun, reason: Reason) -> Server {
    breaking(async move |raw, stream| {
        let bytes = [begun.bytes(stream), reset(stream, reason)].concat();
        raw.send(&bytes).await
    })
}

#[actix_web::test]
async fn a_stream_that_is_reset_takes_no_other_with_it() {
    for begun in BEGUN {
        for reason in [
            Reason::NO_ERROR,
            Reason::PROTOCOL_ERROR,
            Reason::INTERNAL_ERROR,
            Reason::REFUSED_STREAM,
            Reason::CANCEL,
            Reason::ENHANCE_YOUR_CALM,
            Reason::from(4711),
        ] {
            let kind = match begun {
                Begun::Nothing => ErrorKind::Unavailable,
                _ => ErrorKind::InvalidResponse,
            };
            let is_refused = begun == Begun::Nothing && reason == Reason::REFUSED_STREAM;
            let server = resetting(begun, reason);
            let upstream = Upstream::of(&server);
            let error = failed(upstream.change(1).await, kind);
            assert_eq!(error.maybe_processed(), !is_refused, "{error}");
            assert_eq!(upstream.get(2).await, Ok(2));
            assert_eq!(server.connections(), 1, "{begun:?} {reason:?}");

            let server = resetting(begun, reason);
            let upstream = Upstream::with(&server, repeating);
            assert_eq!(upstream.get(3).await, Ok(3), "{begun:?} {reason:?}");
            assert_eq!(server.count(), 2);

            let server = resetting(begun, reason);
            let upstream = Upstream::with(&server, repeating);
            failed(upstream.change(4).await, kind);
            assert_eq!(server.count(), 1, "what writes is sent once");
        }
    }
}

#[actix_web::test]
async fn a_call_that_the_server_did_not_look_at_is_repeated_elsewhere() {
    // On a fresh connection it may be the server's usual way to say that it is not there.
    let server = breaking(async |raw, _| {
        raw.send(&go_away(0, Reason::NO_ERROR)).await;
        false
    });
    let upstream = Upstream::of(&server);
    let error = failed(upstream.change(1).await, ErrorKind::Unavailable);
    assert!(!error.maybe_processed(), "{error}");
    assert_eq!(upstream.change(2).await, Ok(2));
    assert_eq!(server.connections(), 2);
}

#[actix_web::test]
async fn all_calls_that_the_server_did_not_look_at_are_told_so() {
    let server = breaking(async |raw, _| {
        for _ in 1..10 {
            raw.call().await;
        }
        raw.send(&go_away(0, Reason::NO_ERROR)).await;
        raw.until_closed().await;
        false
    });
    let upstream = Upstream::of(&server);
    for outcome in join_all((0..10).map(|id| upstream.change(id))).await {
        let error = failed(outcome, ErrorKind::Unavailable);
        assert!(!error.maybe_processed(), "{error}");
    }
    assert_eq!(upstream.change(1).await, Ok(1));
    assert_eq!(server.connections(), 2);
}

/// A connection on which one call was answered, and the next one meets `go_away` with this reason.
fn leaving_at_the_second_call(reason: Reason) -> Server {
    breaking(async move |raw, stream| {
        raw.send(&answer(stream, 1)).await;
        raw.call().await;
        raw.send(&go_away(stream, reason)).await;
        raw.until_closed().await;
        false
    })
}

#[actix_web::test]
async fn a_used_connection_that_ends_before_a_call_is_nobodys_fault() {
    for reason in [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM] {
        let server = leaving_at_the_second_call(reason);
        let upstream = Upstream::with(&server, |config| {
            config.breaker.consecutive_failures = 1;
        });
        assert_eq!(upstream.get(1).await, Ok(1));
        // At once, and though there are no repeats otherwise.
        assert_eq!(upstream.get(2).await, Ok(2), "{reason:?}");
        assert_eq!(server.count(), 3);
        assert_eq!(server.connections(), 2);
        assert_eq!(upstream.endpoint()["breaker"], "closed");

        let server = leaving_at_the_second_call(reason);
        let upstream = Upstream::with(&server, repeating);
        assert_eq!(upstream.get(1).await, Ok(1));
        failed(upstream.change(2).await, ErrorKind::Unavailable);
        assert_eq!(server.count(), 2, "what writes is sent once");
        assert_eq!(upstream.change(3).await, Ok(3));
        assert_eq!(upstream.endpoint()["breaker"], "closed");
    }
}

/// Also a call that writes: nothing of it went to the connection that ends.
#[actix_web::test]
async fn a_connection_that_ends_in_good_order_finishes_what_is_under_way() {
    let server = breaking(async |raw, first| {
        raw.send(&answer(first, 1)).await;
        let (stream, id) = raw.call().await.unwrap();
        raw.send(&go_away(stream, Reason::NO_ERROR)).await;
        // The client knows it by now: this is answered after it.
        while raw
            .frame()
            .await
            .is_some_and(|frame| frame.kind != frames::PING)
        {}
        raw.send(&answer(stream, id)).await;
        raw.until_closed().await;
        false
    });
    let upstream = Upstream::with(&server, |config| {
        without_budget(config);
        config.grpc.keep_alive = std::time::Duration::from_millis(50);
        config.grpc.keep_alive_timeout = super::calls::GUARD;
    });
    assert_eq!(upstream.get(1).await, Ok(1));
    let second = upstream.spawn_get(2);
    server.until(|seen| seen.calls.len() == 2).await;
    server.until(|seen| seen.pings > 0).await;
    assert_eq!(upstream.change(3).await, Ok(3));
    assert_eq!(second.await.unwrap(), Ok(2));
    assert_eq!(server.connections(), 2);
    server.until(|seen| seen.closed == 1).await;
}

#[actix_web::test]
async fn a_call_under_way_is_finished_after_the_server_said_goodbye() {
    let server = breaking(async |raw, stream| {
        let farewell = go_away(stream, Reason::NO_ERROR);
        let bytes = [farewell, answer(stream, 1)].concat();
        raw.send(&bytes).await;
        raw.until_closed().await;
        false
    });
    let upstream = Upstream::with(&server, without_budget);
    for id in 1..=3 {
        assert_eq!(upstream.change(id).await, Ok(id));
    }
    assert_eq!(server.connections(), 2);
    server.until(|seen| seen.closed == 1).await;
}

#[actix_web::test]
async fn a_connection_that_is_lost_says_nothing_of_what_was_done() {
    for is_reset in [false, true] {
        for begun in BEGUN {
            let losing = move || {
                Server::frames(async move |mut raw: Raw| {
                    raw.greet().await;
                    if raw.number > 0 {
                        return raw.serve().await;
                    }
                    let (stream, _) = raw.call().await.unwrap();
                    raw.send(&begun.bytes(stream)).await;
                    if is_reset {
                        raw.abort();
                    }
                })
            };
            let server = losing();
            let upstream = Upstream::of(&server);
            let error = upstream.change(1).await.unwrap_err();
            let expected: &[_] = match begun {
                Begun::Nothing => &[ErrorKind::Unavailable],
                // Whether the bytes before it are seen is up to the kernel.
                _ if is_reset => &[ErrorKind::Unavailable, ErrorKind::InvalidResponse],
                _ => &[ErrorKind::InvalidResponse],
            };
            assert!(expected.contains(&error.kind()), "{begun:?} {error}");
            assert!(error.maybe_processed(), "{error}");
            assert_eq!(server.count(), 1);
            assert_eq!(upstream.get(2).await, Ok(2));
            assert_eq!(server.connections(), 2);

            let server = losing();
            let upstream = Upstream::with(&server, repeating);
            assert_eq!(upstream.get(3).await, Ok(3));

            let server = losing();
            let upstream = Upstream::with(&server, repeating);
            assert!(upstream.change(4).await.is_err());
            assert_eq!(server.count(), 1, "what writes is sent once");
        }
    }
}

#[actix_web::test]
async fn all_calls_of_a_lost_connection_end_and_the_next_ones_share_another() {
    let server = breaking(async |raw, _| {
        for _ in 1..10 {
            raw.call().await;
        }
        false
    });
    let upstream = Upstream::of(&server);
    for outcome in join_all((0..10).map(|id| upstream.get(id))).await {
        failed(outcome, ErrorKind::Unavailable);
    }
    let outcomes = join_all((0..10).map(|id| upstream.get(id))).await;
    assert_eq!(outcomes, (0..10).map(Ok).collect::<Vec<_>>());
    assert_eq!(server.connections(), 2);
}

/// One that ends without a word, and one that says so.
#[actix_web::test]
async fn a_connection_that_ended_between_two_calls_disturbs_neither() {
    for farewell in [
        None,
        Some(Reason::NO_ERROR),
        Some(Reason::ENHANCE_YOUR_CALM),
    ] {
        let server = Server::frames(async move |mut raw: Raw| {
            raw.greet().await;
            let (stream, id) = raw.call().await.unwrap();
            raw.send(&answer(stream, id)).await;
            if let Some(reason) = farewell {
                raw.send(&go_away(stream, reason)).await;
            }
        });
        let upstream = Upstream::with(&server, without_budget);
        for id in 1..=5 {
            assert_eq!(upstream.change(id).await, Ok(id), "{farewell:?}");
            notice_what_has_arrived().await;
        }
        assert_eq!(server.connections(), 5);
    }
}

/// Lets the end of a connection, already on its way, be noticed: by the time another call is through, it has been.
async fn notice_what_has_arrived() {
    let other = Server::good();
    assert_eq!(Upstream::of(&other).get(1).await, Ok(1));
}

#[actix_web::test]
async fn a_server_that_closes_every_connection_at_once_is_not_asked_for_ever() {
    for is_greeting in [false, true] {
        let server = Server::frames(async move |mut raw: Raw| {
            if is_greeting {
                raw.greet().await;
                raw.send(&go_away(0, Reason::NO_ERROR)).await;
            }
        });
        let upstream = Upstream::with(&server, repeating);
        for id in 0..5 {
            failed(upstream.get(id).await, ErrorKind::Unavailable);
            failed(upstream.change(id).await, ErrorKind::Unavailable);
        }
        assert!(
            server.connections() <= 5 * 3 * 3,
            "{}",
            server.connections()
        );
        assert_eq!(server.count(), 0);
    }
}

#[actix_web::test]
async fn a_refused_connection_has_processed_nothing() {
    // Bound, so that nobody else gets the port, and never listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    let refusing = Target::parse(&address).unwrap();
    let upstream = Upstream::at(vec![refusing.clone()], |_| {});
    for outcome in [upstream.get(1).await, upstream.change(1).await] {
        let error = failed(outcome, ErrorKind::Unavailable);
        assert!(!error.maybe_processed(), "{error}");
    }
    let good = Server::good();
    let upstream = Upstream::at(vec![refusing, good.endpoint()], repeating);
    for id in 0..10 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
}
