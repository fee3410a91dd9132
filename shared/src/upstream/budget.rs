//! How many repeats a cluster may cost, as a share of what it is asked.

use super::Instant;
use crate::config::Section;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Settings of the retry budget. The numbers are Finagle's: 20 % of the requests of the last ten seconds, and 10 a
/// second beside, so that a quiet cluster can repeat at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetConfig {
    /// Repeats allowed, as a percentage of requests.
    pub percent: u32,
    /// Repeats allowed a second, whatever the number of requests.
    pub per_second: u32,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            percent: 20,
            per_second: 10,
        }
    }
}

impl BudgetConfig {
    /// Reads the keys of the section `retry`.
    pub fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            percent: section.integer(
                "budget_percent",
                default.percent,
                0..=100,
                "Repeated attempts allowed, as a percentage of the requests of the last ten seconds.",
            ),
            per_second: section.integer(
                "budget_per_second",
                default.per_second,
                0..=1000,
                "Repeated attempts allowed each second beside that, so that a quiet upstream can be asked again at all.",
            ),
        }
    }
}

const WINDOW_SECONDS: u32 = 10;

/// A sliding window of ten seconds over requests and repeats. Shared by all worker threads.
#[derive(Debug)]
pub struct RetryBudget {
    config: BudgetConfig,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    start: Instant,
    /// A bucket a second, the oldest first: (the second since `start`, requests, repeats).
    buckets: VecDeque<(u64, u64, u64)>,
    requests: u64,
    repeats: u64,
}

impl RetryBudget {
    /// An unused budget.
    #[must_use]
    pub fn new(config: BudgetConfig, now: Instant) -> Self {
        let window = Window {
            start: now,
            buckets: VecDeque::new(),
            requests: 0,
            repeats: 0,
        };
        Self {
            config,
            window: Mutex::new(window),
        }
    }

    /// Counts a request, which pays for a share of a repeat.
    pub fn deposit(&self, now: Instant) {
        let mut window = self.lock();
        window.bucket(now).1 += 1;
        window.requests += 1;
    }

    /// Takes one repeat out of the budget; false, and nothing taken, when it is used up.
    pub fn withdraw(&self, now: Instant) -> bool {
        let mut window = self.lock();
        window.bucket(now);
        if self.left(&window) == 0 {
            return false;
        }
        window.bucket(now).2 += 1;
        window.repeats += 1;
        true
    }

    /// The number of repeats that may be made at `now`.
    #[must_use]
    pub fn balance(&self, now: Instant) -> u64 {
        let mut window = self.lock();
        window.bucket(now);
        self.left(&window)
    }

    fn left(&self, window: &Window) -> u64 {
        let reserve = u64::from(self.config.per_second * WINDOW_SECONDS);
        (reserve + window.requests * u64::from(self.config.percent) / 100)
            .saturating_sub(window.repeats)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Window> {
        // The window's numbers are valid between any two statements: a panic elsewhere does not spoil them.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    /// The bucket of `now`, after those that left the window were taken out of the sums.
    fn bucket(&mut self, now: Instant) -> &mut (u64, u64, u64) {
        let second = now.saturating_duration_since(self.start).as_secs();
        while self
            .buckets
            .front()
            .is_some_and(|bucket| bucket.0 + u64::from(WINDOW_SECONDS) <= second)
        {
            if let Some((_, requests, repeats)) = self.buckets.pop_front() {
                self.requests -= requests;
                self.repeats -= repeats;
            }
        }
        // A thread may arrive with a `now` a little older than another's: it counts in the newest bucket.
        if self.buckets.back().is_none_or(|bucket| bucket.0 < second) {
            self.buckets.push_back((second, 0, 0));
        }
        let newest = self.buckets.len() - 1;
        &mut self.buckets[newest]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(WINDOW_SECONDS as u64);

    #[test]
    fn a_quiet_cluster_has_its_reserve_and_gets_it_back_after_the_window() {
        let start = Instant::now();
        let budget = RetryBudget::new(
            BudgetConfig {
                percent: 20,
                per_second: 1,
            },
            start,
        );
        for _ in 0..10 {
            assert!(budget.withdraw(start));
        }
        assert!(
            !budget.withdraw(start),
            "the reserve of ten seconds is used up"
        );
        assert!(!budget.withdraw(start + WINDOW - Duration::from_secs(1)));
        assert!(budget.withdraw(start + WINDOW));
    }

    #[test]
    fn requests_pay_for_a_fifth_of_a_repeat_each() {
        let start = Instant::now();
        let budget = RetryBudget::new(
            BudgetConfig {
                percent: 20,
                per_second: 0,
            },
            start,
        );
        for _ in 0..4 {
            budget.deposit(start);
        }
        assert!(!budget.withdraw(start));
        budget.deposit(start);
        assert!(budget.withdraw(start));
        assert!(!budget.withdraw(start));
    }

    proptest! {
        #[test]
        fn repeats_never_exceed_reserve_and_share(
            steps in prop::collection::vec((0u64..3_000, any::<bool>()), 1..400),
            percent in 0u32..=100,
            per_second in 0u32..5,
        ) {
            let start = Instant::now();
            let budget = RetryBudget::new(BudgetConfig { percent, per_second }, start);
            let (mut now, mut deposits, mut repeats) = (start, Vec::new(), Vec::new());
            for (wait, deposit) in steps {
                now += Duration::from_millis(wait);
                if deposit {
                    budget.deposit(now);
                    deposits.push(now);
                } else if budget.withdraw(now) {
                    repeats.push(now);
                }
                // Buckets are whole seconds, so the window reaches back between nine and ten seconds.
                let recent = repeats.iter().filter(|t| now - **t < Duration::from_secs(9)).count() as u64;
                let paid = deposits.iter().filter(|t| now - **t <= Duration::from_secs(20)).count() as u64;
                prop_assert!(recent <= u64::from(per_second) * 10 + paid * u64::from(percent) / 100);
            }
        }
    }
}
