//! Single flight: whoever wants the same at the same time shares one call, over all worker threads.
//!
//! The call runs as a task of its own on the thread of whoever came first, so that it does not end when that one
//! leaves; it ends when the last one has left who waits for it.

use std::collections::HashMap;
use std::collections::hash_map;
use std::sync::{Arc, OnceLock, PoisonError};

use super::cache::{Entry, Key};
use super::sync::{AbortHandle, Mutex, MutexGuard, watch};
use super::{Error, Instant};

/// How far a shared call is.
#[derive(Debug, Clone)]
pub(super) enum Progress {
    /// Nothing is known yet.
    Underway,
    /// It has failed so far and waits to be repeated. Who has a stale answer need not wait with it.
    Failing(Error),
    /// It is over.
    Done(Result<Arc<Entry>, Error>),
    /// It ended without an outcome: its thread is gone.
    Lost,
}

/// The calls that are shared just now.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Key, Flight>>);

#[derive(Debug)]
struct Flight {
    progress: watch::Receiver<Progress>,
    started: Instant,
    task: Arc<OnceLock<AbortHandle>>,
    /// How many wait for it.
    seats: usize,
    /// Goes on though nobody waits.
    kept: bool,
}

/// A place among those who wait for a shared call; dropping it leaves it.
#[derive(Debug)]
pub(super) struct Seat {
    flights: Arc<Flights>,
    key: Key,
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) started: Instant,
    task: Arc<OnceLock<AbortHandle>>,
}

/// What the one who came first has to do: run the call, and say how it goes. Dropped without an outcome, it tells those
/// who wait that there will be none.
#[derive(Debug)]
pub(super) struct Lead {
    flights: Arc<Flights>,
    key: Key,
    progress: watch::Sender<Progress>,
    task: Arc<OnceLock<AbortHandle>>,
}

impl Flights {
    /// Joins the call for `key`, or begins one: then there is a [`Lead`]. A call that is `kept` goes on when nobody
    /// waits for it any more.
    pub(super) fn join(
        self: &Arc<Self>,
        key: &Key,
        kept: bool,
        now: Instant,
    ) -> (Seat, Option<Lead>) {
        let mut flights = self.lock();
        let (flight, lead) = match flights.entry(key.clone()) {
            hash_map::Entry::Occupied(known) => (known.into_mut(), None),
            hash_map::Entry::Vacant(vacant) => {
                let (sender, progress) = watch::channel(Progress::Underway);
                let task = Arc::default();
                let lead = Lead {
                    flights: Arc::clone(self),
                    key: key.clone(),
                    progress: sender,
                    task: Arc::clone(&task),
                };
                let flight = Flight {
                    progress,
                    started: now,
                    task,
                    seats: 0,
                    kept,
                };
                (vacant.insert(flight), Some(lead))
            }
        };
        flight.seats += 1;
        flight.kept |= kept;
        let seat = Seat {
            flights: Arc::clone(self),
            key: key.clone(),
            progress: flight.progress.clone(),
            started: flight.started,
            task: Arc::clone(&flight.task),
        };
        (seat, lead)
    }

    /// Whether there is a call for `key` to join.
    pub(super) fn is_under_way(&self, key: &Key) -> bool {
        self.lock().contains_key(key)
    }

    /// Whether no call is shared just now.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Says which task runs the call: it is ended with the last seat.
    pub(super) fn flown_by(&self, task: AbortHandle) {
        // Only the lead says so, once.
        _ = self.task.set(task);
    }

    /// How the call is: waits until it is over, or only until it has failed once if `first_failure`.
    pub(super) async fn outcome(&mut self, first_failure: bool) -> Progress {
        let seen = self.progress.wait_for(|progress| match progress {
            Progress::Underway => false,
            Progress::Failing(_) => first_failure,
            Progress::Done(_) | Progress::Lost => true,
        });
        match seen.await {
            Ok(progress) => progress.clone(),
            Err(_) => Progress::Lost,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        let hash_map::Entry::Occupied(mut flight) = flights.entry(self.key.clone()) else {
            return;
        };
        if !Arc::ptr_eq(&flight.get().task, &self.task) {
            // Its own call is over, and this is the next one.
            return;
        }
        flight.get_mut().seats -= 1;
        if flight.get().seats == 0 && !flight.get().kept {
            // Under the lock: nobody can join what is about to end.
            flight.remove();
            drop(flights);
            if let Some(task) = self.task.get() {
                task.abort();
            }
        }
    }
}

impl Lead {
    /// What is asked for.
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// The call has failed, and will be repeated later.
    pub(super) fn failing(&self, error: &Error) {
        self.progress.send_replace(Progress::Failing(error.clone()));
    }

    /// The call is over.
    pub(super) fn done(self, outcome: Result<Arc<Entry>, Error>) {
        // First out of the way, so that whoever comes now begins a call of its own.
        self.leave();
        self.progress.send_replace(Progress::Done(outcome));
    }

    fn leave(&self) {
        let mut flights = self.flights.lock();
        if let hash_map::Entry::Occupied(flight) = flights.entry(self.key.clone())
            && Arc::ptr_eq(&flight.get().task, &self.task)
        {
            flight.remove();
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.leave();
        self.progress.send_if_modified(|progress| {
            let lost = !matches!(progress, Progress::Done(_));
            if lost {
                *progress = Progress::Lost;
            }
            lost
        });
    }
}
