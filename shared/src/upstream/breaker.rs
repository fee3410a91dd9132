//! The circuit breaker of one endpoint: who fails again and again is left alone for a while.
//!
//! The pattern is Nygard's ("Release It!", 2007); the numbers to open at are Envoy's outlier detection (five failures
//! in a row) and Hystrix's (half of at least twenty calls in ten seconds).

use std::time::Duration;

use super::Instant;
use super::window::Window;
use crate::config::Section;

/// Settings of the circuit breakers of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// So many failures in a row open the circuit.
    pub consecutive_failures: u32,
    /// Or this percentage of the calls in the window,
    pub failure_percent: u32,
    /// of which there have to be so many.
    pub minimum_calls: u32,
    /// How far back the percentage looks.
    pub window: Duration,
    /// How long an endpoint is left alone at first; twice as long each further time.
    pub open: Duration,
    /// How long it is left alone at most.
    pub open_at_most: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            failure_percent: 50,
            minimum_calls: 20,
            window: Duration::from_secs(10),
            open: Duration::from_secs(1),
            open_at_most: Duration::from_secs(30),
        }
    }
}

impl BreakerConfig {
    /// Reads the keys of the section `breaker`.
    pub fn read(section: &mut Section<'_>) -> Self {
        const TENTH: Duration = Duration::from_millis(100);
        const HOUR: Duration = Duration::from_secs(3600);
        let default = Self::default();
        let config = Self {
            consecutive_failures: section.integer(
                "consecutive_failures",
                default.consecutive_failures,
                1..=1000,
                "Failures in a row after which an endpoint is left alone.",
            ),
            failure_percent: section.integer(
                "failure_percent",
                default.failure_percent,
                1..=100,
                "The percentage of failed calls in the window from which on an endpoint is left alone.",
            ),
            minimum_calls: section.integer(
                "minimum_calls",
                default.minimum_calls,
                1..=100_000,
                "The calls that have to be in the window for the percentage to count.",
            ),
            window: section.duration(
                "window",
                default.window,
                TENTH..=HOUR,
                "How far back the percentage of failed calls looks.",
            ),
            open: section.duration(
                "open",
                default.open,
                TENTH..=HOUR,
                "How long an endpoint is left alone at first, before one call tries it; then twice as long each time.",
            ),
            open_at_most: section.duration(
                "open_at_most",
                default.open_at_most,
                TENTH..=HOUR,
                "How long an endpoint is left alone at most.",
            ),
        };
        if config.open > config.open_at_most {
            section.reject("open", "at most open_at_most of the same upstream");
        }
        config
    }
}

/// Failures that follow each other faster than this count as one in a row of them.
const PACE: Duration = Duration::from_micros(750);

/// How a call that the breaker let through ended, as far as breakers care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallEnd {
    /// A real answer, be it a 404.
    Success,
    /// A transport error, a time-out, a 5xx or what could not be read.
    Failure {
        /// Nobody could connect.
        unreachable: bool,
    },
    /// 429: it works, but a share of them says that it does not keep up.
    Throttled,
    /// Its caller did not wait for it, which says nothing about the endpoint.
    Cancelled,
    /// Another endpoint, asked later, answered sooner.
    Overtaken,
}

/// What a call got from the breaker, to be given back with its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass {
    epoch: u64,
    probe: bool,
}

impl Pass {
    /// Whether the call is the one that tries an endpoint again.
    pub(super) fn is_probe(self) -> bool {
        self.probe
    }
}

/// What the breaker would say to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// The circuit is closed: go on.
    Call,
    /// One call may try whether the endpoint works again.
    Probe,
    /// The circuit is open until then, or its probe is under way.
    Refused(Instant),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Instant, unreachable: bool },
    HalfOpen { probing: bool },
}

/// The state machine. Handed the time with each call, it keeps no clock.
#[derive(Debug)]
pub(super) struct Breaker {
    config: BreakerConfig,
    state: State,
    since: Instant,
    /// Grows with each change of state: what began before it says nothing any more.
    epoch: u64,
    consecutive: u32,
    /// When the first of them was.
    row_began: Instant,
    /// Calls, and failures among them.
    window: Window,
    /// Openings without a calm time between them.
    openings: u32,
}

impl Breaker {
    /// A closed circuit.
    pub(super) fn new(config: BreakerConfig, now: Instant) -> Self {
        Self {
            config,
            state: State::Closed,
            since: now,
            epoch: 0,
            consecutive: 0,
            row_began: now,
            window: Window::new(config.window, now),
            openings: 0,
        }
    }

    /// What a call at `now` would be told; changes nothing.
    pub(super) fn admission(&self, now: Instant) -> Admission {
        match self.state {
            State::Closed => Admission::Call,
            State::Open { until, .. } if now < until => Admission::Refused(until),
            State::Open { .. } | State::HalfOpen { probing: false } => Admission::Probe,
            // It will be known soon; nobody knows when.
            State::HalfOpen { probing: true } => Admission::Refused(now),
        }
    }

    /// Lets a call through, or not.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Pass> {
        let probe = match self.admission(now) {
            Admission::Call => false,
            Admission::Probe => {
                if !matches!(self.state, State::HalfOpen { .. }) {
                    self.change(State::HalfOpen { probing: false }, now);
                }
                self.state = State::HalfOpen { probing: true };
                true
            }
            Admission::Refused(_) => return None,
        };
        Some(Pass {
            epoch: self.epoch,
            probe,
        })
    }

    /// Takes note of how a call ended that [`begin`](Self::begin) had let through. Says whether the circuit closed.
    pub(super) fn end(&mut self, pass: Pass, end: CallEnd, now: Instant) -> bool {
        if pass.epoch != self.epoch {
            return false;
        }
        if pass.probe {
            return self.end_probe(end, now);
        }
        match end {
            CallEnd::Success => {
                self.consecutive = 0;
                self.window.add(now, [1, 0]);
            }
            CallEnd::Failure { unreachable } => self.fail(unreachable, now),
            CallEnd::Throttled => self.count_failure(false, now),
            CallEnd::Cancelled | CallEnd::Overtaken => {}
        }
        false
    }

    fn end_probe(&mut self, end: CallEnd, now: Instant) -> bool {
        match end {
            CallEnd::Success => {
                self.change(State::Closed, now);
                true
            }
            CallEnd::Failure { unreachable } => {
                self.open(unreachable, now);
                false
            }
            // To answer later than somebody who was asked later is not to work again.
            CallEnd::Throttled | CallEnd::Overtaken => {
                self.open(false, now);
                false
            }
            CallEnd::Cancelled => {
                self.state = State::HalfOpen { probing: false };
                false
            }
        }
    }

    /// A connection was tried in the background, without a call, and nobody answered.
    pub(super) fn unreachable(&mut self, now: Instant) {
        if self.state == State::Closed {
            self.fail(true, now);
        }
    }

    fn fail(&mut self, unreachable: bool, now: Instant) {
        if self.consecutive == 0 {
            self.row_began = now;
        }
        self.consecutive += 1;
        self.count_failure(unreachable, now);
    }

    /// Whether there were too many failures in a row, at a pace that says something: where thousands of calls are made a
    /// second, and one in ten fails, five failures in a row are a matter of seconds and mean nothing.
    fn has_long_row(&self, now: Instant) -> bool {
        let others = self.config.consecutive_failures - 1;
        self.consecutive > others
            && now.saturating_duration_since(self.row_began) >= PACE.saturating_mul(others)
    }

    /// A connection was made in the background. It closes nothing, but one call may try at once.
    pub(super) fn reachable(&mut self, now: Instant) {
        if let State::Open {
            unreachable: true, ..
        } = self.state
        {
            self.change(State::HalfOpen { probing: false }, now);
        }
    }

    fn count_failure(&mut self, unreachable: bool, now: Instant) {
        self.window.add(now, [1, 1]);
        let [calls, failures] = self.window.sums(now);
        let too_many = calls >= u64::from(self.config.minimum_calls)
            && failures * 100 >= calls * u64::from(self.config.failure_percent);
        if self.has_long_row(now) || too_many {
            // Closed for longer than the window, its earlier troubles are over.
            if now.saturating_duration_since(self.since) > self.config.window {
                self.openings = 0;
            }
            self.open(unreachable, now);
        }
    }

    fn open(&mut self, unreachable: bool, now: Instant) {
        let doubled = self.config.open * 2u32.saturating_pow(self.openings.min(16));
        let longest = doubled.min(self.config.open_at_most);
        // Up to a fifth shorter, so that not all gateways come back in the same moment.
        let until = now + longest.mul_f64(1.0 - 0.2 * fastrand::f64());
        self.openings += 1;
        self.change(State::Open { until, unreachable }, now);
    }

    fn change(&mut self, state: State, now: Instant) {
        self.state = state;
        self.since = now;
        self.epoch += 1;
        self.consecutive = 0;
        self.window.clear();
    }

    /// The state's name and since when, for an operator's eyes.
    pub(super) fn state(&self) -> (&'static str, Instant) {
        let name = match self.state {
            State::Closed => "closed",
            State::Open { .. } => "open",
            State::HalfOpen { .. } => "halfOpen",
        };
        (name, self.since)
    }
}

#[cfg(test)]
mod tests;
