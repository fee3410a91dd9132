//! For whatever fails, and however much time is left.

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

#[derive(Debug, Clone)]
struct Failure {
    failed: Failed,
    elsewhere: bool,
    remaining: Duration,
    random: f64,
}

/// In milliseconds. Short ones are the same as each other now and then.
fn time() -> impl Strategy<Value = u32> {
    prop_oneof![0..4_u32, 0..2_000_u32]
}

fn failure() -> impl Strategy<Value = Failure> {
    let failed = (
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.3, time()),
    );
    (failed, any::<bool>(), time(), 0.0..1.0_f64).prop_map(
        |((repeatable, connection_ended, after), elsewhere, remaining, random)| Failure {
            failed: Failed {
                repeatable,
                connection_ended,
                retry_after: after.map(|millis| millis * MS),
            },
            elsewhere,
            remaining: remaining * MS,
            random,
        },
    )
}

fn config() -> impl Strategy<Value = RetryConfig> {
    (0..=10_u32, 1..200_u32, 1..2_000_u32).prop_map(|(repeats, backoff, more)| RetryConfig {
        repeats,
        backoff: backoff * MS,
        backoff_at_most: (backoff + more) * MS,
        ..RetryConfig::default()
    })
}

proptest! {
    #[test]
    fn what_is_not_idempotent_is_never_repeated(
        config in config(),
        failures in prop::collection::vec(failure(), 1..20),
    ) {
        let mut retry = Retry::new(config, false);
        for Failure { failed, elsewhere, remaining, random } in failures {
            prop_assert_eq!(retry.next(failed, elsewhere, remaining, random), Step::GiveUp);
        }
    }

    #[test]
    fn repeats_are_counted_and_their_waits_bounded(
        config in config(),
        failures in prop::collection::vec(failure(), 1..40),
    ) {
        let mut retry = Retry::new(config, true);
        let (mut made, mut ended) = (0, 0);
        for Failure { failed, elsewhere, remaining, random } in failures {
            let step = retry.next(failed, elsewhere, remaining, random);
            let forgiven = failed.connection_ended && ended == 0;
            let Step::Repeat(wait) = step else {
                let doubled = made.max(1) - 1;
                let bound = (config.backoff * (1 << doubled)).min(config.backoff_at_most);
                let asked = failed.retry_after.filter(|_| !elsewhere).unwrap_or_default();
                prop_assert!(
                    !failed.repeatable || remaining.is_zero() || !forgiven && (
                        made == config.repeats || bound.max(asked) >= remaining
                    ),
                    "given up for no reason"
                );
                continue;
            };
            prop_assert!(failed.repeatable);
            prop_assert!(wait < remaining);
            if forgiven {
                ended += 1;
                prop_assert_eq!(wait, Duration::ZERO);
                continue;
            }
            made += 1;
            let bound = (config.backoff * (1 << (made.max(2) - 2))).min(config.backoff_at_most);
            match failed.retry_after {
                Some(after) if !elsewhere => {
                    prop_assert!(after <= wait && wait <= bound.max(after));
                }
                _ => prop_assert!(wait <= bound),
            }
            let asked = failed.retry_after.is_some_and(|after| !after.is_zero());
            if made == 1 && (elsewhere || random > 0.001 || asked) {
                prop_assert_eq!(wait.is_zero(), elsewhere);
            }
            if made > 1 && random > 0.001 {
                prop_assert!(!wait.is_zero());
            }
        }
        prop_assert!(made <= config.repeats && ended <= 1);
    }
}
