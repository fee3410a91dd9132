//! What a service says to a batch, read thing by thing.

use std::collections::HashMap;
use std::sync::Arc;

use twox_hash::XxHash3_64;

use super::{Client, Outcome};
use crate::upstream::batch::Batch;
use crate::upstream::cache::Entry;
use crate::upstream::{ErrorKind, Response, Undecodable};

/// Statuses that say that there is no such route.
pub(super) const NO_BATCHES: &[u16] = &[404, 405, 501];

/// What a service said to a batch.
pub(super) enum Batched<B: Batch> {
    Items {
        items: HashMap<B::Key, Item<B::Value>>,
        /// Whether there were others that cannot be read.
        unreadable: bool,
    },
    /// It has no such route.
    NoRoute,
}

pub(super) struct Item<T> {
    value: Arc<T>,
    validator: u64,
    bytes: usize,
}

impl Client {
    /// What the answer to a batch says of one thing.
    pub(super) fn of_batch<T: Send + Sync + 'static>(
        &self,
        whole: &Entry,
        item: Option<&Item<T>>,
        unreadable: bool,
    ) -> Outcome<Arc<Entry>> {
        let entry = Entry {
            // They are the batch's.
            etag: None,
            last_modified: None,
            ..whole.clone()
        };
        match item {
            Some(item) => Ok(Arc::new(Entry {
                value: Some(Arc::<T>::clone(&item.value)),
                validator: item.validator,
                bytes: item.bytes,
                ..entry
            })),
            None if unreadable => Err(self.error(
                ErrorKind::InvalidResponse,
                "answered a batch with something in it that cannot be read",
            )),
            None => Ok(Arc::new(Entry {
                value: None,
                bytes: 0,
                ..entry
            })),
        }
    }
}

impl<B: Batch> std::fmt::Debug for Batched<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Batched")
    }
}

pub(super) fn batched<B: Batch>(response: &Response) -> Result<Batched<B>, Undecodable> {
    if !response.status.is_success() {
        return Ok(Batched::NoRoute);
    }
    let raw = B::items(&response.body)?;
    let mut items = HashMap::with_capacity(raw.len());
    let mut first_error = None;
    for thing in raw {
        match B::read(thing) {
            Ok((key, value)) => {
                items.entry(key).or_insert_with(|| Item {
                    value: Arc::new(value),
                    validator: XxHash3_64::oneshot(thing),
                    bytes: thing.len(),
                });
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    match first_error {
        // Nothing of use: a failed attempt, which is repeated.
        Some(error) if items.is_empty() => Err(error),
        first_error => Ok(Batched::Items {
            items,
            unreadable: first_error.is_some(),
        }),
    }
}

/// Reads the answer for one thing, and refuses another one's.
pub(in crate::upstream::client) fn single<B: Batch>(
    key: B::Key,
) -> impl Fn(&Response) -> Result<B::Value, Undecodable> + 'static {
    move |response| {
        let (of, value) = B::read(&response.body)?;
        if of == key {
            Ok(value)
        } else {
            Err(Undecodable::new("something that was not asked for"))
        }
    }
}
