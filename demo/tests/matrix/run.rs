//! What is done in a cell, from its beginning to its end.

use std::time::Duration;

use bff_shared::upstream::{Instant, Protocol};
use futures_util::future::join_all;
use mock_services::raw::Answer;
use tokio::time::{sleep, timeout};

use crate::cell::{Body, Calls, Cell, Expected, Extent, Kept, Pace, Service};
use crate::check::{Good, Got, check_calls};
use crate::known::{Known, orders};
use crate::stack::{GUARD, PATIENT, Seen, Stack, is_waited_for};
use crate::table::{Inflict, REFUSES, Sign};

/// What a machine may be late by, however busy it is.
const SLACK: Duration = Duration::from_secs(2);

/// So many time-outs at once open every circuit.
const HERD: usize = 6;

/// So many calls open both circuits once a series has failed: five failures of each instance less those of the series,
/// and some more for connections that turn out to be closed.
const MOST_UNTIL_OPEN: u64 = 2 * 5 + 2;

/// A circuit is open for at least so long before its instance is tried again: a second, less a fifth.
const OPEN_AT_LEAST: Duration = Duration::from_millis(800);

/// The pause between two questions that wait for a circuit to close.
const AGAIN: Duration = Duration::from_millis(100);

/// Runs a cell; an error says what was not as expected.
pub(crate) async fn run(cell: Cell) -> Result<(), String> {
    let ran = async {
        loop {
            let stack = Stack::start(&cell);
            let course = Course {
                cell,
                stack: &stack,
                // The first is asked for to know the instances, or the app, before anything fails.
                asked: &orders()[1],
                herd: &orders()[1..=HERD],
                others: &orders()[HERD + 1..],
            };
            let outcome = course.run().await;
            stack.stop().await;
            match outcome {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(why) => return Err(why),
            }
        }
    };
    timeout(3 * GUARD, ran)
        .await
        .unwrap_or_else(|_| Err("did not come to its end".to_owned()))
        .map_err(|why| format!("{cell}: {why}"))
}

struct Course<'a> {
    cell: Cell,
    stack: &'a Stack,
    /// What is asked for under the fault.
    asked: &'a Known,
    /// The same and more, for many at once.
    herd: &'a [Known],
    /// What was never asked for.
    others: &'a [Known],
}

impl Course<'_> {
    /// False if the beginning did not bring about what the cell needs, and it has to begin anew.
    async fn run(&self) -> Result<bool, String> {
        let Some((on, slowest)) = self.begin().await? else {
            return Ok(false);
        };
        self.stack.inflict(&self.cell, on);
        self.first_answer(slowest).await?;
        if self.cell.comes_to_open_circuits() {
            self.until_open().await?;
        }
        self.stack.heal();
        self.recovered().await?;
        Ok(true)
    }

    /// Asks while all is well. The instances that the fault is to fall on are returned, and what the slowest answer took.
    async fn begin(&self) -> Result<Option<([bool; 2], Duration)>, String> {
        let keys = match self.cell.kept {
            Kept::Nothing => &orders()[..1],
            Kept::Stale if is_waited_for(&self.cell) => self.herd,
            Kept::Stale => &self.herd[..1],
        };
        let mut slowest = Duration::ZERO;
        for known in keys {
            let start = Instant::now();
            let answer = self.stack.ask(known.id, &[]).await;
            slowest = slowest.max(start.elapsed());
            let got = self.got(known, &answer);
            if got.check(&COMPLETE, [Good::Fresh; 2]).is_err() {
                // Nothing fails yet: the machine is too slow for the times of this cell.
                return Ok(None);
            }
        }
        let seen = self.stack.settled(self.cell.service, 1).await?;
        let on = match (self.cell.extent, seen.attempts) {
            (Extent::All, _) => [true; 2],
            // Whoever was not asked yet is asked next: the balance knows nothing better.
            (Extent::One, [0, _]) => [true, false],
            (Extent::One, [_, 0]) => [false, true],
            (Extent::One, _) => return Ok(None),
        };
        Ok(Some((on, slowest)))
    }

    /// The answer that the matrix is about.
    async fn first_answer(&self, slowest: Duration) -> Result<(), String> {
        let (cell, stack) = (&self.cell, self.stack);
        let (failing, other) = (cell.service, cell.service.other());
        let expected = cell.expected();
        let before = [stack.seen(failing).await, stack.seen(other).await];
        let received = stack.received(failing);
        let start = Instant::now();
        let answer = stack.ask(self.asked.id, &[]).await;
        let took = start.elapsed();
        let complete = self
            .got(self.asked, &answer)
            .check(&COMPLETE, [Good::Fresh; 2]);
        let is_spared = expected.or_complete && complete.is_ok();
        if !is_spared {
            self.got(self.asked, &answer)
                .check(&expected, [Good::Fresh; 2])?;
        }
        let mut within = within(expected.pace);
        // What the services usually take sets how long a new answer is waited for: here it may be an attempt's time.
        if expected.pace == Pace::Patience && slowest > within / 4 {
            within += SLACK;
        }
        if took > within {
            return Err(format!("took {took:?} where {within:?} are allowed"));
        }
        let least = match expected.calls {
            Calls::InAll(calls) => calls,
            Calls::Series { least, hedges, .. } => least + hedges.unwrap_or_default(),
        };
        let least = before[0].calls() + least;
        let after = [
            self.all_received(least, before[0].calls(), received)
                .await?,
            stack.settled(other, 0).await?,
        ];
        let expected = Expected {
            other_calls: if is_spared { 1 } else { expected.other_calls },
            ..expected
        };
        check_calls(&expected, [before[0], after[0]], [before[1], after[1]])
            .map_err(|why| format!("{why}: {answer:?}"))
    }

    /// What the BFF sees of the failing service when nothing is under way any more, at least so many calls were made,
    /// and all that it says it has called has come to the instances, wherever it can come at all.
    async fn all_received(&self, least: u64, calls: u64, received: u64) -> Result<Seen, String> {
        let failing = self.cell.service;
        let start = Instant::now();
        loop {
            let seen = self.stack.settled(failing, least).await?;
            let received = self.stack.received(failing) - received;
            let calls = seen.calls() - calls;
            let refuses = self.cell.fault.name == REFUSES;
            let fits = match self.cell.extent {
                _ if self.cell.fault.sign == Sign::NowAndThen => received <= calls,
                _ if self.hides_requests() => (1..=calls).contains(&received),
                // A call on a kept connection that turns out to be closed costs one more, and may not have been sent.
                Extent::All if self.may_be_unsent() => received == calls || received + 1 == calls,
                Extent::All if refuses => received == 0,
                Extent::One if refuses => received == calls - 1,
                _ => received == calls,
            };
            if fits {
                return Ok(seen);
            }
            // Between the two counts a further attempt may have begun.
            if start.elapsed() > GUARD / 4 {
                return Err(format!("{calls} calls, {received} came"));
            }
        }
    }

    /// Whether the proxy does not see every request: over HTTP/2 one may be behind another that it holds up.
    fn hides_requests(&self) -> bool {
        let Cell {
            protocol, fault, ..
        } = self.cell;
        protocol == Protocol::Grpc
            && fault.sign == Sign::Silent
            && matches!(fault.inflict, Inflict::Proxy(_))
    }

    /// Whether a call may find out that its connection was closed before anything of it was sent.
    fn may_be_unsent(&self) -> bool {
        let Cell {
            protocol, fault, ..
        } = self.cell;
        protocol == Protocol::Grpc && fault.closes_connections() && fault.name != REFUSES
    }

    /// Asks on until both circuits are open, and checks the answer that then comes of no call at all.
    async fn until_open(&self) -> Result<(), String> {
        let failing = self.cell.service;
        if is_waited_for(&self.cell) {
            let answers = join_all(self.herd.iter().map(|known| self.stack.ask(known.id, &[])));
            for (known, answer) in self.herd.iter().zip(answers.await) {
                self.check_degraded(known, &answer)?;
            }
        }
        let other = failing.other();
        let expected = self.cell.expected_open();
        let most = match self.cell.fault.sign {
            // How many it takes depends on how many were cut short, or on how many there were before.
            Sign::Silent | Sign::Throttled => u64::MAX,
            _ => self.stack.seen(failing).await.calls() + MOST_UNTIL_OPEN,
        };
        let start = Instant::now();
        // Those that were never asked for, so that nothing of them is in the cache.
        let mut others = self.others.iter().rev();
        loop {
            let known = match self.cell.kept {
                Kept::Nothing => others.next().ok_or("the circuits stay closed")?,
                Kept::Stale => self.asked,
            };
            let before = [self.stack.seen(failing).await, self.stack.seen(other).await];
            let answer = self.stack.ask(known.id, &[]).await;
            let after = [self.stack.seen(failing).await, self.stack.seen(other).await];
            let calls = check_calls(&expected, [before[0], after[0]], [before[1], after[1]]);
            let open = self.got(known, &answer).check(&expected, [Good::Fresh; 2]);
            if open.and(calls).is_ok() {
                return Ok(());
            }
            // On a slow machine the first is tried again before the last one is open.
            let tried_again = 2 * start.elapsed().as_millis() / OPEN_AT_LEAST.as_millis();
            if u128::from(after[0].calls()) > u128::from(most) + tried_again {
                return Err(format!("not left alone after {after:?}"));
            }
            self.check_degraded(known, &answer)?;
        }
    }

    /// Asks until the answer is complete again. It is right, comes from the service and not from what was said in
    /// the meantime, and then from the cache.
    async fn recovered(&self) -> Result<(), String> {
        let Cell { service, kept, .. } = self.cell;
        let from_service = match (self.cell.is_answered(), kept) {
            // The good answer is what was kept.
            (true, Kept::Nothing) => [Good::Cached; 2],
            _ if self.cell.fault.sign == Sign::NowAndThen => [Good::FreshOrCached; 2],
            (_, Kept::Stale) => [Good::Fresh; 2],
            (false, Kept::Nothing) => match service {
                Service::Order => [Good::Fresh; 2],
                Service::Customer => [Good::Cached, Good::Fresh],
            },
        };
        let first = self.good(&[]).await?;
        self.got(self.asked, &first)
            .check(&COMPLETE, from_service)?;
        let again = match kept {
            Kept::Nothing => Good::Cached,
            Kept::Stale => Good::Fresh,
        };
        let second = self.good(&[]).await?;
        self.got(self.asked, &second).check(&COMPLETE, [again; 2])?;
        let tag = first.header("etag").unwrap_or_default();
        if second.header("etag") != Some(tag) {
            return Err(format!("{tag} became another: {second:?}"));
        }
        let known = self.good(&[("If-None-Match", tag)]).await?;
        if known.status != 304 {
            return Err(format!("not known by its tag: {known:?}"));
        }
        self.closed().await
    }

    /// Asks until the answer is complete. What comes before is at least no other than under the fault.
    async fn good(&self, headers: &[(&str, &str)]) -> Result<Answer, String> {
        loop {
            let answer = self.stack.ask(self.asked.id, headers).await;
            if answer.header("etag").is_some() {
                return Ok(answer);
            }
            self.check_degraded(self.asked, &answer)?;
            sleep(AGAIN).await;
        }
    }

    /// Asks for other things until no instance of the service is left alone.
    async fn closed(&self) -> Result<(), String> {
        let mut others = self.others.iter().cycle();
        while !self.stack.is_closed(self.cell.service).await {
            if let Some(known) = others.next() {
                let answer = self.stack.ask(known.id, &[]).await;
                if answer.header("etag").is_some() {
                    let good = [Good::FreshOrCached; 2];
                    self.got(known, &answer).check(&COMPLETE, good)?;
                }
            }
            sleep(AGAIN).await;
        }
        Ok(())
    }

    /// Checks an answer that may be the fault's or that of open circuits, but is nothing else.
    fn check_degraded(&self, known: &Known, answer: &Answer) -> Result<(), String> {
        let good = [Good::FreshOrCached; 2];
        let got = self.got(known, answer);
        let by_fault = got.check(&self.cell.expected(), good);
        by_fault.or_else(|why| {
            let open = self.cell.expected_open();
            // Further failed probes make it wait longer.
            let after = answer.header("retry-after");
            let after = after.and_then(|after| after.parse().ok());
            let retry_after = open.retry_after.map(|first| after.unwrap_or(first));
            let open = Expected {
                retry_after,
                ..open
            };
            got.check(&open, good)
                .map_err(|or| format!("{why}; or {or}"))
        })
    }

    fn got<'a>(&self, asked: &'a Known, answer: &'a Answer) -> Got<'a> {
        Got {
            client: self.stack.client(),
            asked,
            answer,
        }
    }
}

const COMPLETE: Expected = Expected {
    status: 200,
    body: Body::Complete,
    retry_after: None,
    pace: Pace::AtOnce,
    calls: Calls::InAll(1),
    other_calls: 1,
    or_complete: false,
};

/// The latest that an answer may come. What is designed to come sooner than at a deadline comes before a single
/// attempt would have been given up.
fn within(pace: Pace) -> Duration {
    let default = bff_shared::upstream::Config::new(Vec::new());
    match pace {
        Pace::AtOnce | Pace::Hedge => 10 * default.attempt_timeout,
        Pace::Patience => PATIENT * default.attempt_timeout,
        Pace::Deadline => default.deadline + SLACK,
    }
}
