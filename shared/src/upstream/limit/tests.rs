//! For whatever calls do: what never happens.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const MS: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy)]
enum End {
    Answered,
    TimedOut,
    Failed,
    Nothing,
}

#[derive(Debug, Clone)]
enum Step {
    /// So many calls want a place.
    Start(u32),
    /// So many of those under way end after a while, from one of them on.
    End(Index, u32, End),
    Wait(u32),
    /// Nothing new is learnt for a minute.
    Rest,
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        8 => Just(End::Answered),
        1 => Just(End::TimedOut),
        1 => Just(End::Failed),
        1 => Just(End::Nothing),
    ];
    prop_oneof![
        8 => (1..20_u32).prop_map(Step::Start),
        8 => (any::<Index>(), 1..15_u32, end).prop_map(|(call, count, end)| Step::End(call, count, end)),
        8 => prop_oneof![0..100_u32, 0..1_000_u32].prop_map(Step::Wait),
        1 => Just(Step::Rest),
    ]
}

fn settings() -> impl Strategy<Value = LimitConfig> {
    (1..10_u32, 0..40_u32, 0..100_u32, 0..60_u32, 0..60_u32).prop_map(
        |(min, initial, max, tolerance_percent, tolerated)| LimitConfig {
            min,
            initial: min + initial,
            max: min + initial + max,
            tolerance_percent,
            tolerated: tolerated * MS,
            ..LimitConfig::default()
        },
    )
}

/// A limit and the calls that have a place.
struct World {
    limit: Limit,
    now: Instant,
    calls: Vec<Instant>,
}

impl World {
    fn new(config: LimitConfig) -> Self {
        let now = Instant::now();
        Self {
            limit: Limit::new(config, now),
            now,
            calls: Vec::new(),
        }
    }

    fn start(&mut self) -> bool {
        let placed = self.limit.acquire();
        if placed {
            self.calls.push(self.now);
        }
        placed
    }

    fn fill(&mut self) {
        while self.start() {}
    }

    /// The first call ends now.
    fn end(&mut self, end: End) {
        self.end_call(0, end);
    }

    fn end_call(&mut self, call: usize, end: End) {
        let took = self.now - self.calls.remove(call);
        let sample = match end {
            End::Answered => Sample::Answered(took),
            End::TimedOut => Sample::TimedOut(took),
            End::Failed => Sample::Failed,
            End::Nothing => Sample::None,
        };
        self.limit.release(sample, self.now);
    }

    /// `count` calls one after the other, each answered after `latency`.
    fn alone(&mut self, count: u32, latency: Duration) {
        for _ in 0..count {
            assert!(self.start());
            self.now += latency;
            self.end(End::Answered);
        }
    }

    /// As many calls at once as there may be, all answered after `latency`.
    fn round(&mut self, latency: Duration) {
        self.fill();
        self.now += latency;
        for _ in 0..self.calls.len() {
            self.end(End::Answered);
        }
    }
}

/// What was there before a call ended.
struct Before {
    limit: f64,
    in_use: bool,
    most: u32,
    tolerated: f64,
    base: f64,
    is_alone: bool,
    crowded: bool,
    resting: bool,
}

impl Before {
    fn new(world: &World, took: Duration) -> Self {
        let limit = &world.limit;
        let crowded = limit.in_flight > limit.config.min
            || limit.crowded.is_some_and(|at| world.now - at < took);
        Self {
            limit: limit.limit,
            in_use: limit.is_pressed(),
            most: limit.window.most_in_flight,
            tolerated: limit.tolerated(),
            base: limit.base.mean,
            is_alone: limit.base.is_alone,
            crowded,
            resting: limit.rest != Rest::No,
        }
    }

    fn check(&self, world: &World, end: End, took: Duration) {
        let limit = &world.limit;
        let config = &limit.config;
        assert!((f64::from(config.min)..=f64::from(config.max)).contains(&limit.limit));
        if limit.limit > self.limit {
            let most = f64::from(self.most) * 2.0 >= self.limit;
            assert!(self.in_use || most, "grows though it is not in use");
            assert!(!self.resting, "grows in a rest");
            let window_is_over = limit.window.count == 0;
            let mean = if window_is_over {
                limit.latency
            } else {
                took.as_secs_f64()
            };
            let tolerated = self.tolerated.max(limit.tolerated());
            assert!(
                matches!(end, End::Answered) && took.as_secs_f64() <= tolerated
                    || window_is_over && mean <= tolerated,
                "grows though calls take too long"
            );
        }
        let base = limit.base.mean;
        if self.is_alone && self.crowded && !self.resting {
            assert!(base <= self.base, "learnt in a crowd");
        }
        if !matches!(end, End::Answered) && !self.resting {
            assert!(base <= self.base, "learnt of what did not end well");
        }
        if self.resting && limit.rest == Rest::No {
            assert_eq!(limit.window.count, 0, "a rest counts in the next window");
        }
    }
}

fn run(config: LimitConfig, steps: Vec<Step>) {
    let mut world = World::new(config);
    for step in steps {
        match step {
            Step::Wait(millis) => world.now += millis * MS,
            Step::Rest => {
                if world.limit.rest == Rest::No {
                    world.limit.rest = Rest::Begins(world.now);
                }
            }
            Step::Start(count) => {
                for _ in 0..count {
                    let (before, allowed) = (world.limit.in_flight, world.limit.allowed());
                    assert_eq!(world.start(), before < allowed);
                    if world.limit.in_flight > before {
                        let resting = world.limit.rest != Rest::No;
                        assert!(world.limit.in_flight <= world.limit.current());
                        assert!(!resting || world.limit.in_flight <= config.min);
                    }
                }
            }
            Step::End(call, count, end) => {
                for _ in 0..count.min(u32::try_from(world.calls.len()).unwrap()) {
                    let call = call.index(world.calls.len());
                    let took = world.now - world.calls[call];
                    let before = Before::new(&world, took);
                    world.end_call(call, end);
                    before.check(&world, end, took);
                }
            }
        }
        let in_flight = usize::try_from(world.limit.in_flight).unwrap();
        assert_eq!(in_flight, world.calls.len());
    }
}

proptest! {
    #[test]
    fn whatever_calls_do_it_keeps_its_bounds_and_grows_only_in_use_and_in_time(
        config in settings(),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        run(config, steps);
    }

    #[test]
    fn a_fixed_limit_stays(
        fixed in 1..50_u32,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        // It neither grows nor shrinks, for both are within min and max.
        run(LimitConfig { min: fixed, initial: fixed, max: fixed, ..LimitConfig::default() }, steps);
    }

    #[test]
    fn a_rest_is_over_in_time_whatever_its_calls_do(
        config in settings(),
        latencies in prop::collection::vec((1..3_000_u32, prop::bool::weighted(0.9)), 1..200),
    ) {
        let mut world = World::new(config);
        world.fill();
        world.limit.rest = Rest::Begins(world.now);
        let begun = world.now;
        let mut since = None;
        for (latency, answered) in latencies {
            world.now += latency * MS / 10;
            world.end(if answered { End::Answered } else { End::Nothing });
            match world.limit.rest {
                Rest::No => break,
                Rest::Begins(at) => prop_assert!(at == begun && world.now - at <= REST_AT_MOST),
                Rest::Since(at) => {
                    prop_assert!(since.is_none_or(|since| since == at));
                    prop_assert!(world.now - at <= REST_AT_MOST, "rests for {:?}", world.now - at);
                    since = Some(at);
                }
            }
            world.fill();
        }
    }

    #[test]
    fn nothing_but_a_rest_raises_what_it_compares_with_in_a_crowd(
        latencies in prop::collection::vec((5..400_u32, prop::bool::weighted(0.02)), 1..300),
    ) {
        let mut world = World::new(LimitConfig::default());
        world.alone(40, 5 * MS);
        let mut least = world.limit.least().unwrap();
        world.fill();
        for (latency, fails) in latencies {
            if world.limit.current() <= world.limit.config.min {
                break;
            }
            world.fill();
            world.now += latency * MS / 4;
            world.end(if fails { End::Failed } else { End::Answered });
            let now = world.limit.least().unwrap();
            prop_assert!(now <= least, "{now:?} learnt in a crowd, of {least:?}");
            least = now;
        }
    }
}

#[test]
fn what_is_learnt_while_calls_fail_is_only_that_it_is_faster() {
    let mut world = World::new(LimitConfig::default());
    world.alone(40, 5 * MS);
    let least = world.limit.least().unwrap();
    for _ in 0..1000 {
        assert!(world.start() && world.start());
        world.now += 50 * MS;
        world.end(End::Failed);
        world.end(End::Answered);
        assert!(world.limit.least().unwrap() <= least);
    }
}

/// It became slower for good, with more to do than it could ever take.
#[test]
fn whoever_became_slower_for_good_is_known_to_be_before_long() {
    for slower in [50, 250, 700, 2500] {
        let mut world = World::new(LimitConfig::default());
        world.alone(40, 5 * MS);
        let until = world.now + Duration::from_secs(300);
        while world.now < until {
            world.round(slower * MS);
        }
        let least = world.limit.least().unwrap();
        assert!(least >= slower * MS * 9 / 10, "{least:?} for {slower} ms");
        assert!(
            world.limit.current() > 100,
            "{} for {slower} ms",
            world.limit.current()
        );
    }
}

#[test]
fn a_rest_of_a_slow_endpoint_has_learnt_from_a_few_answers() {
    let mut world = World::new(LimitConfig::default());
    world.alone(40, 5 * MS);
    world.round(700 * MS);
    world.limit.rest = Rest::Begins(world.now);
    let begun = world.now;
    while world.limit.rest != Rest::No {
        world.round(700 * MS);
    }
    assert!(world.now - begun <= 3 * REST_AT_MOST);
    assert_eq!(world.limit.least().unwrap().as_millis(), 700);
}

#[test]
fn a_rest_that_is_ended_by_a_failure_has_learnt_nothing() {
    let mut world = World::new(LimitConfig::default());
    world.alone(40, 5 * MS);
    let least = world.limit.least();
    world.limit.rest = Rest::Begins(world.now);
    world.round(50 * MS);
    assert!(matches!(world.limit.rest, Rest::Since(_)));
    world.fill();
    world.now += 50 * MS;
    world.end(End::Answered);
    world.end(End::Failed);
    assert_eq!((world.limit.rest, world.limit.least()), (Rest::No, least));
}

#[test]
fn whoever_never_answers_gets_no_more_places() {
    let mut world = World::new(LimitConfig::default());
    let initial = world.limit.current();
    for _ in 0..100 {
        world.fill();
        world.now += 800 * MS;
        for _ in 0..world.calls.len() {
            world.end(End::TimedOut);
        }
        assert!(world.limit.current() <= initial);
    }
}

#[test]
fn what_timed_out_early_is_no_short_latency() {
    let mut world = World::new(LimitConfig::default());
    world.alone(40, 600 * MS);
    let least = world.limit.least();
    for _ in 0..1000 {
        world.fill();
        world.now += 400 * MS;
        for _ in 0..world.calls.len() {
            world.end(End::TimedOut);
        }
    }
    assert_eq!(world.limit.least(), least);
}

#[test]
fn to_find_no_place_in_a_rest_is_no_reason_for_the_next() {
    let mut world = World::new(LimitConfig::default());
    world.alone(40, 5 * MS);
    world.limit.rest = Rest::Begins(world.now);
    world.fill();
    assert!(!world.limit.offers_room() && !world.limit.pressed);
}

#[test]
fn calls_that_wait_for_each_other_do_not_raise_what_a_call_takes() {
    let mut world = World::new(LimitConfig {
        initial: 30,
        ..LimitConfig::default()
    });
    // Four at once, 20 ms each: the first ones do not wait, and all later ones wait for twice as long again.
    for _ in 0..12 {
        assert!(world.start());
    }
    world.now += 20 * MS;
    for _ in 0..4 {
        world.end(End::Answered);
        world.start();
    }
    for _ in 0..200 {
        world.now += 5 * MS;
        world.end(End::Answered);
        world.start();
    }
    let least = world.limit.least().unwrap();
    assert!(least <= 21 * MS, "{least:?}");
    assert!(world.limit.current() < 15, "{}", world.limit.current());
}
