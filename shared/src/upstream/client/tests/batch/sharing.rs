//! What is asked for in a batch and what is asked for alone is the same thing.

use futures_util::future::LocalBoxFuture;

use super::*;
use crate::upstream::{Forwarded, Freshness};

/// A call that has begun.
async fn begun<'a>(
    client: &'a Client,
    context: &'a Context,
    keys: &'a [u32],
) -> LocalBoxFuture<'a, Answers> {
    let mut call = client.batch::<Things>(context, keys).boxed_local();
    assert!(futures_util::poll!(&mut call).is_pending());
    settle().await;
    call
}

#[test]
fn what_came_alone_answers_a_batch_and_the_other_way_round() {
    paused(async {
        let (client, transport) = well(caching(ONE), FOR_A_MINUTE);
        let alone = one(&client, 1).await.unwrap();
        let answers = many(&client, &[1, 2]).await;
        assert_eq!(
            questions(&transport),
            [Question::One(1), Question::Many(vec![2])]
        );
        let hit = answers[&1].as_ref().unwrap();
        assert!(matches!(hit.origin, Origin::Cached { .. }));
        assert!(Arc::ptr_eq(&hit.value, &alone.value));
        let new = answers[&2].as_ref().unwrap();
        assert_eq!(new.origin, Origin::Fresh);
        assert_eq!(new.cache.forwarded, Some(Forwarded::UriMiss));
        assert!(new.cache.stored && !new.cache.collapsed);
        assert_eq!(new.freshness, Freshness::For(60 * SECOND));

        sleep(10 * SECOND).await;
        let again = one(&client, 2).await.unwrap();
        assert!(Arc::ptr_eq(&again.value, &new.value));
        let age = 10 * SECOND;
        assert_eq!(again.origin, Origin::Cached { age });
        assert_eq!(again.freshness, Freshness::For(50 * SECOND));
        many(&client, &[2, 1]).await;
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn an_answer_has_the_same_validator_whichever_way_it_came() {
    paused(async {
        let (client, _) = client_by(caching(ONE), |asked| {
            // Space around an item is none of its own.
            let body = match Question::of(asked) {
                Question::One(key) => thing(key, key % 10),
                Question::Many(keys) => items(
                    keys.iter()
                        .map(|key| format!("\n  {} ", thing(*key, key % 10))),
                ),
            };
            (MS, with(&[], body))
        });
        let batched = many(&client, &[1, 2, 11]).await;
        let of = |key: u32| batched[&key].as_ref().unwrap().validator;
        for key in [1, 2, 11] {
            assert_eq!(one(&client, key).await.unwrap().validator, of(key));
        }
        assert!(of(1) != of(2) && of(1) != of(11));
    });
}

#[test]
fn two_batches_at_once_share_what_both_are_for() {
    paused(async {
        let (client, transport) = well(caching(ONE), &[]);
        let (first, second, third) = futures_util::join!(
            many(&client, &[1, 2, 3]),
            many(&client, &[2, 3, 4]),
            many(&client, &[4, 1]),
        );
        assert_eq!(outcomes(&first), all([1, 2, 3], 0));
        assert_eq!(outcomes(&second), all([2, 3, 4], 0));
        assert_eq!(outcomes(&third), all([1, 4], 0));
        let expected = [Question::Many(vec![1, 2, 3]), Question::Many(vec![4])];
        assert_eq!(questions(&transport), expected);
        let collapsed = |answers: &Answers, key| answers[&key].as_ref().unwrap().cache.collapsed;
        assert!(!collapsed(&first, 2) && collapsed(&second, 2) && !collapsed(&second, 4));
        assert!(collapsed(&third, 1) && collapsed(&third, 4));
        assert_idle(&client);
    });
}

#[test]
fn a_call_for_one_that_is_under_way_answers_a_batch_and_the_other_way_round() {
    paused(async {
        let (client, transport) = well(caching(ONE), &[]);
        let context = within(NEVER);
        let (alone, batch, later) = futures_util::join!(
            client.one::<Things>(&context, 1),
            client.batch::<Things>(&context, &[1, 2]),
            client.one::<Things>(&context, 2),
        );
        assert_eq!(outcomes(&batch), all([1, 2], 0));
        let shared = |key| &batch[&key].as_ref().unwrap().value;
        assert!(Arc::ptr_eq(&alone.unwrap().value, shared(1)));
        assert!(Arc::ptr_eq(&later.unwrap().value, shared(2)));
        let expected = [Question::One(1), Question::Many(vec![2])];
        assert_eq!(questions(&transport), expected);
        assert_idle(&client);
    });
}

#[test]
fn with_the_last_who_waits_for_any_of_it_a_batch_ends() {
    paused(async {
        let (client, transport) = client_by(caching(ONE), |_| (FOR_EVER, ok()));
        let context = within(NEVER);
        let call = begun(&client, &context, &[1, 2]).await;
        let other = begun(&client, &context, &[2]).await;
        let mut alone = client.one::<Things>(&context, 1).boxed_local();
        assert!(futures_util::poll!(&mut alone).is_pending());
        for left in [call, other] {
            drop(left);
            settle().await;
            assert!(transport.dropped.borrow().is_empty());
        }
        drop(alone);
        settle().await;
        assert_eq!(*transport.dropped.borrow(), [(0, Instant::now())]);
        assert_eq!(transport.attempts(), 1);
        assert_idle(&client);
    });
}

#[test]
fn whoever_leaves_takes_nothing_from_those_who_wait_for_some_of_it() {
    paused(async {
        let (client, transport) = well(caching(ONE), &[]);
        let context = within(NEVER);
        let call = begun(&client, &context, &[1, 2]).await;
        let other = begun(&client, &context, &[2]).await;
        drop(call);
        assert_eq!(outcomes(&other.await), all([2], 0));
        assert_eq!(transport.attempts(), 1);
        assert!(transport.dropped.borrow().is_empty());
        assert_idle(&client);
    });
}

#[test]
fn a_batch_nobody_waits_for_any_more_is_never_made() {
    paused(async {
        let (client, transport) = well(caching(ONE), &[]);
        let context = within(NEVER);
        let mut call = client.batch::<Things>(&context, &[1, 2]).boxed_local();
        assert!(futures_util::poll!(&mut call).is_pending());
        drop(call);
        settle().await;
        assert_eq!(transport.attempts(), 0);
        assert_idle(&client);
        // Nor does what was left hold up who comes next.
        assert_eq!(outcomes(&many(&client, &[1, 2]).await), all([1, 2], 0));
    });
}

#[test]
fn what_may_be_renewed_behind_is_given_at_once_and_renewed_in_one_batch() {
    paused(async {
        let control = "max-age=1, stale-while-revalidate=60";
        let mut calls = 0;
        let (client, transport) = client_by(caching(ONE), move |asked| {
            calls += 1;
            let body = Question::of(asked).answered(calls);
            (50 * MS, with(&[("cache-control", control)], body))
        });
        many(&client, &[1, 2, 3]).await;
        sleep(10 * SECOND).await;
        let start = Instant::now();
        for _ in 0..3 {
            let answers = many(&client, &[1, 2, 3]).await;
            for key in [1, 2, 3] {
                assert_eq!(stale(&answers[&key]), (1, &StaleCause::Revalidating));
            }
            assert_eq!(start.elapsed(), Duration::ZERO);
        }
        sleep(60 * MS).await;
        assert_eq!(transport.attempts(), 2);
        assert_eq!(outcomes(&many(&client, &[1, 2, 3]).await), all(1..4, 2));
        assert_eq!(transport.attempts(), 2);
        assert_idle(&client);
    });
}

#[test]
fn a_renewal_that_failed_is_the_cause_until_one_succeeds() {
    paused(async {
        let control = "max-age=1, stale-while-revalidate=60";
        let mut calls = 0;
        let (client, _) = client_by(caching(ONE), move |asked| {
            calls += 1;
            let body = Question::of(asked).answered(calls);
            let well = with(&[("cache-control", control)], body);
            (MS, if calls == 2 { down() } else { well })
        });
        many(&client, &[1, 2]).await;
        sleep(10 * SECOND).await;
        many(&client, &[1, 2]).await;
        sleep(2 * MS).await;
        let answers = many(&client, &[1, 2]).await;
        for key in [1, 2] {
            let (made, cause) = stale(&answers[&key]);
            assert!(matches!(
                cause,
                StaleCause::Failed(ErrorKind::Unavailable, _)
            ));
            assert_eq!(made, 1);
        }
        sleep(2 * MS).await;
        assert_eq!(outcomes(&many(&client, &[1, 2]).await), all([1, 2], 3));
    });
}

#[test]
fn what_is_for_one_alone_is_shared_with_nobody_and_never_kept() {
    for control in ["no-store", "private, max-age=60"] {
        paused(async {
            let mut calls = 0;
            let (client, transport) = client_by(caching(ONE), move |asked| {
                calls += 1;
                let body = Question::of(asked).answered(calls);
                (MS, with(&[("cache-control", control)], body))
            });
            // The second finds out only when the first one's answer is there.
            let (first, second) =
                futures_util::join!(many(&client, &[1, 2]), many(&client, &[1, 2]));
            assert_eq!(outcomes(&first), all([1, 2], 1));
            assert_eq!(outcomes(&second), all([1, 2], 2));
            // From then on nobody waits for another.
            let start = Instant::now();
            let (third, fourth) =
                futures_util::join!(many(&client, &[1, 2]), many(&client, &[2, 1]));
            assert_eq!(start.elapsed(), MS);
            assert_eq!(outcomes(&third), all([1, 2], 3));
            assert_eq!(outcomes(&fourth), all([1, 2], 4));
            for answer in third.values().chain(fourth.values()) {
                let answer = answer.as_ref().unwrap();
                assert!(!answer.cache.stored && !answer.cache.collapsed, "{control}");
            }
            assert_eq!(transport.attempts(), 4, "each in one batch");
            assert_idle(&client);
        });
    }
}

#[test]
fn without_a_cache_there_are_batches_and_nobody_shares() {
    paused(async {
        let (client, transport) = well(config(ONE), FOR_A_MINUTE);
        let (first, second) = futures_util::join!(many(&client, &[1, 2]), many(&client, &[2]));
        assert_eq!(outcomes(&first), all([1, 2], 0));
        assert_eq!(outcomes(&second), all([2], 0));
        let answer = first[&1].as_ref().unwrap();
        assert_eq!(answer.cache.forwarded, Some(Forwarded::Bypass));
        assert!(!answer.cache.stored);
        assert_eq!(transport.attempts(), 2);
        many(&client, &[1]).await;
        assert_eq!(transport.attempts(), 3);
    });
}

#[test]
fn a_reader_that_panics_lets_nobody_hang() {
    struct Faulty;
    impl Batch for Faulty {
        type Key = u32;
        type Value = u8;
        fn one(key: u32) -> Request {
            Request::get(format!("/things/{key}"))
        }
        fn many(keys: &[u32]) -> Request {
            Things::many(keys)
        }
        fn read(_: &[u8]) -> Result<(u32, u8), Undecodable> {
            panic!("on purpose")
        }
    }
    paused(async {
        let (client, _) = well(caching(ONE), &[]);
        let context = within(NEVER);
        let call = client.batch::<Faulty>(&context, &[1, 2]);
        // Each of its callers tries by itself, and has the panic.
        assert!(AssertUnwindSafe(call).catch_unwind().await.is_err());
        settle().await;
        assert_idle(&client);
        assert_eq!(outcomes(&many(&client, &[1, 2]).await), all([1, 2], 0));
    });
}
