//! Composing an answer from several sources, each of which may be missing, under one deadline.
//!
//! An aggregate names its sources and says for each what happens without it: a [`Composition::required`] source ends
//! the whole; an optional one goes down its [`Ladder`] and still yields a [`Part`]. Whatever a part holds, its
//! [`Provenance`] says how it came about, and every representation passes that on.
//!
//! [`aggregate!`](crate::aggregate) declares all of that in one place, and is the way to take. Below it, by hand, sources
//! that do not need each other are asked at once:
//!
//! ```
//! # use std::sync::Arc;
//! # use std::time::Duration;
//! # use bff_shared::compose::{Composition, Omit};
//! # use bff_shared::upstream::{Answer, CacheStatus, Context, Deadline, Error, Freshness, Instant, Origin};
//! # async fn ask(context: &Context, what: &'static str) -> Result<Answer<&'static str>, Error> {
//! #     let (value, origin, freshness) = (Arc::new(what), Origin::Fresh, Freshness::NoStore);
//! #     Ok(Answer { value, origin, freshness, validator: 0, cache: CacheStatus::default() })
//! # }
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let context = Context::new(Deadline::after(Instant::now(), Duration::from_secs(2)));
//! let within = Composition::new(&context);
//! let (stock, reviews) = futures_util::join!(
//!     within.optional(&Omit, &(), |context| ask(context, "stock")),
//!     within.optional(&Omit, &(), |context| ask(context, "reviews")),
//! );
//! assert_eq!((*stock.value.unwrap(), *reviews.value.unwrap()), ("stock", "reviews"));
//! # }
//! ```

pub mod aggregate;
mod many;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::error::Elapsed;
use tokio::time::{Timeout, timeout_at};
use utoipa::ToSchema;

use crate::upstream::{
    Answer, CacheStatus, Context, Error, ErrorKind, Freshness, Instant, Origin, StaleCause,
};

/// How good a part of an answer is, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SourceState {
    /// Asked for just now.
    Fresh,
    /// From the cache, and by the service's own words still fresh.
    Cached,
    /// From the cache, older than the service allows, because nothing newer could be had.
    Stale,
    /// Not the service's: a stand-in.
    Default,
    /// Left out.
    Omitted,
}

impl SourceState {
    /// Whether the part is less than what the service would have said.
    #[must_use]
    pub fn is_degraded(self) -> bool {
        !matches!(self, Self::Fresh | Self::Cached)
    }

    /// The state's stable name, as clients see it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Cached => "cached",
            Self::Stale => "stale",
            Self::Default => "default",
            Self::Omitted => "omitted",
        }
    }
}

/// Why a source is not fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// It did not answer in time.
    Timeout,
    /// It failed so often that it is left alone for a while.
    CircuitOpen,
    /// It has, or we have for it, too much to do.
    Overloaded,
    /// It cannot be reached or says that it does not work.
    Unavailable,
    /// It answered something that is no answer.
    InvalidResponse,
    /// It says that there is no such thing.
    NotFound,
    /// It allows to give what is kept while it is asked for something newer; only of stale parts.
    Revalidating,
}

impl Reason {
    /// The reason's stable name, as clients see it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::CircuitOpen => "circuitOpen",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::InvalidResponse => "invalidResponse",
            Self::NotFound => "notFound",
            Self::Revalidating => "revalidating",
        }
    }
}

impl From<ErrorKind> for Reason {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::CircuitOpen => Self::CircuitOpen,
            ErrorKind::Overloaded => Self::Overloaded,
            ErrorKind::Unavailable => Self::Unavailable,
            ErrorKind::InvalidResponse => Self::InvalidResponse,
            ErrorKind::NotFound => Self::NotFound,
        }
    }
}

/// What a client is told about one source of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// How good the part is.
    pub state: SourceState,
    /// The part's age in seconds, where it comes from a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
    /// Why the part is not fresh. Fresh and cached parts have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Where a part comes from: what the client is told, and beside it what serving and logging need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// What the client is told.
    pub source: Source,
    /// How long it took to get, or to give up.
    pub took: Duration,
    /// For how long the part holds; `None` for what is degraded.
    pub freshness: Option<Freshness>,
    /// Different for different answers of the source; `None` for what is no answer of it.
    pub validator: Option<u64>,
    /// What the cache did; `None` where nothing came of it.
    pub cache: Option<CacheStatus>,
    /// The cause of a degradation for the operator's log: may name hosts, never reaches a client.
    pub detail: Option<Box<str>>,
    /// Why there is nothing of the source; `None` where there is something.
    pub failure: Option<Error>,
}

impl Provenance {
    /// Of a required source that is missing from an answer which has others. `detail` is for the operator's log.
    #[must_use]
    pub fn missing(kind: ErrorKind, detail: &str) -> Self {
        Self {
            source: Source {
                state: SourceState::Omitted,
                age_seconds: None,
                reason: Some(kind.into()),
            },
            took: Duration::ZERO,
            freshness: None,
            validator: None,
            cache: None,
            detail: Some(detail.into()),
            failure: None,
        }
    }
}

/// A piece of an answer and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<T> {
    /// The piece. For a source that may be left out this is an `Option`; for a required or defaulted one it is not.
    pub value: T,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// What an optional source yields when it fails, in declared order. `K` is what the source was asked for.
pub trait Ladder<K, T> {
    /// What the part holds, whether the source answered or not.
    type Slot;

    /// The source answered, or its last answer is still there.
    fn present(&self, value: Arc<T>) -> Self::Slot;

    /// The source did not answer: the last rung.
    fn missing(&self, key: &K) -> (SourceState, Self::Slot);
}

/// Leaves a missing part out.
#[derive(Debug, Clone, Copy)]
pub struct Omit;

impl<K, T> Ladder<K, T> for Omit {
    type Slot = Option<Arc<T>>;

    fn present(&self, value: Arc<T>) -> Self::Slot {
        Some(value)
    }

    fn missing(&self, _: &K) -> (SourceState, Self::Slot) {
        (SourceState::Omitted, None)
    }
}

/// Takes `present` of what came, or puts a stand-in made from what was asked for in its place. Both make the same
/// `S`, which is as little as the client needs, so that nobody has to invent the rest of a `T`.
#[derive(Debug, Clone, Copy)]
pub struct OrDefault<K, T, S> {
    /// What the client gets of an answer.
    pub present: fn(&T) -> S,
    /// What it gets without one.
    pub missing: fn(&K) -> S,
}

impl<K, T, S> Ladder<K, T> for OrDefault<K, T, S> {
    type Slot = S;

    fn present(&self, value: Arc<T>) -> S {
        (self.present)(&value)
    }

    fn missing(&self, key: &K) -> (SourceState, S) {
        (SourceState::Default, (self.missing)(key))
    }
}

/// One answer in the making: all its sources share a deadline.
#[derive(Debug, Clone)]
pub struct Composition {
    required: Context,
    optional: Context,
}

impl Composition {
    /// A composition that is over at the deadline of `context`, whatever its sources do.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self {
            required: context.clone(),
            optional: context.optional(),
        }
    }

    /// A source without which there is no answer. It may be stale.
    ///
    /// # Errors
    /// The source's own, or [`ErrorKind::Timeout`] at the deadline.
    pub async fn required<'a, T, F>(
        &'a self,
        source: impl FnOnce(&'a Context) -> F,
    ) -> Result<Part<Arc<T>>, Error>
    where
        F: Future<Output = Result<Answer<T>, Error>>,
    {
        let start = Instant::now();
        // Boxed: the whole policy stack is in it, and would be copied each time that what is around it is moved.
        let answer = in_time(self.bounded(Box::pin(source(&self.required))).await)?;
        let value = Arc::clone(&answer.value);
        Ok(part(value, answer, start))
    }

    /// A source whose failure costs its part and not the answer; `key` is what it is asked for.
    pub async fn optional<'a, K, T, L: Ladder<K, T>, F>(
        &'a self,
        ladder: &L,
        key: &K,
        source: impl FnOnce(&'a Context) -> F,
    ) -> Part<L::Slot>
    where
        F: Future<Output = Result<Answer<T>, Error>>,
    {
        let start = Instant::now();
        match in_time(self.bounded(Box::pin(source(&self.optional))).await) {
            Ok(answer) => {
                let value = ladder.present(Arc::clone(&answer.value));
                part(value, answer, start)
            }
            Err(error) => missing(ladder, key, error, start),
        }
    }

    fn bounded<F: Future>(&self, source: F) -> Timeout<F> {
        timeout_at(self.required.deadline.instant(), source)
    }
}

fn in_time<T>(outcome: Result<Result<T, Error>, Elapsed>) -> Result<T, Error> {
    outcome.unwrap_or_else(|_| Err(Error::deadline()))
}

/// The last rung of the ladder.
fn missing<K, T, L: Ladder<K, T>>(
    ladder: &L,
    key: &K,
    error: Error,
    start: Instant,
) -> Part<L::Slot> {
    let (state, value) = ladder.missing(key);
    Part {
        value,
        provenance: Provenance {
            source: Source {
                state,
                age_seconds: None,
                reason: Some(error.kind().into()),
            },
            took: start.elapsed(),
            freshness: None,
            validator: None,
            cache: None,
            detail: Some(error.detail().into()),
            failure: Some(error),
        },
    }
}

/// The part that an answer makes.
fn part<T, S>(value: S, answer: Answer<T>, start: Instant) -> Part<S> {
    let (state, age, reason, detail) = match answer.origin {
        Origin::Fresh => (SourceState::Fresh, None, None, None),
        Origin::Cached { age } => (SourceState::Cached, Some(age), None, None),
        Origin::Stale { age, cause } => {
            let (reason, detail) = match cause {
                StaleCause::Revalidating => (Reason::Revalidating, "being renewed".into()),
                StaleCause::Failed(kind, detail) => (kind.into(), detail),
            };
            (SourceState::Stale, Some(age), Some(reason), Some(detail))
        }
    };
    Part {
        value,
        provenance: Provenance {
            source: Source {
                state,
                age_seconds: age.map(|age| age.as_secs()),
                reason,
            },
            took: start.elapsed(),
            freshness: (!state.is_degraded()).then_some(answer.freshness),
            validator: Some(answer.validator),
            cache: Some(answer.cache),
            detail,
            failure: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::upstream::Deadline;

    fn answer<T>(value: T) -> Result<Answer<T>, Error> {
        Ok(Answer {
            value: Arc::new(value),
            origin: Origin::Fresh,
            freshness: Freshness::For(Duration::from_secs(5)),
            validator: 7,
            cache: CacheStatus::default(),
        })
    }

    async fn later<T>(after: Duration, value: T) -> Result<Answer<T>, Error> {
        tokio::time::sleep(after).await;
        answer(value)
    }

    fn two_seconds() -> Composition {
        let deadline = Deadline::after(Instant::now(), Duration::from_secs(2));
        Composition::new(&Context::new(deadline))
    }

    #[tokio::test(start_paused = true)]
    async fn parts_that_do_not_need_each_other_take_as_long_as_the_longest() {
        let (start, within) = (Instant::now(), two_seconds());
        let (a, b) = futures_util::join!(
            within.required(|_| later(Duration::from_millis(300), 'a')),
            within.optional(&Omit, &(), |_| later(Duration::from_millis(700), 'b')),
        );
        assert_eq!((*a.unwrap().value, *b.value.unwrap()), ('a', 'b'));
        assert_eq!(start.elapsed(), Duration::from_millis(700));
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_hangs_is_given_up_at_the_deadline_and_costs_the_others_nothing() {
        let letter = OrDefault {
            present: |c: &char| *c,
            missing: |key: &u8| char::from(*key),
        };
        let (start, within) = (Instant::now(), two_seconds());
        let (a, b) = futures_util::join!(
            within.required(|_| later(Duration::from_millis(10), 'a')),
            within.optional(&letter, &b'z', |_| pending()),
        );
        assert_eq!(a.unwrap().provenance.source.state, SourceState::Fresh);
        assert_eq!(b.value, 'z');
        assert_eq!(
            b.provenance.source,
            Source {
                state: SourceState::Default,
                age_seconds: None,
                reason: Some(Reason::Timeout)
            }
        );
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_required_source_that_hangs_is_a_timeout_at_the_deadline() {
        let within = two_seconds();
        let outcome = within
            .required(|_| pending::<Result<Answer<()>, Error>>())
            .await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_client_is_told_is_short_where_all_is_well() {
        let part = two_seconds().required(async |_| answer(1)).await.unwrap();
        assert_eq!(
            serde_json::to_string(&part.provenance.source).unwrap(),
            r#"{"state":"fresh"}"#
        );
    }
}
