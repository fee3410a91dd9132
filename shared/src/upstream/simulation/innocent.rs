//! What looks like overload to a limit that is too careful, and is none.

use std::time::Duration;

use super::faults::{arrivals, at_most, reported};
use super::instance::{Fault, Instance, Phase, Time, Work};
use super::load::{Outcome, Rate, World, share};
use super::table::{Measure, Scenario, in_virtual_time};

pub(super) const ALL: [Scenario; 9] = [
    ("burst of 300, cold", burst_when_cold),
    ("burst of 300, after a little load", burst_when_quiet),
    ("five times slower for good", slower_for_good),
    ("200 callers, shared cores", callers),
    ("uneven times", || steady(Work::Uneven(UNEVEN), 400.0)),
    ("uneven times, much of it", || {
        steady(Work::Uneven(UNEVEN), 2000.0)
    }),
    ("one in ten ten times slower", || {
        steady(Work::Mixed(UNEVEN / 2), 400.0)
    }),
    ("the same, much of it", || {
        steady(Work::Mixed(UNEVEN / 2), 2000.0)
    }),
    ("jump to 10 times the load", jump),
];

const SECOND: Duration = Duration::from_secs(1);

const UNEVEN: Duration = Duration::from_millis(40);

/// From the first moment on, as after a restart of the BFF alone: many at once, of which nobody was ever alone.
fn steady(work: Work, rate: f64) -> Vec<Measure> {
    in_virtual_time(async || {
        let world = World::new(vec![vec![Instance::healthy(work), Instance::healthy(work)]]);
        let records = world.offer(&[Rate(rate, 20 * SECOND)], arrivals()).await;
        let bad = records.filter(|record| record.outcome != Outcome::Complete);
        vec![
            reported("refused, %", 100.0 * share(bad.len(), records.len())),
            reported("last one refused after, s", last(&bad.0, 0.0)),
            reported("p99, ms", records.percentile(99.0)),
        ]
    })
}

fn free(milliseconds: u64) -> Work {
    Work::Free(Time(
        Duration::from_millis(milliseconds),
        Duration::from_millis(fastrand::u64(0..=2)),
    ))
}

fn burst_when_cold() -> Vec<Measure> {
    in_virtual_time(async || {
        let work = free(20);
        let world = World::new(vec![vec![Instance::healthy(work), Instance::healthy(work)]]);
        let records = world.burst(300).await;
        vec![
            at_most(
                "not complete",
                (300 - records.of(Outcome::Complete).len()) as f64,
                0.0,
            ),
            reported("worst, ms", records.worst()),
        ]
    })
}

fn burst_when_quiet() -> Vec<Measure> {
    in_virtual_time(async || {
        let work = free(20);
        let world = World::new(vec![vec![Instance::healthy(work), Instance::healthy(work)]]);
        // For a minute and more: as long as a minimum holds.
        let before = world.offer(&[Rate(50.0, 70 * SECOND)], arrivals()).await;
        let records = world.burst(300).await;
        vec![
            at_most(
                "not complete before, %",
                100.0 - before.complete_percent(),
                0.0,
            ),
            at_most(
                "not complete",
                (300 - records.of(Outcome::Complete).len()) as f64,
                0.0,
            ),
            reported("worst, ms", records.worst()),
        ]
    })
}

/// Ten times more at once, of what could be served.
fn jump() -> Vec<Measure> {
    in_virtual_time(async || {
        let work = free(20);
        let world = World::new(vec![vec![Instance::healthy(work), Instance::healthy(work)]]);
        let rates = [Rate(200.0, 5 * SECOND), Rate(2000.0, 5 * SECOND)];
        let records = world.offer(&rates, arrivals()).await;
        let bad = records.filter(|record| record.outcome != Outcome::Complete);
        vec![
            at_most("not complete", bad.len() as f64, 0.0),
            reported("last one refused after, s", last(&bad.0, 5.0)),
        ]
    })
}

fn slower_for_good() -> Vec<Measure> {
    in_virtual_time(async || {
        let phase = |from, milliseconds| Phase {
            from,
            work: free(milliseconds),
            fault: Fault::Nothing,
        };
        let instance = || Instance::new(vec![phase(Duration::ZERO, 20), phase(10 * SECOND, 100)]);
        let world = World::new(vec![vec![instance(), instance()]]);
        let rates = [Rate(400.0, 200 * SECOND)];
        let records = world.offer(&rates, arrivals()).await;
        let bad = records.filter(|record| record.outcome != Outcome::Complete);
        vec![
            reported(
                "refused, %",
                100.0 * bad.len() as f64 / records.len() as f64,
            ),
            at_most("last one refused after, s", last(&bad.0, 10.0), 5.0),
        ]
    })
}

/// When the last of these was, from a time on.
fn last(bad: &[super::load::Record], from: f64) -> f64 {
    bad.last()
        .map_or(0.0, |record| record.end.as_secs_f64() - from)
}

fn callers() -> Vec<Measure> {
    in_virtual_time(async || {
        let work = Work::Cores(
            2.0,
            Time(
                Duration::from_millis(2),
                Duration::from_millis(fastrand::u64(0..=2)),
            ),
        );
        let world = World::new(vec![vec![Instance::healthy(work), Instance::healthy(work)]]);
        let records = world.callers(200, 10 * SECOND).await;
        let complete = records.of(Outcome::Complete);
        vec![
            reported("refused, %", 100.0 - records.complete_percent()),
            reported("complete, a second", complete.len() as f64 / 10.0),
            reported("p50 of good ones, ms", complete.percentile(50.0)),
            reported("p99 of good ones, ms", complete.percentile(99.0)),
        ]
    })
}
