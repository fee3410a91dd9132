//! A second attempt beside a slow one.

use super::*;

/// Hedges as they come, and nothing beside them.
fn hedging(endpoints: &[&str]) -> Config {
    Config {
        hedge: defaults(endpoints).hedge,
        ..config(endpoints)
    }
}

/// Until something is known of the upstream a hedge comes after a tenth of what an attempt may take.
const UNKNOWN: Duration = Duration::from_millis(80);

/// Makes the upstream known: answers that took 4 ms.
async fn warm(client: &Client) {
    for _ in 0..40 {
        get(client).await.unwrap();
    }
    sleep(SECOND).await;
}

#[test]
fn the_hedges_answer_wins_and_the_slow_attempt_is_dropped() {
    paused(async {
        let start = Instant::now();
        let steps = [(FOR_EVER, ok()), (5 * MS, says(200, &[], "2"))];
        let (client, transport) = client(hedging(TWO), steps);

        assert_eq!(*get(&client).await.unwrap().value, 2);

        let over = start + UNKNOWN + 5 * MS;
        assert_eq!(Instant::now(), over);
        assert_eq!(transport.times(start), [Duration::ZERO, UNKNOWN]);
        let asked = transport.endpoints();
        assert_ne!(asked[0], asked[1]);
        assert_eq!(*transport.dropped.borrow(), [(0, over)]);
        assert_idle(&client);
    });
}

#[test]
fn the_first_attempts_answer_wins_and_the_hedge_is_dropped() {
    paused(async {
        let start = Instant::now();
        let steps = [(UNKNOWN + 10 * MS, ok()), (FOR_EVER, ok())];
        let (client, transport) = client(hedging(TWO), steps);

        assert_eq!(*get(&client).await.unwrap().value, 1);

        let over = start + UNKNOWN + 10 * MS;
        assert_eq!(Instant::now(), over);
        assert_eq!(*transport.dropped.borrow(), [(1, over)]);
        assert_idle(&client);
    });
}

#[test]
fn who_answers_sooner_than_the_delay_has_no_hedge() {
    paused(async {
        let steps = [(UNKNOWN - MS, ok())];
        let (client, transport) = client(hedging(TWO), steps);
        get(&client).await.unwrap();
        assert_eq!(transport.attempts(), 1);
    });
}

#[test]
fn the_delay_is_the_ninety_ninth_percentile_and_ten_milliseconds_at_least() {
    for (usual, least, most) in [(4, 10, 10), (40, 40, 45), (200, 200, 225)] {
        paused(async {
            let mut calls = 0;
            let (client, transport) = client_by(hedging(TWO), move |_| {
                calls += 1;
                match calls {
                    ..=40 => (usual * MS, ok()),
                    41 => (FOR_EVER, ok()),
                    _ => (MS, ok()),
                }
            });
            // Concurrent pairs would do as well: both are known, and none is thought to be slow.
            let mut before = 0;
            while before < 40 {
                get(&client).await.unwrap();
                before = transport.attempts();
            }
            sleep(200 * MS).await;
            let start = Instant::now();
            get(&client).await.unwrap();
            let asked = transport.asked.borrow();
            let delay = asked[before + 1].at - start;
            // The bucket's end, at the timer's next whole millisecond.
            assert!(
                (least * MS..=(most + 1) * MS).contains(&delay),
                "{usual}: {delay:?}"
            );
        });
    }
}

#[test]
fn when_the_first_fails_the_hedges_answer_counts() {
    paused(async {
        let start = Instant::now();
        let steps = [(100 * MS, down()), (50 * MS, ok())];
        let (client, transport) = client(hedging(TWO), steps);
        assert_eq!(*get(&client).await.unwrap().value, 1);
        assert_eq!(start.elapsed(), UNKNOWN + 50 * MS);
        assert_eq!(transport.attempts(), 2);
        assert!(transport.dropped.borrow().is_empty());
    });
}

#[test]
fn when_the_hedge_fails_the_first_answer_counts_and_the_hedge_is_not_made_again() {
    paused(async {
        let start = Instant::now();
        let mut config = hedging(THREE);
        config.retry = defaults(THREE).retry;
        let steps = [(200 * MS, ok()), (MS, down())];
        let (client, transport) = client(config, steps);
        assert_eq!(*get(&client).await.unwrap().value, 1);
        assert_eq!(start.elapsed(), 200 * MS);
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn when_both_fail_the_repeat_goes_elsewhere_at_once() {
    for steps in [
        [(100 * MS, down()), (50 * MS, down())],
        [(130 * MS, down()), (5 * MS, down())],
    ] {
        paused(async {
            let start = Instant::now();
            let mut config = hedging(THREE);
            config.retry = defaults(THREE).retry;
            let steps = steps.into_iter().chain([(MS, ok())]);
            let (client, transport) = client(config, steps);
            assert_eq!(*get(&client).await.unwrap().value, 1);
            assert_eq!(
                transport.times(start),
                [Duration::ZERO, UNKNOWN, 130 * MS],
                "at once"
            );
            let mut asked = transport.endpoints();
            asked.sort_unstable();
            asked.dedup();
            assert_eq!(asked.len(), 3);
            assert_idle(&client);
        });
    }
}

#[test]
fn when_both_fail_and_nothing_may_be_repeated_the_call_ends() {
    paused(async {
        let steps = [(100 * MS, down()), (50 * MS, says(200, &[], "?"))];
        let (client, transport) = client(hedging(TWO), steps);
        let ended = kind_and_time(get(&client)).await;
        assert_eq!(ended, (ErrorKind::InvalidResponse, 130 * MS));
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn a_refusal_ends_the_call_though_the_other_attempt_goes_on() {
    for steps in [
        [(100 * MS, says(403, &[], "")), (FOR_EVER, ok())],
        [(FOR_EVER, ok()), (20 * MS, says(403, &[], ""))],
        [(100 * MS, says(404, &[], "")), (FOR_EVER, ok())],
    ] {
        paused(async {
            let (client, transport) = client(hedging(TWO), steps);
            let (_, took) = kind_and_time(get(&client)).await;
            assert_eq!(took, 100 * MS);
            assert_eq!(transport.dropped.borrow().len(), 1);
            assert_idle(&client);
        });
    }
}

#[test]
fn there_is_no_hedge_where_none_makes_sense() {
    let no_budget = |mut config: Config| {
        config.hedge.budget = NO_BUDGET;
        config
    };
    let disabled = |mut config: Config| {
        config.hedge.enabled = false;
        config
    };
    for (what, config, method) in [
        ("not done twice", hedging(TWO), Method::POST),
        ("one endpoint", hedging(ONE), Method::GET),
        ("disabled", disabled(hedging(TWO)), Method::GET),
        ("no budget", no_budget(hedging(TWO)), Method::GET),
    ] {
        paused(async {
            let start = Instant::now();
            let (client, transport) = client(config, [(500 * MS, ok())]);
            let request = Request::new(method, "/");
            ask(&client, &within(NEVER), request).await.unwrap();
            assert_eq!(start.elapsed(), 500 * MS, "{what}");
            assert_eq!(transport.attempts(), 1, "{what}");
            let report = serde_json::to_value(client.cluster.report()).unwrap();
            let attempts = report["endpoints"].as_array().unwrap().iter();
            let attempts: u64 = attempts.map(|one| one["attempts"].as_u64().unwrap()).sum();
            assert_eq!(attempts, 1, "{what}: nobody else was asked");
        });
    }
}

#[test]
fn there_is_no_hedge_where_the_other_endpoint_has_enough_to_do() {
    paused(async {
        let mut config = hedging(TWO);
        (config.limit.initial, config.limit.min, config.limit.max) = (2, 2, 2);
        let (client, transport) = client_by(config, |_| (500 * MS, ok()));
        // One each: half of what either takes.
        let calls = join_all([get(&client), get(&client)]).await;
        assert!(calls.iter().all(Result::is_ok));
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn who_has_enough_to_do_when_a_hedge_is_due_is_asked_when_it_has_less() {
    paused(async {
        let mut config = hedging(TWO);
        (config.limit.initial, config.limit.min, config.limit.max) = (2, 2, 2);
        let start = Instant::now();
        let steps = [
            (FOR_EVER, ok()),
            (100 * MS, ok()),
            (5 * MS, says(200, &[], "2")),
        ];
        let (client, transport) = client(config, steps);
        // One each: half of what either takes.
        let calls = join_all([get(&client), get(&client)]).await;
        assert_eq!(*calls[0].as_ref().unwrap().value, 2);
        // After the delay, and again after twice as long.
        assert_eq!(transport.times(start)[2], 3 * UNKNOWN);
        assert_eq!(start.elapsed(), 3 * UNKNOWN + 5 * MS);
        assert_idle(&client);
    });
}

#[test]
fn there_is_no_hedge_while_calls_wait_in_line() {
    paused(async {
        let mut config = hedging(TWO);
        (config.limit.initial, config.limit.min, config.limit.max) = (3, 3, 3);
        config.limit.queue_time = SECOND;
        let start = Instant::now();
        let (client, transport) = client_by(config, |_| (200 * MS, ok()));
        let calls = join_all((0..7).map(|_| get(&client))).await;
        assert!(calls.iter().all(Result::is_ok));
        let times = transport.times(start);
        let meanwhile = times.iter().filter(|at| **at < 200 * MS).count();
        assert_eq!(meanwhile, 6);
        assert_idle(&client);
    });
}

#[test]
fn a_black_hole_among_two_costs_a_few_calls_the_delay_and_then_nothing() {
    for hole in ["10.0.0.1", "10.0.0.2"] {
        paused(async {
            let (client, transport) = client_by(hedging(TWO), move |asked| {
                if asked.endpoint == hole {
                    (FOR_EVER, ok())
                } else {
                    (4 * MS, ok())
                }
            });
            let mut slow = 0;
            for _ in 0..200 {
                let start = Instant::now();
                get(&client).await.unwrap();
                let took = start.elapsed();
                assert!(took <= UNKNOWN + 4 * MS, "{took:?}");
                slow += usize::from(took > 4 * MS);
                sleep(5 * MS).await;
            }
            assert!(slow <= 3, "{slow} of 200 calls were slow");
            assert_eq!(transport.attempts(), 200 + slow);
            assert_idle(&client);
        });
    }
}

#[test]
fn a_black_hole_that_opens_later_costs_a_few_calls_ten_milliseconds() {
    paused(async {
        let start = Instant::now();
        let (client, _) = client_by(hedging(TWO), move |asked| {
            if asked.endpoint == "10.0.0.1" && asked.at - start > SECOND {
                (FOR_EVER, ok())
            } else {
                (4 * MS, ok())
            }
        });
        warm(&client).await;
        let mut slow = 0;
        for _ in 0..200 {
            let start = Instant::now();
            get(&client).await.unwrap();
            let took = start.elapsed();
            assert!(took <= 14 * MS, "{took:?}");
            slow += usize::from(took > 4 * MS);
        }
        assert!(slow <= 3, "{slow} of 200 calls were slow");
    });
}

#[test]
fn who_was_slow_is_asked_now_and_then_and_found_again_within_seconds() {
    paused(async {
        let start = Instant::now();
        let (client, transport) = client_by(hedging(TWO), move |asked| {
            let since = asked.at - start;
            let is_slow = asked.endpoint == "10.0.0.1" && since > SECOND && since <= 20 * SECOND;
            (if is_slow { 200 * MS } else { 4 * MS }, ok())
        });
        let mut worst = Duration::ZERO;
        while start.elapsed() < 30 * SECOND {
            let begun = Instant::now();
            get(&client).await.unwrap();
            worst = worst.max(begun.elapsed());
            sleep(MS).await;
        }
        assert!(worst <= 14 * MS, "{worst:?}");
        let asked = transport.asked.borrow();
        let share = |from: u32, until: u32| {
            let all = asked
                .iter()
                .filter(|asked| (from * SECOND..until * SECOND).contains(&(asked.at - start)));
            let all: Vec<_> = all.collect();
            let first = all.iter().filter(|asked| asked.endpoint == "10.0.0.1");
            100 * first.count() / all.len()
        };
        assert_eq!(share(2, 20), 0, "percent");
        assert!((40..=60).contains(&share(23, 30)), "{}", share(23, 30));
    });
}

#[test]
fn hedges_are_one_call_in_a_hundred_and_ten_a_second() {
    paused(async {
        let mut config = hedging(TWO);
        (config.limit.initial, config.limit.max) = (1000, 1000);
        config.max_in_flight = 10_000;
        // Everything is slow: a hedge helps nobody.
        let (client, transport) = client_by(config, |_| (300 * MS, ok()));
        for _ in 0..5 {
            let calls = join_all((0..400).map(|_| get(&client))).await;
            assert!(calls.iter().all(Result::is_ok));
        }
        let hedges = transport.attempts() - 2000;
        assert!((1..=100 + 20).contains(&hedges), "{hedges} hedges");
    });
}

#[test]
fn a_caller_that_leaves_takes_both_attempts_along() {
    paused(async {
        let (client, transport) = client_by(hedging(TWO), |_| (FOR_EVER, ok()));
        let outcome = tokio::time::timeout(100 * MS, get(&client)).await;
        assert!(outcome.is_err());
        assert_eq!(transport.attempts(), 2);
        assert_eq!(transport.dropped.borrow().len(), 2);
        assert_idle(&client);
    });
}
