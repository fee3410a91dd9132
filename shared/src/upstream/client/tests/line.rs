//! More callers than places: who waits, for how long, and who is refused.

use std::cell::RefCell;

use super::*;
use crate::upstream::resolve::Found;

/// A fixed limit of so many places at each endpoint.
fn limited(endpoints: &[&str], places: u32) -> Config {
    let mut config = config(endpoints);
    (config.limit.initial, config.limit.min, config.limit.max) = (places, places, places);
    config
}

/// Makes it known how long the upstream takes.
async fn warm(client: &Client) {
    for _ in 0..40 {
        get(client).await.unwrap();
    }
    // What was read of it before holds for a tenth of a second.
    sleep(SECOND).await;
}

#[test]
fn callers_get_their_places_in_the_sequence_they_came_in() {
    paused(async {
        let (client, transport) = client_by(limited(ONE, 3), |_| (5 * MS, ok()));
        let start = Instant::now();
        let over = RefCell::new(Vec::new());
        let calls = (0..15).map(async |number| {
            get(&client).await.unwrap();
            over.borrow_mut().push((number, start.elapsed()));
        });
        join_all(calls).await;

        let expected: Vec<_> = (0..15)
            .map(|number| (number, (number / 3 + 1) * 5 * MS))
            .collect();
        assert_eq!(over.into_inner(), expected);
        assert_eq!(transport.attempts(), 15);
        assert_idle(&client);
    });
}

#[test]
fn a_line_that_does_not_move_is_left_after_its_time() {
    paused(async {
        let (client, transport) = client_by(limited(ONE, 1), |_| (500 * MS, ok()));
        let (first, waiting) = futures_util::join!(
            get(&client),
            join_all((0..5).map(|_| kind_and_time(get(&client))))
        );
        assert!(first.is_ok());
        let refused = (ErrorKind::Overloaded, 30 * MS);
        assert!(waiting.iter().all(|ended| *ended == refused), "{waiting:?}");
        assert_eq!(transport.attempts(), 1);
        assert_idle(&client);
    });
}

#[test]
fn who_would_wait_too_long_is_refused_at_once() {
    paused(async {
        let (client, transport) = client_by(limited(ONE, 1), |_| (10 * MS, ok()));
        warm(&client).await;
        let start = Instant::now();

        let calls = join_all((0..20).map(async |_| {
            let outcome = get(&client).await;
            (outcome, start.elapsed())
        }))
        .await;

        let (answered, refused): (Vec<_>, Vec<_>) = calls.iter().partition(|call| call.0.is_ok());
        // One is asked at once. Another has its turn in 10 ms, the next would in 20: more than half of 30.
        let times: Vec<_> = answered.iter().map(|call| call.1).collect();
        assert_eq!(times, [10 * MS, 20 * MS]);
        for (outcome, took) in refused {
            let error = outcome.as_ref().unwrap_err();
            assert_eq!(
                (error.kind(), *took),
                (ErrorKind::Overloaded, Duration::ZERO)
            );
            assert!(!error.maybe_processed());
        }
        assert_eq!(transport.attempts(), 42);
        assert_idle(&client);
    });
}

#[test]
fn who_would_wait_past_its_deadline_is_refused_at_once() {
    paused(async {
        let (client, transport) = client_by(limited(ONE, 1), |_| (10 * MS, ok()));
        warm(&client).await;
        let (first, hurried) = futures_util::join!(get(&client), async {
            let context = within(15 * MS);
            kind_and_time(ask(&client, &context, Request::get("/"))).await
        });
        assert!(first.is_ok());
        assert_eq!(hurried, (ErrorKind::Overloaded, Duration::ZERO));
        assert_eq!(transport.attempts(), 41);
    });
}

#[test]
fn whose_turn_comes_in_the_moment_of_its_deadline_is_not_asked_for() {
    paused(async {
        let (client, transport) = client_by(limited(ONE, 1), |_| (20 * MS, ok()));
        let (first, hurried) = futures_util::join!(get(&client), async {
            let context = within(20 * MS);
            kind_and_time(ask(&client, &context, Request::get("/"))).await
        });
        assert!(first.is_ok());
        assert_eq!(hurried, (ErrorKind::Overloaded, 20 * MS));
        assert_eq!(transport.attempts(), 1);
        assert_idle(&client);
    });
}

#[test]
fn a_full_line_takes_nobody() {
    paused(async {
        let mut config = limited(ONE, 1);
        config.limit.queue_length = 2;
        let (client, _) = client_by(config, |_| (5 * MS, ok()));
        let calls = join_all((0..5).map(|_| get(&client))).await;
        let answered: Vec<_> = calls.iter().map(Result::is_ok).collect();
        assert_eq!(answered, [true, true, true, false, false]);
    });
}

#[test]
fn with_no_line_at_all_who_finds_no_place_is_refused_at_once() {
    paused(async {
        let mut config = limited(ONE, 1);
        config.limit.queue_length = 0;
        let (client, _) = client_by(config, |_| (5 * MS, ok()));
        let (first, second) = futures_util::join!(get(&client), kind_and_time(get(&client)));
        assert!(first.is_ok());
        assert_eq!(second, (ErrorKind::Overloaded, Duration::ZERO));
    });
}

#[test]
fn who_leaves_the_line_holds_nobody_up() {
    paused(async {
        let (client, transport) = client_by(limited(ONE, 1), |_| (10 * MS, ok()));
        let start = Instant::now();
        let context = within(NEVER);
        let request = || Request::get("/");
        let mut first = Box::pin(ask(&client, &context, request()));
        let mut second = Box::pin(ask(&client, &context, request()));
        let mut third = Box::pin(ask(&client, &context, request()));
        for call in [&mut first, &mut second, &mut third] {
            assert!(futures_util::poll!(call).is_pending());
        }
        drop(second);
        let (first, third) = futures_util::join!(first, third);
        assert_eq!((first, third), (Ok(1), Ok(1)));
        assert_eq!(transport.times(start), [Duration::ZERO, 10 * MS]);
        assert_idle(&client);
    });
}

#[test]
fn who_leaves_in_the_moment_it_is_called_passes_the_word_on() {
    paused(async {
        let (client, transport) = client_by(limited(ONE, 1), |_| (10 * MS, ok()));
        let start = Instant::now();
        let context = within(NEVER);
        let request = || Request::get("/");
        let mut first = Box::pin(ask(&client, &context, request()));
        let mut second = Box::pin(ask(&client, &context, request()));
        let mut third = Box::pin(ask(&client, &context, request()));
        for call in [&mut first, &mut second, &mut third] {
            assert!(futures_util::poll!(call).is_pending());
        }
        assert_eq!(first.await, Ok(1));
        // The second has its word and has not looked yet.
        drop(second);
        assert_eq!(third.await, Ok(1));
        assert_eq!(transport.times(start), [Duration::ZERO, 10 * MS]);
        assert_idle(&client);
    });
}

#[test]
fn a_caller_that_is_asked_for_and_leaves_frees_its_place_for_the_first_in_line() {
    paused(async {
        let (client, transport) = client_by(limited(ONE, 1), |_| (FOR_EVER, ok()));
        let context = within(NEVER);
        let mut first = Box::pin(ask(&client, &context, Request::get("/")));
        let mut second = Box::pin(ask(&client, &context, Request::get("/")));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        assert_eq!(transport.attempts(), 1);
        drop(first);
        assert!(futures_util::poll!(&mut second).is_pending());
        assert_eq!(transport.attempts(), 2);
        drop(second);
        assert_idle(&client);
    });
}

#[test]
fn whoever_comes_later_does_not_pass_those_in_line() {
    paused(async {
        let (client, transport) = client_by(limited(ONE, 1), |_| (10 * MS, ok()));
        let context = within(NEVER);
        let named = |name: &str| Request::get(format!("/{name}"));
        let mut first = Box::pin(ask(&client, &context, named("first")));
        let mut second = Box::pin(ask(&client, &context, named("second")));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        assert_eq!(first.await, Ok(1));
        // A place is free, and it is not for this one.
        let (third, second) = futures_util::join!(ask(&client, &context, named("third")), second);
        assert_eq!((second, third), (Ok(1), Ok(1)));
        let asked = transport.asked.borrow();
        let targets: Vec<_> = asked.iter().map(|asked| &*asked.target).collect();
        assert_eq!(targets, ["/first", "/second", "/third"]);
    });
}

#[test]
fn calls_go_where_there_is_a_place() {
    paused(async {
        let (client, transport) = client_by(limited(TWO, 2), |_| (5 * MS, ok()));
        let start = Instant::now();
        let calls = join_all((0..4).map(|_| get(&client))).await;
        assert!(calls.iter().all(Result::is_ok));
        assert_eq!(start.elapsed(), 5 * MS, "nobody waited");
        let mut asked = transport.endpoints();
        asked.sort_unstable();
        assert_eq!(asked, ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"]);
    });
}

#[test]
fn who_waits_to_ask_elsewhere_holds_nobody_up() {
    paused(async {
        let mut config = limited(TWO, 2);
        config.retry = defaults(TWO).retry;
        let mut failed = false;
        let (client, transport) = client_by(config, move |asked| match &*asked.target {
            "/fails" if !std::mem::replace(&mut failed, true) => (MS, down()),
            _ if asked.endpoint == "10.0.0.1" => (5 * MS, ok()),
            _ => (500 * MS, ok()),
        });
        let context = within(NEVER);
        let mut calls: Vec<_> = (0..4).map(|_| Box::pin(get(&client))).collect();
        for call in &mut calls {
            assert!(futures_util::poll!(call).is_pending());
        }
        sleep(10 * MS).await;
        for call in &mut calls {
            _ = futures_util::poll!(call);
        }
        // One endpoint is free now, and the other one is full for half a second.
        let fails = ask(&client, &context, Request::get("/fails"));
        let others = async {
            sleep(MS).await;
            let start = Instant::now();
            let others = join_all((0..10).map(|_| get(&client))).await;
            assert!(others.iter().all(Result::is_ok), "{others:?}");
            start.elapsed()
        };
        let (fails, took) = futures_util::join!(fails, others);
        assert_eq!(fails, Ok(1));
        assert!(took <= 31 * MS, "{took:?}");
        assert_eq!(transport.attempts(), 4 + 2 + 10);
    });
}

#[test]
fn an_endpoint_whose_limit_was_in_the_way_for_a_minute_is_rested_to_learn_what_it_takes() {
    paused(async {
        let mut config = limited(ONE, 4);
        config.limit.min = 1;
        config.limit.queue_time = SECOND;
        let (client, _) = client_by(config, |_| (50 * MS, ok()));
        let start = Instant::now();
        let mut least_busy = usize::MAX;
        let caller = async || {
            while start.elapsed() < 70 * SECOND {
                get(&client).await.unwrap();
            }
        };
        let watch = async {
            sleep(SECOND).await;
            while start.elapsed() < 69 * SECOND {
                let report = serde_json::to_value(client.cluster.report()).unwrap();
                let in_flight = report["endpoints"][0]["inFlight"].as_u64().unwrap();
                least_busy = least_busy.min(usize::try_from(in_flight).unwrap());
                sleep(10 * MS).await;
            }
        };
        futures_util::join!(join_all((0..6).map(|_| caller())), watch);
        assert!(least_busy <= 1, "never fewer than {least_busy} in flight");
    });
}

#[test]
fn what_can_be_done_without_is_not_asked_when_it_would_come_too_late() {
    for cached in [false, true] {
        paused(async {
            let mut config = config(ONE);
            if cached {
                config.cache = defaults(ONE).cache;
            }
            let (client, transport) = client_by(config, |_| (20 * MS, ok()));
            let ask = async |target: &str, context: Context| {
                let start = Instant::now();
                let outcome = ask(&client, &context, Request::get(target)).await;
                (outcome, start.elapsed())
            };
            for number in 0..40 {
                let known = ask(&format!("/{number}"), within(NEVER).optional()).await;
                assert!(known.0.is_ok(), "while nothing is known it is asked");
            }
            sleep(SECOND).await;

            let (outcome, took) = ask("/a", within(15 * MS).optional()).await;
            let error = outcome.unwrap_err();
            assert_eq!((error.kind(), took), (ErrorKind::Timeout, Duration::ZERO));
            assert!(error.detail().contains("not asked"), "{}", error.detail());
            assert!(!error.maybe_processed());
            settle().await;
            assert_eq!(transport.attempts(), 40);

            let (outcome, _) = ask("/b", within(30 * MS).optional()).await;
            assert_eq!(outcome, Ok(1), "there is time enough");

            let (outcome, took) = ask("/c", within(15 * MS)).await;
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
            assert_eq!(took, 15 * MS, "what is required is asked all the same");
            assert_eq!(transport.attempts(), 42);
        });
    }
}

#[test]
fn an_optional_caller_shares_a_call_that_is_under_way_whatever_time_it_has() {
    paused(async {
        let mut config = config(ONE);
        config.cache = defaults(ONE).cache;
        let (client, transport) = client_by(config, |_| (20 * MS, ok()));
        for number in 0..40 {
            let request = Request::get(format!("/{number}"));
            ask(&client, &within(NEVER), request).await.unwrap();
        }
        sleep(SECOND).await;
        let (first, second) = futures_util::join!(get(&client), async {
            sleep(15 * MS).await;
            ask(&client, &within(10 * MS).optional(), Request::get("/")).await
        });
        assert!(first.is_ok());
        assert_eq!(second, Ok(1));
        assert_eq!(transport.attempts(), 41);
    });
}

/// A client of a name that nobody has looked up yet, with one place, and what is found for it.
fn unresolved(queue_length: u32) -> (Client, Rc<Scripted>, Found) {
    let mut config = limited(&["http://service.invalid"], 1);
    config.limit.queue_length = queue_length;
    let (client, transport) = client_by(config, |_| (10 * MS, ok()));
    let found = Found {
        address: "10.0.0.1:80".parse().unwrap(),
        authority: "service.invalid".into(),
        priority: 0,
        weight: 1,
    };
    (client, transport, found)
}

#[test]
fn all_who_waited_for_a_name_find_their_places_in_line_behind_it() {
    paused(async {
        let (client, transport, found) = unresolved(10);
        let start = Instant::now();
        let ((), answers) = futures_util::join!(
            async {
                settle().await;
                client.cluster.update(&[found]);
            },
            join_all((0..3).map(async |_| get(&client).await.map(|answer| *answer.value)))
        );
        assert_eq!(answers, [Ok(1), Ok(1), Ok(1)]);
        assert_eq!(transport.times(start), [Duration::ZERO, 10 * MS, 20 * MS]);
        assert_idle(&client);
    });
}

#[test]
fn who_waited_for_a_name_and_finds_no_place_is_told_so() {
    paused(async {
        let (client, _, found) = unresolved(0);
        let ((), first, second) = futures_util::join!(
            async {
                settle().await;
                client.cluster.update(&[found]);
            },
            get(&client),
            kind_and_time(get(&client))
        );
        assert!(first.is_ok());
        assert_eq!(second, (ErrorKind::Overloaded, Duration::ZERO));
    });
}

#[test]
fn whose_name_is_found_in_the_moment_of_its_deadline_is_not_asked_for() {
    paused(async {
        let (client, transport, found) = unresolved(10);
        let context = within(20 * MS);
        let ((), hurried) = futures_util::join!(
            async {
                sleep(20 * MS).await;
                client.cluster.update(&[found]);
            },
            kind_and_time(ask(&client, &context, Request::get("/")))
        );
        assert_eq!(hurried, (ErrorKind::Timeout, 20 * MS));
        assert_eq!(transport.attempts(), 0);
        assert_idle(&client);
    });
}
