//! Whatever the answers are, and in whatever succession.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const REFRESH: u64 = 5;

fn outcome<T: fmt::Debug + Clone + 'static>(
    record: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Outcome<T>> {
    prop_oneof![
        3 => (vec(record, 0..4), 0u64..9).prop_map(|(records, ttl)| of(records, ttl)),
        1 => Just(failed()),
    ]
}

fn ip() -> impl Strategy<Value = IpAddr> + Clone {
    prop_oneof![
        (0u8..4).prop_map(|last| IpAddr::from([10, 0, 0, last])),
        (0u16..2).prop_map(|last| IpAddr::from([0, 0, 0, 0, 0, 0, 0, last])),
    ]
}

fn record() -> impl Strategy<Value = Service> {
    (0u16..3, 0u16..3, 80u16..82, 0u8..3).prop_map(|(priority, weight, port, host)| {
        srv(priority, weight, port, &format!("h{host}."))
    })
}

fn play(script: &Script, targets: &[&str]) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(script.play(targets));
}

/// What holds of everything published and of every pause.
fn check(script: &Script) {
    let lines = script.lines();
    for found in &lines.published {
        assert!(!found.is_empty());
        assert!(found.is_sorted(), "{found:?}");
        let distinct: BTreeSet<_> = found
            .iter()
            .map(|found| (found.address, &found.authority))
            .collect();
        assert_eq!(distinct.len(), found.len(), "{found:?}");
        assert!(found.iter().all(|found| found.weight > 0));
    }
    for pair in lines.published.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
    let mut last = BTreeMap::new();
    for (name, at) in &lines.asked {
        if let Some(before) = last.insert(name, *at) {
            assert!(*at - before >= SHORTEST, "{name} too soon");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn of_a_name_the_last_answer_with_records_is_published(
        outcomes in vec(outcome(ip()), 1..12),
    ) {
        let mut expected: Vec<BTreeSet<IpAddr>> = Vec::new();
        for answer in outcomes.iter().flatten() {
            let records: BTreeSet<_> = answer.records.iter().copied().collect();
            if !records.is_empty() && expected.last() != Some(&records) {
                expected.push(records);
            }
        }
        let script = Script::default().name("a", outcomes);
        play(&script, &["http://a"]);
        check(&script);
        let pauses = script.pauses("a");
        prop_assert!(pauses.iter().all(|pause| (1..=REFRESH).contains(pause)), "{:?}", pauses);
        let published: Vec<BTreeSet<IpAddr>> = script
            .lines()
            .published
            .iter()
            .map(|found| found.iter().map(|found| found.address.ip()).collect())
            .collect();
        prop_assert_eq!(published, expected);
    }

    /// In the end the records are those of the last answer that had any, with the last addresses of their hosts.
    #[test]
    fn of_a_service_the_last_records_with_the_last_addresses_are_published(
        services in vec(outcome(record()), 1..8),
        hosts in vec(vec(outcome(ip()), 0..8), 3),
        end in vec(record(), 1..4),
        address in vec(ip(), 3),
    ) {
        let mut script = Script::default();
        // Far more than are asked for, so that the last is what stays.
        for (host, (outcomes, address)) in hosts.into_iter().zip(&address).enumerate() {
            let end = (0..100).map(|_| of(vec![*address], REFRESH));
            script = script.name(&format!("h{host}."), outcomes.into_iter().chain(end));
        }
        let ends = (0..10).map(|_| of(end.clone(), REFRESH));
        script = script.service("s", services.into_iter().chain(ends));
        play(&script, &["srv+http://s"]);
        check(&script);
        let mut expected: BTreeMap<(IpAddr, u16, &str), (u16, u16)> = BTreeMap::new();
        for record in &end {
            let host: usize = record.target[1..2].parse().unwrap();
            let rank = (record.priority, record.weight.max(1));
            let key = (address[host], record.port, record.target.trim_end_matches('.'));
            let known = expected.entry(key).or_insert(rank);
            *known = rank.min(*known);
        }
        let lines = script.lines();
        let found = lines.published.last().unwrap();
        prop_assert_eq!(found.len(), expected.len());
        for found in found {
            let (host, _) = found.authority.split_once(':').unwrap();
            let key = (found.address.ip(), found.address.port(), host);
            prop_assert_eq!(expected.get(&key), Some(&(found.priority, found.weight)));
        }
    }
}
