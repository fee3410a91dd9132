//! What was written: new orders, cancellations, and the keys they were asked for with.

#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use jiff::Timestamp;

use super::draft::Draft;
use crate::{
    fixtures::{CANCELLED, Filter, Fixtures, Order, PAID, PLACED},
    params::MAX_ID,
};

/// How many idempotency keys a store remembers, unless told otherwise.
const MOST_KEYS: usize = 100_000;

/// How many orders a page has, unless asked otherwise.
const PAGE: usize = 20;

/// The orders that were placed and cancelled over the made-up ones. Clones are handles to the same
/// store, and services that are started with them keep the same orders, as instances of one service do.
///
/// It is in memory alone. Orders are kept as long as the store is; of the idempotency keys the newest
/// 100,000 are, and a key that was forgotten makes a new order.
#[derive(Clone, Debug)]
pub struct Store(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Those of the first service that was started with this store.
    fixtures: OnceLock<Fixtures>,
    most_keys: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of their ids, which follow on the last made-up order's without a gap.
    placed: Vec<Placed>,
    /// The made-up orders that are. Behind an `Arc` so that a list can be made without the lock.
    cancelled: Arc<HashSet<u64>>,
    keys: HashMap<Arc<str>, Entry>,
    /// The keys, the one to be forgotten next at the front.
    oldest: VecDeque<Arc<str>>,
}

#[derive(Debug)]
struct Placed {
    key: Arc<str>,
    draft: Draft,
    order: Arc<Order>,
}

#[derive(Debug)]
struct Entry {
    done: Done,
    /// Whether the first answer is still on its way.
    working: bool,
}

/// What a key was given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Placed(u64),
    Cancelled(u64),
}

/// An order that was written, now or when the key came first.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) order: Arc<Order>,
    /// Absent if this was a repetition, or without a key.
    pub(super) working: Option<Working>,
    pub(super) replayed: bool,
}

/// Why nothing was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The first request with this key is still being worked on.
    InProgress,
    /// The key was given for something else.
    OtherRequest,
    /// There is no such order.
    NotFound,
    /// The order has this status, and nothing can be done about it.
    TooLate(&'static str),
    /// No id is left.
    Full,
}

impl Refusal {
    /// What is said of it, whichever the protocol.
    pub(super) fn detail(&self, id: u64) -> String {
        match self {
            Self::InProgress => {
                "the first request with this Idempotency-Key is still being worked on".to_owned()
            }
            Self::OtherRequest => "this Idempotency-Key was given for another request".to_owned(),
            Self::NotFound => format!("there is no order {id}"),
            Self::TooLate(status) => {
                format!("order {id} is {status} and can no longer be cancelled")
            }
            Self::Full => "no id is left for another order".to_owned(),
        }
    }
}

/// Held until the answer is made. A request whose client has gone drops it early: what it wrote stays.
#[derive(Debug)]
pub(super) struct Working {
    store: Store,
    key: Arc<str>,
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(entry) = self.store.lock().keys.get_mut(&self.key) {
            entry.working = false;
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::remembering(MOST_KEYS)
    }
}

impl Store {
    /// A store in which nothing was written yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn remembering(most_keys: usize) -> Self {
        Self(Arc::new(Shared {
            fixtures: OnceLock::new(),
            most_keys,
            state: Mutex::default(),
        }))
    }

    /// Every order that was placed, the oldest first: the idempotency key it was asked for with, and its
    /// id. A key stands here twice only if it was forgotten in between.
    #[must_use]
    pub fn placed(&self) -> Vec<(String, u64)> {
        let state = self.lock();
        let placed = state.placed.iter();
        placed
            .map(|placed| (placed.key.as_ref().to_owned(), placed.order.id))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The made-up orders, and what was written over them.
#[derive(Clone, Debug)]
pub(super) struct Book {
    fixtures: Fixtures,
    store: Store,
}

impl Book {
    /// Fails if the store was started with other records: their ids would not be the same orders.
    pub(super) fn new(fixtures: Fixtures, store: Store) -> io::Result<Self> {
        if *store.0.fixtures.get_or_init(|| fixtures) != fixtures {
            let error =
                "services that share a store must have the same seed and numbers of records";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        Ok(Self { fixtures, store })
    }

    pub(super) fn order(&self, id: u64) -> Option<Arc<Order>> {
        let state = self.store.lock();
        if let Some(placed) = self.index(id).and_then(|index| state.placed.get(index)) {
            return Some(Arc::clone(&placed.order));
        }
        let cancelled = state.cancelled.contains(&id);
        drop(state);
        let order = self.fixtures.order(id)?;
        Some(Arc::new(if cancelled {
            with_status(order, CANCELLED)
        } else {
            order
        }))
    }

    /// Up to `limit` orders, or as many as the service gives by itself, the newest first, and the id of the
    /// last if more follow it.
    pub(super) fn page(
        &self,
        filter: Filter<'_>,
        limit: Option<usize>,
    ) -> (Vec<Arc<Order>>, Option<u64>) {
        let limit = limit.unwrap_or(PAGE);
        let state = self.store.lock();
        // One more than is asked for tells whether more follow.
        let mut orders: Vec<Arc<Order>> = (state.placed.iter().rev())
            .map(|placed| &placed.order)
            .filter(|order| filter.before.is_none_or(|before| order.id < before))
            .filter(|order| filter.takes(order.customer_id, order.status))
            .take(limit + 1)
            .map(Arc::clone)
            .collect();
        let cancelled = Arc::clone(&state.cancelled);
        // There may be very many made-up orders to look through.
        drop(state);
        let missing = limit + 1 - orders.len();
        orders.extend(
            (self.fixtures.order_ids(filter, &cancelled).take(missing)).filter_map(|id| {
                let order = self.fixtures.order(id)?;
                Some(Arc::new(if cancelled.contains(&id) {
                    with_status(order, CANCELLED)
                } else {
                    order
                }))
            }),
        );
        let more = orders.len() > limit;
        orders.truncate(limit);
        let last = orders.last().filter(|_| more).map(|order| order.id);
        (orders, last)
    }

    /// Places an order, or finds the one that was placed with this key and the same draft.
    pub(super) fn place(
        &self,
        key: &str,
        draft: Draft,
        now: Timestamp,
    ) -> Result<Written, Refusal> {
        let state = &mut *self.store.lock();
        if let Some(entry) = state.keys.get(key) {
            let Done::Placed(id) = entry.done else {
                return Err(Refusal::OtherRequest);
            };
            let placed = (self.index(id)).and_then(|index| state.placed.get(index));
            let Some(placed) = placed.filter(|placed| placed.draft == draft) else {
                return Err(Refusal::OtherRequest);
            };
            entry.check()?;
            // The answer is the first one's, whatever became of the order since.
            let order = with_status(Order::clone(&placed.order), PLACED);
            return Ok(Written::replayed(Arc::new(order)));
        }
        let id = self.fixtures.last_order() + 1 + state.placed.len() as u64;
        if id > MAX_ID {
            return Err(Refusal::Full);
        }
        // A clock that was set back does not bring orders out of their sequence.
        let last = state
            .placed
            .last()
            .and_then(|placed| placed.order.placed_at);
        let placed_at = last.map_or(now, |last| last.max(now));
        let order = Arc::new(Order {
            id,
            description: Cow::Owned(draft.description.clone()),
            customer_id: draft.customer_id,
            lines: draft.lines.clone(),
            total: draft.total(),
            status: Some(PLACED),
            placed_at: Some(placed_at),
            currency: Some(Cow::Owned(draft.currency.clone())),
        });
        let key: Arc<str> = Arc::from(key);
        state.placed.push(Placed {
            key: Arc::clone(&key),
            draft,
            order: Arc::clone(&order),
        });
        let working = Some(self.remember(state, key, Done::Placed(id)));
        Ok(Written {
            order,
            working,
            replayed: false,
        })
    }

    /// Cancels an order that was neither shipped nor cancelled; one that was cancelled is a success too.
    pub(super) fn cancel(&self, id: u64, key: Option<&str>) -> Result<Written, Refusal> {
        let state = &mut *self.store.lock();
        let known = key.and_then(|key| state.keys.get(key));
        if let Some(entry) = known {
            if entry.done != Done::Cancelled(id) {
                return Err(Refusal::OtherRequest);
            }
            entry.check()?;
        }
        let replayed = known.is_some();
        let order = match self.index(id).and_then(|index| state.placed.get_mut(index)) {
            Some(placed) => {
                if placed.order.status != Some(CANCELLED) {
                    placed.order = Arc::new(cancelled(Order::clone(&placed.order))?);
                }
                Arc::clone(&placed.order)
            }
            None => {
                let order = self.fixtures.order(id).ok_or(Refusal::NotFound)?;
                let order = if state.cancelled.contains(&id) || order.status == Some(CANCELLED) {
                    with_status(order, CANCELLED)
                } else {
                    let order = cancelled(order)?;
                    Arc::make_mut(&mut state.cancelled).insert(id);
                    order
                };
                Arc::new(order)
            }
        };
        if replayed {
            return Ok(Written::replayed(order));
        }
        let working = key.map(|key| self.remember(state, Arc::from(key), Done::Cancelled(id)));
        Ok(Written {
            order,
            working,
            replayed,
        })
    }

    /// Where a new order stands.
    fn index(&self, id: u64) -> Option<usize> {
        usize::try_from(id.checked_sub(self.fixtures.last_order() + 1)?).ok()
    }

    fn remember(&self, state: &mut State, key: Arc<str>, done: Done) -> Working {
        let entry = Entry {
            done,
            working: true,
        };
        state.keys.insert(Arc::clone(&key), entry);
        state.oldest.push_back(Arc::clone(&key));
        while state.oldest.len() > self.store.0.most_keys {
            // A key that is forgotten while its request is worked on would make a second order.
            let is_done = |key: &Arc<str>| state.keys.get(key).is_none_or(|entry| !entry.working);
            let Some(index) = state.oldest.iter().position(is_done) else {
                break;
            };
            if let Some(forgotten) = state.oldest.remove(index) {
                state.keys.remove(&forgotten);
            }
        }
        Working {
            store: self.store.clone(),
            key,
        }
    }
}

impl Entry {
    fn check(&self) -> Result<(), Refusal> {
        if self.working {
            Err(Refusal::InProgress)
        } else {
            Ok(())
        }
    }
}

impl Written {
    fn replayed(order: Arc<Order>) -> Self {
        Self {
            order,
            working: None,
            replayed: true,
        }
    }
}

/// An order without a status counts as placed: the service that leaves it out knows no better.
fn cancelled(order: Order) -> Result<Order, Refusal> {
    match order.status {
        None | Some(PLACED | PAID) => Ok(with_status(order, CANCELLED)),
        Some(status) => Err(Refusal::TooLate(status)),
    }
}

fn with_status(order: Order, status: &'static str) -> Order {
    Order {
        status: Some(status),
        ..order
    }
}
