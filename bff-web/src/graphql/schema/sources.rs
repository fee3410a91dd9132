//! How good each part of an answer is.

use async_graphql::{Enum, SimpleObject};
use bff_shared::compose;

/// How good a part is, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(rename_items = "camelCase")]
pub(in crate::graphql) enum SourceState {
    /// Asked for just now.
    Fresh,
    /// Kept, and by the service's own words still fresh.
    Cached,
    /// Kept, and older than the service allows, because nothing newer could be had.
    Stale,
    /// A stand-in.
    Default,
    /// Left out.
    Omitted,
}

/// Why a part is not fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(rename_items = "camelCase")]
pub(in crate::graphql) enum SourceReason {
    /// The service did not answer in time.
    Timeout,
    /// The service failed so often that it is left alone for a while.
    CircuitOpen,
    /// The service has too much to do, or this server has for it.
    Overloaded,
    /// The service cannot be reached, or says that it does not work.
    Unavailable,
    /// The service answered something that is no answer.
    InvalidResponse,
    /// The service says that there is no such thing.
    NotFound,
    /// The service allows to give what is kept while it is asked for something newer.
    Revalidating,
}

/// How good a part is, and why.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub(in crate::graphql) struct Source {
    /// How good it is.
    state: SourceState,
    /// Its age, where it was kept.
    age_seconds: Option<u64>,
    /// Why it is not fresh. What is fresh or cached has none.
    reason: Option<SourceReason>,
}

impl From<compose::Source> for Source {
    fn from(source: compose::Source) -> Self {
        use compose::SourceState as Given;
        Self {
            state: match source.state {
                Given::Fresh => SourceState::Fresh,
                Given::Cached => SourceState::Cached,
                Given::Stale => SourceState::Stale,
                Given::Default => SourceState::Default,
                Given::Omitted => SourceState::Omitted,
            },
            age_seconds: source.age_seconds,
            reason: source.reason.map(SourceReason::from),
        }
    }
}

impl From<compose::Reason> for SourceReason {
    fn from(reason: compose::Reason) -> Self {
        use compose::Reason as Given;
        match reason {
            Given::Timeout => Self::Timeout,
            Given::CircuitOpen => Self::CircuitOpen,
            Given::Overloaded => Self::Overloaded,
            Given::Unavailable => Self::Unavailable,
            Given::InvalidResponse => Self::InvalidResponse,
            Given::NotFound => Self::NotFound,
            Given::Revalidating => Self::Revalidating,
        }
    }
}
