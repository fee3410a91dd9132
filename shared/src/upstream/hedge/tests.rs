use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn it_waits_for_what_99_of_100_take_and_never_less_than_is_set(
        at_least in 1..60_000_u64,
        timeout in 1..60_000_u64,
        known in prop::option::of((0..60_000_u64, 0..60_000_u64)),
    ) {
        let config = HedgeConfig {
            after_at_least: Duration::from_millis(at_least),
            ..HedgeConfig::default()
        };
        let timeout = Duration::from_millis(timeout);
        let known = known.map(|(p50, more)| Quantiles {
            p50: Duration::from_millis(p50),
            p99: Duration::from_millis(p50 + more),
        });
        let delay = config.delay(known, timeout);
        let usual = known.map_or(timeout / 10, |known| known.p99);
        prop_assert!(delay >= config.after_at_least && delay >= usual);
        prop_assert!(delay == config.after_at_least || delay == usual);
    }
}
