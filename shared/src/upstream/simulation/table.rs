//! Scenarios over many seeds, and a table of what they measured.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::runtime::Builder;

use super::load::quantile;

/// What a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// To be read, not judged.
    None,
}

/// One figure of one run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measure {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) bound: Bound,
}

impl Measure {
    fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.value <= most,
            Bound::AtLeast(least) => self.value >= least,
            Bound::None => true,
        }
    }
}

/// A run: what it is called, and what it measures in a world of its own.
pub(super) type Scenario = (&'static str, fn() -> Vec<Measure>);

/// What one run measures with this seed, in virtual time. The same seed measures the same.
pub(super) fn run(scenario: Scenario, seed: u64) -> Vec<Measure> {
    fastrand::seed(seed);
    (scenario.1)()
}

/// Lets a future run in time that passes only while everybody waits.
pub(super) fn in_virtual_time<F: Future>(world: impl FnOnce() -> F) -> F::Output {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async { world().await })
}

/// One figure over all seeds.
struct Row {
    name: String,
    bound: Bound,
    values: Vec<f64>,
    missed: Vec<u64>,
}

/// Runs a scenario with so many seeds, and gives a table; with what missed its bound, and the seeds to repeat it with.
pub(super) fn tabulate(scenario: Scenario, seeds: u64) -> (String, Vec<String>) {
    let next = AtomicU64::new(0);
    let all = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let measures = run(scenario, seed);
                    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push((seed, measures));
                }
            });
        }
    });
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.sort_by_key(|(seed, _)| *seed);
    let mut rows: Vec<Row> = Vec::new();
    for (seed, measures) in all {
        for measure in measures {
            let missed = (!measure.is_met()).then_some(seed);
            let known = rows.iter().position(|row| row.name == measure.name);
            let index = known.unwrap_or(rows.len());
            if known.is_none() {
                rows.push(Row {
                    name: measure.name,
                    bound: measure.bound,
                    values: Vec::new(),
                    missed: Vec::new(),
                });
            }
            rows[index].values.push(measure.value);
            rows[index].missed.extend(missed);
        }
    }
    let (mut table, mut missed) = (String::new(), Vec::new());
    for mut row in rows {
        let line = row.line(scenario.0);
        if !row.missed.is_empty() {
            missed.push(line.clone());
        }
        _ = writeln!(table, "{line}");
    }
    (table, missed)
}

impl Row {
    fn line(&mut self, scenario: &str) -> String {
        self.values.sort_by(f64::total_cmp);
        let (least, most) = (quantile(&self.values, 0.0), quantile(&self.values, 1.0));
        let (bound, worst) = match self.bound {
            Bound::AtMost(bound) => (format!("<= {bound}"), most),
            Bound::AtLeast(bound) => (format!(">= {bound}"), least),
            Bound::None => (String::new(), most),
        };
        let mut line = format!(
            "{:<44} {bound:>9} {:>9.2} {worst:>9.2}",
            format!("{scenario}, {}", self.name),
            quantile(&self.values, 0.5),
        );
        if !self.missed.is_empty() {
            let first = &self.missed[..self.missed.len().min(3)];
            let (missed, of) = (self.missed.len(), self.values.len());
            _ = write!(line, "  {missed} of {of} miss it, such as {first:?}");
        }
        line
    }
}
