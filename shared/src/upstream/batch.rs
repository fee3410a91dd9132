//! Several things of one kind asked for in one call.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::PoisonError;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::sync::Mutex;
use super::{Instant, Request, Undecodable};

/// How a service is asked for several things at once, and for each of them alone.
///
/// Both ways share what is kept and what is under way: a thing that came in a batch answers who asks for it alone, and
/// the other way round.
pub trait Batch: 'static {
    /// What a thing is asked for by.
    type Key: Copy + Eq + Hash + fmt::Debug + Send + Sync;
    /// What it is read as.
    type Value: Send + Sync + 'static;

    /// How many the service takes in one request.
    const MOST: usize = 100;

    /// Asks for one.
    fn one(key: Self::Key) -> Request;

    /// Asks for these, at most [`Batch::MOST`], each once.
    fn many(keys: &[Self::Key]) -> Request;

    /// Reads one thing, and what it is asked for by.
    ///
    /// # Errors
    /// [`Undecodable`] says what is wrong with it.
    fn read(json: &[u8]) -> Result<(Self::Key, Self::Value), Undecodable>;

    /// The things in the answer to [`Batch::many`], in any order: by default `{"items": […]}`.
    ///
    /// # Errors
    /// [`Undecodable`] for a body of another shape.
    fn items(body: &[u8]) -> Result<Vec<&RawValue>, Undecodable> {
        #[derive(Deserialize)]
        struct Items<'a> {
            #[serde(borrow)]
            items: Vec<&'a RawValue>,
        }
        serde_json::from_slice(body)
            .map(|Items { items }| items)
            .map_err(|error| Undecodable::json(&error))
    }
}

/// How long it is remembered that a service takes no batches of a kind.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Which kinds of thing cannot be asked for in batches. Shared by all worker threads.
#[derive(Debug, Default)]
pub(super) struct Batchless(Mutex<HashMap<TypeId, Instant>>);

impl Batchless {
    /// Whether the service said lately that it takes no batches of `B`.
    pub(super) fn has<B: Batch>(&self, now: Instant) -> bool {
        let kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds
            .get(&TypeId::of::<B>())
            .is_some_and(|since| now.saturating_duration_since(*since) < REMEMBERED)
    }

    /// Notes that it said so.
    pub(super) fn note<B: Batch>(&self, now: Instant) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.insert(TypeId::of::<B>(), now);
    }
}
