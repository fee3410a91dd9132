//! What is kept of what gRPC services answer.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bff_shared::upstream::{Config, Error, ErrorKind, Freshness, Origin};
use futures_util::future::join_all;
use tokio::sync::Barrier;

use super::calls::{Upstream, change, failed, get, unhurried};
use super::server::{Answer, Server};

const HOUR: Duration = Duration::from_secs(3600);

fn keeping(config: &mut Config) {
    config.cache.max_bytes = 1 << 20;
    config.cache.default_ttl = HOUR;
}

fn keeping_what_is_told(config: &mut Config) {
    config.cache.max_bytes = 1 << 20;
}

/// The answer's id, and whether it was kept.
async fn ask(upstream: &Upstream, id: u32) -> Result<(u32, Origin), Error> {
    let answer = upstream.call(&unhurried(), get(id)).await?;
    Ok((answer.value.id, answer.origin))
}

#[actix_web::test]
async fn what_has_no_side_effects_is_kept_by_its_message() {
    let server = Server::good();
    let upstream = Upstream::with(&server, keeping);
    for _ in 0..3 {
        for id in 1..=4 {
            assert_eq!(upstream.get(id).await, Ok(id));
        }
    }
    assert_eq!(server.count(), 4);
    assert!(matches!(
        ask(&upstream, 4).await,
        Ok((4, Origin::Cached { .. }))
    ));
}

#[actix_web::test]
async fn what_may_have_side_effects_is_neither_kept_nor_shared() {
    let server = Server::good();
    let upstream = Upstream::with(&server, keeping);
    for _ in 0..3 {
        assert_eq!(upstream.change(1).await, Ok(1));
    }
    let outcomes = join_all((0..3).map(|_| upstream.ask(change(1)))).await;
    assert_eq!(outcomes, [Ok(1), Ok(1), Ok(1)]);
    assert_eq!(server.count(), 6);
}

#[actix_web::test]
async fn many_who_ask_the_same_at_once_share_a_call() {
    let gate = Rc::new(Barrier::new(2));
    let opened = Rc::clone(&gate);
    let server = Server::start(async move |call| {
        gate.wait().await;
        let id = call.received.id();
        call.give(Answer::thing(id)).await;
    });
    // Even where nothing is kept.
    let upstream = Upstream::with(&server, keeping_what_is_told);
    let calls: Vec<_> = (0..50).map(|_| upstream.spawn_get(7)).collect();
    server.until(|seen| seen.calls.len() == 1).await;
    opened.wait().await;
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(7));
    }
    assert_eq!(server.count(), 1);
}

/// Said in the head or in the trailers: services put it where their library does.
#[actix_web::test]
async fn what_a_service_says_of_keeping_is_heard() {
    for in_trailers in [false, true] {
        let saying = move |value: &'static str| {
            Server::answering(move |received| {
                let answer = Answer::thing(received.id());
                if in_trailers {
                    answer.with_last("cache-control", value)
                } else {
                    answer.with("cache-control", value)
                }
            })
        };
        let server = saying("no-store");
        let upstream = Upstream::with(&server, keeping);
        for _ in 0..3 {
            let answer = upstream.call(&unhurried(), get(1)).await.unwrap();
            assert_eq!(answer.freshness, Freshness::NoStore);
        }
        assert_eq!(server.count(), 3);

        let server = saying("max-age=3600");
        let upstream = Upstream::with(&server, keeping_what_is_told);
        for _ in 0..3 {
            let answer = upstream.call(&unhurried(), get(1)).await.unwrap();
            assert!(answer.freshness > Freshness::For(HOUR / 2));
        }
        assert_eq!(server.count(), 1);

        let server = saying("max-age=0");
        let upstream = Upstream::with(&server, keeping);
        for _ in 0..3 {
            assert_eq!(upstream.get(1).await, Ok(1));
        }
        assert_eq!(server.count(), 3);
    }
}

#[actix_web::test]
async fn what_is_said_in_several_fields_is_heard_as_one() {
    let server = Server::answering(|received| {
        Answer::thing(received.id())
            .with("cache-control", "max-age=3600")
            .with_last("cache-control", "max-age=3600")
            .with_last("cache-control", "no-store")
    });
    let upstream = Upstream::with(&server, keeping);
    for _ in 0..3 {
        assert_eq!(upstream.get(1).await, Ok(1));
    }
    assert_eq!(server.count(), 3);
}

#[actix_web::test]
async fn what_was_kept_is_given_when_it_cannot_be_renewed() {
    for bad in ["14", "13", "8"] {
        let asked = Cell::new(0);
        let server = Server::answering(move |received| {
            asked.set(asked.get() + 1);
            if asked.get() == 1 {
                Answer::thing(received.id()).with("cache-control", "max-age=0, stale-if-error=60")
            } else {
                Answer::only(bad)
            }
        });
        let upstream = Upstream::with(&server, keeping_what_is_told);
        assert!(matches!(ask(&upstream, 1).await, Ok((1, Origin::Fresh))));
        assert!(matches!(
            ask(&upstream, 1).await,
            Ok((1, Origin::Stale { .. }))
        ));
        assert!(ask(&upstream, 2).await.is_err(), "another message");
        assert_eq!(server.count(), 3);
    }
}

#[actix_web::test]
async fn that_there_is_none_is_kept_no_longer_than_other_things_and_faults_not_at_all() {
    let server = Server::answering(|received| match received.id() {
        1 => Answer::only("14"),
        2 => Answer::only("3"),
        3 => Answer::of([b"\0\0\0\0\x01\xff".to_vec()]),
        _ => Answer::thing(0).ending(super::server::End::Data),
    });
    let upstream = Upstream::with(&server, keeping);
    for id in 1..=4 {
        let kind = match id {
            1 => ErrorKind::Unavailable,
            _ => ErrorKind::InvalidResponse,
        };
        for asked in 1..=3 {
            failed(upstream.get(id).await, kind);
            assert_eq!(server.count(), (3 * (id as usize - 1)) + asked);
        }
    }
}
