//! Requests that change something: what is forgotten after them, what is repeated, and what their answers are.

use std::cell::Cell;

use http::header::HeaderValue;

use super::cache::caching;
use super::*;
use crate::upstream::Origin;
use crate::upstream::generations::Generations;

mod forgetting;
mod threads;

/// A POST, with a key or without.
fn post(key: Option<&'static str>) -> Request {
    let request = Request::new(Method::POST, "/").with_body("{}");
    match key {
        Some(key) => request.with_idempotency_key(HeaderValue::from_static(key)),
        None => request,
    }
}

/// Repeats as they come, nothing else.
fn repeating(endpoints: &[&str]) -> Config {
    Config {
        retry: defaults(endpoints).retry,
        ..config(endpoints)
    }
}

/// The status of an answer as its value.
async fn status(client: &Client, request: Request) -> Result<u16, Error> {
    let decode = |response: &Response| Ok(response.status.as_u16());
    let answer = client.call(&within(NEVER), request, decode).await?;
    Ok(*answer.value)
}

#[test]
fn a_post_is_repeated_after_a_failure_if_it_has_a_key() {
    for outcome in [
        down(),
        says(429, &[], ""),
        says(200, &[], "?"),
        Err(TransportError::Connect(String::new())),
        Err(TransportError::Disconnected(String::new())),
        Err(TransportError::StaleConnection),
    ] {
        for (key, attempts) in [(Some("\"k\""), 2), (None, 1)] {
            paused(async {
                let steps = [(MS, outcome.clone()), (MS, ok())];
                let (client, transport) = client(repeating(TWO), steps);
                let answer = ask(&client, &within(NEVER), post(key)).await;
                assert_eq!(answer.is_ok(), key.is_some(), "{outcome:?}");
                assert_eq!(transport.attempts(), attempts);
                let expected = key.unwrap_or_default();
                for asked in &*transport.asked.borrow() {
                    assert_eq!(asked.header("idempotency-key"), expected);
                }
            });
        }
    }
}

#[test]
fn a_key_that_is_only_a_header_makes_nothing_repeatable() {
    paused(async {
        let (client, transport) = client(repeating(TWO), [(MS, down())]);
        let mut request = post(None);
        let key = HeaderValue::from_static("\"k\"");
        request.headers.insert("idempotency-key", key);
        assert!(ask(&client, &within(NEVER), request).await.is_err());
        assert_eq!(transport.attempts(), 1);
    });
}

#[test]
fn no_more_often_than_the_settings_the_budget_and_the_deadline_allow() {
    paused(async {
        let mut config = repeating(THREE);
        config.retry.repeats = 2;
        let (client, transport) = client_by(config, |_| (MS, down()));
        let outcome = ask(&client, &within(NEVER), post(Some("\"k\""))).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(transport.attempts(), 3);
    });
    paused(async {
        let mut config = repeating(TWO);
        config.retry.budget = NO_BUDGET;
        let (client, transport) = client_by(config, |_| (MS, down()));
        assert!(
            ask(&client, &within(NEVER), post(Some("\"k\"")))
                .await
                .is_err()
        );
        assert_eq!(transport.attempts(), 1);
    });
    paused(async {
        let (client, transport) = client_by(repeating(TWO), |_| (50 * MS, down()));
        let context = within(50 * MS);
        let call = ask(&client, &context, post(Some("\"k\"")));
        let (_, took) = kind_and_time(call).await;
        assert_eq!((took, transport.attempts()), (50 * MS, 1));
    });
}

#[test]
fn a_write_is_never_hedged_with_a_key_or_without() {
    let put = Request::new(Method::PUT, "/").with_idempotency_key(HeaderValue::from_static("k"));
    for request in [post(None), post(Some("\"k\"")), put] {
        paused(async {
            let mut config = defaults(THREE);
            config.attempt_timeout = config.deadline;
            let (client, transport) = client_by(config, |_| (SECOND, ok()));
            let start = Instant::now();
            ask(&client, &within(NEVER), request).await.unwrap();
            assert_eq!((transport.attempts(), start.elapsed()), (1, SECOND));
        });
    }
}

#[test]
fn a_write_is_shared_with_nobody_and_its_answer_is_not_kept() {
    for key in [None, Some("\"k\"")] {
        paused(async {
            let (client, transport) = client_by(caching(ONE), |_| {
                (MS, says(200, &[("cache-control", "max-age=60")], "1"))
            });
            let context = within(NEVER);
            let call = || call(&client, &context, post(key));
            let (first, second) = futures_util::join!(call(), call());
            for answer in [first, second, call().await] {
                let answer = answer.unwrap();
                assert_eq!(answer.origin, Origin::Fresh);
                assert!(!answer.cache.stored && !answer.cache.collapsed);
            }
            assert_eq!(transport.attempts(), 3);
        });
    }
}

#[test]
fn a_status_that_answers_is_decoded_and_not_repeated() {
    for said in [400, 404, 409, 422, 429, 500, 503] {
        paused(async {
            let (client, transport) = client_by(repeating(TWO), move |_| (MS, says(said, &[], "")));
            let request = post(Some("\"k\"")).answered_by(&[400, 404, 409, 422, 429, 500, 503]);
            assert_eq!(status(&client, request).await, Ok(said));
            assert_eq!(transport.attempts(), 1);
        });
    }
}

#[test]
fn it_is_no_failure_of_the_service() {
    paused(async {
        let (client, _) = client_by(config(ONE), |_| (MS, says(503, &[], "")));
        for _ in 0..50 {
            let request = post(None).answered_by(&[503]);
            assert_eq!(status(&client, request).await, Ok(503));
        }
        assert_eq!(breaker_of(&client, 0), "closed");
        // To others the same status is one.
        for _ in 0..20 {
            _ = status(&client, post(None)).await;
            sleep(MS).await;
        }
        assert_eq!(breaker_of(&client, 0), "open");
    });
}

#[test]
fn other_statuses_are_what_they_always_are() {
    for (said, kind) in [
        (400, ErrorKind::InvalidResponse),
        (404, ErrorKind::NotFound),
        (429, ErrorKind::Overloaded),
        (503, ErrorKind::Unavailable),
        (302, ErrorKind::InvalidResponse),
    ] {
        paused(async {
            let (client, _) = client_by(config(ONE), move |_| (MS, says(said, &[], "")));
            let outcome = status(&client, post(None).answered_by(&[409, 422])).await;
            assert_eq!(outcome.unwrap_err().kind(), kind, "{said}");
        });
    }
}

#[test]
fn what_its_reader_refuses_is_an_invalid_answer_like_any_other() {
    paused(async {
        let steps = [(MS, says(409, &[], "?")), (MS, says(409, &[], "7"))];
        let (client, transport) = client(repeating(TWO), steps);
        let request = post(Some("\"k\"")).answered_by(&[409]);
        assert_eq!(ask(&client, &within(NEVER), request).await, Ok(7));
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn a_get_that_such_a_status_answers_is_shared_and_kept_only_as_missing_things_are() {
    paused(async {
        let (client, transport) = client_by(caching(ONE), |_| {
            (MS, says(400, &[("cache-control", "max-age=60")], ""))
        });
        let get = || Request::get("/").answered_by(&[400]);
        let context = within(NEVER);
        let decode = |response: &Response| Ok(response.status.as_u16());
        let first = client.call(&context, get(), decode).await.unwrap();
        assert!(!first.cache.stored);
        assert_eq!(*first.value, 400);
        assert_eq!(status(&client, get()).await, Ok(400));
        assert_eq!(transport.attempts(), 2, "it is asked for again");
    });
}
