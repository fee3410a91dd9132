//! What is kept, for how long, and for whom.

use http::header::{HeaderName, HeaderValue};

use super::*;
use crate::upstream::{CacheConfig, CacheStatus, Forwarded, Freshness, Origin};

/// A cache as it comes, and nothing beside it.
pub(super) fn caching(endpoints: &[&str]) -> Config {
    Config {
        cache: CacheConfig::default(),
        ..config(endpoints)
    }
}

pub(super) fn kept_for(control: &'static str) -> Outcome {
    says(200, &[("cache-control", control)], "1")
}

async fn origin(client: &Client) -> Origin {
    get(client).await.unwrap().origin
}

pub(super) fn carrying(name: &'static str, value: &str) -> Context {
    Context {
        propagate: Arc::new([(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )]),
        ..within(NEVER)
    }
}

#[test]
fn what_is_fresh_is_given_without_a_call_and_with_its_age() {
    paused(async {
        let headers = [("cache-control", "max-age=60"), ("age", "7")];
        let (client, transport) = client(caching(ONE), [(5 * MS, says(200, &headers, "1"))]);
        let first = get(&client).await.unwrap();
        assert_eq!(first.origin, Origin::Fresh);
        assert_eq!(first.freshness, Freshness::For(53 * SECOND));
        let expected = CacheStatus {
            forwarded: Some(Forwarded::UriMiss),
            stored: true,
            ..CacheStatus::default()
        };
        assert_eq!(first.cache, expected);

        sleep(10 * SECOND).await;
        let second = get(&client).await.unwrap();
        let age = 17 * SECOND;
        assert_eq!(second.origin, Origin::Cached { age });
        assert_eq!(second.freshness, Freshness::For(43 * SECOND));
        let expected = CacheStatus {
            ttl: Some(43),
            ..CacheStatus::default()
        };
        assert_eq!(second.cache, expected);
        assert!(Arc::ptr_eq(&first.value, &second.value));
        assert_eq!(first.validator, second.validator);
        assert_eq!(transport.attempts(), 1);
    });
}

#[test]
fn what_is_kept_is_fresh_to_the_last_moment_and_no_longer() {
    paused(async {
        let (client, transport) =
            client_by(caching(ONE), |_| (Duration::ZERO, kept_for("max-age=1")));
        assert_eq!(origin(&client).await, Origin::Fresh);
        sleep(999 * MS).await;
        assert!(matches!(origin(&client).await, Origin::Cached { .. }));
        sleep(MS).await;
        assert_eq!(origin(&client).await, Origin::Fresh);
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn after_that_the_service_is_asked_for_what_is_newer_and_what_it_confirms_is_fresh_again() {
    paused(async {
        let first = says(
            200,
            &[
                ("cache-control", "max-age=10"),
                ("etag", "\"a\""),
                ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ],
            "1",
        );
        let renewed = says(
            304,
            &[("cache-control", "max-age=20"), ("etag", "\"b\"")],
            "",
        );
        let silent = says(304, &[], "");
        let steps = [(MS, first), (MS, renewed), (MS, silent)];
        let (client, transport) = client(caching(ONE), steps);
        let first = get(&client).await.unwrap();
        sleep(10 * SECOND).await;

        let second = get(&client).await.unwrap();
        assert_eq!(second.origin, Origin::Fresh);
        assert_eq!(second.freshness, Freshness::For(20 * SECOND));
        let expected = CacheStatus {
            forwarded: Some(Forwarded::Stale),
            status: Some(304),
            stored: true,
            ..CacheStatus::default()
        };
        assert_eq!(second.cache, expected);
        assert_eq!((*second.value, second.validator), (1, first.validator));

        sleep(19 * SECOND).await;
        assert!(matches!(origin(&client).await, Origin::Cached { .. }));
        sleep(SECOND).await;
        assert_eq!(origin(&client).await, Origin::Fresh);
        // What was said before of its lifetime holds again.
        sleep(19 * SECOND).await;
        assert!(matches!(origin(&client).await, Origin::Cached { .. }));

        let asked = transport.asked.borrow();
        let conditions: Vec<_> = asked
            .iter()
            .map(|asked| {
                (
                    asked.header("if-none-match"),
                    asked.header("if-modified-since"),
                )
            })
            .collect();
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(conditions, [("", ""), ("\"a\"", date), ("\"b\"", date)]);
    });
}

#[test]
fn something_newer_takes_the_place_of_what_was_kept() {
    paused(async {
        let headers = [("cache-control", "max-age=1"), ("etag", "\"a\"")];
        let steps = [
            (MS, says(200, &headers, "1")),
            (MS, says(200, &headers, "2")),
        ];
        let (client, _) = client(caching(ONE), steps);
        let first = get(&client).await.unwrap();
        sleep(2 * SECOND).await;
        let second = get(&client).await.unwrap();
        assert_eq!((*second.value, second.cache.status), (2, None));
        assert_ne!(first.validator, second.validator);
        assert_eq!(*get(&client).await.unwrap().value, 2);
    });
}

#[test]
fn a_confirmation_that_forbids_to_keep_it_is_heard() {
    paused(async {
        let first = says(
            200,
            &[("cache-control", "max-age=1"), ("etag", "\"a\"")],
            "1",
        );
        let confirmed = says(304, &[("cache-control", "no-store")], "");
        let (client, transport) = client(caching(ONE), [(MS, first), (MS, confirmed), (MS, ok())]);
        get(&client).await.unwrap();
        sleep(2 * SECOND).await;
        let second = get(&client).await.unwrap();
        assert_eq!((*second.value, second.freshness), (1, Freshness::NoStore));
        assert!(!second.cache.stored);
        get(&client).await.unwrap();
        assert_eq!(transport.attempts(), 3);
    });
}

#[test]
fn what_belongs_to_one_caller_is_neither_kept_nor_shared() {
    for headers in [
        [("cache-control", "no-store"), ("x", "")],
        [("cache-control", "private, max-age=60"), ("x", "")],
        [("cache-control", "max-age=60"), ("set-cookie", "a=b")],
        [("cache-control", "max-age=60"), ("vary", "*")],
        [
            ("cache-control", "max-age=60"),
            ("vary", "accept, Traceparent"),
        ],
        // This caller has none, and the next one may.
        [("cache-control", "max-age=60"), ("vary", "X-Request-Id")],
    ] {
        paused(async {
            let mut calls = 0;
            let (client, transport) = client_by(caching(ONE), move |_| {
                calls += 1;
                let body = ["1", "2", "3", "4", "5", "6", "7", "8"][calls - 1];
                (5 * MS, says(200, &headers, body))
            });
            let context = carrying("traceparent", "00-1-2-03");
            let ask = || call(&client, &context, Request::get("/"));
            let together = futures_util::join!(ask(), ask(), ask());
            let mut values = [together.0, together.1, together.2].map(|answer| {
                let answer = answer.unwrap();
                assert!(
                    !answer.cache.stored && !answer.cache.collapsed,
                    "{headers:?}"
                );
                assert_eq!(answer.origin, Origin::Fresh);
                *answer.value
            });
            values.sort_unstable();
            assert_eq!(values, [1, 2, 3], "{headers:?}");

            // Known to be so: nobody waits for another's any more.
            let start = Instant::now();
            let together = futures_util::join!(ask(), ask());
            assert_eq!(start.elapsed(), 5 * MS);
            let mut values = [together.0, together.1].map(|answer| *answer.unwrap().value);
            values.sort_unstable();
            assert_eq!(values, [4, 5]);

            sleep(11 * SECOND).await;
            assert_eq!(*ask().await.unwrap().value, 6);
            assert_eq!(transport.attempts(), 6);
            assert_idle(&client);
        });
    }
}

#[test]
fn who_waited_for_anothers_answer_has_no_more_time_than_the_upstreams_deadline_for_its_own() {
    paused(async {
        let mut config = caching(ONE);
        config.attempt_timeout = 2 * SECOND;
        let (client, _) = client_by(config, |_| (1500 * MS, kept_for("no-store")));
        let (first, second) = futures_util::join!(get(&client), kind_and_time(get(&client)));
        assert!(first.is_ok());
        assert_eq!(second, (ErrorKind::Timeout, 2 * SECOND));
        assert_idle(&client);
    });
}

#[test]
fn failures_and_what_cannot_be_read_are_never_kept() {
    let fresh = [("cache-control", "max-age=60")];
    for outcome in [
        says(500, &fresh, "1"),
        says(403, &fresh, "1"),
        says(429, &fresh, "1"),
        says(301, &fresh, "1"),
        says(200, &fresh, "no number"),
        Err(TransportError::Invalid(String::new())),
    ] {
        paused(async {
            let (client, transport) = client(caching(ONE), [(MS, outcome), (MS, ok())]);
            get(&client).await.unwrap_err();
            assert_eq!(origin(&client).await, Origin::Fresh);
            assert_eq!(transport.attempts(), 2);
        });
    }
}

#[test]
fn only_a_plain_answer_is_kept() {
    paused(async {
        let fresh = [("cache-control", "max-age=60")];
        let steps = [(MS, says(203, &fresh, "1")), (MS, says(206, &fresh, "1"))];
        let (client, transport) = client(caching(ONE), steps);
        for _ in 0..2 {
            assert!(!get(&client).await.unwrap().cache.stored);
        }
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn that_there_is_nothing_is_kept_for_a_second_at_most() {
    paused(async {
        let missing = says(404, &[("cache-control", "max-age=60")], "");
        let (client, transport) = client(caching(ONE), [(MS, missing), (MS, ok())]);
        for _ in 0..2 {
            let error = get(&client).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
        sleep(998 * MS).await;
        get(&client).await.unwrap_err();
        assert_eq!(transport.attempts(), 1);
        sleep(2 * MS).await;
        assert_eq!(*get(&client).await.unwrap().value, 1);
    });
}

#[test]
fn that_there_is_nothing_is_not_kept_where_nothing_is_said_of_it() {
    paused(async {
        let (client, transport) = client(caching(ONE), [(MS, says(404, &[], "")), (MS, ok())]);
        get(&client).await.unwrap_err();
        assert_eq!(*get(&client).await.unwrap().value, 1);
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn an_answer_of_no_further_use_is_not_said_to_be_kept() {
    paused(async {
        let (client, _) = client(caching(ONE), [(MS, kept_for("max-age=0, must-revalidate"))]);
        assert!(!get(&client).await.unwrap().cache.stored);
    });
}
