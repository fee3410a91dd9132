//! How many calls an endpoint can take at once, found out by asking it: a limit that follows its latency.
//!
//! After Netflix's concurrency limits ("gradient"): while latency stays near the least that was seen, there is room for
//! more; as it grows, calls wait inside the service, and there are too many. What is different here was learnt from
//! gateways that fail without it: the limit grows only while it is in use and shrinks while it is not, so that the
//! first wave of an overload finds it tight; it is kept for each endpoint, so that a slow one limits itself alone; and
//! the least latency is never learnt anew while times are bad. Where they do not get better, the endpoint is rested for
//! a moment to learn it, as BBR does (Cardwell and others, 2016): what it takes with next to nothing to do is its own.

use std::time::Duration;

use super::Instant;
use crate::config::Section;

/// Settings of the concurrency limits of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitConfig {
    /// The limit of an endpoint of which nothing is known yet.
    pub initial: u32,
    /// The smallest limit.
    pub min: u32,
    /// The largest limit.
    pub max: u32,
    /// How far latency may rise above its least before the limit falls, in percent,
    pub tolerance_percent: u32,
    /// and at least by this: what is shorter says more of a busy machine than of the service.
    pub tolerance: Duration,
    /// Calls that may wait for a place.
    pub queue_length: u32,
    /// How long they may wait.
    pub queue_time: Duration,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self {
            initial: 100,
            min: 3,
            max: 1000,
            tolerance_percent: 25,
            tolerance: Duration::from_millis(10),
            queue_length: 1000,
            queue_time: Duration::from_millis(30),
        }
    }
}

impl LimitConfig {
    /// Reads the keys of the section `limit`.
    pub fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        let config = Self {
            initial: section.integer(
                "initial",
                default.initial,
                1..=100_000,
                "The calls in flight to an endpoint, to begin with; from there on its latency decides.",
            ),
            min: section.integer(
                "min",
                default.min,
                1..=100_000,
                "The calls in flight to an endpoint that are allowed in any case.",
            ),
            max: section.integer(
                "max",
                default.max,
                1..=100_000,
                "The calls in flight to an endpoint that are allowed at most. Equal to min: a fixed limit.",
            ),
            tolerance_percent: section.integer(
                "tolerance_percent",
                default.tolerance_percent,
                0..=1000,
                "How far an endpoint's latency may rise above its least before fewer calls are sent there, in percent.",
            ),
            tolerance: section.duration(
                "tolerance",
                default.tolerance,
                Duration::ZERO..=Duration::from_secs(60),
                "The same as a time: the larger of the two counts.",
            ),
            queue_length: section.integer(
                "queue_length",
                default.queue_length,
                0..=100_000,
                "Calls that may wait for a place; one more is refused at once as overloaded.",
            ),
            queue_time: section.duration(
                "queue_time",
                default.queue_time,
                Duration::ZERO..=Duration::from_secs(60),
                "How long a call may wait for a place. What would wait longer is refused at once.",
            ),
        };
        if config.min > config.max {
            section.reject("min", "at most max of the same upstream");
        }
        if config.initial < config.min || config.initial > config.max {
            section.reject("initial", "between min and max of the same upstream");
        }
        config
    }
}

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
const IDLE: f64 = 20.0;

/// How long the least latency holds before it may be learnt anew.
const LEAST_HOLDS: Duration = Duration::from_secs(60);

/// How long a rest lasts at most.
const REST_AT_MOST: Duration = Duration::from_secs(1);

/// The state machine of one endpoint's limit. Handed the time with each call, it keeps no clock.
#[derive(Debug)]
pub(super) struct Limit {
    config: LimitConfig,
    limit: f64,
    in_flight: u32,
    window: Samples,
    /// The least latency, in seconds, of this epoch and of the one before it.
    least: [f64; 2],
    epoch: Instant,
    /// Whether the limit was in the way in this epoch.
    pressed: bool,
    failures: bool,
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

#[derive(Debug, Clone, Copy)]
struct Samples {
    start: Instant,
    count: u32,
    /// In seconds.
    sum: f64,
    most_in_flight: u32,
}

impl Samples {
    fn new(now: Instant, in_flight: u32) -> Self {
        Self {
            start: now,
            count: 0,
            sum: 0.0,
            most_in_flight: in_flight,
        }
    }
}

impl Limit {
    /// A limit of which nothing is known.
    pub(super) fn new(config: LimitConfig, now: Instant) -> Self {
        Self {
            config,
            limit: f64::from(config.initial),
            in_flight: 0,
            window: Samples::new(now, 0),
            least: [f64::INFINITY; 2],
            epoch: now,
            pressed: false,
            failures: false,
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

    /// Gives a place back, with what its call has shown.
    pub(super) fn release(&mut self, sample: Sample, now: Instant) {
        self.in_flight -= 1;
        if self.rest != Rest::No {
            self.rested(sample, now);
            return;
        }
        match sample {
            Sample::Answered(latency) => {
                let latency = latency.as_secs_f64();
                self.window.count += 1;
                self.window.sum += latency;
                self.least[0] = self.least[0].min(latency);
            }
            Sample::TimedOut(after) => {
                self.window.count += 1;
                self.window.sum += after.as_secs_f64();
                self.failures = true;
            }
            Sample::Failed => self.failures = true,
            Sample::None => {}
        }
        if self.window.count >= WINDOW_SAMPLES
            && now.saturating_duration_since(self.window.start) >= WINDOW
        {
            self.close_window(now);
        }
    }

    fn close_window(&mut self, now: Instant) {
        let window = std::mem::replace(&mut self.window, Samples::new(now, self.in_flight));
        self.latency = window.sum / f64::from(window.count);
        let tolerated = self.tolerated();
        self.limit = if self.latency > tolerated {
            // By half at most for one window, which may have been an odd one; and never up.
            let less = self.limit * (tolerated / self.latency).max(0.5) + self.limit.sqrt();
            less.min(self.limit)
        } else if f64::from(window.most_in_flight) * 2.0 >= self.limit {
            self.limit + self.limit.sqrt()
        } else {
            (self.limit * 0.95).max(self.limit.min(IDLE))
        };
        self.limit = self
            .limit
            .clamp(f64::from(self.config.min), f64::from(self.config.max));
        if now.saturating_duration_since(self.epoch) >= LEAST_HOLDS {
            self.end_epoch(now);
        }
    }

    /// The latency from which on there are too many calls, in seconds.
    fn tolerated(&self) -> f64 {
        let least = self.least[0].min(self.least[1]);
        let tolerance = least * f64::from(self.config.tolerance_percent) / 100.0;
        least + tolerance.max(self.config.tolerance.as_secs_f64())
    }

    fn end_epoch(&mut self, now: Instant) {
        if self.failures {
            // Whatever it takes just now, it is not well.
        } else if self.pressed {
            self.rest = Rest::Begins(now);
        } else {
            self.least = [f64::INFINITY, self.least[0]];
        }
        self.epoch = now;
        self.pressed = false;
        self.failures = false;
    }

    fn rested(&mut self, sample: Sample, now: Instant) {
        match (self.rest, sample) {
            (Rest::Begins(_), _) if self.in_flight < self.config.min => {
                self.rest = Rest::Since(now);
                self.window = Samples::new(now, self.in_flight);
                self.least[0] = f64::INFINITY;
            }
            (Rest::Since(start), Sample::Answered(latency))
                if now.saturating_duration_since(start) >= latency =>
            {
                self.window.count += 1;
                self.least[0] = self.least[0].min(latency.as_secs_f64());
                if self.window.count >= WINDOW_SAMPLES {
                    self.least[1] = f64::INFINITY;
                    self.end_rest(now);
                }
            }
            (Rest::Since(_), Sample::TimedOut(_) | Sample::Failed) => self.end_rest(now),
            (Rest::Begins(start) | Rest::Since(start), _)
                if now.saturating_duration_since(start) > REST_AT_MOST =>
            {
                self.end_rest(now);
            }
            _ => {}
        }
    }

    fn end_rest(&mut self, now: Instant) {
        self.rest = Rest::No;
        self.window = Samples::new(now, self.in_flight);
    }

    /// The least latency seen lately; `None` before the first answer.
    pub(super) fn least(&self) -> Option<Duration> {
        let least = self.least[0].min(self.least[1]);
        least.is_finite().then(|| Duration::from_secs_f64(least))
    }
}
