//! How many requests may be in flight at once, and that one more is refused at the door.
//!
//! Beyond what a server can do at once, taking in more makes every answer late and none good. What is refused costs
//! next to nothing and tells the client when to come again (RFC 9110, sections 15.6.4 and 10.2.3).

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::Problem;

/// The limit and the count, shared by all worker threads.
#[derive(Debug, Clone)]
pub(super) struct Admission(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    limit: usize,
    /// For moments higher than `limit`: by one for each thread that is refusing a request right now. Another one may
    /// be refused for it although a place has become free within that moment.
    in_flight: AtomicUsize,
    refused: AtomicU64,
}

/// A request's place among those in flight, until dropped.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Admission);

/// The same for an answer that outlives the handling of its request.
#[derive(Debug)]
pub(super) struct KeptPlace(Admission);

impl Admission {
    /// At most `limit` requests at once.
    pub(super) fn new(limit: u32) -> Self {
        Self(Arc::new(Counts {
            limit: limit as usize,
            in_flight: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        }))
    }

    /// A place for one request, or the problem to answer it with.
    pub(super) fn enter(&self) -> Result<Place<'_>, Problem> {
        // Relaxed: nothing else is read or written by the order of these counts.
        if self.0.in_flight.fetch_add(1, Relaxed) < self.0.limit {
            return Ok(Place(self));
        }
        self.leave();
        self.0.refused.fetch_add(1, Relaxed);
        Err(Problem::overloaded(self.0.limit))
    }

    fn leave(&self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }

    /// The most requests at once.
    pub(super) fn limit(&self) -> usize {
        self.0.limit
    }

    /// The requests in flight.
    pub(super) fn in_flight(&self) -> usize {
        // What is on its way to be refused is not in flight.
        self.0.in_flight.load(Relaxed).min(self.0.limit)
    }

    /// The requests refused since the start.
    pub(super) fn refused(&self) -> u64 {
        self.0.refused.load(Relaxed)
    }
}

impl Place<'_> {
    /// Keeps the place beyond the handling of the request.
    pub(super) fn keep(self) -> KeptPlace {
        let kept = KeptPlace(self.0.clone());
        // The place is `kept`'s to give back now.
        mem::forget(self);
        kept
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Drop for KeptPlace {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Enter,
        /// The handling of one of the requests ends.
        Leave(prop::sample::Index),
        /// The handling of one ends, and its answer goes on.
        Keep(prop::sample::Index),
        /// One of the answers ends.
        End(prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        let any = any::<prop::sample::Index>;
        prop_oneof![
            3 => Just(Step::Enter),
            1 => any().prop_map(Step::Leave),
            1 => any().prop_map(Step::Keep),
            1 => any().prop_map(Step::End),
        ]
    }

    proptest! {
        #[test]
        fn the_count_is_that_of_the_places_held(limit in 1_u32..5, steps in prop::collection::vec(step(), 0..60)) {
            let admission = Admission::new(limit);
            let (mut handled, mut answered) = (Vec::new(), Vec::new());
            let mut refused = 0;
            for step in steps {
                match step {
                    Step::Enter => match admission.enter() {
                        Ok(place) => handled.push(place),
                        Err(problem) => {
                            prop_assert_eq!(handled.len() + answered.len(), limit as usize);
                            prop_assert_eq!(problem.code(), "overloaded");
                            refused += 1;
                        }
                    },
                    Step::Leave(which) if !handled.is_empty() => drop(handled.swap_remove(which.index(handled.len()))),
                    Step::Keep(which) if !handled.is_empty() => {
                        answered.push(handled.swap_remove(which.index(handled.len())).keep());
                    }
                    Step::End(which) if !answered.is_empty() => {
                        drop(answered.swap_remove(which.index(answered.len())));
                    }
                    Step::Leave(_) | Step::Keep(_) | Step::End(_) => {}
                }
                prop_assert!(handled.len() + answered.len() <= limit as usize);
                prop_assert_eq!(admission.in_flight(), handled.len() + answered.len());
                prop_assert_eq!(admission.refused(), refused);
            }
            drop((handled, answered));
            prop_assert_eq!(admission.in_flight(), 0);
        }
    }

    #[test]
    fn the_limit_holds_over_all_threads() {
        const LIMIT: usize = 3;
        const ROUNDS: u64 = 20_000;
        let admission = Admission::new(3);
        let held = AtomicUsize::new(0);
        let served: u64 = std::thread::scope(|scope| {
            let work = || {
                let mut served = 0;
                for _ in 0..ROUNDS {
                    let Ok(place) = admission.enter() else {
                        continue;
                    };
                    assert!(held.fetch_add(1, Relaxed) < LIMIT);
                    served += 1;
                    // Before the place, so that it is not counted twice.
                    held.fetch_sub(1, Relaxed);
                    drop(place.keep());
                }
                served
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(admission.in_flight(), 0);
        assert_eq!(served + admission.refused(), 8 * ROUNDS);
    }
}
