//! Against a sorted list of all answers.

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// From microseconds to two minutes, each size as likely as another.
fn latency() -> impl Strategy<Value = Duration> {
    (0..27_u32, 0..1_u64 << 26).prop_map(|(bits, noise)| {
        let micros = (1_u64 << bits) + noise % (1_u64 << bits);
        Duration::from_micros(micros.min(120_000_000))
    })
}

/// It says no less than it was, and no more than an eighth too much.
fn says(said: Duration, was: Duration) -> bool {
    said >= was && said <= (was + was / 8).max(Duration::from_micros(SHORTEST))
}

proptest! {
    #[test]
    fn quantiles_are_an_eighth_too_high_at_most(
        latencies in prop::collection::vec(latency(), 20..400),
    ) {
        let now = Instant::now();
        let mut kept = Latencies::new(now);
        for latency in &latencies {
            kept.add(*latency, now);
        }
        let mut sorted = latencies;
        sorted.sort();
        let read = kept.quantiles(now).unwrap();
        let (half, most) = (sorted.len().div_ceil(2), sorted.len() - sorted.len() / 100);
        prop_assert!(says(read.p50, sorted[half - 1]), "{:?} for {:?}", read, sorted[half - 1]);
        prop_assert!(says(read.p99, sorted[most - 1]), "{:?} for {:?}", read, sorted[most - 1]);
        prop_assert!(read.p50 <= read.p99);
    }

    #[test]
    fn an_answer_counts_for_one_generation_and_never_for_more_than_two(
        steps in prop::collection::vec((0..1_500_u32, 0..6_u32, latency()), 1..200),
    ) {
        let start = Instant::now();
        let (mut now, mut kept, mut answers) = (start, Latencies::new(start), Vec::new());
        for (wait, count, latency) in steps {
            // What was read before holds for a moment.
            now += wait * MS + READ_HOLDS;
            for _ in 0..count {
                kept.add(latency, now);
                answers.push((now, latency));
            }
            let within = |age: Duration| {
                answers.iter().filter(move |(at, _)| now - *at < age)
            };
            let read = kept.quantiles(now);
            if within(GENERATION).count() >= ENOUGH as usize {
                prop_assert!(read.is_some());
            }
            if within(2 * GENERATION).count() < ENOUGH as usize {
                prop_assert_eq!(read, None);
            }
            if let Some(read) = read {
                let longest = within(2 * GENERATION).map(|(_, latency)| *latency).max().unwrap();
                prop_assert!(read.p50 <= read.p99);
                prop_assert!(says(read.p99, longest) || read.p99 < longest);
            }
        }
    }
}

#[test]
fn what_was_read_holds_for_a_tenth_of_a_second() {
    let now = Instant::now();
    let mut kept = Latencies::new(now);
    assert_eq!(kept.quantiles(now), None);
    for _ in 0..ENOUGH {
        kept.add(MS, now);
    }
    assert_eq!(kept.quantiles(now + 99 * MS), None);
    assert!(kept.quantiles(now + 100 * MS).is_some());
}

#[test]
fn what_is_beyond_all_buckets_counts_in_the_last() {
    let now = Instant::now();
    let mut kept = Latencies::new(now);
    for _ in 0..ENOUGH {
        kept.add(Duration::MAX, now);
    }
    assert!(kept.quantiles(now).unwrap().p50 > Duration::from_secs(120));
}
