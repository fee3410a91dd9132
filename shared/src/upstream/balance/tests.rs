//! For whatever an endpoint does, and however often.

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

#[derive(Debug, Clone)]
enum Step {
    Wait(u32),
    Answered(u32),
    Failed(u32, u32),
    Cancelled(u32),
    Overtaken(u32),
    Forgive,
    Restart(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let time = || prop_oneof![0..50_u32, 0..2_000_u32];
    prop_oneof![
        6 => prop_oneof![0..50_u32, 0..30_000_u32].prop_map(Step::Wait),
        4 => time().prop_map(Step::Answered),
        2 => (time(), 0..200_u32).prop_map(|(took, at_least)| Step::Failed(took, at_least)),
        2 => time().prop_map(Step::Cancelled),
        4 => time().prop_map(Step::Overtaken),
        1 => Just(Step::Forgive),
        1 => time().prop_map(Step::Restart),
    ]
}

/// But for rounding.
fn is_less(one: f64, other: f64) -> bool {
    one < other - other.abs() * 1e-9 - 1e-12
}

fn is_same(one: f64, other: f64) -> bool {
    !is_less(one, other) && !is_less(other, one)
}

const AT_MOST: Duration = Duration::from_millis(800);

proptest! {
    #[test]
    fn each_observation_moves_the_average_only_where_it_may(
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let start = Instant::now();
        let config = BalanceConfig::default();
        let (mut now, mut load) = (start, Load::new(config, start));
        let (mut overtaken, mut answered) = (0, false);
        for step in steps {
            let (before, unfaded) = (load.average(now), load.average);
            let costs = |load: &Load| [0, 1, 7].map(|pending| load.standing(pending, now).cost());
            let costs_before = costs(&load);
            let raised_to = |worth: f64| before.max(worth);
            match step {
                Step::Wait(millis) => {
                    let mut last = before;
                    for _ in 0..4 {
                        now += millis * MS / 4;
                        let faded = load.average(now);
                        prop_assert!(!is_less(last, faded), "grows by itself");
                        last = faded;
                    }
                }
                Step::Answered(took) => {
                    load.answered(took * MS, now);
                    let (after, took) = (load.average(now), (took * MS).as_secs_f64());
                    if answered && took < before {
                        // It fades only while nothing is known: a short answer ends that too.
                        prop_assert!(!is_less(after, took) && !is_less(unfaded, after));
                    } else {
                        prop_assert!(is_same(after, took), "up at once");
                    }
                    (overtaken, answered) = (0, true);
                }
                Step::Failed(took, at_least) => {
                    load.failed(took * MS, at_least * MS, now);
                    let worth = took.max(at_least) * MS;
                    let after = load.average(now);
                    prop_assert!(!is_less(after, before), "to fail pays");
                    if worth.as_secs_f64() >= before {
                        prop_assert!(is_same(after, worth.as_secs_f64()), "up at once");
                    }
                    for (after, before) in costs(&load).into_iter().zip(costs_before) {
                        prop_assert!(!is_less(after, before), "to fail pays");
                    }
                }
                Step::Cancelled(age) => {
                    load.cancelled(age * MS, now);
                    prop_assert!(is_same(load.average(now), raised_to((age * MS).as_secs_f64())));
                }
                Step::Overtaken(age) => {
                    load.overtaken(age * MS, AT_MOST, now);
                    let worth = (age * MS).as_secs_f64() * 2_f64.powi(overtaken.min(16));
                    let most = AT_MOST.max(age * MS).as_secs_f64();
                    prop_assert!(is_same(load.average(now), raised_to(worth.min(most))));
                    overtaken += 1;
                }
                Step::Forgive => {
                    load.forgive(now);
                    prop_assert!(!is_less(before, load.average(now)), "forgiving raises");
                    overtaken = 0;
                }
                Step::Restart(took) => {
                    load.restart(took * MS, now);
                    prop_assert!(is_same(load.average(now), (took * MS).as_secs_f64()));
                    (overtaken, answered) = (0, true);
                }
            }
            let average = load.average(now);
            prop_assert!(average.is_finite() && average >= 0.0);
            prop_assert!(load.standing(1, now).cost() <= load.standing(2, now).cost());
        }
    }

    #[test]
    fn who_fails_is_never_cheaper_than_an_equal_that_was_left_alone(
        history in prop::collection::vec((0..2_000_u32, 0..1_000_u32), 0..10),
        failures in prop::collection::vec((0..5_000_u32, 0..1_000_u32), 1..20),
        later in 0..60_000_u32,
        pending in 0..10_u32,
    ) {
        let start = Instant::now();
        let mut now = start;
        let mut pair = [(); 2].map(|()| Load::new(BalanceConfig::default(), start));
        for (wait, took) in history {
            now += wait * MS;
            pair.iter_mut().for_each(|load| load.answered(took * MS, now));
        }
        for (wait, took) in failures {
            now += wait * MS;
            pair[0].failed(took * MS, AT_MOST / 10, now);
            prop_assert!(!is_less(pair[0].standing(pending, now).cost(), pair[1].standing(pending, now).cost()));
        }
        now += later * MS;
        prop_assert!(!is_less(pair[0].standing(pending, now).cost(), pair[1].standing(pending, now).cost()));
    }
}

#[test]
fn who_never_answers_looks_twice_as_slow_each_time() {
    let now = Instant::now();
    let mut load = Load::new(BalanceConfig::default(), now);
    load.answered(MS, now);
    for worth in [10, 20, 40, 80, 160, 320, 640, 800, 800] {
        load.overtaken(10 * MS, AT_MOST, now);
        assert!(is_same(load.average(now), (worth * MS).as_secs_f64()));
    }
    for _ in 0..100 {
        load.overtaken(10 * MS, AT_MOST, now);
    }
    assert!(is_same(load.average(now), AT_MOST.as_secs_f64()));
}

#[test]
fn one_answer_is_enough_to_be_thought_well_of_again() {
    let now = Instant::now();
    let mut load = Load::new(BalanceConfig::default(), now);
    for _ in 0..5 {
        load.overtaken(10 * MS, AT_MOST, now);
    }
    load.answered(MS, now);
    assert!(is_same(load.average(now), 0.001));
    load.overtaken(10 * MS, AT_MOST, now);
    assert!(
        is_same(load.average(now), 0.01),
        "counts from the beginning"
    );
}

#[test]
fn what_was_held_against_it_is_forgotten_but_not_its_latency() {
    let now = Instant::now();
    let mut load = Load::new(BalanceConfig::default(), now);
    load.answered(20 * MS, now);
    load.failed(MS, AT_MOST, now);
    assert!(is_same(load.average(now), AT_MOST.as_secs_f64()));
    load.forgive(now);
    assert!(is_same(load.average(now), 0.02));
}

#[test]
fn of_whom_nothing_is_known_one_call_finds_out() {
    let now = Instant::now();
    let load = Load::new(BalanceConfig::default(), now);
    assert!(load.standing(0, now).cost() == 0.0 && load.standing(1, now).cost() > 0.0);
}

/// Overtaken five times at once, after answers that took 4 ms.
fn overtaken(now: Instant) -> Load {
    let mut load = Load::new(BalanceConfig::default(), now);
    load.answered(4 * MS, now);
    for _ in 0..5 {
        load.overtaken(10 * MS, AT_MOST, now);
    }
    load
}

fn pass_over(load: &mut Load, times: u32) {
    for _ in 0..times {
        load.looked_at();
    }
}

fn is_tried(load: &Load, now: Instant) -> bool {
    is_same(load.standing(0, now).cost(), 0.0)
}

#[test]
fn who_was_overtaken_is_tried_by_one_call_of_two_hundred_after_two_seconds() {
    let start = Instant::now();
    let mut load = overtaken(start);
    pass_over(&mut load, 199);
    assert!(!is_tried(&load, start + 2000 * MS), "calls");
    pass_over(&mut load, 1);
    assert!(!is_tried(&load, start + 1999 * MS), "time");
    assert!(is_tried(&load, start + 2000 * MS));
    load.asked();
    pass_over(&mut load, 199);
    assert!(!is_tried(&load, start + 2000 * MS), "one call");
}

#[test]
fn who_fails_or_is_slow_is_not_tried() {
    let start = Instant::now();
    let mut failing = Load::new(BalanceConfig::default(), start);
    failing.failed(MS, AT_MOST, start);
    let mut slow = Load::new(BalanceConfig::default(), start);
    slow.answered(AT_MOST, start);
    for mut load in [failing, slow] {
        pass_over(&mut load, 1000);
        assert!(!is_tried(&load, start + 3000 * MS));
    }
}

#[test]
fn the_answer_to_a_trial_starts_the_average_afresh() {
    let start = Instant::now();
    let mut load = overtaken(start);
    let mut early = overtaken(start);
    let later = start + 2000 * MS;
    load.answered(5 * MS, later);
    assert!(is_same(load.average(later), 0.005));
    early.answered(5 * MS, later - MS);
    assert!(early.average(later) > 0.1, "one that was under way");
}

#[test]
fn a_trial_that_is_overtaken_changes_nothing_for_the_better() {
    let start = Instant::now();
    let mut load = overtaken(start);
    let later = start + 2000 * MS;
    load.overtaken(10 * MS, AT_MOST, later);
    assert!(is_same(load.average(later), 0.32));
}
