//! Every request of a load, and what follows from them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::verdict::Verdict;

/// Kinds of shortfall that are told one by one: a load with many faults has dozens.
const SHORTFALLS: usize = 8;

/// What became of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    /// When it should have been sent.
    pub(crate) due: Instant,
    /// When it was sent: later than due if the generator had no connection or no time for it.
    pub(crate) sent: Instant,
    /// When its answer was there, or was given up.
    pub(crate) end: Instant,
    pub(crate) verdict: Verdict,
    /// How often the client had to send it again.
    pub(crate) repeats: u32,
}

impl Record {
    /// From when it was due, so that waiting for a connection counts.
    pub(crate) fn latency(&self) -> Duration {
        self.end.saturating_duration_since(self.due)
    }
}

/// All requests of a load, in the order of their answers.
#[derive(Debug, Default)]
pub(crate) struct Records {
    all: Vec<(Record, Arc<str>)>,
    notes: HashMap<String, Arc<str>>,
}

/// Some of them.
#[derive(Debug, Clone)]
pub(crate) struct Part<'a>(Vec<&'a (Record, Arc<str>)>);

impl Records {
    pub(super) fn push(&mut self, record: Record, note: String) {
        let note = self
            .notes
            .entry(note)
            .or_insert_with_key(|note| note.as_str().into());
        self.all.push((record, Arc::clone(note)));
    }

    pub(crate) fn all(&self) -> Part<'_> {
        self.filter(|_| true)
    }

    /// Those that were due from one time until before another.
    pub(crate) fn due(&self, from: Instant, until: Instant) -> Part<'_> {
        self.filter(|record| (from..until).contains(&record.due))
    }

    pub(crate) fn filter(&self, wanted: impl Fn(&Record) -> bool) -> Part<'_> {
        Part(
            self.all
                .iter()
                .filter(|(record, _)| wanted(record))
                .collect(),
        )
    }
}

impl Part<'_> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn filter(&self, wanted: impl Fn(&Record) -> bool) -> Self {
        Self(
            self.0
                .iter()
                .copied()
                .filter(|(record, _)| wanted(record))
                .collect(),
        )
    }

    pub(crate) fn of(&self, verdict: Verdict) -> Self {
        self.filter(|record| record.verdict == verdict)
    }

    pub(crate) fn repeats(&self) -> u32 {
        self.0.iter().map(|(record, _)| record.repeats).sum()
    }

    /// Complete ones, in percent.
    pub(crate) fn complete_percent(&self) -> f64 {
        100.0 * self.of(Verdict::Complete).len() as f64 / self.len().max(1) as f64
    }

    pub(crate) fn are_all_complete(&self) -> bool {
        self.len() > 0 && self.of(Verdict::Complete).len() == self.len()
    }

    /// The latency in milliseconds that this share of them, in percent, does not exceed; 0 where there are none.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        self.rank_of(Record::latency, percent)
    }

    /// The same of how late they were sent.
    pub(crate) fn lateness(&self, percent: f64) -> f64 {
        self.rank_of(|record| record.sent - record.due, percent)
    }

    fn rank_of(&self, time: fn(&Record) -> Duration, percent: f64) -> f64 {
        let mut times: Vec<Duration> = self.0.iter().map(|(record, _)| time(record)).collect();
        times.sort_unstable();
        rank(&times, percent).as_secs_f64() * 1e3
    }

    /// The longest latency in milliseconds.
    pub(crate) fn worst(&self) -> f64 {
        self.percentile(100.0)
    }

    /// What was not complete and how often, the most frequent first.
    pub(crate) fn shortfalls(&self) -> String {
        let mut tally = BTreeMap::<&str, usize>::new();
        for (record, note) in &self.0 {
            if record.verdict != Verdict::Complete {
                *tally.entry(note).or_default() += 1;
            }
        }
        if tally.is_empty() {
            return "nothing incomplete".to_owned();
        }
        let mut tally: Vec<_> = tally.into_iter().collect();
        tally.sort_by_key(|(_, count)| Reverse(*count));
        let mut parts: Vec<String> = tally
            .iter()
            .take(SHORTFALLS)
            .map(|(note, count)| format!("{count} × {note}"))
            .collect();
        let others: usize = tally.iter().skip(SHORTFALLS).map(|(_, count)| count).sum();
        if others > 0 {
            parts.push(format!("{others} × other"));
        }
        parts.join("; ")
    }

    /// Number, completeness and latencies in one line.
    pub(crate) fn line(&self) -> String {
        if self.0.is_empty() {
            return "none".to_owned();
        }
        format!(
            "{} requests, {:.2} % complete, p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms; {}",
            self.len(),
            self.complete_percent(),
            self.percentile(50.0),
            self.percentile(99.0),
            self.worst(),
            self.shortfalls()
        )
    }
}

/// The nearest rank.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is between 0 and the number of values"
)]
fn rank(sorted: &[Duration], percent: f64) -> Duration {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_seen() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        for (percent, milliseconds) in [(50.0, 100), (99.0, 198), (100.0, 200), (0.1, 1)] {
            assert_eq!(
                rank(&sorted, percent),
                Duration::from_millis(milliseconds),
                "{percent}"
            );
        }
        assert_eq!(rank(&[], 50.0), Duration::ZERO);
    }

    #[test]
    fn waiting_to_be_sent_counts() {
        let due = Instant::now();
        let mut records = Records::default();
        for (after, verdict) in [(5, Verdict::Complete), (1000, Verdict::Refused)] {
            let record = Record {
                due,
                sent: due,
                end: due + Duration::from_millis(after),
                verdict,
                repeats: 0,
            };
            records.push(record, "503".to_owned());
        }
        let all = records.all();
        assert_eq!((all.complete_percent(), all.worst()), (50.0, 1000.0));
        assert_eq!(all.shortfalls(), "1 × 503");
        assert!(!all.are_all_complete());
    }
}
