//! A call's place at an endpoint.

use std::cell::Cell;
use std::sync::Arc;

use super::Cluster;
use crate::upstream::breaker::Pass;
use crate::upstream::endpoint::AttemptEnd;
use crate::upstream::{Endpoint, Instant};

/// A call in flight to an endpoint, which it is given back to when dropped.
#[derive(Debug)]
pub(in crate::upstream) struct Taken<'a> {
    pub(super) cluster: &'a Cluster,
    /// Whether it was overtaken, if it is dropped.
    pub(super) lost: Option<&'a Cell<bool>>,
    pub(in crate::upstream) endpoint: Arc<Endpoint>,
    pub(super) pass: Pass,
    pub(in crate::upstream) since: Instant,
    pub(super) ended: bool,
}

impl<'a> Taken<'a> {
    /// The same, to count as overtaken and not as cancelled if it is dropped while `lost`.
    pub(in crate::upstream) fn unless(self, lost: &'a Cell<bool>) -> Self {
        let mut taken = self;
        taken.lost = Some(lost);
        taken
    }

    /// Gives the endpoint back with how the attempt ended.
    pub(in crate::upstream) fn end(mut self, end: AttemptEnd, now: Instant) {
        self.give_back(end, now);
    }

    fn give_back(&mut self, end: AttemptEnd, now: Instant) {
        self.ended = true;
        let took = now.saturating_duration_since(self.since);
        let allowed = self.cluster.config.attempt_timeout;
        let (name, endpoint) = (&self.cluster.name, &self.endpoint);
        match endpoint.end(self.pass, end, took, allowed, now) {
            Some("open") => log::warn!("{name}: {endpoint} fails too often and is left alone"),
            Some("closed") => log::info!("{name}: {endpoint} answers again"),
            _ => {}
        }
        if end.is_watched() {
            self.cluster.watch(&self.endpoint);
        }
        if end == AttemptEnd::Answered {
            self.cluster.latencies().add(took, now);
        }
        if !self.cluster.queue.is_empty() {
            // If it is worse than before, those in line are told.
            self.cluster.outlook(now);
        }
        self.cluster.queue.place_freed();
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let end = if self.lost.is_some_and(Cell::get) {
                AttemptEnd::Overtaken
            } else {
                AttemptEnd::Cancelled
            };
            self.give_back(end, Instant::now());
        }
    }
}
