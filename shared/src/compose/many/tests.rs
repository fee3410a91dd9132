use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::compose::{Omit, OrDefault, Reason};
use crate::upstream::{CacheStatus, Deadline, ErrorKind, Freshness, Importance, Origin};

const MS: Duration = Duration::from_millis(1);

fn within_a_second() -> Composition {
    let deadline = Deadline::after(Instant::now(), 1000 * MS);
    Composition::new(&Context::new(deadline))
}

fn answer(value: u32) -> Answer<u32> {
    Answer {
        value: Arc::new(value),
        origin: Origin::Fresh,
        freshness: Freshness::For(Duration::from_secs(5)),
        validator: value.into(),
        cache: CacheStatus::default(),
    }
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, &Arc::from("things"), "on purpose")
}

type Outcomes = HashMap<u32, Result<Answer<u32>, Error>>;

async fn after(time: Duration, outcomes: Outcomes) -> Outcomes {
    tokio::time::sleep(time).await;
    outcomes
}

#[tokio::test(start_paused = true)]
async fn each_that_fails_costs_its_own_part() {
    let ladder = OrDefault {
        present: |value: &u32| value.to_string(),
        missing: |key: &u32| format!("instead of {key}"),
    };
    let outcomes = [
        (1, Ok(answer(10))),
        (2, Err(error(ErrorKind::NotFound))),
        (3, Ok(answer(30))),
    ];
    let within = within_a_second();
    let parts = within
        .optional_many(&ladder, &[3, 1, 2], |context| {
            assert_eq!(context.importance, Importance::Optional);
            after(20 * MS, outcomes.into())
        })
        .await;
    assert_eq!(parts.len(), 3);
    assert_eq!((&*parts[&1].value, &*parts[&3].value), ("10", "30"));
    assert_eq!(parts[&2].value, "instead of 2");
    let missing = &parts[&2].provenance;
    assert_eq!(missing.source.state, SourceState::Default);
    assert_eq!(missing.source.reason, Some(Reason::NotFound));
    assert!(parts.values().all(|part| part.provenance.took == 20 * MS));
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_twice_has_the_part_of_its_answer() {
    let outcomes = HashMap::from([(1, Ok(answer(10))), (2, Err(error(ErrorKind::NotFound)))]);
    let within = within_a_second();
    let parts = within
        .optional_many(&Omit, &[1, 2, 1, 2], |_| after(MS, outcomes))
        .await;
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[&1].value.as_deref(), Some(&10));
    assert_eq!(parts[&2].provenance.source.reason, Some(Reason::NotFound));
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_none_is_there_and_each_has_its_part() {
    let (start, within) = (Instant::now(), within_a_second());
    let parts = within
        .optional_many(&Omit, &[1, 2], |_| pending::<Outcomes>())
        .await;
    assert_eq!((parts.len(), start.elapsed()), (2, 1000 * MS));
    for part in parts.values() {
        assert!(part.value.is_none());
        assert_eq!(part.provenance.source.reason, Some(Reason::Timeout));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_source_says_nothing_of_was_not_late() {
    let outcomes = HashMap::from([(1, Ok(answer(10))), (9, Ok(answer(90)))]);
    let within = within_a_second();
    let parts = within
        .optional_many(&Omit, &[1, 2], |_| after(MS, outcomes))
        .await;
    assert_eq!(parts.len(), 2, "and what was not asked for has no part");
    let reason = parts[&2].provenance.source.reason;
    assert_eq!(reason, Some(Reason::InvalidResponse));
}

#[test]
fn of_nothing_nothing_is_true() {
    assert_eq!(Provenance::of_all([]), None);
}

fn provenance() -> impl Strategy<Value = Provenance> {
    let states = prop::sample::select(vec![
        SourceState::Fresh,
        SourceState::Cached,
        SourceState::Stale,
        SourceState::Default,
        SourceState::Omitted,
    ]);
    let freshness = prop_oneof![
        Just(Freshness::NoStore),
        (0..9_u64).prop_map(|seconds| Freshness::For(Duration::from_secs(seconds))),
    ];
    let reasons = prop::sample::select(vec![Reason::Timeout, Reason::NotFound]);
    (
        states,
        prop::option::of(0..9_u64),
        prop::option::of(reasons),
        0..9_u64,
        prop::option::weighted(0.8, freshness),
        prop::option::weighted(0.8, 0..3_u64),
        prop::option::of("[a-c]"),
    )
        .prop_map(
            |(state, age, reason, took, freshness, validator, detail)| Provenance {
                source: Source {
                    state,
                    age_seconds: age,
                    reason,
                },
                took: Duration::from_secs(took),
                freshness,
                validator,
                cache: None,
                failure: detail.as_ref().map(|_| error(ErrorKind::Timeout)),
                detail: detail.map(Into::into),
            },
        )
}

fn rank(state: SourceState) -> usize {
    ["fresh", "cached", "stale", "default", "omitted"]
        .iter()
        .position(|name| *name == state.name())
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_true_of_all_is_the_worst_of_each(
        parts in prop::collection::vec(provenance(), 1..6), turn in any::<prop::sample::Index>(),
    ) {
        let all = Provenance::of_all(&parts).unwrap();
        let worst = parts.iter().map(|part| rank(part.source.state)).max().unwrap();
        let first = parts.iter().find(|part| rank(part.source.state) == worst).unwrap();
        prop_assert_eq!(rank(all.source.state), worst);
        prop_assert_eq!(all.source.reason, first.source.reason);
        prop_assert_eq!(&all.detail, &first.detail);
        prop_assert_eq!(&all.failure, &first.failure);
        prop_assert_eq!(all.source.age_seconds, parts.iter().filter_map(|part| part.source.age_seconds).max());
        prop_assert_eq!(Some(all.took), parts.iter().map(|part| part.took).max());

        let is_fresh = parts.iter().all(|part| part.freshness.is_some());
        let seconds = parts.iter().filter_map(|part| part.freshness).map(|freshness| match freshness {
            Freshness::NoStore => None,
            Freshness::For(time) => Some(time),
        });
        // `None` is the smallest.
        let shortest = seconds.min().map(|shortest| shortest.map_or(Freshness::NoStore, Freshness::For));
        prop_assert_eq!(all.freshness, shortest.filter(|_| is_fresh));
        let is_whole = parts.iter().all(|part| part.validator.is_some());
        prop_assert_eq!(all.validator.is_some(), is_whole);

        // In another sequence it is another answer, and as good.
        let mut turned = parts.clone();
        turned.rotate_left(turn.index(parts.len()));
        let other = Provenance::of_all(&turned).unwrap();
        prop_assert_eq!(other.source.state, all.source.state);
        prop_assert_eq!(other.source.age_seconds, all.source.age_seconds);
        prop_assert_eq!(other.freshness, all.freshness);
        let validators = |parts: &[Provenance]| -> Vec<_> {
            parts.iter().map(|part| part.validator).collect()
        };
        let is_same = validators(&turned) == validators(&parts);
        prop_assert!(!is_whole || is_same == (other.validator == all.validator));
    }

    #[test]
    fn answers_are_told_apart_by_what_they_have_beside_it(
        part in provenance(), one in ".{0,5}", other in ".{0,5}",
    ) {
        let of = |more: &str| part.clone().told_apart_by(more);
        prop_assert_eq!(of(&one), of(&one));
        prop_assert_eq!(of(&one).validator.is_some(), part.validator.is_some());
        if part.validator.is_some() {
            prop_assert_eq!(of(&one).validator == of(&other).validator, one == other);
        }
        prop_assert_eq!(Provenance { validator: part.validator, ..of(&one) }, part);
    }
}
