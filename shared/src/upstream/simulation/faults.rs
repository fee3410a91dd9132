//! Figures 1 to 5: one of two instances is not well, or both.

use std::rc::Rc;
use std::time::Duration;

use super::instance::{Fault, Instance, Phase, Time, Work};
use super::load::{Arrivals, Rate, Records, World, share};
use super::table::{Bound, Measure, Scenario, in_virtual_time};

pub(super) const ALL: [Scenario; 8] = [
    ("1 killed", || one_of_two(Fault::Dead, killed)),
    ("2 black hole", || one_of_two(Fault::Still, black_hole)),
    ("3 always 500", || {
        one_of_two(Fault::Failing(1), |episode| failing(episode, 0.5))
    }),
    ("3 one in ten 500", || {
        one_of_two(Fault::Failing(10), |episode| failing(episode, 10.0))
    }),
    ("4 slow", slow),
    ("5 all killed", || all(Fault::Dead)),
    ("5 all 500", || all(Fault::Failing(1))),
    ("5 all hanging", || all(Fault::Still)),
];

/// Requests a second.
const RATE: f64 = 200.0;
const SECOND: Duration = Duration::from_secs(1);
/// When the fault begins and ends, and when the run does.
const FROM: Duration = Duration::from_secs(5);
const UNTIL: Duration = Duration::from_secs(25);
const END: Duration = Duration::from_secs(31);

/// A run with a fault in its middle.
struct Episode {
    records: Records,
    /// The first one is faulty.
    instances: Vec<Rc<Instance>>,
}

impl Episode {
    async fn run(instances: Vec<Rc<Instance>>, length: Duration) -> Self {
        let world = World::new(vec![instances]);
        let records = world.offer(&[Rate(RATE, length)], arrivals()).await;
        let instances = world.stages[0].instances.clone();
        Self { records, instances }
    }

    fn healthy(&self) -> Records {
        self.records.due(2 * SECOND, FROM - SECOND / 2)
    }

    fn faulty(&self) -> Records {
        self.records
            .filter(|record| record.end >= FROM && record.due < UNTIL)
    }

    /// The first instance's share of the attempts during the fault, in percent.
    fn share(&self) -> f64 {
        let [first, second] = [0, 1].map(|index| self.instances[index].attempts(FROM, UNTIL));
        100.0 * share(first, first + second)
    }

    /// All that did not go well, nor the wait before it: since the fault began.
    fn complete(&self) -> Measure {
        let since = self.records.filter(|record| record.end >= FROM);
        at_least("complete, %", since.complete_percent(), 100.0)
    }

    fn p99(&self) -> Measure {
        let ratio = self.faulty().percentile(99.0) / self.healthy().percentile(99.0);
        at_most("p99 over the healthy one", ratio, 2.0)
    }
}

/// Every other seed.
pub(super) fn arrivals() -> Arrivals {
    if fastrand::bool() {
        Arrivals::Even
    } else {
        Arrivals::Random
    }
}

/// 4 ms, or a little more.
fn work() -> Work {
    Work::Free(Time(
        Duration::from_millis(4),
        Duration::from_millis(fastrand::u64(0..=2)),
    ))
}

pub(super) fn at_most(name: impl Into<String>, value: f64, bound: f64) -> Measure {
    let (name, bound) = (name.into(), Bound::AtMost(bound));
    Measure { name, value, bound }
}

pub(super) fn at_least(name: impl Into<String>, value: f64, bound: f64) -> Measure {
    let (name, bound) = (name.into(), Bound::AtLeast(bound));
    Measure { name, value, bound }
}

pub(super) fn reported(name: impl Into<String>, value: f64) -> Measure {
    let (name, bound) = (name.into(), Bound::None);
    Measure { name, value, bound }
}

fn one_of_two(fault: Fault, measure: impl Fn(&Episode) -> Vec<Measure>) -> Vec<Measure> {
    in_virtual_time(async || {
        let work = work();
        let instances = vec![
            Instance::with(work, fault, FROM, UNTIL),
            Instance::healthy(work),
        ];
        measure(&Episode::run(instances, END).await)
    })
}

fn killed(episode: &Episode) -> Vec<Measure> {
    let median = episode.healthy().percentile(50.0);
    let since = episode.records.filter(|record| record.end >= FROM);
    vec![
        episode.complete(),
        at_most("worst over the median, ms", since.worst() - median, 30.0),
        at_most("half its share after, s", share_again(episode), 2.0),
    ]
}

/// When the first one had half of its equal share of a quarter of a second, after it came back.
fn share_again(episode: &Episode) -> f64 {
    let stretch = SECOND / 4;
    let mut from = UNTIL;
    while from < END {
        let attempts = |index: usize| episode.instances[index].attempts(from, from + stretch);
        let (back, other) = (attempts(0), attempts(1));
        from += stretch;
        if 4 * back >= back + other {
            return (from - UNTIL).as_secs_f64();
        }
    }
    f64::INFINITY
}

fn black_hole(episode: &Episode) -> Vec<Measure> {
    let faulty = episode.faulty();
    let later = episode.records.due(FROM + 2 * SECOND, UNTIL);
    let slow = later.filter(|record| record.milliseconds() > 100.0);
    vec![
        episode.complete(),
        episode.p99(),
        at_most("worst, ms", faulty.worst(), 150.0),
        at_most("over 100 ms later", slow.len() as f64, 0.0),
        reported("share, %", episode.share()),
    ]
}

fn failing(episode: &Episode, most: f64) -> Vec<Measure> {
    vec![
        episode.complete(),
        at_most("share, %", episode.share(), most),
        reported("p99, ms", episode.faulty().percentile(99.0)),
        reported("worst, ms", episode.faulty().worst()),
    ]
}

fn slow() -> Vec<Measure> {
    in_virtual_time(async || {
        let Work::Free(time) = work() else {
            unreachable!("it works on all at once")
        };
        let slow = Time(50 * time.0, 50 * time.1);
        let phase = |from, time| Phase {
            from,
            work: Work::Free(time),
            fault: Fault::Nothing,
        };
        let first = vec![
            phase(Duration::ZERO, time),
            phase(FROM, slow),
            phase(UNTIL, time),
        ];
        let instances = vec![Instance::new(first), Instance::healthy(Work::Free(time))];
        let episode = Episode::run(instances, END).await;
        vec![
            episode.complete(),
            at_most("share, %", episode.share(), 1.0),
            episode.p99(),
            reported("worst, ms", episode.faulty().worst()),
            reported("half its share after, s", share_again(&episode)),
        ]
    })
}

/// Everything fails, for ten seconds.
fn all(fault: Fault) -> Vec<Measure> {
    in_virtual_time(async || {
        let (work, until) = (work(), FROM + 10 * SECOND);
        let instances = vec![
            Instance::with(work, fault, FROM, until),
            Instance::with(work, fault, FROM, until),
        ];
        let episode = Episode::run(instances, until + 3 * SECOND).await;
        let counts = |from: Duration, until: Duration| {
            let each = episode.instances.iter();
            let attempts: usize = each.map(|instance| instance.attempts(from, until)).sum();
            (attempts as f64, episode.records.due(from, until))
        };
        let over = (0..10).map(|second| {
            let from = FROM + second * SECOND;
            let (attempts, requests) = counts(from, from + SECOND);
            attempts - 1.2 * requests.len() as f64
        });
        let over = over.fold(f64::NEG_INFINITY, f64::max);
        let (attempts, later) = counts(FROM + SECOND, until);
        let each = attempts / later.len() as f64;
        let after = episode.records.due(until + 2 * SECOND, until + 3 * SECOND);
        vec![
            at_most("attempts a second over 1.2 x", over, 10.0),
            at_most("attempts a request later", each, 0.05),
            at_most("p50 later, ms", later.percentile(50.0), 2.0),
            reported("worst, ms", episode.faulty().worst()),
            reported(
                "complete in the third second after, %",
                after.complete_percent(),
            ),
        ]
    })
}
