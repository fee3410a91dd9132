//! How many calls an endpoint can take at once, found out by asking it: a limit that follows its latency.
//!
//! After Netflix's concurrency limits ("gradient"): while latency stays near what a call takes with next to nothing
//! beside it, there is room for more; as it grows, calls wait inside the service, and there are too many. What is
//! different here was learnt from gateways that fail without it, and from simulation:
//!
//! - It begins small, and each good answer that finds it in use is worth one more place, so that it doubles with each
//!   round as TCP's does (Jacobson, 1988), until latency grows for the first time. An innocent burst has its places in a
//!   few rounds; the first wave of an overload is a small one.
//! - It grows only while it is in use, shrinks while it is not, and is kept for each endpoint.
//! - After a cut only the calls that began since count, so that one excess is not answered for twice.
//! - The latency that it compares with is the mean of calls beside which there were never more than `min`: like is
//!   compared with like, however much answers differ. A limit that fell down to `min` learns by this alone that its
//!   endpoint has become slower; not while calls fail. A limit that was in the way for a minute is rested for a moment
//!   to learn the same, as BBR does (Cardwell and others, 2016).

use std::time::Duration;

pub use self::config::LimitConfig;
use self::samples::{Base, Samples};
use super::Instant;

mod config;
mod samples;
#[cfg(test)]
mod tests;

/// What the end of a call says about the endpoint's latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    /// It took so long to answer.
    Answered(Duration),
    /// It did not answer in so long.
    TimedOut(Duration),
    /// It failed in another way, perhaps quickly: its time says nothing, but times are bad.
    Failed,
    /// Nothing is known.
    None,
}

/// A window closes after so long, and after so many samples.
const WINDOW: Duration = Duration::from_millis(50);
const WINDOW_SAMPLES: u32 = 10;

/// A limit that is not in use shrinks down to this.
const IDLE: u32 = 10;

/// For how long a cut shows that there is too much to do.
const CUT_SHOWS: Duration = Duration::from_secs(1);

/// After so long without a cut the limit may double again.
const CUT_FORGOTTEN: Duration = Duration::from_secs(10);

/// So many answers in a row that took too long, and longer and longer, say so before their window is over.
const LATE: u32 = 3;

/// How long a failure speaks against what is learnt.
const FAILURE_SHOWS: Duration = Duration::from_secs(1);

/// How long the least latency holds before it may be learnt anew.
const LEAST_HOLDS: Duration = Duration::from_secs(60);

/// How long a rest lasts at most, once few calls are left; and how long it waits for that.
const REST_AT_MOST: Duration = Duration::from_secs(1);

/// What becomes of a limit next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outlook {
    /// There is too much to do: who waits, waits for long.
    Squeezed,
    /// It is as it is.
    Steady,
    /// It doubles with each round of answers.
    Growing,
}

/// The state machine of one endpoint's limit. Handed the time with each call, it keeps no clock.
#[derive(Debug)]
pub(super) struct Limit {
    config: LimitConfig,
    limit: f64,
    in_flight: u32,
    window: Samples,
    base: Base,
    /// When there were more than `min` calls last.
    crowded: Option<Instant>,
    /// The mean latency of a window, in seconds, over many of them; and of how many.
    usual: (f64, u32),
    /// When the limit was cut last.
    cut: Option<Instant>,
    /// It doubles below this.
    doubles_to: f64,
    /// Answers in a row that took too long, none less than the one before, and what the last of them took.
    late: (u32, f64),
    epoch: Instant,
    /// Whether the limit was in the way in this epoch.
    pressed: bool,
    failed: Option<Instant>,
    /// When it was seen last what a call takes with next to nothing beside it.
    learnt: Option<Instant>,
    rest: Rest,
    /// The mean latency of the last window, in seconds.
    latency: f64,
}

/// A moment with few calls, in which the least latency is learnt anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    No,
    /// What is too much has to end first.
    Begins(Instant),
    /// Calls that began since then count.
    Since(Instant),
}

impl Limit {
    /// A limit of which nothing is known.
    pub(super) fn new(config: LimitConfig, now: Instant) -> Self {
        Self {
            config,
            limit: f64::from(config.initial),
            in_flight: 0,
            window: Samples::new(now, 0),
            base: Base::NOTHING,
            crowded: None,
            usual: (0.0, 0),
            cut: None,
            doubles_to: f64::from(config.max),
            late: (0, 0.0),
            epoch: now,
            pressed: false,
            failed: None,
            learnt: None,
            rest: Rest::No,
            latency: 0.0,
        }
    }

    /// The limit as it is.
    pub(super) fn current(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "kept between min and max"
        )]
        let limit = self.limit as u32;
        limit
    }

    /// Calls in flight.
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Whether there is room for another call.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight < self.allowed()
    }

    fn allowed(&self) -> u32 {
        match self.rest {
            Rest::No => self.current(),
            Rest::Begins(_) | Rest::Since(_) => self.config.min,
        }
    }

    /// Whether at least half of it is in use.
    pub(super) fn is_pressed(&self) -> bool {
        self.in_flight * 2 >= self.current()
    }

    /// Calls a second that the endpoint answers at this limit; `None` while its latency is not known.
    pub(super) fn throughput(&self) -> Option<f64> {
        (self.latency > 0.0).then(|| self.limit / self.latency)
    }

    /// Whether there is room for a call that wants it: where there is none, the limit was in the way.
    pub(super) fn offers_room(&mut self) -> bool {
        let room = self.has_room();
        self.pressed |= !room && self.rest == Rest::No;
        room
    }

    /// Takes a place; false when there is none.
    pub(super) fn acquire(&mut self) -> bool {
        if !self.offers_room() {
            return false;
        }
        self.in_flight += 1;
        self.window.most_in_flight = self.window.most_in_flight.max(self.in_flight);
        true
    }

    /// What becomes of it next.
    pub(super) fn outlook(&self, now: Instant) -> Outlook {
        let cut = self
            .cut
            .is_some_and(|cut| now.saturating_duration_since(cut) < CUT_SHOWS);
        if cut || self.late.0 >= LATE {
            Outlook::Squeezed
        } else if self.rest == Rest::No && self.limit < self.doubles_to {
            Outlook::Growing
        } else {
            Outlook::Steady
        }
    }

    /// Gives a place back, with what its call has shown.
    pub(super) fn release(&mut self, sample: Sample, now: Instant) {
        let in_use = self.in_flight * 2 >= self.current();
        let is_one_of_few = self.in_flight * 2 < self.current().min(IDLE);
        if self.in_flight > self.config.min {
            self.crowded = Some(now);
        }
        self.in_flight -= 1;
        if matches!(sample, Sample::TimedOut(_) | Sample::Failed) {
            self.failed = Some(now);
        }
        if self.rest != Rest::No {
            self.rested(sample, now);
            return;
        }
        match sample {
            Sample::Answered(latency) => {
                self.learn(latency, is_one_of_few, now);
                let took = latency.as_secs_f64();
                let counts = self.began_since_cut(latency, now);
                if counts {
                    self.window.add(took);
                }
                if took > self.tolerated() {
                    if counts {
                        let (count, last) = self.late;
                        // Nearly as long is as long.
                        let count = if took < 0.9 * last { 0 } else { count };
                        self.late = (count + 1, took);
                    }
                } else {
                    self.late = (0, 0.0);
                    if in_use && self.limit < self.doubles_to {
                        self.limit = (self.limit + 1.0).min(f64::from(self.config.max));
                    }
                }
            }
            Sample::TimedOut(after) => {
                if self.began_since_cut(after, now) {
                    // It would have taken longer, and so says nothing of being fast.
                    self.window.add(after.as_secs_f64().max(self.base.mean));
                }
            }
            Sample::Failed | Sample::None => {}
        }
        if self.window.count >= WINDOW_SAMPLES
            && now.saturating_duration_since(self.window.start) >= WINDOW
        {
            self.close_window(now);
        }
    }

    /// What began before the last cut was too much already, and is not answered for twice.
    fn began_since_cut(&self, took: Duration, now: Instant) -> bool {
        self.cut
            .is_none_or(|cut| now.saturating_duration_since(cut) >= took)
    }

    fn learn(&mut self, took: Duration, is_one_of_few: bool, now: Instant) {
        let was_alone = self
            .crowded
            .is_none_or(|at| now.saturating_duration_since(at) >= took);
        let latency = took.as_secs_f64();
        if !was_alone {
            // The first few are better than nothing, and so are those that the limit has room for twice; not of a limit
            // of any size, or latency and limit would raise each other.
            if !self.base.is_alone && (self.base.count < self.config.min || is_one_of_few) {
                self.base.add(latency);
            }
            return;
        }
        if !self.base.is_alone {
            self.base.is_alone = true;
            self.base.count = self.base.count.min(1);
        }
        let fails = self
            .failed
            .is_some_and(|at| now.saturating_duration_since(at) < FAILURE_SHOWS);
        if latency < self.base.mean || !fails {
            self.base.add(latency);
            self.learnt = Some(now);
        }
    }

    fn close_window(&mut self, now: Instant) {
        let window = std::mem::replace(&mut self.window, Samples::new(now, self.in_flight));
        self.latency = window.mean();
        let since_cut = self.cut.map(|cut| now.saturating_duration_since(cut));
        if since_cut.is_some_and(|since| since >= CUT_FORGOTTEN) {
            self.doubles_to = f64::from(self.config.max);
        }
        let tolerated = self.tolerated();
        if self.latency - window.doubt() > tolerated {
            // By half at most for one window, which may have been an odd one.
            self.limit *= (tolerated / self.latency).max(0.5);
            self.doubles_to = self.limit;
            self.cut = Some(now);
            self.usual = (0.0, 0);
        } else if f64::from(window.most_in_flight) * 2.0 < self.limit {
            self.limit = (self.limit * 0.95).max(self.limit.min(f64::from(IDLE)));
        } else if self.limit >= self.doubles_to && self.latency <= tolerated {
            self.limit += self.limit.sqrt();
        }
        self.late = (0, 0.0);
        let (min, max) = (f64::from(self.config.min), f64::from(self.config.max));
        self.limit = self.limit.clamp(min, max);
        if self.cut != Some(now) {
            self.remember();
        }
        if now.saturating_duration_since(self.epoch) >= LEAST_HOLDS {
            self.end_epoch(now);
        }
    }

    /// Many calls take no less than few: where they do, over many windows, what was learnt is out of date.
    fn remember(&mut self) {
        const MANY: u32 = 32;
        let (usual, count) = &mut self.usual;
        *count = (*count + 1).min(MANY);
        *usual += (self.latency - *usual) / f64::from(*count);
        if *count == MANY {
            self.base.mean = self.base.mean.min(*usual);
        }
    }

    /// The latency from which on there are too many calls, in seconds; unbounded while nothing is known.
    fn tolerated(&self) -> f64 {
        if self.base.count == 0 {
            return f64::INFINITY;
        }
        let tolerance = self.base.mean * f64::from(self.config.tolerance_percent) / 100.0;
        (self.base.mean + tolerance).max(self.config.tolerated.as_secs_f64())
    }

    fn end_epoch(&mut self, now: Instant) {
        let lately = |at: Option<Instant>| {
            at.is_some_and(|at| now.saturating_duration_since(at) < LEAST_HOLDS)
        };
        // Whatever it takes while calls fail, it is not well.
        if self.pressed && !lately(self.failed) && !lately(self.learnt) {
            self.rest = Rest::Begins(now);
        }
        self.epoch = now;
        self.pressed = false;
    }

    fn rested(&mut self, sample: Sample, now: Instant) {
        let is_over = |start| now.saturating_duration_since(start) > REST_AT_MOST;
        match (self.rest, sample) {
            (Rest::Begins(_), _) if self.in_flight < self.config.min => {
                self.rest = Rest::Since(now);
                self.window = Samples::new(now, self.in_flight);
            }
            (Rest::Begins(start), _) if is_over(start) => self.end_rest(now),
            (Rest::Since(_), Sample::TimedOut(_) | Sample::Failed) => self.end_rest(now),
            (Rest::Since(start), sample) => {
                if let Sample::Answered(latency) = sample
                    && now.saturating_duration_since(start) >= latency
                {
                    self.window.add(latency.as_secs_f64());
                }
                if is_over(start) || self.window.count >= WINDOW_SAMPLES {
                    self.learn_of_rest();
                    self.end_rest(now);
                }
            }
            _ => {}
        }
    }

    /// Of a slow endpoint there are but a few answers in the time. They are its own nevertheless.
    fn learn_of_rest(&mut self) {
        if self.window.count > 0 {
            self.base = Base {
                mean: self.window.mean(),
                count: self.window.count,
                is_alone: true,
            };
            self.usual = (0.0, 0);
        }
    }

    fn end_rest(&mut self, now: Instant) {
        self.rest = Rest::No;
        self.window = Samples::new(now, self.in_flight);
    }

    /// What a call takes with next to nothing beside it; `None` before the first answer.
    pub(super) fn least(&self) -> Option<Duration> {
        (self.base.count > 0).then(|| Duration::from_secs_f64(self.base.mean))
    }
}
