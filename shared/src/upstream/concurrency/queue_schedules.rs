//! Callers on threads of their own, for a few places.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use shuttle::future::{block_on, yield_now};
use shuttle::sync::Mutex;
use shuttle::{check_pct, check_random, thread};

use super::queue::{Queue, Ticket};

#[derive(Debug)]
struct Places {
    queue: Queue,
    free: Mutex<usize>,
    /// In which sequence callers came to stand in line, and got their places out of it.
    joined: Mutex<Vec<usize>>,
    placed: Mutex<Vec<usize>>,
}

impl Places {
    fn new(free: usize) -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::default(),
            free: Mutex::new(free),
            joined: Mutex::default(),
            placed: Mutex::default(),
        })
    }

    fn take(&self) -> bool {
        let mut free = self.free.lock().unwrap();
        let taken = *free > 0;
        *free -= usize::from(taken);
        taken
    }

    fn give_back(&self) {
        *self.free.lock().unwrap() += 1;
        self.queue.place_freed();
    }

    fn join(&self, caller: usize) -> Ticket<'_> {
        let mut joined = self.joined.lock().unwrap();
        joined.push(caller);
        self.queue.join(usize::MAX).unwrap()
    }

    /// As `client/series.rs` does.
    async fn in_line(&self, caller: usize) {
        let ticket = self.join(caller);
        loop {
            ticket.called().await;
            if ticket.is_first() && self.take() {
                self.placed.lock().unwrap().push(caller);
                return;
            }
        }
    }

    async fn place(&self, caller: usize) {
        if !self.queue.is_empty() || !self.take() {
            self.in_line(caller).await;
        }
    }

    /// Whoever leaves after a while, has no place.
    async fn place_or_leave(&self, caller: usize, patience: usize) -> bool {
        let leaves = async {
            for _ in 0..patience {
                yield_now().await;
            }
        };
        matches!(
            select(pin!(self.place(caller)), pin!(leaves)).await,
            Either::Left(_)
        )
    }
}

/// Lets callers come, each of which leaves after so many moments, if at all.
fn run(free: usize, callers: &[Option<usize>]) {
    let places = Places::new(free);
    let threads: Vec<_> = callers
        .iter()
        .copied()
        .enumerate()
        .map(|(caller, patience)| {
            let places = Arc::clone(&places);
            thread::spawn(move || {
                let placed = block_on(async {
                    match patience {
                        Some(patience) => places.place_or_leave(caller, patience).await,
                        None => {
                            places.place(caller).await;
                            true
                        }
                    }
                });
                if placed {
                    thread::yield_now();
                    places.give_back();
                }
            })
        })
        .collect();
    if callers.len() > 3 {
        places.queue.call_all();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(
        (places.queue.len(), *places.free.lock().unwrap()),
        (0, free)
    );
    let placed = places.placed.lock().unwrap();
    let mut joined = places.joined.lock().unwrap();
    joined.retain(|caller| placed.contains(caller));
    assert_eq!(*joined, *placed, "first come, first served");
}

fn check(free: usize, callers: &'static [Option<usize>]) {
    check_random(move || run(free, callers), 400);
    check_pct(move || run(free, callers), 400, 3);
}

/// Whoever never gets a place hangs, which the scheduler sees.
#[test]
fn everybody_gets_a_place_in_the_sequence_they_came_in() {
    check(1, &[None, None, None]);
    check(2, &[None, None, None, None]);
}

#[test]
fn whoever_leaves_at_whatever_moment_passes_the_word_on() {
    check(1, &[None, Some(1), None]);
    check(1, &[Some(0), Some(2), None, Some(3)]);
    check(2, &[None, Some(1), Some(2), None, None]);
}
