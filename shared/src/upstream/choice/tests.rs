//! Over endpoints in whatever state: who is asked, and why nobody is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::upstream::Config;
use crate::upstream::breaker::Pass;
use crate::upstream::endpoint::AttemptEnd;

const MS: Duration = Duration::from_millis(1);
const PLACES: u32 = 4;

fn config(places: u32) -> Config {
    let mut config = Config::new(Vec::new());
    config.limit.initial = places;
    config.limit.min = places;
    config.limit.max = places;
    config.breaker.consecutive_failures = 1;
    config
}

/// What an endpoint is brought to before it is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// It has so many calls.
    Calls(u32),
    Full,
    Open,
    HalfOpen,
    Probing,
}

#[derive(Debug, Clone, Copy)]
struct Spec {
    priority: u16,
    weight: u16,
    state: State,
    avoided: bool,
}

fn spec() -> impl Strategy<Value = Spec> {
    let state = prop_oneof![
        4 => (0..PLACES).prop_map(State::Calls),
        2 => Just(State::Full),
        3 => Just(State::Open),
        1 => Just(State::HalfOpen),
        1 => Just(State::Probing),
    ];
    (0..3_u16, 1..5_u16, state, prop::bool::weighted(0.3)).prop_map(
        |(priority, weight, state, avoided)| Spec {
            priority,
            weight,
            state,
            avoided,
        },
    )
}

fn endpoint(id: u64, config: &Config, now: Instant) -> Arc<Endpoint> {
    let socket = SocketAddr::from(([10, 0, 0, 1], 80));
    Arc::new(Endpoint::new(id, socket, "service".into(), config, now))
}

fn end(endpoint: &Endpoint, pass: Pass, end: AttemptEnd, now: Instant) {
    endpoint.end(pass, end, 10 * MS, 800 * MS, now);
}

fn member(id: u64, spec: Spec, now: Instant) -> Member {
    let endpoint = endpoint(id, &config(PLACES), now);
    let begin = |count: u32| {
        for _ in 0..count {
            endpoint.begin(now).unwrap();
        }
    };
    match spec.state {
        State::Calls(count) => begin(count),
        State::Full => begin(PLACES),
        State::Open | State::HalfOpen | State::Probing => {
            let pass = endpoint.begin(now).unwrap();
            end(
                &endpoint,
                pass,
                AttemptEnd::Failed { unreachable: true },
                now,
            );
        }
    }
    if matches!(spec.state, State::HalfOpen | State::Probing) {
        endpoint.reachable(now);
    }
    if spec.state == State::Probing {
        begin(1);
    }
    Member {
        priority: spec.priority,
        weight: spec.weight,
        endpoint,
    }
}

/// All of them, as discovery has them: by priority.
fn members(specs: &mut [Spec], now: Instant) -> (Vec<Member>, Vec<u64>) {
    specs.sort_by_key(|spec| spec.priority);
    let members = (0..).zip(specs.iter());
    let members: Vec<_> = members.map(|(id, spec)| member(id, *spec, now)).collect();
    let avoid = members.iter().zip(specs.iter());
    let avoid = avoid
        .filter(|(_, spec)| spec.avoided)
        .map(|(member, _)| member.endpoint.id());
    let avoid = avoid.collect();
    (members, avoid)
}

/// Those of the best priority of which any is up.
fn best(specs: &[Spec], is_up: impl Fn(State) -> bool) -> Vec<(u64, &Spec)> {
    let asked = (0..)
        .zip(specs)
        .filter(|(_, spec)| !spec.avoided && is_up(spec.state));
    let asked: Vec<_> = asked.collect();
    let best = asked.iter().map(|(_, spec)| spec.priority).min();
    let asked = asked.into_iter();
    asked
        .filter(|(_, spec)| Some(spec.priority) == best)
        .collect()
}

proptest! {
    #[test]
    fn the_best_priority_that_is_up_is_asked_and_whoever_works_again_first(
        mut specs in prop::collection::vec(spec(), 0..8),
    ) {
        let now = Instant::now();
        let (members, avoid) = members(&mut specs, now);
        let picked = pick(&members, &avoid, false, now).map(|endpoint| endpoint.id());
        let group = best(&specs, |state| !matches!(state, State::Open | State::Probing));
        let that = |is: fn(State) -> bool| {
            let those = group.iter().filter(move |(_, spec)| is(spec.state));
            those.map(|(id, _)| *id).collect::<Vec<_>>()
        };
        let probes = that(|state| state == State::HalfOpen);
        let calls = that(|state| matches!(state, State::Calls(_)));
        match picked {
            Ok(id) if !probes.is_empty() => prop_assert!(probes.contains(&id)),
            Ok(id) => prop_assert!(calls.contains(&id)),
            Err(refusal) => {
                prop_assert!(probes.is_empty() && calls.is_empty());
                let left = specs.iter().filter(|spec| !spec.avoided);
                match refusal {
                    Refusal::Busy => prop_assert!(!group.is_empty()),
                    Refusal::Nobody => prop_assert_eq!(left.count(), 0),
                    Refusal::Open(until) => {
                        prop_assert!(group.is_empty());
                        let mut left = left;
                        let soon = left.any(|spec| spec.state == State::Probing);
                        prop_assert_eq!(until == now, soon);
                    }
                }
            }
        }
    }

    #[test]
    fn a_hedge_tries_nobody_again_and_burdens_nobody(
        mut specs in prop::collection::vec(spec(), 0..8),
    ) {
        let now = Instant::now();
        let (members, avoid) = members(&mut specs, now);
        let group = best(&specs, |state| matches!(state, State::Calls(_) | State::Full));
        let idle: Vec<_> = group
            .iter()
            .filter(|(_, spec)| matches!(spec.state, State::Calls(count) if count * 2 < PLACES))
            .map(|(id, _)| *id)
            .collect();
        match pick(&members, &avoid, true, now) {
            Ok(endpoint) => prop_assert!(idle.contains(&endpoint.id())),
            Err(_) => prop_assert!(idle.is_empty()),
        }
    }

    #[test]
    fn of_two_alike_the_one_with_less_to_do_is_asked(calls in [0..PLACES, 0..PLACES]) {
        let now = Instant::now();
        let mut specs = calls.map(|count| Spec {
            priority: 0,
            weight: 1,
            state: State::Calls(count),
            avoided: false,
        });
        let (members, _) = members(&mut specs, now);
        let picked = pick(&members, &[], false, now).unwrap().id();
        let picked = calls[usize::try_from(picked).unwrap()];
        prop_assert_eq!(picked, calls[0].min(calls[1]));
    }
}

/// The shares of 4000 calls, of which so many are under way at any time, all of them answered alike.
fn shares(weights: &[u16], under_way: usize) -> Vec<f64> {
    fastrand::seed(7);
    let mut now = Instant::now();
    let members = (0..).zip(weights);
    let members: Vec<_> = members
        .map(|(id, weight)| Member {
            priority: 0,
            weight: *weight,
            endpoint: endpoint(id, &config(1000), now),
        })
        .collect();
    let mut calls: Vec<(Arc<Endpoint>, Pass)> = Vec::new();
    let mut counts = BTreeMap::new();
    for _ in 0..4000 {
        now += MS;
        if calls.len() == under_way {
            let (asked, pass) = calls.swap_remove(fastrand::usize(..under_way));
            end(&asked, pass, AttemptEnd::Answered, now);
        }
        let picked = pick(&members, &[], false, now).unwrap();
        let pass = picked.begin(now).unwrap();
        *counts.entry(picked.id()).or_insert(0.0) += 1.0;
        calls.push((picked, pass));
    }
    (0..weights.len() as u64)
        .map(|id| counts.get(&id).unwrap_or(&0.0) / 4000.0)
        .collect()
}

#[test]
fn the_share_of_each_is_as_its_weight() {
    // A few calls at once cannot be parted as finely.
    for (under_way, tolerated) in [(1, 0.03), (3, 0.12), (10, 0.06), (40, 0.03)] {
        for weights in [&[1, 1][..], &[1, 3], &[1, 9], &[2, 2, 2, 2]] {
            let total: u16 = weights.iter().sum();
            for (share, weight) in shares(weights, under_way).into_iter().zip(weights) {
                let due = f64::from(*weight) / f64::from(total);
                assert!(
                    (share - due).abs() < tolerated,
                    "{share} for {due} of {weights:?}, {under_way} under way"
                );
            }
        }
    }
}

#[test]
fn among_several_the_heavy_one_has_most_and_nobody_nothing() {
    for under_way in [1, 10, 40] {
        let shares = shares(&[1, 1, 2, 4], under_way);
        assert!(shares.iter().all(|share| *share > 0.04), "{shares:?}");
        assert!(
            shares[3] > shares[2] && shares[2] > shares[0].max(shares[1]),
            "{shares:?}"
        );
    }
}
