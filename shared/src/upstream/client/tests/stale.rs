//! What is given though it is old, why, and when it is not.

use super::cache::caching;
use super::*;
use crate::upstream::{Forwarded, Origin, StaleCause};

const FRESH_FOR_A_SECOND: &[(&str, &str)] = &[("cache-control", "max-age=1")];
const RENEWABLE: &[(&str, &str)] = &[(
    "cache-control",
    "max-age=1, stale-while-revalidate=60, stale-if-error=600",
)];

/// One answer that is kept for a second, and then what `then` says; asked when the answer is ten seconds old.
async fn kept_then(
    config: Config,
    headers: &'static [(&'static str, &'static str)],
    mut then: impl FnMut(&Asked) -> Step + 'static,
) -> (Client, Rc<Scripted>) {
    let mut first = true;
    let (client, transport) = client_by(config, move |asked| {
        if std::mem::take(&mut first) {
            (Duration::ZERO, says(200, headers, "1"))
        } else {
            then(asked)
        }
    });
    get(&client).await.unwrap();
    sleep(10 * SECOND).await;
    (client, transport)
}

/// The reason why an answer is stale, and its age.
fn failed(answer: &Answer<u8>) -> (ErrorKind, Duration) {
    match &answer.origin {
        Origin::Stale {
            age,
            cause: StaleCause::Failed(kind, detail),
        } => {
            assert!(!detail.is_empty());
            (*kind, *age)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn while_it_may_be_renewed_behind_what_is_kept_is_given_at_once() {
    paused(async {
        let newer = || says(200, RENEWABLE, "2");
        let (client, transport) =
            kept_then(caching(ONE), RENEWABLE, move |_| (50 * MS, newer())).await;
        let start = Instant::now();

        for _ in 0..3 {
            let answer = get(&client).await.unwrap();
            let (age, cause) = (10 * SECOND, StaleCause::Revalidating);
            assert_eq!(answer.origin, Origin::Stale { age, cause });
            assert_eq!((*answer.value, answer.cache.forwarded), (1, None));
            assert_eq!(answer.cache.ttl, Some(-9));
        }
        assert_eq!(start.elapsed(), Duration::ZERO);

        sleep(50 * MS).await;
        settle().await;
        assert_eq!(transport.attempts(), 2, "renewed once");
        let answer = get(&client).await.unwrap();
        assert!(matches!(answer.origin, Origin::Cached { .. }));
        assert_eq!(*answer.value, 2);
        assert_idle(&client);
    });
}

#[test]
fn a_renewal_goes_on_when_its_caller_has_left() {
    paused(async {
        let newer = || says(200, RENEWABLE, "2");
        let (client, transport) =
            kept_then(caching(ONE), RENEWABLE, move |_| (50 * MS, newer())).await;
        ask(&client, &within(MS), Request::get("/")).await.unwrap();
        sleep(60 * MS).await;
        assert_eq!(*get(&client).await.unwrap().value, 2);
        assert_eq!(transport.attempts(), 2);
        assert!(transport.dropped.borrow().is_empty());
    });
}

#[test]
fn after_a_renewal_that_failed_the_reason_is_that_failure() {
    paused(async {
        let (client, transport) = kept_then(caching(ONE), RENEWABLE, |_| (50 * MS, down())).await;
        let first = get(&client).await.unwrap();
        assert!(matches!(
            first.origin,
            Origin::Stale {
                cause: StaleCause::Revalidating,
                ..
            }
        ));
        sleep(51 * MS).await;
        let second = get(&client).await.unwrap();
        assert_eq!(failed(&second).0, ErrorKind::Unavailable);
        assert_eq!(*second.value, 1);
        sleep(51 * MS).await;
        assert_eq!(transport.attempts(), 3, "each call tries to renew it");
    });
}

#[test]
fn a_renewal_that_succeeds_after_one_that_failed_ends_the_trouble() {
    paused(async {
        let mut calls = 0;
        let (client, _) = kept_then(caching(ONE), RENEWABLE, move |_| {
            calls += 1;
            (
                MS,
                if calls == 1 {
                    down()
                } else {
                    says(200, RENEWABLE, "2")
                },
            )
        })
        .await;
        for _ in 0..3 {
            get(&client).await.unwrap();
            sleep(2 * MS).await;
        }
        assert_eq!(*get(&client).await.unwrap().value, 2);
        sleep(2 * SECOND).await;
        let answer = get(&client).await.unwrap();
        assert!(matches!(
            answer.origin,
            Origin::Stale {
                cause: StaleCause::Revalidating,
                ..
            }
        ));
    });
}

#[test]
fn that_a_thing_is_gone_is_learnt_by_a_renewal() {
    paused(async {
        let (client, _) = kept_then(caching(ONE), RENEWABLE, |_| (MS, says(404, &[], ""))).await;
        assert!(get(&client).await.is_ok());
        sleep(2 * MS).await;
        let error = get(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn when_it_cannot_be_renewed_what_is_kept_is_given_for_the_reason_it_is() {
    let down = |outcome: Outcome| move |_: &Asked| (5 * MS, outcome.clone());
    for (outcome, kind) in [
        (says(500, &[], ""), ErrorKind::Unavailable),
        (
            Err(TransportError::Connect(String::new())),
            ErrorKind::Unavailable,
        ),
        (Err(TransportError::ConnectTimeout), ErrorKind::Timeout),
        (says(200, &[], "no number"), ErrorKind::InvalidResponse),
        (says(403, &[], ""), ErrorKind::InvalidResponse),
        (says(429, &[], ""), ErrorKind::Overloaded),
    ] {
        paused(async {
            let (client, _) = kept_then(caching(ONE), FRESH_FOR_A_SECOND, down(outcome)).await;
            let start = Instant::now();
            let answer = get(&client).await.unwrap();
            assert_eq!(start.elapsed(), 5 * MS);
            assert_eq!(failed(&answer).0, kind);
            assert_eq!(answer.cache.forwarded, Some(Forwarded::Stale));
            assert!(!answer.cache.stored);
        });
    }
}

#[test]
fn a_failure_that_is_to_be_repeated_later_is_not_waited_for() {
    paused(async {
        let mut config = caching(ONE);
        config.retry = defaults(ONE).retry;
        config.retry.backoff = 200 * MS;
        let (client, transport) = kept_then(config, FRESH_FOR_A_SECOND, |_| (5 * MS, down())).await;
        let start = Instant::now();
        let answer = get(&client).await.unwrap();
        assert_eq!(start.elapsed(), 5 * MS);
        assert_eq!(failed(&answer).0, ErrorKind::Unavailable);
        // It is repeated all the same.
        sleep(SECOND).await;
        assert_eq!(transport.attempts(), 4);
        assert_idle(&client);
    });
}

#[test]
fn a_slow_renewal_is_waited_for_twice_as_long_as_for_a_hedge() {
    paused(async {
        let newer = || says(200, FRESH_FOR_A_SECOND, "2");
        let (client, transport) = kept_then(caching(ONE), FRESH_FOR_A_SECOND, move |_| {
            (500 * MS, newer())
        })
        .await;
        let start = Instant::now();
        let answer = get(&client).await.unwrap();
        assert_eq!(start.elapsed(), 160 * MS);
        let age = 10 * SECOND + 160 * MS;
        assert_eq!(failed(&answer), (ErrorKind::Timeout, age));

        // Who comes later waits no longer than the first.
        let start = Instant::now();
        let answer = get(&client).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(failed(&answer).0, ErrorKind::Timeout);

        sleep(340 * MS).await;
        settle().await;
        let answer = get(&client).await.unwrap();
        assert_eq!(*answer.value, 2);
        assert!(matches!(answer.origin, Origin::Cached { .. }));
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn a_caller_with_less_time_than_that_has_the_old_answer_at_its_deadline() {
    paused(async {
        let (client, _) = kept_then(caching(ONE), FRESH_FOR_A_SECOND, |_| (FOR_EVER, ok())).await;
        let start = Instant::now();
        let answer = call(&client, &within(20 * MS), Request::get("/"))
            .await
            .unwrap();
        assert_eq!(start.elapsed(), 20 * MS);
        assert_eq!(failed(&answer).0, ErrorKind::Timeout);
    });
}

#[test]
fn while_nobody_is_asked_what_is_kept_is_given_at_once() {
    paused(async {
        let mut config = caching(ONE);
        config.breaker.consecutive_failures = 1;
        let (client, transport) = kept_then(config, FRESH_FOR_A_SECOND, |_| (MS, down())).await;
        get(&client).await.unwrap();
        let start = Instant::now();
        let answer = get(&client).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(failed(&answer).0, ErrorKind::CircuitOpen);
        assert_eq!(answer.cache.forwarded, None, "nobody was asked");
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn while_there_is_too_much_to_do_what_is_kept_is_given() {
    paused(async {
        let mut config = caching(ONE);
        (config.limit.initial, config.limit.min, config.limit.max) = (1, 1, 1);
        config.limit.queue_length = 0;
        let (client, _) = kept_then(config, FRESH_FOR_A_SECOND, |_| (100 * MS, ok())).await;
        let context = within(NEVER);
        let mut other = Box::pin(ask(&client, &context, Request::get("/other")));
        assert!(futures_util::poll!(&mut other).is_pending());
        settle().await;
        let start = Instant::now();
        let answer = get(&client).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(failed(&answer).0, ErrorKind::Overloaded);
        assert_eq!(answer.cache.forwarded, None, "nobody was asked");
        assert_eq!(other.await, Ok(1));
    });
}

#[test]
fn what_must_be_asked_for_anew_is_never_given_stale() {
    for headers in [
        &[(
            "cache-control",
            "max-age=1, must-revalidate, stale-if-error=600",
        )] as &[_],
        &[("cache-control", "max-age=1, proxy-revalidate")],
        &[("cache-control", "s-maxage=1")],
        &[("cache-control", "no-cache")],
        &[("cache-control", "max-age=1, stale-if-error=0")],
        &[("cache-control", "max-age=1, stale-if-error=9")],
        &[(
            "cache-control",
            "max-age=1, must-revalidate, stale-while-revalidate=600",
        )],
    ] {
        paused(async {
            let (client, transport) = kept_then(caching(ONE), headers, |_| (MS, down())).await;
            let error = get(&client).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{headers:?}");
            assert_eq!(transport.attempts(), 2);
        });
    }
}

#[test]
fn nothing_is_given_stale_for_longer_than_is_allowed() {
    paused(async {
        let (client, _) = client_by(caching(ONE), {
            let mut first = true;
            move |_| {
                let outcome = if std::mem::take(&mut first) {
                    says(200, FRESH_FOR_A_SECOND, "1")
                } else {
                    says(403, &[], "")
                };
                (Duration::ZERO, outcome)
            }
        });
        get(&client).await.unwrap();
        sleep(301 * SECOND - MS).await;
        assert!(
            get(&client).await.is_ok(),
            "five minutes, where nothing else is said"
        );
        sleep(MS).await;
        let error = get(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    });
}

#[test]
fn that_there_is_nothing_any_more_is_no_reason_for_an_old_answer() {
    paused(async {
        let mut calls = 0;
        let (client, transport) = kept_then(caching(ONE), FRESH_FOR_A_SECOND, move |_| {
            calls += 1;
            (
                MS,
                if calls == 1 {
                    says(404, &[], "")
                } else {
                    down()
                },
            )
        })
        .await;
        let error = get(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = get(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "the old one is gone");
        assert_eq!(transport.attempts(), 3);
    });
}

#[test]
fn a_decoder_that_panics_is_a_failure_like_any_while_an_old_answer_is_at_hand() {
    paused(async {
        let (client, transport) = kept_then(caching(ONE), FRESH_FOR_A_SECOND, |_| (MS, ok())).await;
        let panics = |_: &Response| -> Result<u8, Undecodable> { panic!("on purpose") };
        let context = within(NEVER);
        let answer = client.call(&context, Request::get("/"), panics).await;
        assert_eq!(failed(&answer.unwrap()).0, ErrorKind::Unavailable);
        assert_eq!(transport.attempts(), 2);
        assert_idle(&client);
    });
}

#[test]
fn an_answer_that_says_nothing_is_kept_for_when_the_service_fails() {
    paused(async {
        let (client, transport) = kept_then(caching(ONE), &[], |_| (MS, down())).await;
        let answer = get(&client).await.unwrap();
        assert_eq!(failed(&answer).0, ErrorKind::Unavailable);
        assert_eq!(transport.attempts(), 2);
    });
}
