//! A line of calls that wait for a place, first come first served.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, PoisonError};

use super::sync::{AtomicUsize, Mutex, MutexGuard, Notify};

/// The line. It gives no places away: it tells the first in it when to try.
///
/// Nobody is forgotten: a ticket is told when it comes to stand first and whenever a place may have become free while
/// it does, and a word that comes before the ticket listens is kept for it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<VecDeque<Arc<Notify>>>,
    length: AtomicUsize,
}

/// A place in the line; dropping it leaves the line.
#[derive(Debug)]
pub(super) struct Ticket<'a> {
    queue: &'a Queue,
    word: Arc<Notify>,
}

impl Queue {
    /// Calls that wait.
    pub(super) fn len(&self) -> usize {
        self.length.load(SeqCst)
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stands at the end; `None` when `most` wait already.
    pub(super) fn join(&self, most: usize) -> Option<Ticket<'_>> {
        let mut waiting = self.lock();
        if waiting.len() >= most {
            return None;
        }
        let word = Arc::new(Notify::new());
        if waiting.is_empty() {
            // A place may have become free since the last try.
            word.notify_one();
        }
        waiting.push_back(Arc::clone(&word));
        self.length.store(waiting.len(), SeqCst);
        Some(Ticket { queue: self, word })
    }

    /// A place may have become free.
    pub(super) fn place_freed(&self) {
        if self.is_empty() {
            return;
        }
        if let Some(first) = self.lock().front() {
            first.notify_one();
        }
    }

    /// Everybody is to look how long to wait.
    pub(super) fn call_all(&self) {
        for waiting in self.lock().iter() {
            waiting.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket<'_> {
    /// Whether nobody stands before it.
    pub(super) fn is_first(&self) -> bool {
        let waiting = self.queue.lock();
        waiting
            .front()
            .is_some_and(|first| Arc::ptr_eq(first, &self.word))
    }

    /// Returns when it is worth trying to get a place.
    pub(super) async fn called(&self) {
        self.word.notified().await;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut waiting = self.queue.lock();
        let was_first = waiting
            .front()
            .is_some_and(|first| Arc::ptr_eq(first, &self.word));
        waiting.retain(|word| !Arc::ptr_eq(word, &self.word));
        self.queue.length.store(waiting.len(), SeqCst);
        if was_first && let Some(first) = waiting.front() {
            // It left with a place, and there may be another one; or without, and its word is passed on.
            first.notify_one();
        }
    }
}
