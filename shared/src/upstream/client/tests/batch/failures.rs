//! Batches that fail, wholly or in part, and those that are not made.

use super::*;

#[test]
fn one_that_cannot_be_read_costs_itself_and_not_those_that_can() {
    paused(async {
        let (client, transport) = client_by(caching(ONE), |_| {
            let broken = r#"{"id":2,"made":"yesterday"}"#.to_owned();
            let body = items([thing(1, 0), broken, thing(3, 0)]);
            (MS, with(FOR_A_MINUTE, body))
        });
        let answers = many(&client, &[1, 2, 3]).await;
        let expected = [(1, Ok(0)), (2, Err(ErrorKind::InvalidResponse)), (3, Ok(0))];
        assert_eq!(outcomes(&answers), expected);
        // It may not have been there at all: that it is unreadable is not kept.
        many(&client, &[1, 2, 3]).await;
        assert_eq!(questions(&transport)[1..], [Question::Many(vec![2])]);
        assert_eq!(breaker_of(&client, 0), "closed");
    });
}

#[test]
fn where_nothing_can_be_read_the_attempt_failed_and_is_repeated_elsewhere() {
    for broken in [
        r#"{"items":[{"id":"?"},7,null]}"#,
        r#"{"items":{}}"#,
        r#"{"things":[]}"#,
        r#"[{"id":1,"made":0}]"#,
        r#"{"items":[{"id":1,"made":0}"#,
        "",
    ] {
        paused(async {
            let mut config = caching(TWO);
            config.retry.repeats = 1;
            let mut first = true;
            let (client, transport) = client_by(config, move |asked| {
                let body = if std::mem::take(&mut first) {
                    broken.to_owned()
                } else {
                    Question::of(asked).answered(0)
                };
                (MS, with(&[], body))
            });
            assert_eq!(outcomes(&many(&client, &[1, 2]).await), all([1, 2], 0));
            let asked = transport.endpoints();
            assert!(
                asked.len() == 2 && asked[0] != asked[1],
                "{broken}: {asked:?}"
            );
        });
        paused(async {
            let (client, _) = client_by(caching(ONE), |_| (MS, with(&[], broken.to_owned())));
            let answers = many(&client, &[1, 2]).await;
            let expected = failed([1, 2], ErrorKind::InvalidResponse);
            assert_eq!(outcomes(&answers), expected, "{broken}");
            assert_idle(&client);
        });
    }
}

#[test]
fn what_nobody_asked_for_is_ignored_and_of_two_alike_the_first_counts() {
    paused(async {
        let (client, transport) = client_by(caching(ONE), |_| {
            let body = items([thing(9, 0), thing(1, 1), thing(1, 2)]);
            (MS, with(FOR_A_MINUTE, body))
        });
        assert_eq!(outcomes(&many(&client, &[1]).await), all([1], 1));
        // Nor is it kept: nobody knows why it came.
        many(&client, &[9]).await;
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn a_batch_that_fails_is_an_error_for_each_of_its_own_alone() {
    for (outcome, kind) in [
        (down(), ErrorKind::Unavailable),
        (says(429, &[], ""), ErrorKind::Overloaded),
        (says(400, &[], ""), ErrorKind::InvalidResponse),
        (says(302, &[], ""), ErrorKind::InvalidResponse),
        (
            Err(TransportError::Disconnected(String::new())),
            ErrorKind::Unavailable,
        ),
    ] {
        paused(async {
            let (client, transport) = client_by(caching(ONE), move |asked| {
                let question = Question::of(asked);
                let is_second = question.keys().contains(&100);
                let well = with(&[], question.answered(0));
                (MS, if is_second { outcome.clone() } else { well })
            });
            let keys: Vec<_> = (0..150).collect();
            let answers = many(&client, &keys).await;
            let expected = [all(0..100, 0), failed(100..150, kind)].concat();
            assert_eq!(outcomes(&answers), expected);
            assert_eq!(transport.attempts(), 2);
            assert_idle(&client);
        });
    }
}

#[test]
fn where_a_batch_fails_what_is_old_is_given_with_the_cause() {
    paused(async {
        let mut is_down = false;
        let (client, _) = client_by(caching(ONE), move |asked| {
            let well = with(
                &[("cache-control", "max-age=1, stale-if-error=600")],
                Question::of(asked).answered(0),
            );
            let outcome = if is_down { down() } else { well };
            is_down = true;
            (MS, outcome)
        });
        many(&client, &[1, 2]).await;
        sleep(10 * SECOND).await;
        let answers = many(&client, &[1, 2, 3]).await;
        for key in [1, 2] {
            let (made, cause) = stale(&answers[&key]);
            assert!(
                matches!(cause, StaleCause::Failed(ErrorKind::Unavailable, detail) if detail.contains("503"))
            );
            assert_eq!(made, 0);
        }
        let error = answers[&3].as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    });
}

#[test]
fn who_has_an_old_one_waits_for_no_repeat() {
    paused(async {
        let mut config = caching(ONE);
        config.retry.repeats = 1;
        let mut calls = 0;
        let (client, transport) = client_by(config, move |asked| {
            calls += 1;
            let control = "max-age=1, stale-if-error=600";
            let body = Question::of(asked).answered(calls);
            let later = says(503, &[("retry-after", "1")], "");
            let well = with(&[("cache-control", control)], body);
            (MS, if calls == 2 { later } else { well })
        });
        many(&client, &[1]).await;
        sleep(10 * SECOND).await;

        let start = Instant::now();
        let answers = many(&client, &[1]).await;
        let (made, cause) = stale(&answers[&1]);
        assert!(matches!(
            cause,
            StaleCause::Failed(ErrorKind::Unavailable, _)
        ));
        assert_eq!((made, start.elapsed()), (1, MS));

        // It goes on, and renews what is kept.
        sleep(SECOND + 2 * MS).await;
        assert_eq!(outcomes(&many(&client, &[1]).await), all([1], 3));
        assert_eq!(transport.attempts(), 3);
        assert_idle(&client);
    });
}

#[test]
fn a_deadline_that_is_shorter_than_the_upstreams_holds() {
    for config in [caching(ONE), config(ONE)] {
        paused(async {
            let (client, _) = client_by(config, |_| (FOR_EVER, ok()));
            let start = Instant::now();
            let answers = client.batch::<Things>(&within(50 * MS), &[1, 2]).await;
            assert_eq!(outcomes(&answers), failed([1, 2], ErrorKind::Timeout));
            assert_eq!(start.elapsed(), 50 * MS);
            settle().await;
            assert_idle(&client);
        });
    }
}

#[test]
fn without_one_the_upstreams_holds() {
    for config in [caching(ONE), config(ONE)] {
        paused(async {
            let mut config = config;
            (config.deadline, config.attempt_timeout) = (SECOND, SECOND);
            let (client, _) = client_by(config, |_| (FOR_EVER, ok()));
            let start = Instant::now();
            let answers = many(&client, &[1, 2]).await;
            assert_eq!(outcomes(&answers), failed([1, 2], ErrorKind::Timeout));
            assert_eq!(start.elapsed(), SECOND);
            settle().await;
            assert_idle(&client);
        });
    }
}

#[test]
fn what_can_be_done_without_is_not_asked_for_in_too_little_time() {
    paused(async {
        let (client, transport) = client_by(caching(ONE), |asked| {
            (50 * MS, with(&[], Question::of(asked).answered(0)))
        });
        for key in 0..40 {
            one(&client, key).await.unwrap();
        }
        let asked = transport.attempts();
        let context = within(10 * MS).optional();
        let answers = client.batch::<Things>(&context, &[50, 51]).await;
        assert_eq!(outcomes(&answers), failed([50, 51], ErrorKind::Timeout));
        for outcome in answers.values() {
            assert!(!outcome.as_ref().unwrap_err().maybe_processed());
        }
        assert_eq!(transport.attempts(), asked);
    });
}

#[test]
fn while_the_breaker_is_open_each_is_refused_without_a_call() {
    for config in [caching(ONE), config(ONE)] {
        paused(async {
            let (client, transport) = client_by(config, |_| (MS, down()));
            for _ in 0..100 {
                if breaker_of(&client, 0) == "open" {
                    break;
                }
                sleep(5 * MS).await;
                many(&client, &[1]).await;
            }
            assert_eq!(breaker_of(&client, 0), "open");
            let asked = transport.attempts();
            let keys: Vec<_> = (0..150).collect();
            let answers = many(&client, &keys).await;
            assert_eq!(outcomes(&answers), failed(0..150, ErrorKind::CircuitOpen));
            assert_eq!(transport.attempts(), asked);
            assert_idle(&client);
        });
    }
}
