//! Figure 8: more is asked than two stages of two instances each can do.

use std::time::Duration;

use super::faults::{arrivals, at_least, at_most, reported};
use super::instance::{Instance, Time, Work};
use super::load::{Outcome, Rate, Records, World};
use super::table::{Measure, Scenario, in_virtual_time};

pub(super) const ALL: [Scenario; 6] = [
    ("8 twice", || overload(2.0, HEALTHY)),
    ("8 five times", || overload(5.0, HEALTHY)),
    ("8 ten times", || overload(10.0, HEALTHY)),
    ("8 twice, cold", || overload(2.0, Duration::ZERO)),
    ("8 five times, cold", || overload(5.0, Duration::ZERO)),
    ("8 ten times, cold", || overload(10.0, Duration::ZERO)),
];

/// Answers a second of two instances that work on four requests at once.
const CAPACITY: f64 = 2.0 * 4.0 / 0.02;
const HEALTHY: Duration = Duration::from_secs(5);
const OVERLOAD: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(3);

fn overload(times: f64, healthy: Duration) -> Vec<Measure> {
    in_virtual_time(async || {
        let jitter = fastrand::u64(0..=2);
        let jitter = Duration::from_millis(jitter);
        let work = Work::Slots(4, Time(Duration::from_millis(20) - jitter / 2, jitter));
        let stage = || vec![Instance::healthy(work), Instance::healthy(work)];
        let world = World::new(vec![stage(), stage()]);
        let rates = [
            Rate(CAPACITY / 2.0, healthy),
            Rate(times * CAPACITY, OVERLOAD),
            Rate(CAPACITY / 2.0, AFTER),
        ];
        let records = world.offer(&rates, arrivals()).await;
        measure(&records, healthy, healthy + OVERLOAD)
    })
}

fn measure(records: &Records, from: Duration, until: Duration) -> Vec<Measure> {
    let second = Duration::from_secs(1);
    let complete = records.of(Outcome::Complete);
    let answered = complete
        .filter(|record| (from..until).contains(&record.end) && record.end - record.due <= second);
    let goodput = 100.0 * answered.len() as f64 / (CAPACITY * (until - from).as_secs_f64());
    let early = answered.filter(|record| record.end < from + second);
    let offered = records.due(from, until);
    let before = records.due(from / 2, from);
    let p99_good = offered.of(Outcome::Complete).percentile(99.0);
    let refused = offered.of(Outcome::Refused);
    let mut measures = vec![
        at_least("goodput, %", goodput, 97.0),
        reported(
            "of the first second, %",
            100.0 * early.len() as f64 / CAPACITY,
        ),
        at_most("p99 of good ones, ms", p99_good, 150.0),
        reported(
            "p50 of good ones, ms",
            offered.of(Outcome::Complete).percentile(50.0),
        ),
        at_most("p99 of refused ones, ms", refused.percentile(99.0), 10.0),
        at_most("normal again after, s", normal_again(records, until), 1.0),
        reported(
            "degraded, a second",
            offered.of(Outcome::Degraded).len() as f64 / OVERLOAD.as_secs_f64(),
        ),
        reported(
            "failed, a second",
            offered.of(Outcome::Failed).len() as f64 / OVERLOAD.as_secs_f64(),
        ),
    ];
    if from > Duration::ZERO {
        measures.push(at_least(
            "complete before, %",
            before.complete_percent(),
            100.0,
        ));
    }
    measures
}

/// The end of the last quarter of a second in which anything was out of the ordinary.
fn normal_again(records: &Records, until: Duration) -> f64 {
    const USUAL: f64 = 2.0 * 21.0;
    let stretch = Duration::from_millis(250);
    let mut again = Duration::ZERO;
    let mut at = Duration::ZERO;
    while at < AFTER {
        let part = records.due(until + at, until + at + stretch);
        at += stretch;
        if part.complete_percent() < 100.0 || part.percentile(50.0) > 1.5 * USUAL {
            again = at;
        }
    }
    again.as_secs_f64()
}
