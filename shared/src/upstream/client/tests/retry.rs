//! What is asked again, where, when, and how often.

use super::*;

/// Repeats as they come, and nothing beside them.
fn repeating(endpoints: &[&str]) -> Config {
    Config {
        retry: defaults(endpoints).retry,
        ..config(endpoints)
    }
}

fn failures() -> Vec<(Outcome, ErrorKind)> {
    vec![
        (
            Err(TransportError::Connect(String::new())),
            ErrorKind::Unavailable,
        ),
        (Err(TransportError::ConnectTimeout), ErrorKind::Timeout),
        (
            Err(TransportError::Disconnected(String::new())),
            ErrorKind::Unavailable,
        ),
        (
            Err(TransportError::Invalid("garbage".to_owned())),
            ErrorKind::InvalidResponse,
        ),
        (says(500, &[], ""), ErrorKind::Unavailable),
        (says(502, &[], ""), ErrorKind::Unavailable),
        (down(), ErrorKind::Unavailable),
        (says(408, &[], ""), ErrorKind::Unavailable),
        (says(200, &[], "no number"), ErrorKind::InvalidResponse),
        (says(200, &[], ""), ErrorKind::InvalidResponse),
        (
            says(302, &[("location", "/")], ""),
            ErrorKind::InvalidResponse,
        ),
        (says(304, &[], ""), ErrorKind::InvalidResponse),
        (says(429, &[], ""), ErrorKind::Overloaded),
    ]
}

#[test]
fn a_failure_is_repeated_at_once_on_the_other_endpoint() {
    for (failure, _) in failures() {
        paused(async {
            let start = Instant::now();
            let (client, transport) = client(repeating(TWO), [(MS, failure), (MS, ok())]);

            assert_eq!(*get(&client).await.unwrap().value, 1);

            assert_eq!(transport.times(start), [Duration::ZERO, MS]);
            let asked = transport.endpoints();
            assert_ne!(asked[0], asked[1]);
            assert_idle(&client);
        });
    }
}

#[test]
fn after_three_failures_the_last_one_is_told() {
    for (failure, kind) in failures() {
        paused(async {
            let start = Instant::now();
            let other = if kind == ErrorKind::Unavailable {
                says(200, &[], "no number")
            } else {
                down()
            };
            let steps = [(MS, other.clone()), (MS, other), (MS, failure)];
            let (client, transport) = client(repeating(TWO), steps);

            assert_eq!(get(&client).await.unwrap_err().kind(), kind);

            let times = transport.times(start);
            assert_eq!(times.len(), 3);
            assert_eq!(times[1], MS);
            // A timer goes off at the next whole millisecond.
            assert!((2 * MS..=27 * MS).contains(&times[2]), "{times:?}");
        });
    }
}

#[test]
fn the_second_repeat_waits_for_a_random_time_and_holds_no_place_meanwhile() {
    let waits: Vec<_> = (0..50)
        .map(|_| {
            paused(async {
                let start = Instant::now();
                let steps = [(MS, down()), (MS, down()), (MS, ok())];
                let (client, transport) = client(repeating(THREE), steps);
                let context = within(NEVER);
                let mut call = Box::pin(ask(&client, &context, Request::get("/")));
                while transport.attempts() < 2 {
                    assert!(futures_util::poll!(&mut call).is_pending());
                    tokio::time::advance(MS).await;
                }
                assert!(futures_util::poll!(&mut call).is_pending());
                if transport.attempts() == 2 {
                    let report = serde_json::to_value(client.cluster.report()).unwrap();
                    assert_eq!(report["inFlight"], 0, "a call that waits is not in flight");
                }
                assert_eq!(call.await, Ok(1));
                let mut asked = transport.endpoints();
                asked.sort_unstable();
                asked.dedup();
                assert_eq!(asked.len(), 3, "each repeat goes to somebody else");
                transport.times(start)[2] - 2 * MS
            })
        })
        .collect();
    let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    assert!(*most <= 25 * MS, "{waits:?}");
    assert!(*most - *least >= 8 * MS, "{waits:?}");
}

#[test]
fn with_one_endpoint_already_the_first_repeat_waits() {
    let waits = (0..50).map(|_| {
        paused(async {
            let start = Instant::now();
            let (client, transport) = client(repeating(ONE), [(MS, down()), (MS, ok())]);
            get(&client).await.unwrap();
            transport.times(start)[1] - MS
        })
    });
    let waits: Vec<_> = waits.collect();
    assert!(waits.iter().all(|wait| *wait <= 25 * MS), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait >= 5 * MS), "{waits:?}");
}

#[test]
fn what_a_service_says_of_the_request_itself_is_not_repeated() {
    for (status, kind) in [
        (404, ErrorKind::NotFound),
        (410, ErrorKind::NotFound),
        (400, ErrorKind::InvalidResponse),
        (401, ErrorKind::InvalidResponse),
        (403, ErrorKind::InvalidResponse),
        (409, ErrorKind::InvalidResponse),
        (422, ErrorKind::InvalidResponse),
    ] {
        paused(async {
            let (client, transport) = client(repeating(TWO), [(MS, says(status, &[], ""))]);
            assert_eq!(get(&client).await.unwrap_err().kind(), kind, "{status}");
            assert_eq!(transport.attempts(), 1, "{status}");
            assert_eq!(client.cluster.retries.balance(Instant::now()), 100);
        });
    }
}

#[test]
fn only_methods_that_may_be_done_twice_are_repeated() {
    for (method, attempts) in [
        (Method::GET, 3),
        (Method::HEAD, 3),
        (Method::PUT, 3),
        (Method::DELETE, 3),
        (Method::OPTIONS, 3),
        (Method::POST, 1),
        (Method::PATCH, 1),
    ] {
        for (failure, kind) in failures() {
            paused(async {
                let steps = (0..attempts).map(|_| (MS, failure.clone()));
                let (client, transport) = client(repeating(THREE), steps);
                let request = Request::new(method.clone(), "/");
                let error = ask(&client, &within(NEVER), request).await.unwrap_err();
                assert_eq!(
                    (error.kind(), transport.attempts()),
                    (kind, attempts),
                    "{method}"
                );
            });
        }
    }
}

#[test]
fn with_an_empty_budget_there_is_no_repeat() {
    paused(async {
        let mut config = repeating(TWO);
        config.retry.budget = NO_BUDGET;
        let (client, transport) = client(config, [(MS, down())]);
        assert_eq!(
            kind_and_time(get(&client)).await,
            (ErrorKind::Unavailable, MS)
        );
        assert_eq!(transport.attempts(), 1);
    });
}

#[test]
fn while_all_is_down_repeats_are_a_fifth_of_the_calls_and_ten_a_second() {
    paused(async {
        let mut config = repeating(TWO);
        config.breaker.consecutive_failures = 1000;
        config.breaker.minimum_calls = 100_000;
        let (client, transport) = client_by(config, |_| (MS, down()));
        for _ in 0..500 {
            get(&client).await.unwrap_err();
        }
        assert_eq!(transport.attempts(), 500 + 100 + 500 / 5);
    });
}

#[test]
fn no_repeat_begins_at_the_deadline_or_after_it() {
    for allowed in [1, 2, 3, 5, 10, 20] {
        paused(async {
            let start = Instant::now();
            let (client, transport) = client_by(repeating(ONE), |_| (MS, down()));
            let context = within(allowed * MS);
            let error = ask(&client, &context, Request::get("/")).await.unwrap_err();
            assert!(start.elapsed() <= allowed * MS);
            assert!(matches!(
                error.kind(),
                ErrorKind::Unavailable | ErrorKind::Timeout
            ));
            let times = transport.times(start);
            assert!(times.iter().all(|at| *at < allowed * MS), "{times:?}");
            assert_idle(&client);
        });
    }
}

#[test]
fn a_throttled_call_goes_elsewhere_at_once_whatever_the_time_asked_for() {
    paused(async {
        let start = Instant::now();
        let throttled = says(429, &[("retry-after", "5")], "");
        let (client, transport) = client(repeating(TWO), [(MS, throttled), (MS, ok())]);
        get(&client).await.unwrap();
        assert_eq!(transport.times(start), [Duration::ZERO, MS]);
    });
}

#[test]
fn a_throttled_call_with_nowhere_else_to_go_waits_as_it_is_told() {
    paused(async {
        let start = Instant::now();
        let throttled = says(429, &[("retry-after", "1")], "");
        let (client, transport) = client(repeating(ONE), [(MS, throttled), (MS, ok())]);
        get(&client).await.unwrap();
        assert_eq!(transport.times(start), [Duration::ZERO, 1001 * MS]);
    });
}

#[test]
fn a_throttled_call_without_the_time_to_wait_ends_at_once_and_says_when_to_come_back() {
    paused(async {
        let throttled = says(429, &[("retry-after", "2")], "");
        let (client, transport) = client(repeating(ONE), [(MS, throttled)]);
        let start = Instant::now();
        let error = get(&client).await.unwrap_err();
        assert_eq!((error.kind(), start.elapsed()), (ErrorKind::Overloaded, MS));
        assert_eq!(error.retry_after(), Some(2 * SECOND));
        assert_eq!(transport.attempts(), 1);
    });
}

#[test]
fn what_came_of_asking_is_told_and_not_that_the_repeat_was_refused() {
    // The first failure opens the only circuit: there is nobody to repeat it at.
    paused(async {
        let mut config = repeating(ONE);
        config.breaker.consecutive_failures = 1;
        let (client, transport) = client(config, [(MS, says(500, &[], ""))]);
        let error = get(&client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.detail().contains("500"), "{}", error.detail());
        assert!(error.maybe_processed());
        assert_eq!(transport.attempts(), 1);
    });
}

#[test]
fn a_repeat_is_told_what_time_is_left() {
    paused(async {
        let steps = [(30 * MS, down()), (MS, ok())];
        let (client, transport) = client(repeating(TWO), steps);
        ask(&client, &within(100 * MS), Request::get("/"))
            .await
            .unwrap();
        let asked = transport.asked.borrow();
        let left: Vec<_> = asked.iter().map(|asked| asked.remaining).collect();
        assert_eq!(left, [100 * MS, 70 * MS]);
    });
}

#[test]
fn attempts_that_never_end_are_repeated_until_the_deadline() {
    paused(async {
        let start = Instant::now();
        let (client, transport) = client_by(repeating(TWO), |_| (FOR_EVER, ok()));
        let error = get(&client).await.unwrap_err();
        assert_eq!(
            (error.kind(), start.elapsed()),
            (ErrorKind::Timeout, 2 * SECOND)
        );
        let times = transport.times(start);
        assert_eq!(times[..2], [Duration::ZERO, 800 * MS]);
        let dropped = transport.dropped.borrow();
        assert_eq!(dropped.len(), transport.attempts());
        assert_idle(&client);
    });
}
