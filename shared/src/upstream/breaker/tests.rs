//! Against a model that keeps all there is to know, whatever calls, connections and time do.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

const MS: Duration = Duration::from_millis(1);

#[derive(Debug, Clone)]
enum Step {
    Wait(u32),
    Begin,
    /// One of the calls under way ends.
    End(Index, CallEnd),
    Reachable,
    Unreachable,
}

fn ends() -> Vec<CallEnd> {
    vec![
        CallEnd::Success,
        CallEnd::Failure { unreachable: false },
        CallEnd::Failure { unreachable: true },
        CallEnd::Throttled,
        CallEnd::Cancelled,
        CallEnd::Overtaken,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..300_u32).prop_map(Step::Wait),
        6 => Just(Step::Begin),
        4 => (any::<Index>(), select(ends())).prop_map(|(call, end)| Step::End(call, end)),
        2 => (any::<Index>(), prop::bool::ANY)
            .prop_map(|(call, unreachable)| Step::End(call, CallEnd::Failure { unreachable })),
        1 => Just(Step::Reachable),
        1 => Just(Step::Unreachable),
    ]
}

fn settings() -> impl Strategy<Value = BreakerConfig> {
    (
        1..6_u32,
        1..=100_u32,
        1..12_u32,
        1..8_u32,
        1..4_u32,
        4..30_u32,
    )
        .prop_map(
            |(consecutive_failures, failure_percent, minimum_calls, window, open, open_at_most)| {
                BreakerConfig {
                    consecutive_failures,
                    failure_percent,
                    minimum_calls,
                    window: window * 100 * MS,
                    open: open * 100 * MS,
                    open_at_most: open_at_most * 100 * MS,
                }
            },
        )
}

/// A call under way: which change of the circuit it began after, and whether it is the probe.
struct Call {
    pass: Pass,
    change: usize,
    probe: bool,
}

struct Model {
    config: BreakerConfig,
    start: Instant,
    now: Instant,
    circuit: State,
    since: Instant,
    changes: usize,
    consecutive: u32,
    row_began: Instant,
    /// When each call ended, and whether in a failure.
    ended: Vec<(Instant, bool)>,
    openings: i32,
}

impl Model {
    fn new(config: BreakerConfig, now: Instant) -> Self {
        Self {
            config,
            start: now,
            now,
            circuit: State::Closed,
            since: now,
            changes: 0,
            consecutive: 0,
            row_began: now,
            ended: Vec::new(),
            openings: 0,
        }
    }

    fn change(&mut self, circuit: State) {
        self.circuit = circuit;
        self.since = self.now;
        self.changes += 1;
        self.consecutive = 0;
        self.ended.clear();
    }

    fn admission(&self) -> Admission {
        match self.circuit {
            State::Closed => Admission::Call,
            State::Open { until, .. } if self.now < until => Admission::Refused(until),
            State::Open { .. } | State::HalfOpen { probing: false } => Admission::Probe,
            State::HalfOpen { probing: true } => Admission::Refused(self.now),
        }
    }

    fn begin(&mut self) -> Option<bool> {
        match self.admission() {
            Admission::Call => Some(false),
            Admission::Probe => {
                if matches!(self.circuit, State::Open { .. }) {
                    self.change(State::HalfOpen { probing: true });
                }
                self.circuit = State::HalfOpen { probing: true };
                Some(true)
            }
            Admission::Refused(_) => None,
        }
    }

    fn end(&mut self, call: &Call, end: CallEnd, breaker: &Breaker) -> bool {
        if call.change != self.changes {
            return false;
        }
        match end {
            CallEnd::Success if call.probe => self.change(State::Closed),
            CallEnd::Cancelled if call.probe => self.circuit = State::HalfOpen { probing: false },
            CallEnd::Failure { unreachable } if call.probe => self.open(unreachable, breaker),
            CallEnd::Throttled | CallEnd::Overtaken if call.probe => self.open(false, breaker),
            CallEnd::Success => {
                self.consecutive = 0;
                self.ended.push((self.now, false));
            }
            CallEnd::Failure { unreachable } => self.fail(1, unreachable, breaker),
            CallEnd::Throttled => self.fail(0, false, breaker),
            CallEnd::Cancelled | CallEnd::Overtaken => {}
        }
        call.probe && end == CallEnd::Success
    }

    fn fail(&mut self, in_a_row: u32, unreachable: bool, breaker: &Breaker) {
        if self.consecutive == 0 {
            self.row_began = self.now;
        }
        self.consecutive += in_a_row;
        self.ended.push((self.now, true));
        let piece =
            |at: Instant| (at - self.start).as_micros() / (self.config.window / 10).as_micros();
        let lately = self
            .ended
            .iter()
            .filter(|(at, _)| piece(self.now) - piece(*at) < 10);
        let (mut calls, mut failures) = (0, 0);
        for (_, failed) in lately {
            calls += 1;
            failures += u32::from(*failed);
        }
        let too_many = calls >= self.config.minimum_calls
            && f64::from(failures) / f64::from(calls) * 100.0
                >= f64::from(self.config.failure_percent) - 1e-9;
        let row = self.config.consecutive_failures;
        let is_slow_enough =
            (self.now - self.row_began).as_secs_f64() >= f64::from(row - 1) * 0.000_75 - 1e-9;
        if (self.consecutive >= row && is_slow_enough) || too_many {
            if self.now - self.since > self.config.window {
                self.openings = 0;
            }
            self.open(unreachable, breaker);
        }
    }

    /// It takes over from the breaker itself how long exactly.
    fn open(&mut self, unreachable: bool, breaker: &Breaker) {
        let doubled = self.config.open.as_secs_f64() * 2_f64.powi(self.openings);
        let longest = doubled.min(self.config.open_at_most.as_secs_f64());
        let Admission::Refused(until) = breaker.admission(self.now) else {
            panic!("not open");
        };
        let open = (until - self.now).as_secs_f64();
        assert!(
            (longest * 0.8 - 1e-6..=longest + 1e-6).contains(&open),
            "open for {open}, not for up to {longest}"
        );
        self.openings += 1;
        self.change(State::Open { until, unreachable });
    }
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(
        config in settings(),
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let start = Instant::now();
        let mut breaker = Breaker::new(config, start);
        let mut model = Model::new(config, start);
        let mut calls: Vec<Call> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(millis) => model.now += millis * MS,
                Step::Begin => {
                    let pass = breaker.begin(model.now);
                    prop_assert_eq!(pass.map(Pass::is_probe), model.begin());
                    calls.extend(pass.map(|pass| Call {
                        pass,
                        change: model.changes,
                        probe: pass.is_probe(),
                    }));
                }
                Step::End(_, _) if calls.is_empty() => {}
                Step::End(call, end) => {
                    let call = calls.swap_remove(call.index(calls.len()));
                    let closed = breaker.end(call.pass, end, model.now);
                    prop_assert_eq!(closed, model.end(&call, end, &breaker));
                }
                Step::Reachable => {
                    breaker.reachable(model.now);
                    if matches!(model.circuit, State::Open { unreachable: true, .. }) {
                        model.change(State::HalfOpen { probing: false });
                    }
                }
                Step::Unreachable => {
                    breaker.unreachable(model.now);
                    if model.circuit == State::Closed {
                        model.fail(1, true, &breaker);
                    }
                }
            }
            prop_assert_eq!(breaker.state, model.circuit);
            prop_assert_eq!(breaker.state().1, model.since);
            prop_assert_eq!(breaker.admission(model.now), model.admission());
            prop_assert!(calls.iter().filter(|call| call.probe).count() <= 1, "two probes");
        }
    }
}

fn config() -> BreakerConfig {
    BreakerConfig {
        consecutive_failures: 1,
        open: 100 * MS,
        open_at_most: 1000 * MS,
        window: 1000 * MS,
        ..BreakerConfig::default()
    }
}

const FAILURE: CallEnd = CallEnd::Failure { unreachable: false };

/// Fails at `now`, or at the first moment after it when a call is let through: how long it is left alone then, in ms.
fn fails(breaker: &mut Breaker, now: &mut Instant) -> u128 {
    if let Admission::Refused(until) = breaker.admission(*now) {
        assert_eq!(breaker.begin(until - Duration::from_nanos(1)), None);
        *now = until;
    }
    let pass = breaker.begin(*now).unwrap();
    breaker.end(pass, FAILURE, *now);
    let Admission::Refused(until) = breaker.admission(*now) else {
        panic!("not open");
    };
    (until - *now).as_millis()
}

#[test]
fn it_is_open_twice_as_long_each_time_up_to_the_most() {
    let mut now = Instant::now();
    let mut breaker = Breaker::new(config(), now);
    for longest in [100, 200, 400, 800, 1000, 1000, 1000] {
        let open = fails(&mut breaker, &mut now);
        assert!(
            (longest * 4 / 5..=longest).contains(&open),
            "{open} of {longest}"
        );
    }
}

#[test]
fn it_never_overflows_however_often_it_opens() {
    let mut now = Instant::now();
    let an_hour = Duration::from_secs(3600);
    let config = BreakerConfig {
        open: an_hour,
        open_at_most: an_hour,
        ..config()
    };
    let mut breaker = Breaker::new(config, now);
    for _ in 0..100 {
        assert!(fails(&mut breaker, &mut now) <= 3_600_000);
    }
}

#[test]
fn only_closed_for_longer_than_the_window_it_starts_from_the_beginning() {
    for (calm, longest) in [(1000 * MS, 400), (1001 * MS, 100)] {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(config(), now);
        fails(&mut breaker, &mut now);
        fails(&mut breaker, &mut now);
        if let Admission::Refused(until) = breaker.admission(now) {
            now = until;
        }
        let probe = breaker.begin(now).unwrap();
        assert!(breaker.end(probe, CallEnd::Success, now));
        now += calm;
        let open = fails(&mut breaker, &mut now);
        assert!(
            (longest * 4 / 5..=longest).contains(&open),
            "{open} of {longest}"
        );
    }
}

#[test]
fn gateways_come_back_at_different_times() {
    let now = Instant::now();
    let times: std::collections::BTreeSet<_> = (0..100)
        .map(|_| fails(&mut Breaker::new(config(), now), &mut now.clone()))
        .collect();
    assert!(times.len() > 5, "{times:?}");
}
