//! How many further attempts a cluster may cost, as a share of what it is asked.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Instant;
use super::window::Window;
use crate::config::Section;

/// Settings of a budget: a share of the requests of the last ten seconds, and so many a second beside, so that a quiet
/// cluster can have any at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetConfig {
    /// Further attempts allowed, as a percentage of requests.
    pub percent: u32,
    /// Further attempts allowed a second, whatever the number of requests.
    pub per_second: u32,
}

impl BudgetConfig {
    /// What repeats may cost; the numbers are Finagle's.
    pub const RETRIES: Self = Self {
        percent: 20,
        per_second: 10,
    };

    /// What hedges may cost: as many as there are attempts beyond the 99th percentile.
    pub const HEDGES: Self = Self {
        percent: 1,
        per_second: 10,
    };

    /// Reads the two keys of the budget out of the section of its policy, with what the section says of each.
    pub fn read(section: &mut Section<'_>, default: Self, about: [&'static str; 2]) -> Self {
        Self {
            percent: section.integer("budget_percent", default.percent, 0..=100, about[0]),
            per_second: section.integer(
                "budget_per_second",
                default.per_second,
                0..=1000,
                about[1],
            ),
        }
    }
}

const WINDOW: Duration = Duration::from_secs(10);

/// A sliding window of ten seconds over requests and further attempts. Shared by all worker threads.
#[derive(Debug)]
pub struct Budget {
    config: BudgetConfig,
    /// Requests, and what was withdrawn.
    window: Mutex<Window>,
    withdrawn: AtomicU64,
}

impl Budget {
    /// An unused budget.
    #[must_use]
    pub fn new(config: BudgetConfig, now: Instant) -> Self {
        Self {
            config,
            window: Mutex::new(Window::new(WINDOW, now)),
            withdrawn: AtomicU64::new(0),
        }
    }

    /// Counts a request, which pays for a share of a further attempt.
    pub fn deposit(&self, now: Instant) {
        self.lock().add(now, [1, 0]);
    }

    /// Takes one attempt out of the budget; false, and nothing taken, when it is used up.
    pub fn withdraw(&self, now: Instant) -> bool {
        let mut window = self.lock();
        if self.left(window.sums(now)) == 0 {
            return false;
        }
        window.add(now, [0, 1]);
        self.withdrawn.fetch_add(1, Relaxed);
        true
    }

    /// How many attempts were taken out of it since the process began.
    #[must_use]
    pub fn withdrawn(&self) -> u64 {
        self.withdrawn.load(Relaxed)
    }

    /// The number of attempts that may be made at `now`.
    #[must_use]
    pub fn balance(&self, now: Instant) -> u64 {
        let sums = self.lock().sums(now);
        self.left(sums)
    }

    fn left(&self, [requests, taken]: [u64; 2]) -> u64 {
        let reserve = u64::from(self.config.per_second) * WINDOW.as_secs();
        (reserve + requests * u64::from(self.config.percent) / 100).saturating_sub(taken)
    }

    fn lock(&self) -> MutexGuard<'_, Window> {
        // The window's numbers are valid between any two statements: a panic elsewhere does not spoil them.
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quiet_cluster_has_its_reserve_and_gets_it_back_after_the_window() {
        let start = Instant::now();
        let budget = Budget::new(
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
        let budget = Budget::new(
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
        fn repeats_are_what_reserve_and_share_allow_no_more_and_no_less(
            steps in prop::collection::vec((0u64..1_500, any::<bool>()), 1..400),
            percent in 0u32..=100,
            per_second in 0u32..5,
        ) {
            let start = Instant::now();
            let budget = Budget::new(BudgetConfig { percent, per_second }, start);
            let (mut now, mut deposits, mut repeats) = (start, Vec::new(), Vec::new());
            for (wait, deposit) in steps {
                now += Duration::from_millis(wait);
                if deposit {
                    budget.deposit(now);
                    deposits.push(now);
                    continue;
                }
                // The window is made of whole seconds, and reaches back between nine and ten of them.
                let since = |times: &[Instant], seconds| {
                    let since = times.iter().filter(|time| now - **time < Duration::from_secs(seconds));
                    since.count() as u64
                };
                let allowed = |seconds| {
                    u64::from(per_second) * 10 + since(&deposits, seconds) * u64::from(percent) / 100
                };
                if budget.withdraw(now) {
                    prop_assert!(since(&repeats, 9) < allowed(10));
                    repeats.push(now);
                } else {
                    prop_assert!(since(&repeats, 10) >= allowed(9));
                }
                prop_assert_eq!(budget.withdrawn(), repeats.len() as u64);
            }
        }
    }
}
