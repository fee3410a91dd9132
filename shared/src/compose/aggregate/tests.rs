//! When each source is asked, how long the whole takes, and what is given up.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::compose::{Omit, OrDefault, Provenance, Reason, SourceState};
use crate::upstream::{
    Answer, CacheStatus, Context, Deadline, Error, ErrorKind, Freshness, Importance, Instant,
    Origin,
};

const MS: Duration = Duration::from_millis(1);

/// A service that answers every source with what it is asked for, after a time of its own.
#[derive(Debug)]
struct Desk {
    start: Instant,
    /// The milliseconds that a source takes; without an entry it never answers.
    latencies: HashMap<&'static str, u32>,
    failing: HashMap<&'static str, ErrorKind>,
    /// When a source was asked, and of what importance it was.
    begun: RefCell<Vec<(&'static str, Duration, Importance)>>,
    /// What was dropped before it was over, and when.
    dropped: RefCell<Vec<(&'static str, Duration)>>,
}

struct Unless<'a> {
    desk: &'a Desk,
    name: &'static str,
    is_over: bool,
}

impl Drop for Unless<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let mut dropped = self.desk.dropped.borrow_mut();
            dropped.push((self.name, self.desk.start.elapsed()));
        }
    }
}

impl Desk {
    fn new(latencies: &[(&'static str, u32)]) -> Self {
        Self {
            start: Instant::now(),
            latencies: latencies.iter().copied().collect(),
            failing: HashMap::new(),
            begun: RefCell::default(),
            dropped: RefCell::default(),
        }
    }

    fn failing(self, name: &'static str, kind: ErrorKind) -> Self {
        let failing = [(name, kind)].into_iter().chain(self.failing).collect();
        Self { failing, ..self }
    }

    async fn ask(
        &self,
        context: &Context,
        name: &'static str,
        key: u32,
    ) -> Result<Answer<u32>, Error> {
        let begun = (name, self.start.elapsed(), context.importance);
        self.begun.borrow_mut().push(begun);
        let mut unless = Unless {
            desk: self,
            name,
            is_over: false,
        };
        match self.latencies.get(name) {
            Some(after) => tokio::time::sleep(*after * MS).await,
            None => pending().await,
        }
        unless.is_over = true;
        if let Some(kind) = self.failing.get(name) {
            return Err(Error::new(*kind, &Arc::from(name), "on purpose"));
        }
        Ok(Answer {
            value: Arc::new(key),
            origin: Origin::Fresh,
            freshness: Freshness::NoStore,
            validator: key.into(),
            cache: CacheStatus::default(),
        })
    }

    fn begun(&self) -> Vec<(&'static str, u128)> {
        let mut begun: Vec<_> = self
            .begun
            .borrow()
            .iter()
            .map(|(name, at, _)| (*name, at.as_millis()))
            .collect();
        begun.sort_unstable();
        begun
    }

    fn dropped(&self) -> Vec<(&'static str, u128)> {
        let mut dropped: Vec<_> = self
            .dropped
            .borrow()
            .iter()
            .map(|(name, at)| (*name, at.as_millis()))
            .collect();
        dropped.sort_unstable();
        dropped
    }
}

crate::aggregate! {
    /// A chain of three, two that need nobody, and one that needs two.
    struct Whole, ladders Ladders, from (desk: &Desk, key: u32);

    /// The beginning of the chain.
    required first: u32 => |context| desk.ask(context, "first", key);
    /// Needs nobody.
    required other: u32 => |context| desk.ask(context, "other", key + 1);
    /// The middle of the chain.
    required second: u32, after first => |context| desk.ask(context, "second", **first * 10);
    /// Needs two.
    optional both<B>: u32, for sum: u32 = **second + **other, after second, other
        => |context| desk.ask(context, "both", sum);
    /// The end of the chain.
    optional third<T>: u32, for of_second: u32 = **second * 10, after second
        => |context| desk.ask(context, "third", of_second);
    /// Needs nobody.
    optional beside<S>: u32, for own: u32 = key => |context| desk.ask(context, "beside", own);
}

type Shown = OrDefault<u32, u32, String>;

const SHOWN: Shown = OrDefault {
    present: |value| value.to_string(),
    missing: |key| format!("instead of {key}"),
};

const LADDERS: Ladders<Omit, Shown, Omit> = Ladders {
    both: Omit,
    third: SHOWN,
    beside: Omit,
};

type Composed = Whole<Option<Arc<u32>>, String, Option<Arc<u32>>>;

async fn compose(desk: &Desk) -> Result<Composed, Error> {
    let deadline = Deadline::after(desk.start, Duration::from_secs(2));
    LADDERS.compose(&Context::new(deadline), desk, 1).await
}

const ALL: [(&str, u32); 6] = [
    ("first", 100),
    ("second", 200),
    ("third", 300),
    ("both", 250),
    ("beside", 500),
    ("other", 50),
];

fn states(composed: &Composed) -> Vec<(&'static str, SourceState, Option<Reason>)> {
    let of = |(name, provenance): (_, &Provenance)| {
        (name, provenance.source.state, provenance.source.reason)
    };
    composed.sources().map(of).into()
}

#[tokio::test(start_paused = true)]
async fn the_whole_takes_as_long_as_the_longest_chain() {
    let desk = Desk::new(&ALL);
    let whole = compose(&desk).await.unwrap();
    assert_eq!(desk.start.elapsed(), 600 * MS);
    let expected = [
        ("beside", 0),
        ("both", 300),
        ("first", 0),
        ("other", 0),
        ("second", 100),
        ("third", 300),
    ];
    assert_eq!(desk.begun(), expected);
    assert_eq!(desk.dropped(), []);
    let values = (*whole.first.value, *whole.second.value, *whole.other.value);
    assert_eq!(values, (1, 10, 2));
    assert_eq!(whole.third.value, "100");
    let (both, beside) = (whole.both.value.unwrap(), whole.beside.value.unwrap());
    assert_eq!((*both, *beside), (12, 1));
    // What a source took is its own time, without that of those before it.
    assert_eq!(whole.third.provenance.took, 300 * MS);
}

#[tokio::test(start_paused = true)]
async fn sources_are_listed_as_they_are_declared_whenever_they_answer() {
    let desk = Desk::new(&ALL);
    let whole = compose(&desk).await.unwrap();
    let fresh = |name| (name, SourceState::Fresh, None);
    let expected = ["first", "other", "second", "both", "third", "beside"].map(fresh);
    assert_eq!(states(&whole), expected);
    let shown = format!("{whole:?}");
    assert!(shown.starts_with("Whole { first: Part {"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn when_a_required_source_fails_the_others_are_given_up_at_once() {
    let desk = Desk::new(&ALL).failing("other", ErrorKind::Unavailable);
    let error = compose(&desk).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.upstream()),
        (ErrorKind::Unavailable, "other")
    );
    assert_eq!(desk.start.elapsed(), 50 * MS);
    assert_eq!(desk.dropped(), [("beside", 50), ("first", 50)]);
    assert_eq!(desk.begun().len(), 3, "nothing was begun for nothing");

    let desk = Desk::new(&ALL).failing("second", ErrorKind::NotFound);
    assert_eq!(
        compose(&desk).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(desk.start.elapsed(), 300 * MS);
    assert_eq!(desk.dropped(), [("beside", 300)]);
}

#[tokio::test(start_paused = true)]
async fn of_several_that_fail_the_soonest_counts() {
    let desk = Desk::new(&ALL)
        .failing("other", ErrorKind::Timeout)
        .failing("first", ErrorKind::NotFound);
    assert_eq!(compose(&desk).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(desk.start.elapsed(), 50 * MS);
}

#[tokio::test(start_paused = true)]
async fn an_optional_source_that_fails_costs_its_own_part() {
    let desk = Desk::new(&ALL)
        .failing("both", ErrorKind::CircuitOpen)
        .failing("third", ErrorKind::NotFound)
        .failing("beside", ErrorKind::InvalidResponse);
    let whole = compose(&desk).await.unwrap();
    let expected = [
        ("first", SourceState::Fresh, None),
        ("other", SourceState::Fresh, None),
        ("second", SourceState::Fresh, None),
        ("both", SourceState::Omitted, Some(Reason::CircuitOpen)),
        ("third", SourceState::Default, Some(Reason::NotFound)),
        (
            "beside",
            SourceState::Omitted,
            Some(Reason::InvalidResponse),
        ),
    ];
    assert_eq!(states(&whole), expected);
    // The stand-in is made of what was asked for.
    assert_eq!(whole.third.value, "instead of 100");
    assert!(whole.both.value.is_none() && whole.beside.value.is_none());
    assert_eq!(desk.start.elapsed(), 600 * MS);
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_a_source_that_hangs_is_given_up_and_the_rest_is_there() {
    let desk = Desk::new(&ALL[..2]);
    let desk = Desk {
        latencies: desk
            .latencies
            .into_iter()
            .chain([("other", 50), ("both", 10)])
            .collect(),
        ..desk
    };
    let whole = compose(&desk).await.unwrap();
    assert_eq!(desk.start.elapsed(), 2000 * MS);
    let expected = [
        ("first", SourceState::Fresh, None),
        ("other", SourceState::Fresh, None),
        ("second", SourceState::Fresh, None),
        ("both", SourceState::Fresh, None),
        ("third", SourceState::Default, Some(Reason::Timeout)),
        ("beside", SourceState::Omitted, Some(Reason::Timeout)),
    ];
    assert_eq!(states(&whole), expected);
    assert_eq!(whole.third.provenance.took, 1700 * MS);
    assert_eq!(desk.dropped(), [("beside", 2000), ("third", 2000)]);
}

#[tokio::test(start_paused = true)]
async fn a_required_one_that_hangs_is_a_timeout_of_the_whole_at_the_deadline() {
    for name in ["first", "second", "other"] {
        let mut desk = Desk::new(&ALL);
        desk.latencies.remove(name);
        assert_eq!(compose(&desk).await.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(desk.start.elapsed(), 2000 * MS, "{name}");
    }
    // Also one that is slower than the whole may be, behind another one.
    let desk = Desk::new(&[("first", 1500), ("second", 501), ("other", 1)]);
    assert_eq!(compose(&desk).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(desk.start.elapsed(), 2000 * MS);
}

#[tokio::test(start_paused = true)]
async fn each_source_is_asked_as_what_it_is() {
    let desk = Desk::new(&ALL);
    compose(&desk).await.unwrap();
    for (name, _, importance) in &*desk.begun.borrow() {
        let is_required = ["first", "second", "other"].contains(name);
        assert_eq!(*importance == Importance::Required, is_required, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_takes_all_calls_along() {
    let desk = Desk::new(&ALL);
    let left = tokio::time::timeout(120 * MS, compose(&desk)).await;
    assert!(left.is_err());
    assert_eq!(desk.dropped(), [("beside", 120), ("second", 120)]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_each_takes_the_whole_takes_no_longer_than_it_has_to(
        times in prop::array::uniform6(0..900_u32), is_failing in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let [first, second, third, both, beside, other] = times;
            let desk = Desk::new(&[
                ("first", first), ("second", second), ("third", third),
                ("both", both), ("beside", beside), ("other", other),
            ]);
            let desk = if is_failing { desk.failing("second", ErrorKind::Unavailable) } else { desk };
            let outcome = compose(&desk).await;
            let took = desk.start.elapsed();
            let middle = first + second;
            if is_failing {
                assert!(outcome.is_err());
                assert_eq!(took, middle * MS);
                return;
            }
            let longest = (middle + third).max(beside).max(middle.max(other) + both);
            assert_eq!(took, longest.min(2000) * MS);
            let whole = outcome.unwrap();
            let is_late = |end: u32| end > 2000;
            assert!(!is_late(middle + third) || whole.third.value == "instead of 100");
            assert!(!is_late(middle.max(other) + both) || whole.both.value.is_none());
        });
    }
}
