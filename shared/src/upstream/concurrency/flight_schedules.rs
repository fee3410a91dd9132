//! Callers on threads of their own, for the same thing.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{AbortHandle, Abortable, Either, pending, select};
use shuttle::future::{JoinHandle, block_on, spawn, yield_now};
use shuttle::sync::Mutex;
use shuttle::{check_pct, check_random, thread};

use super::flight::{Flights, Lead, Progress, Seat};
use super::{Error, Instant, cache::Key};
use crate::upstream::{ErrorKind, Request};

/// How a shared call goes.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// It fails, is repeated, and is over.
    Done,
    /// Its thread is lost.
    Lost,
    /// It never ends by itself.
    Stands,
}

/// A call that was begun: what its end needs is noted before, so that nobody can be faster.
#[derive(Debug, Default, Clone, Copy)]
struct Begun {
    /// What is noted when it begins to end, and when it has.
    ends: bool,
    finished: bool,
    seats: usize,
}

struct World {
    flights: Arc<Flights>,
    key: Key,
    start: Instant,
    kept: bool,
    begun: Mutex<BTreeMap<u64, Begun>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

fn error(number: u64) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        &"service".into(),
        number.to_string(),
    )
}

impl World {
    fn note(&self, number: u64, note: impl FnOnce(&mut Begun)) {
        note(self.begun.lock().unwrap().entry(number).or_default());
    }

    fn number(&self, seat: &Seat) -> u64 {
        (seat.started - self.start).as_secs()
    }

    fn join(self: &Arc<Self>, caller: u64, way: Way) -> Seat {
        let now = self.start + Duration::from_secs(caller);
        let (seat, lead) = self.flights.join(&self.key, self.kept, now);
        if let Some(lead) = lead {
            let begun = self.begun.lock().unwrap();
            let is_over = |begun: &Begun| begun.ends || !self.kept && begun.seats == 0;
            // Somebody may have joined this one already.
            let mut others = begun.iter().filter(|(number, _)| **number != caller);
            assert!(
                others.all(|(_, begun)| is_over(begun)),
                "two at a time: {begun:?}"
            );
            drop(begun);
            self.fly(caller, lead, &seat, way);
        }
        let number = self.number(&seat);
        self.note(number, |begun| begun.seats += 1);
        seat
    }

    fn fly(self: &Arc<Self>, number: u64, lead: Lead, seat: &Seat, way: Way) {
        let world = Arc::clone(self);
        assert_eq!(lead.key(), &self.key);
        let life = async move {
            yield_now().await;
            match way {
                Way::Done => {
                    lead.failing(&error(number));
                    yield_now().await;
                    world.note(number, |begun| begun.ends = true);
                    lead.done(Err(error(number)));
                }
                Way::Lost => {
                    world.note(number, |begun| begun.ends = true);
                    drop(lead);
                }
                Way::Stands => pending().await,
            }
            world.note(number, |begun| begun.finished = true);
        };
        let (handle, registration) = AbortHandle::new_pair();
        seat.flown_by(handle);
        let task = spawn(async move {
            _ = Abortable::new(life, registration).await;
        });
        self.tasks.lock().unwrap().push(task);
    }

    /// Waits for so many moments, or until there is an outcome: which then is that of its own call.
    fn wait(&self, mut seat: Seat, patience: Option<usize>) {
        let number = self.number(&seat);
        block_on(async {
            let leaves = async {
                match patience {
                    Some(patience) => {
                        for _ in 0..patience {
                            yield_now().await;
                        }
                    }
                    None => pending().await,
                }
            };
            match select(pin!(seat.outcome(number.is_multiple_of(2))), pin!(leaves)).await {
                Either::Left((Progress::Failing(error) | Progress::Done(Err(error)), _)) => {
                    assert_eq!(error.detail(), number.to_string(), "another's outcome");
                }
                Either::Left((Progress::Lost, _)) => {}
                Either::Left((progress, _)) => panic!("{progress:?}"),
                Either::Right(_) => {}
            }
        });
        self.note(number, |begun| begun.seats -= 1);
    }
}

fn run(kept: bool, callers: &[(Way, Option<usize>)]) {
    let world = Arc::new(World {
        flights: Arc::default(),
        key: Key::of::<u8>(&Request::get("/"), 0),
        start: Instant::now(),
        kept,
        begun: Mutex::default(),
        tasks: Mutex::default(),
    });
    let threads: Vec<_> = (0..)
        .zip(callers.iter().copied())
        .map(|(caller, (way, patience))| {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let seat = world.join(caller, way);
                world.wait(seat, patience);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let tasks = std::mem::take(&mut *world.tasks.lock().unwrap());
    for task in tasks {
        block_on(task).unwrap();
    }
    assert!(world.flights.is_empty() && !world.flights.is_under_way(&world.key));
    let begun = world.begun.lock().unwrap();
    assert!(!begun.is_empty());
    assert!(
        !kept || begun.values().all(|begun| begun.finished),
        "not kept"
    );
}

fn check(kept: bool, callers: &'static [(Way, Option<usize>)]) {
    check_random(move || run(kept, callers), 300);
    check_pct(move || run(kept, callers), 300, 3);
}

const WAITS: (Way, Option<usize>) = (Way::Done, None);

/// Whoever never gets one hangs, which the scheduler sees.
#[test]
fn everybody_has_the_outcome_of_its_own_call() {
    check(false, &[WAITS, WAITS, WAITS]);
    check(true, &[WAITS, WAITS, WAITS]);
}

#[test]
fn whoever_leaves_disturbs_nobody() {
    check(false, &[(Way::Done, Some(1)), WAITS, (Way::Done, Some(2))]);
    check(
        false,
        &[(Way::Done, Some(0)), (Way::Done, Some(3)), WAITS, WAITS],
    );
}

#[test]
fn a_call_without_an_outcome_lets_nobody_wait() {
    check(false, &[(Way::Lost, None), WAITS, (Way::Lost, None)]);
    check(true, &[(Way::Lost, None), (Way::Lost, Some(1)), WAITS]);
}

/// It would never end otherwise, which the scheduler sees.
#[test]
fn the_last_one_to_leave_ends_the_call() {
    const LEAVES: (Way, Option<usize>) = (Way::Stands, Some(2));
    check(false, &[LEAVES, LEAVES]);
    check(false, &[(Way::Stands, Some(0)), LEAVES, LEAVES]);
}

#[test]
fn a_call_that_is_kept_goes_on_without_anybody() {
    check(true, &[(Way::Done, Some(0)), (Way::Done, Some(1))]);
}
