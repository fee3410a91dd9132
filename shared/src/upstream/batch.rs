//! Several things of one kind asked for in one call.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::PoisonError;
use std::time::Duration;

use prost::encoding::{DecodeContext, WireType, check_wire_type, decode_key, skip_field};
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

    /// Reads one thing, the body of the answer to [`Batch::one`] or one of [`Batch::items`], and what it is asked for by.
    ///
    /// # Errors
    /// [`Undecodable`] says what is wrong with it.
    fn read(thing: &[u8]) -> Result<(Self::Key, Self::Value), Undecodable>;

    /// The things in the answer to [`Batch::many`], in any order: by default `{"items": […]}`.
    ///
    /// # Errors
    /// [`Undecodable`] for a body of another shape.
    fn items(body: &[u8]) -> Result<Vec<&[u8]>, Undecodable> {
        #[derive(Deserialize)]
        struct Items<'a> {
            #[serde(borrow)]
            items: Vec<&'a RawValue>,
        }
        serde_json::from_slice(body)
            .map(|Items { items }| items.iter().map(|item| item.get().as_bytes()).collect())
            .map_err(|error| Undecodable::json(&error))
    }
}

/// The parts of a protobuf message of which each is once the field `number`, with its key: as a message by itself, what
/// has only that field, once. Other fields are left out.
///
/// # Errors
/// [`Undecodable`] for what is no message, or has something else in that field.
pub fn messages(message: &[u8], number: u32) -> Result<Vec<&[u8]>, Undecodable> {
    let mut rest = message;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let whole = rest;
        let (tag, kind) = decode_key(&mut rest).map_err(Undecodable::message)?;
        skip_field(kind, tag, &mut rest, DecodeContext::default()).map_err(Undecodable::message)?;
        if tag == number {
            // A message of another contract, and no reason to think that nothing was found.
            check_wire_type(WireType::LengthDelimited, kind).map_err(Undecodable::message)?;
            parts.push(&whole[..whole.len() - rest.len()]);
        }
    }
    Ok(parts)
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
