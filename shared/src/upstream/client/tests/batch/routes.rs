//! A service that has no route for batches is asked for each thing alone.

use std::cell::Cell;

use super::*;

/// A service with single things alone; to a batch it says `status`.
fn without_batches(
    config: Config,
    status: u16,
    mut single: impl FnMut(u32) -> Step + 'static,
) -> (Client, Rc<Scripted>) {
    client_by(config, move |asked| match Question::of(asked) {
        Question::One(key) => single(key),
        Question::Many(_) => (MS, says(status, &[], "")),
    })
}

fn there(key: u32) -> Step {
    (10 * MS, with(&[], thing(key, 0)))
}

fn batches(transport: &Scripted) -> usize {
    let is_batch = |question: &Question| matches!(question, Question::Many(_));
    questions(transport).into_iter().filter(is_batch).count()
}

#[test]
fn each_is_asked_for_alone_once_where_there_is_no_such_route() {
    for status in [404, 405, 501] {
        for config in [caching(ONE), config(ONE)] {
            paused(async {
                let (client, transport) = without_batches(config, status, there);
                let answers = many(&client, &[1, 2, 3, 2]).await;
                assert_eq!(outcomes(&answers), all([1, 2, 3], 0), "{status}");
                let expected = [
                    Question::Many(vec![1, 2, 3]),
                    Question::One(1),
                    Question::One(2),
                    Question::One(3),
                ];
                assert_eq!(questions(&transport), expected);
                assert_idle(&client);
            });
        }
    }
}

#[test]
fn at_most_sixteen_are_asked_for_at_once() {
    for config in [caching(ONE), config(ONE)] {
        for number in [16, 17, 40, 150] {
            paused(async {
                let mut config = config.clone();
                config.limit.initial = 1000;
                config.limit.max = 1000;
                let (client, transport) = without_batches(config, 404, there);
                // What is not known the first time is found out at once.
                many(&client, &[1000]).await;
                let before = transport.attempts();
                let start = Instant::now();
                let keys: Vec<_> = (0..number).collect();
                assert_eq!(outcomes(&many(&client, &keys).await), all(0..number, 0));
                let times = &transport.times(start)[before..];
                assert_eq!(times.len(), keys.len());
                for (place, time) in (0..).zip(times) {
                    assert_eq!(*time, place / 16 * 10 * MS, "{number}");
                }
            });
        }
    }
}

#[test]
fn that_there_is_none_is_remembered_for_a_minute() {
    paused(async {
        let (client, transport) = without_batches(caching(ONE), 405, there);
        let start = Instant::now();
        many(&client, &[1, 2]).await;
        assert_eq!(batches(&transport), 1);
        while start.elapsed() < 59 * SECOND {
            many(&client, &[1, 2]).await;
            sleep(SECOND).await;
        }
        assert_eq!(batches(&transport), 1);
        sleep(2 * SECOND).await;
        many(&client, &[1, 2]).await;
        assert_eq!(batches(&transport), 2);
        many(&client, &[1, 2]).await;
        assert_eq!(batches(&transport), 2, "and for another minute");
    });
}

#[test]
fn a_service_that_has_learnt_it_is_asked_for_batches_again() {
    paused(async {
        let has_learnt = Rc::new(Cell::new(false));
        let learnt = Rc::clone(&has_learnt);
        let (client, transport) = client_by(caching(ONE), move |asked| {
            let question = Question::of(asked);
            let is_known = learnt.get() || matches!(question, Question::One(_));
            let well = with(&[], question.answered(0));
            (MS, if is_known { well } else { says(404, &[], "") })
        });
        many(&client, &[1, 2]).await;
        has_learnt.set(true);
        sleep(61 * SECOND).await;
        let before = transport.attempts();
        assert_eq!(outcomes(&many(&client, &[1, 2]).await), all([1, 2], 0));
        assert_eq!(
            questions(&transport)[before..],
            [Question::Many(vec![1, 2])]
        );
    });
}

#[test]
fn other_kinds_of_thing_have_a_route_of_their_own() {
    struct Others;
    impl Batch for Others {
        type Key = u32;
        type Value = u32;
        fn one(key: u32) -> Request {
            Request::get(format!("/others/{key}"))
        }
        fn many(_: &[u32]) -> Request {
            Request::get("/others")
        }
        fn read(json: &[u8]) -> Result<(u32, u32), Undecodable> {
            let number = Undecodable::or_read(json)?;
            Ok((number, number))
        }
    }
    paused(async {
        let (client, _) = client_by(caching(ONE), |asked| {
            if asked.target == "/others" {
                return (MS, with(&[], r#"{"items":[1,2]}"#.to_owned()));
            }
            match Question::of(asked) {
                Question::One(key) => there(key),
                Question::Many(_) => (MS, says(404, &[], "")),
            }
        });
        many(&client, &[1, 2]).await;
        let answers = client.batch::<Others>(&within(NEVER), &[1, 2]).await;
        assert_eq!(*answers[&2].as_ref().unwrap().value, 2);
    });
}

#[test]
fn to_have_no_such_route_is_no_failure() {
    for status in [404, 405, 501] {
        paused(async {
            let mut config = caching(ONE);
            config.retry.repeats = 2;
            let (client, transport) = without_batches(config, status, there);
            for _ in 0..20 {
                many(&client, &[1]).await;
                sleep(61 * SECOND).await;
            }
            assert_eq!((batches(&transport), transport.attempts()), (20, 40));
            assert_eq!(breaker_of(&client, 0), "closed");
        });
    }
}

#[test]
fn other_statuses_do_not_say_that_there_is_none() {
    for (status, kind) in [
        (400, ErrorKind::InvalidResponse),
        (403, ErrorKind::InvalidResponse),
        (408, ErrorKind::Unavailable),
        (414, ErrorKind::InvalidResponse),
        (429, ErrorKind::Overloaded),
        (500, ErrorKind::Unavailable),
        (503, ErrorKind::Unavailable),
    ] {
        paused(async {
            let (client, transport) = without_batches(caching(ONE), status, there);
            for _ in 0..2 {
                let answers = many(&client, &[1, 2]).await;
                assert_eq!(outcomes(&answers), failed([1, 2], kind), "{status}");
            }
            assert_eq!((batches(&transport), transport.attempts()), (2, 2));
        });
    }
}

#[test]
fn asked_for_alone_each_fails_alone() {
    for config in [caching(ONE), config(ONE)] {
        paused(async {
            let (client, _) = without_batches(config, 404, |key| match key {
                1 => (MS, says(404, &[], "")),
                2 => (MS, down()),
                3 => (MS, with(&[], thing(4, 0))),
                4 => (MS, with(&[], "?".to_owned())),
                key => there(key),
            });
            let answers = many(&client, &[1, 2, 3, 4, 5]).await;
            let expected = [
                (1, Err(ErrorKind::NotFound)),
                (2, Err(ErrorKind::Unavailable)),
                (3, Err(ErrorKind::InvalidResponse)),
                (4, Err(ErrorKind::InvalidResponse)),
                (5, Ok(0)),
            ];
            assert_eq!(outcomes(&answers), expected);
        });
    }
}

#[test]
fn one_that_hangs_costs_nobody_else_their_answer() {
    for allowed in [100 * MS, NEVER] {
        for config in [caching(ONE), config(ONE)] {
            paused(async {
                let mut config = config;
                config.attempt_timeout = config.deadline;
                let (client, _) = without_batches(config, 404, |key| match key {
                    7 => (FOR_EVER, ok()),
                    key => there(key),
                });
                let keys: Vec<_> = (0..20).collect();
                let answers = client.batch::<Things>(&within(allowed), &keys).await;
                let mut expected = all(0..20, 0);
                expected[7].1 = Err(ErrorKind::Timeout);
                assert_eq!(outcomes(&answers), expected, "{allowed:?}");
                settle().await;
                assert_idle(&client);
            });
        }
    }
}

#[test]
fn whoever_waits_for_one_alone_has_it_as_soon_as_it_is_there() {
    paused(async {
        let (client, transport) = without_batches(caching(ONE), 404, |key| match key {
            1 => (500 * MS, with(&[], thing(1, 0))),
            key => there(key),
        });
        let start = Instant::now();
        let context = within(NEVER);
        let (answers, took) =
            futures_util::join!(client.batch::<Things>(&context, &[1, 2]), async {
                sleep(5 * MS).await;
                one(&client, 2).await.unwrap();
                start.elapsed()
            });
        assert_eq!(outcomes(&answers), all([1, 2], 0));
        assert_eq!(took, 11 * MS);
        assert_eq!(transport.attempts(), 3);
        assert_idle(&client);
    });
}

#[test]
fn whoever_leaves_ends_the_calls_for_each_alone_too() {
    paused(async {
        let (client, transport) = without_batches(caching(ONE), 404, |key| match key {
            1 => (FOR_EVER, ok()),
            key => there(key),
        });
        let context = within(NEVER);
        let mut call = Box::pin(client.batch::<Things>(&context, &[1, 2]));
        assert!(futures_util::poll!(&mut call).is_pending());
        sleep(50 * MS).await;
        // One is there, the other will never be.
        assert!(transport.dropped.borrow().is_empty());
        drop(call);
        settle().await;
        assert_eq!(*transport.dropped.borrow(), [(1, Instant::now())]);
        assert_idle(&client);
    });
}
