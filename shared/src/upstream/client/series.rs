//! A series of attempts: repeated, hedged, each with a place of its own.

use std::pin::pin;

use futures_util::future::{Either, select};
use tokio::time::sleep;

use super::attempt::Failure;
use super::{Call, Client, Lost, Reply};
use crate::upstream::cluster::{InFlight, Taken};
use crate::upstream::deadline::Deadline;
use crate::upstream::request::Importance;
use crate::upstream::retry::{Retry, Step};
use crate::upstream::{Context, Error, ErrorKind, Instant, Response, Undecodable};

impl Client {
    /// Attempts until one brings an answer or the policies say stop. `failing` is told of a failure before a wait.
    pub(super) async fn series<T, D>(
        &self,
        call: &Call<'_, D>,
        failing: impl Fn(&Error),
    ) -> Result<Reply, Error>
    where
        T: Send + Sync + 'static,
        D: Fn(&Response) -> Result<T, Undecodable>,
    {
        let mut now = call.began;
        self.worth_asking(call.context, call.deadline, now)?;
        self.cluster.retries.deposit(now);
        let mut retry = Retry::new(self.cluster.config().retry, call.request.is_idempotent());
        let mut tried = Vec::new();
        let mut last = None;
        loop {
            let (place, taken) = match self.place(call, &tried, now).await {
                Ok(placed) => placed,
                // What came of asking says more than that nobody was left to ask.
                Err(refused) => return Err(last.unwrap_or(refused.error)),
            };
            let failure = match self.hedged(call, taken, &mut tried).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            drop(place);
            now = Instant::now();
            let elsewhere = self.cluster.has_other(&tried, now);
            let remaining = call.deadline.remaining(now);
            match retry.next(failure.failed, elsewhere, remaining, fastrand::f64()) {
                Step::Repeat(wait) if self.cluster.retries.withdraw(now) => {
                    if !wait.is_zero() {
                        failing(&failure.error);
                        sleep(wait).await;
                        now = Instant::now();
                    }
                    last = Some(failure.error);
                }
                Step::Repeat(_) | Step::GiveUp => return Err(failure.error),
            }
        }
    }

    /// What can be done without is not asked for when it would most likely come too late.
    pub(super) fn worth_asking(
        &self,
        context: &Context,
        deadline: Deadline,
        now: Instant,
    ) -> Result<(), Error> {
        if context.importance == Importance::Required {
            return Ok(());
        }
        let remaining = deadline.remaining(now);
        match self.cluster.quantiles(now) {
            Some(known) if remaining < known.p50 => {
                let (left, usual) = (remaining.as_millis(), known.p50.as_millis());
                let detail = format!(
                    "not asked: {left} ms left, half of its answers take longer than {usual} ms"
                );
                Err(self.unsent(ErrorKind::Timeout, detail).error)
            }
            _ => Ok(()),
        }
    }

    /// A place in flight and an endpoint, at once or after a short wait in line.
    async fn place<D>(
        &self,
        call: &Call<'_, D>,
        tried: &[u64],
        now: Instant,
    ) -> Result<(InFlight<'_>, Taken<'_>), Failure> {
        let placed = self.cluster.place(call.deadline, tried, now).await;
        placed.map_err(|refused| {
            let failure = self.unsent(refused.kind, refused.detail);
            Failure {
                error: failure.error.with_retry_after(refused.retry_after),
                ..failure
            }
        })
    }

    /// An attempt, and a second one beside it if it takes long. Who failed is added to `tried`.
    async fn hedged<T, D>(
        &self,
        call: &Call<'_, D>,
        taken: Taken<'_>,
        tried: &mut Vec<u64>,
    ) -> Result<Reply, Failure>
    where
        T: Send + Sync + 'static,
        D: Fn(&Response) -> Result<T, Undecodable>,
    {
        let (cluster, config) = (&self.cluster, self.cluster.config());
        let first_id = taken.endpoint.id();
        let lost = Lost::new(false);
        let mut first = pin!(self.attempt(call, taken, &lost));
        let may_hedge =
            config.hedge.enabled && call.request.may_be_hedged() && cluster.has_several();
        if !may_hedge {
            return first.await.inspect_err(|_| tried.push(first_id));
        }
        let mut now = Instant::now();
        cluster.hedges.deposit(now);
        let mut delay = cluster.hedge_delay(now);
        let hedge = loop {
            let patience = self.timers.hedges.until(now + delay, first.as_mut());
            if let Some(outcome) = patience.await {
                return outcome.inspect_err(|_| tried.push(first_id));
            }
            tried.push(first_id);
            if let Some(hedge) = self.hedge(call.deadline, tried) {
                break hedge;
            }
            // Who has enough to do at this moment may have less soon, and what hangs would hang to its end.
            tried.pop();
            delay *= 2;
            now = Instant::now();
        };
        let second_id = hedge.endpoint.id();
        let never = Lost::new(false);
        let second = Box::pin(self.attempt(call, hedge, &never));
        match select(first, second).await {
            Either::Left((Ok(reply), _)) => Ok(reply),
            Either::Right((Ok(reply), _first)) => {
                lost.set(true);
                Ok(reply)
            }
            // A refusal is the same everywhere.
            Either::Left((Err(failure), _)) | Either::Right((Err(failure), _))
                if !failure.failed.repeatable =>
            {
                Err(failure)
            }
            Either::Left((Err(_), second)) => second.await.inspect_err(|_| tried.push(second_id)),
            Either::Right((Err(_), first)) => {
                tried.push(second_id);
                first.await
            }
        }
    }

    /// Somebody for a hedge, if it can be afforded: never where there is much to do already.
    fn hedge(&self, deadline: Deadline, tried: &[u64]) -> Option<Taken<'_>> {
        let now = Instant::now();
        if deadline.remaining(now).is_zero() {
            return None;
        }
        // Looked at before anybody is taken: who is not asked is not to be counted as asked.
        if !self.cluster.queue.is_empty() || self.cluster.hedges.balance(now) == 0 {
            return None;
        }
        let taken = self.cluster.choose_idle(tried, now)?;
        // Should another thread have been faster, it is dropped unused and so given back.
        self.cluster.hedges.withdraw(now).then_some(taken)
    }
}
