//! A call's way to an endpoint: at once, or after a short wait in line.

use std::time::Duration;

use tokio::time::timeout_at;

use super::choice::Refusal;
use super::cluster::{InFlight, Taken};
use super::limit::Outlook;
use super::{Cluster, Deadline, ErrorKind, Instant};

/// Why a call goes to no endpoint: nothing of it was sent.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) kind: ErrorKind,
    pub(super) detail: String,
    pub(super) retry_after: Option<Duration>,
}

impl Refused {
    fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            retry_after: None,
        }
    }

    fn no_time() -> Self {
        Self::new(ErrorKind::Timeout, "no time was left to ask")
    }

    fn circuit_open(until: Instant, now: Instant) -> Self {
        let left = until.saturating_duration_since(now);
        let detail = format!(
            "not asked: every endpoint failed too often, tried again in {} ms",
            left.as_millis()
        );
        Self {
            retry_after: Some(left),
            ..Self::new(ErrorKind::CircuitOpen, detail)
        }
    }
}

/// How long a call may wait in line, how long it would as far as is known, and up to which it takes its place there.
struct Patience {
    allowed: Duration,
    accepted: Duration,
    expected: Option<Duration>,
}

impl Cluster {
    /// A place in flight and an endpoint, at once or after a short wait in line.
    pub(super) async fn place(
        &self,
        deadline: Deadline,
        tried: &[u64],
        now: Instant,
    ) -> Result<(InFlight<'_>, Taken<'_>), Refused> {
        if deadline.remaining(now).is_zero() {
            return Err(Refused::no_time());
        }
        let Some(in_flight) = self.admit() else {
            return Err(Refused::new(
                ErrorKind::Overloaded,
                "as many calls in flight as max_in_flight allows",
            ));
        };
        let taken = if self.queue.is_empty() {
            match self.choose(tried, now) {
                Err(Refusal::Busy) => self.in_line(deadline, tried, now).await?,
                Err(Refusal::Nobody) => self.once_found(deadline, tried, now).await?,
                Err(Refusal::Open(until)) => return Err(Refused::circuit_open(until, now)),
                Ok(taken) => taken,
            }
        } else {
            self.in_line(deadline, tried, now).await?
        };
        Ok((in_flight, taken))
    }

    /// Waits in line for a place, unless that would take too long.
    async fn in_line(
        &self,
        deadline: Deadline,
        tried: &[u64],
        now: Instant,
    ) -> Result<Taken<'_>, Refused> {
        let mut patience = self.patience_in_line(deadline, now);
        let expected = patience.expected.unwrap_or_default();
        if expected > patience.accepted {
            self.refused();
            let detail = format!(
                "refused: would wait for {} ms, {} ms are allowed",
                expected.as_millis(),
                patience.accepted.as_millis()
            );
            return Err(Refused::new(ErrorKind::Overloaded, detail));
        }
        let most = self.config().limit.queue_length;
        let Some(ticket) = self.queue.join(most as usize) else {
            self.refused();
            return Err(Refused::new(
                ErrorKind::Overloaded,
                "refused: too many wait already",
            ));
        };
        while timeout_at(now + patience.allowed, ticket.called())
            .await
            .is_ok()
        {
            let later = Instant::now();
            if deadline.remaining(later).is_zero() {
                break;
            }
            if ticket.is_first() {
                match self.choose(tried, later) {
                    Ok(taken) => return Ok(taken),
                    Err(Refusal::Open(until)) => return Err(Refused::circuit_open(until, later)),
                    Err(Refusal::Busy | Refusal::Nobody) => {}
                }
            }
            let allowed = self.patience_in_line(deadline, later).allowed;
            patience.allowed = patience.allowed.min(allowed);
        }
        self.refused();
        let detail = format!(
            "refused: no place within {} ms",
            patience.allowed.as_millis()
        );
        Err(Refused::new(ErrorKind::Overloaded, detail))
    }

    /// How long a call may wait in line, and how long it would. While places double with each round of answers, the
    /// line of an innocent burst is short-lived: then half of the time that is left. Where there is too much to do, the
    /// line is as long as it is allowed to be, and long waits only make everybody late ("Fail at Scale", Maurer, 2015).
    fn patience_in_line(&self, deadline: Deadline, now: Instant) -> Patience {
        const SQUEEZED: Duration = Duration::from_millis(6);
        let limit = &self.config().limit;
        let usual = self
            .quantiles(now)
            .map_or_else(Default::default, |known| known.p50);
        let left = deadline.remaining(now).saturating_sub(usual);
        let expected = self.expected_wait();
        let (allowed, accepted, expected) = match self.outlook(now) {
            Outlook::Growing => {
                let rounds = expected.map(|wait| {
                    let answers = wait.as_secs_f64() / usual.as_secs_f64().max(0.000_1);
                    usual.mul_f64((1.0 + answers).log2())
                });
                let allowed = limit.queue_time.max(left / 2).min(left);
                (allowed, allowed, rounds)
            }
            Outlook::Steady => {
                // A wait may come out twice as long as expected, and to wait and then be refused is the worst of all.
                let allowed = limit.queue_time.min(left);
                (allowed, (limit.queue_time / 2).min(left), expected)
            }
            Outlook::Squeezed => {
                let allowed = limit.queue_time.min(SQUEEZED).min(left);
                (allowed, allowed, expected)
            }
        };
        Patience {
            allowed,
            accepted,
            expected,
        }
    }

    /// Waits for the first endpoint to be found.
    async fn once_found(
        &self,
        deadline: Deadline,
        tried: &[u64],
        now: Instant,
    ) -> Result<Taken<'_>, Refused> {
        let allowed = self.config().connect_timeout;
        let until = deadline.at_most(now, allowed);
        if self.any_endpoint(until).await {
            let now = Instant::now();
            if deadline.remaining(now).is_zero() {
                return Err(Refused::no_time());
            }
            match self.choose(tried, now) {
                Ok(taken) => return Ok(taken),
                // All who waited for the name come at once.
                Err(Refusal::Busy) => return self.in_line(deadline, tried, now).await,
                Err(Refusal::Open(until)) => return Err(Refused::circuit_open(until, now)),
                Err(Refusal::Nobody) => {}
            }
        }
        Err(Refused::new(
            ErrorKind::Unavailable,
            "no address is known for any endpoint",
        ))
    }
}
