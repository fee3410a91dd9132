//! What callers get of a cluster, on one thread and on several.

use std::sync::Barrier;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::upstream::Target;
use crate::upstream::endpoint::AttemptEnd;

const MS: Duration = Duration::from_millis(1);
const PLACES: u32 = 2;
const FAILED: AttemptEnd = AttemptEnd::Failed { unreachable: false };

fn cluster(endpoints: usize) -> Arc<Cluster> {
    let targets =
        (1..=endpoints).map(|last| Target::parse(&format!("http://10.0.0.{last}")).unwrap());
    let mut config = Config::new(targets.collect());
    config.limit.initial = PLACES;
    config.limit.min = PLACES;
    config.limit.max = PLACES;
    config.breaker.consecutive_failures = 1;
    config.breaker.open = 1000 * MS;
    Cluster::new("service", config)
}

/// Of all endpoints.
fn taken_places(cluster: &Cluster) -> u64 {
    let report = serde_json::to_value(cluster.report()).unwrap();
    let endpoints = report["endpoints"].as_array().unwrap();
    let taken = endpoints
        .iter()
        .map(|endpoint| endpoint["inFlight"].as_u64().unwrap());
    taken.sum()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Takes,
    Full,
    Open,
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![Just(State::Takes), Just(State::Full), Just(State::Open)]
}

proptest! {
    #[test]
    fn who_is_avoided_is_asked_only_where_nobody_else_takes_the_call(
        states in prop::collection::vec((state(), any::<bool>()), 1..5),
    ) {
        let now = Instant::now();
        let cluster = cluster(states.len());
        let members = cluster.members();
        let mut taken = Vec::new();
        for ((state, _), member) in states.iter().zip(members.iter()) {
            let take = || cluster.take(Arc::clone(&member.endpoint), now).unwrap();
            match state {
                State::Takes => {}
                State::Full => taken.extend([take(), take()]),
                State::Open => take().end(FAILED, now),
            }
        }
        let all = || states.iter().zip(members.iter().map(|member| member.endpoint.id()));
        let avoid: Vec<_> = all().filter(|((_, avoided), _)| *avoided).map(|(_, id)| id).collect();
        let takes = |avoided: bool| -> Vec<_> {
            let takes = all().filter(|((state, is), _)| *state == State::Takes && *is == avoided);
            takes.map(|(_, id)| id).collect()
        };
        prop_assert_eq!(cluster.has_other(&avoid, now), !takes(false).is_empty());
        let any_full = states.iter().any(|(state, _)| *state == State::Full);
        match cluster.choose(&avoid, now) {
            Ok(chosen) => {
                let best = [takes(false), takes(true)].into_iter().find(|ids| !ids.is_empty());
                prop_assert!(best.unwrap().contains(&chosen.endpoint.id()));
                chosen.end(AttemptEnd::Cancelled, now);
            }
            Err(refusal) => {
                prop_assert!(takes(false).is_empty() && takes(true).is_empty());
                prop_assert_eq!(refusal == Refusal::Busy, any_full);
            }
        }
        let hedge = cluster.choose_idle(&avoid, now);
        prop_assert!(hedge.as_ref().is_none_or(|hedge| takes(false).contains(&hedge.endpoint.id())));
        drop((hedge, taken));
        prop_assert_eq!(taken_places(&cluster), 0);
    }
}

/// Runs on four threads at once.
fn on_threads(work: impl Fn(u64) + Sync) {
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for number in 0..4 {
            let (work, barrier) = (&work, &barrier);
            scope.spawn(move || {
                barrier.wait();
                work(number);
            });
        }
    });
}

#[test]
fn of_all_threads_one_tries_an_endpoint_again() {
    for _ in 0..100 {
        let now = Instant::now();
        let cluster = cluster(1);
        cluster.choose(&[], now).unwrap().end(FAILED, now);
        let later = now + 1000 * MS;
        let probes = AtomicUsize::new(0);
        let barrier = Barrier::new(4);
        on_threads(|_| {
            let chosen = cluster.choose(&[], later);
            // Nobody gives it back before all have tried.
            barrier.wait();
            match chosen {
                Ok(probe) => {
                    probes.fetch_add(1, SeqCst);
                    probe.end(AttemptEnd::Answered, later);
                }
                Err(refusal) => assert!(matches!(refusal, Refusal::Open(_) | Refusal::Busy)),
            }
        });
        assert_eq!(probes.into_inner(), 1);
        assert!(cluster.choose(&[], later).is_ok());
    }
}

#[test]
fn no_endpoint_has_more_than_its_limit_and_nothing_stays_taken() {
    let cluster = cluster(3);
    let in_flight = [(); 3].map(|()| AtomicU32::new(0));
    on_threads(|number| {
        let mut random = fastrand::Rng::with_seed(number);
        let mut taken: Vec<Taken<'_>> = Vec::new();
        for _ in 0..2000 {
            let now = Instant::now();
            if random.bool() {
                if let Ok(chosen) = cluster.choose(&[], now) {
                    let id = usize::try_from(chosen.endpoint.id()).unwrap();
                    assert!(in_flight[id].fetch_add(1, SeqCst) < PLACES);
                    taken.push(chosen);
                }
            } else if !taken.is_empty() {
                let call = taken.swap_remove(random.usize(..taken.len()));
                let id = usize::try_from(call.endpoint.id()).unwrap();
                in_flight[id].fetch_sub(1, SeqCst);
                match random.u8(..3) {
                    0 => drop(call),
                    1 => call.end(AttemptEnd::Throttled, now),
                    _ => call.end(AttemptEnd::Answered, now),
                }
            }
        }
        for call in taken {
            let id = usize::try_from(call.endpoint.id()).unwrap();
            in_flight[id].fetch_sub(1, SeqCst);
        }
    });
    assert_eq!(taken_places(&cluster), 0);
}

#[test]
fn no_more_are_admitted_than_max_in_flight_and_all_leave() {
    let mut config = Config::new(vec![Target::parse("http://10.0.0.1").unwrap()]);
    config.max_in_flight = 3;
    let cluster = Cluster::new("service", config);
    let most = AtomicU32::new(0);
    on_threads(|_| {
        for _ in 0..2000 {
            let places = [cluster.admit(), cluster.admit()];
            let count = u32::try_from(places.iter().flatten().count()).unwrap();
            let before = most.fetch_add(count, SeqCst);
            assert!(before + count <= 3);
            most.fetch_sub(count, SeqCst);
        }
    });
    assert_eq!(cluster.in_flight.load(Relaxed), 0);
}
