//! Endpoints that fail again and again, as their callers see them.

use super::*;

/// Fails until that time, then answers.
fn down_until(end: Duration) -> impl FnMut(&Asked) -> Step {
    let start = Instant::now();
    move |asked| (MS, if asked.at - start < end { down() } else { ok() })
}

async fn fail(client: &Client, times: usize) {
    for _ in 0..times {
        let error = get(client).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}

#[test]
fn after_five_failures_in_a_row_nobody_is_asked() {
    paused(async {
        let (client, transport) = client_by(config(ONE), down_until(NEVER));
        fail(&client, 5).await;

        let start = Instant::now();
        let error = get(&client).await.unwrap_err();

        assert_eq!(
            (error.kind(), start.elapsed()),
            (ErrorKind::CircuitOpen, Duration::ZERO)
        );
        let left = error.retry_after().unwrap();
        assert!((800 * MS..=SECOND).contains(&left), "{left:?}");
        assert!(!error.maybe_processed());
        assert_eq!(transport.attempts(), 5);
        sleep(300 * MS).await;
        let later = get(&client).await.unwrap_err().retry_after().unwrap();
        assert!(
            left - later >= 300 * MS && left - later < 302 * MS,
            "{left:?} {later:?}"
        );
        assert_idle(&client);
    });
}

#[test]
fn one_call_tries_it_again_after_a_second_and_closes_it() {
    paused(async {
        let (client, transport) = client_by(config(ONE), down_until(SECOND / 2));
        fail(&client, 5).await;
        sleep(SECOND).await;

        let outcomes = join_all((0..10).map(|_| get(&client))).await;

        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        assert!(
            refused
                .map(Error::kind)
                .all(|kind| kind == ErrorKind::CircuitOpen)
        );
        assert_eq!(transport.attempts(), 6);
        let outcomes = join_all((0..10).map(|_| get(&client))).await;
        assert!(outcomes.iter().all(Result::is_ok), "closed again");
    });
}

#[test]
fn a_probe_that_fails_leaves_it_alone_for_twice_as_long() {
    paused(async {
        let (client, transport) = client_by(config(ONE), down_until(NEVER));
        fail(&client, 5).await;
        sleep(SECOND).await;
        fail(&client, 1).await;
        let left = get(&client).await.unwrap_err().retry_after().unwrap();
        assert!((1600 * MS..=2 * SECOND).contains(&left), "{left:?}");
        assert_eq!(transport.attempts(), 6);
    });
}

#[test]
fn a_probe_that_fails_costs_its_caller_nothing_while_another_endpoint_is_well() {
    paused(async {
        let mut config = config(TWO);
        config.retry = defaults(TWO).retry;
        // Else it is asked too seldom to fail five times.
        config.breaker.consecutive_failures = 1;
        let (client, transport) = client_by(config, |asked| {
            let broken = asked.endpoint == "10.0.0.1";
            (MS, if broken { down() } else { ok() })
        });
        let start = Instant::now();
        let mut slowest = Duration::ZERO;
        while start.elapsed() < 60 * SECOND {
            let begun = Instant::now();
            get(&client).await.unwrap();
            slowest = slowest.max(begun.elapsed());
            sleep(20 * MS).await;
        }
        assert!(slowest <= 2 * MS, "{slowest:?}");
        let asked = transport.endpoints();
        let broken = asked.iter().filter(|name| *name == "10.0.0.1").count();
        assert!((5..20).contains(&broken), "{broken} of {}", asked.len());
    });
}

#[test]
fn a_probe_that_hangs_costs_its_caller_the_hedges_delay_and_nobody_else_anything() {
    paused(async {
        let mut config = defaults(TWO);
        config.cache.max_bytes = 0;
        config.breaker.consecutive_failures = 1;
        let start = Instant::now();
        let (client, _) = client_by(config, move |asked| match asked.at - start {
            passed if asked.endpoint != "10.0.0.1" || passed > 60 * SECOND => (4 * MS, ok()),
            passed if passed < SECOND => (MS, down()),
            _ => (FOR_EVER, ok()),
        });
        for _ in 0..200 {
            get(&client).await.unwrap();
        }
        assert_eq!(breaker_of(&client, 0), "open");
        let mut slow = 0;
        while start.elapsed() < 30 * SECOND {
            let begun = Instant::now();
            get(&client).await.unwrap();
            let took = begun.elapsed();
            assert!(took <= 14 * MS, "{took:?}");
            slow += usize::from(took > 4 * MS);
            sleep(10 * MS).await;
        }
        assert!(slow <= 6, "{slow} slow calls");
        assert_idle(&client);
    });
}

#[test]
fn a_probe_whose_caller_leaves_gives_the_next_one_its_turn() {
    paused(async {
        let mut calls = 0;
        let (client, transport) = client_by(config(ONE), move |_| {
            calls += 1;
            match calls {
                ..=5 => (MS, down()),
                6 => (FOR_EVER, ok()),
                _ => (MS, ok()),
            }
        });
        fail(&client, 5).await;
        sleep(SECOND).await;

        let context = within(NEVER);
        let mut probe = Box::pin(ask(&client, &context, Request::get("/")));
        assert!(futures_util::poll!(&mut probe).is_pending());
        let other = get(&client).await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::CircuitOpen);
        drop(probe);

        assert_eq!(*get(&client).await.unwrap().value, 1);
        assert_eq!(transport.attempts(), 7);
        assert_eq!(breaker_of(&client, 0), "closed");
    });
}

#[test]
fn a_decoder_that_panics_in_a_probe_gives_the_next_one_its_turn() {
    paused(async {
        let (client, _) = client_by(config(ONE), down_until(SECOND / 2));
        fail(&client, 5).await;
        sleep(SECOND).await;
        let context = within(NEVER);
        let call = client.call(&context, Request::get("/"), |_| -> Result<u8, _> {
            panic!("on purpose")
        });
        assert!(AssertUnwindSafe(call).catch_unwind().await.is_err());
        assert_idle(&client);
        assert_eq!(*get(&client).await.unwrap().value, 1);
    });
}

#[test]
fn what_says_nothing_of_the_service_opens_no_circuit() {
    for outcome in [
        says(404, &[], ""),
        says(400, &[], ""),
        Err(TransportError::StaleConnection),
    ] {
        paused(async {
            let (client, transport) = client_by(config(ONE), move |_| (MS, outcome.clone()));
            for _ in 0..50 {
                get(&client).await.unwrap_err();
            }
            assert!(transport.attempts() >= 50);
            assert_eq!(breaker_of(&client, 0), "closed");
        });
    }
}

#[test]
fn callers_in_a_hurry_and_callers_who_leave_open_no_circuit() {
    paused(async {
        let (client, transport) = client_by(config(ONE), |_| (FOR_EVER, ok()));
        for _ in 0..20 {
            let context = within(50 * MS);
            let hurried = ask(&client, &context, Request::get("/")).await;
            assert_eq!(hurried.unwrap_err().kind(), ErrorKind::Timeout);
            assert!(tokio::time::timeout(50 * MS, get(&client)).await.is_err());
        }
        assert_eq!(transport.attempts(), 40);
        assert_eq!(breaker_of(&client, 0), "closed");
    });
}

/// Asks two endpoints, the first of which loses one connection after a second; how many of the calls between then and
/// a second later, and of those in the second after that, came to it.
fn asked_after_a_lost_connection(connect: Connect) -> [usize; 2] {
    paused(async move {
        let mut config = config(TWO);
        config.retry = defaults(TWO).retry;
        let start = Instant::now();
        let mut lost = None;
        let script = Scripted::by(move |asked| {
            if asked.endpoint == "10.0.0.1" && asked.at - start >= SECOND && lost.is_none() {
                lost = Some(asked.at);
                return (MS, Err(TransportError::Disconnected("reset".to_owned())));
            }
            (4 * MS, ok())
        });
        let (client, transport) = connecting(config, script, connect);
        while start.elapsed() < 4 * SECOND {
            get(&client).await.unwrap();
        }
        let asked = transport.asked.borrow();
        let lost_at = asked
            .iter()
            .find(|asked| asked.endpoint == "10.0.0.1" && asked.at - start >= SECOND);
        let lost_at = lost_at.unwrap().at;
        [0, 1].map(|second| {
            let from = lost_at + second * (SECOND + 10 * MS);
            let first = asked.iter().filter(|asked| {
                asked.endpoint == "10.0.0.1" && asked.at > from && asked.at <= from + SECOND
            });
            first.count()
        })
    })
}

#[test]
fn who_lost_a_connection_has_its_share_again_once_one_can_be_made() {
    let [before, after] = asked_after_a_lost_connection(|_| Box::pin(async { Ok(()) }));
    assert_eq!(before, 0, "told apart until then");
    assert!((80..=170).contains(&after), "{after} of 250");
}

#[test]
fn who_lost_a_connection_and_cannot_be_connected_to_is_not_asked() {
    let refused = |_| async { Err(std::io::ErrorKind::ConnectionRefused.into()) }.boxed();
    assert_eq!(asked_after_a_lost_connection(refused), [0, 0]);
}
