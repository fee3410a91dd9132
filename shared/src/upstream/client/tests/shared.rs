//! Callers of the same thing at the same time share one call.

use std::cell::Cell;

use super::cache::caching as sharing;
use super::*;
#[test]
fn whoever_comes_while_a_call_is_under_way_shares_it() {
    paused(async {
        let (client, transport) = client(sharing(ONE), [(50 * MS, ok())]);
        let start = Instant::now();
        let calls = (0..10).map(async |number| {
            sleep(number * 5 * MS).await;
            get(&client).await.unwrap()
        });
        let answers = join_all(calls).await;
        assert_eq!(start.elapsed(), 50 * MS);
        let collapsed: Vec<_> = answers
            .iter()
            .map(|answer| answer.cache.collapsed)
            .collect();
        assert!(!collapsed[0]);
        assert!(collapsed[1..].iter().all(|collapsed| *collapsed));
        assert!(
            answers
                .iter()
                .all(|answer| Arc::ptr_eq(&answer.value, &answers[0].value))
        );
        assert_eq!(transport.attempts(), 1);
        assert_idle(&client);
    });
}

#[test]
fn whoever_comes_after_it_asks_anew() {
    paused(async {
        let (client, transport) = client(sharing(ONE), [(MS, ok()), (MS, ok())]);
        get(&client).await.unwrap();
        get(&client).await.unwrap();
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn without_a_cache_nobody_shares() {
    paused(async {
        let (client, transport) = client_by(config(ONE), |_| (MS, ok()));
        let answers = futures_util::join!(get(&client), get(&client));
        assert!(!answers.0.unwrap().cache.collapsed && !answers.1.unwrap().cache.collapsed);
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn the_first_caller_may_leave_without_the_others() {
    paused(async {
        let (client, transport) = client(sharing(ONE), [(50 * MS, ok())]);
        let context = within(NEVER);
        let mut first = Box::pin(ask(&client, &context, Request::get("/")));
        let mut second = Box::pin(ask(&client, &context, Request::get("/")));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        sleep(10 * MS).await;
        drop(first);
        assert_eq!(second.await, Ok(1));
        assert_eq!(transport.attempts(), 1);
        assert!(transport.dropped.borrow().is_empty());
        assert_idle(&client);
    });
}

#[test]
fn with_the_last_caller_the_call_ends() {
    paused(async {
        let steps = [(FOR_EVER, ok()), (MS, ok())];
        let (client, transport) = client(sharing(ONE), steps);
        let context = within(NEVER);
        let mut first = Box::pin(ask(&client, &context, Request::get("/")));
        let mut second = Box::pin(ask(&client, &context, Request::get("/")));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        settle().await;
        drop(first);
        settle().await;
        assert!(transport.dropped.borrow().is_empty());
        drop(second);
        settle().await;
        assert_eq!(*transport.dropped.borrow(), [(0, Instant::now())]);
        assert_idle(&client);

        // The next one has a call of its own, even without time for the old one to end.
        let mut third = Box::pin(ask(&client, &context, Request::get("/")));
        assert!(futures_util::poll!(&mut third).is_pending());
        assert_eq!(third.await, Ok(1));
    });
}

#[test]
fn whoever_comes_in_the_moment_in_which_the_last_one_leaves_has_a_call_of_its_own() {
    paused(async {
        let steps = [(FOR_EVER, ok()), (MS, ok())];
        let (client, transport) = client(sharing(ONE), steps);
        let context = within(NEVER);
        let mut first = Box::pin(ask(&client, &context, Request::get("/")));
        assert!(futures_util::poll!(&mut first).is_pending());
        settle().await;
        drop(first);
        assert_eq!(ask(&client, &context, Request::get("/")).await, Ok(1));
        assert_eq!(transport.attempts(), 2);
        assert_idle(&client);
    });
}

#[test]
fn a_call_nobody_waits_for_any_more_is_never_made() {
    paused(async {
        let (client, transport) = client(sharing(ONE), []);
        let context = within(NEVER);
        let mut first = Box::pin(ask(&client, &context, Request::get("/")));
        assert!(futures_util::poll!(&mut first).is_pending());
        drop(first);
        settle().await;
        assert_eq!(transport.attempts(), 0);
        assert_idle(&client);
    });
}

#[test]
fn each_waits_as_long_as_it_may_and_no_longer() {
    paused(async {
        let (client, transport) = client(sharing(ONE), [(50 * MS, ok())]);
        let wait = |allowed: u32| {
            let (client, context) = (&client, within(allowed * MS));
            async move {
                let start = Instant::now();
                let outcome = ask(client, &context, Request::get("/")).await;
                (outcome.map_err(|error| error.kind()), start.elapsed())
            }
        };
        let ends = join_all([10, 20, 100, 49].map(wait)).await;
        let late = |after: u32| (Err(ErrorKind::Timeout), after * MS);
        assert_eq!(ends, [late(10), late(20), (Ok(1), 50 * MS), late(49)]);
        assert_eq!(transport.attempts(), 1);
        assert_idle(&client);
    });
}

#[test]
fn a_shared_call_has_the_upstreams_time_whatever_its_first_caller_has() {
    paused(async {
        let stale = Err(TransportError::StaleConnection);
        let (client, transport) = client(sharing(ONE), [(60 * MS, stale), (MS, ok())]);
        let hurried = within(50 * MS);
        let (first, second) =
            futures_util::join!(ask(&client, &hurried, Request::get("/")), get(&client));
        assert_eq!(first.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(*second.unwrap().value, 1);
        let asked = transport.asked.borrow();
        let told: Vec<_> = asked.iter().map(|asked| asked.remaining).collect();
        assert_eq!(told, [50 * MS, 1940 * MS]);
    });
}

#[test]
fn a_failure_is_shared() {
    for (outcome, kind) in [
        (down(), ErrorKind::Unavailable),
        (says(404, &[], ""), ErrorKind::NotFound),
        (says(200, &[], "?"), ErrorKind::InvalidResponse),
    ] {
        paused(async {
            let (client, transport) = client(sharing(ONE), [(5 * MS, outcome)]);
            let outcomes = join_all((0..10).map(|_| get(&client))).await;
            for outcome in outcomes {
                assert_eq!(outcome.unwrap_err().kind(), kind);
            }
            assert_eq!(transport.attempts(), 1);
            assert_idle(&client);
        });
    }
}

#[test]
fn a_decoder_that_panics_is_no_answer_for_others_and_lets_nobody_hang() {
    paused(async {
        let (client, transport) = client_by(sharing(ONE), |_| (5 * MS, ok()));
        let panicked = Rc::new(Cell::new(0));
        let context = within(NEVER);
        let counter = Rc::clone(&panicked);
        let faulty = client.call(&context, Request::get("/"), move |_| -> Result<u8, _> {
            counter.set(counter.get() + 1);
            panic!("on purpose")
        });
        let (faulty, well, other) = futures_util::join!(
            AssertUnwindSafe(faulty).catch_unwind(),
            get(&client),
            get(&client)
        );
        assert!(faulty.is_err(), "its own caller has the panic");
        assert_eq!((*well.unwrap().value, *other.unwrap().value), (1, 1));
        assert_eq!((panicked.get(), transport.attempts()), (2, 4));
        assert_idle(&client);
        assert_eq!(*get(&client).await.unwrap().value, 1);
    });
}

#[test]
fn other_targets_are_other_calls() {
    paused(async {
        let (client, transport) = client_by(sharing(ONE), |_| (5 * MS, ok()));
        let context = within(NEVER);
        let ask = |target: &str| ask(&client, &context, Request::get(target));
        let answers = futures_util::join!(ask("/a"), ask("/b"), ask("/a?"), ask("/a"));
        assert_eq!(answers, (Ok(1), Ok(1), Ok(1), Ok(1)));
        assert_eq!(transport.attempts(), 3);
    });
}

#[test]
fn a_shared_call_is_repeated_and_hedged_as_any() {
    paused(async {
        let steps = [(MS, down()), (FOR_EVER, ok()), (MS, ok())];
        let (client, transport) = client(defaults(THREE), steps);
        let start = Instant::now();
        let outcomes = join_all((0..10).map(|_| get(&client))).await;
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(transport.times(start), [Duration::ZERO, MS, 81 * MS]);
        assert_eq!(start.elapsed(), 82 * MS);
        assert_idle(&client);
    });
}
