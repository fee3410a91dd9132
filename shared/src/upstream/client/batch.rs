//! Several things at once: each from the cache, from a call that is under way, or from as few calls as they fit in.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{join, join_all};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use twox_hash::XxHash3_64;

use super::cached::Old;
use super::{Call, Client};
use crate::upstream::answer::{Answer, CacheStatus, Forwarded, StaleCause};
use crate::upstream::batch::Batch;
use crate::upstream::cache::{Cache, Entry, Found};
use crate::upstream::deadline::Deadline;
use crate::upstream::flight::{Lead, Seat};
use crate::upstream::{Context, Error, ErrorKind, Instant, Request, Response, Undecodable};

/// Statuses that say that there is no such route.
const NO_BATCHES: &[u16] = &[404, 405, 501];

/// Single calls in place of a batch, at once.
const SINGLES_AT_ONCE: usize = 16;

type Outcome<T> = Result<T, Error>;
type Answers<B> = HashMap<<B as Batch>::Key, Outcome<Answer<<B as Batch>::Value>>>;
type Entries<B> = HashMap<<B as Batch>::Key, Outcome<Arc<Entry>>>;

/// What a service said to a batch.
enum Batched<B: Batch> {
    Items {
        items: HashMap<B::Key, Item<B::Value>>,
        /// Whether there were others that cannot be read.
        unreadable: bool,
    },
    /// It has no such route.
    NoRoute,
}

struct Item<T> {
    value: Arc<T>,
    validator: u64,
    bytes: usize,
}

/// One of the things of a batch, waited for.
struct Wanted<K> {
    key: K,
    seat: Seat,
    lead: Option<Lead>,
    old: Option<Old>,
    forwarded: Forwarded,
}

/// What of a batch has to be waited for.
struct Sorted<B: Batch> {
    answers: Answers<B>,
    wanted: Vec<Wanted<B::Key>>,
    /// Renewed though nobody waits for it.
    renewed: Vec<Wanted<B::Key>>,
    /// Asked for without sharing it.
    alone: Vec<B::Key>,
}

impl Client {
    /// Asks for several things, each of which is answered or fails by itself. What is not kept and not under way goes
    /// out in batches of [`Batch::MOST`], all at once; a service without a route for batches is asked for each alone, 16
    /// at once, and not asked for a batch again for a minute. A thing that is not in the answer is
    /// [`ErrorKind::NotFound`]. Every key has an outcome, however often it is in `keys`.
    ///
    /// Runs on a thread with a local task set, as [`Client::call`] does.
    pub async fn batch<B: Batch>(&self, context: &Context, keys: &[B::Key]) -> Answers<B> {
        let now = Instant::now();
        let until = context
            .deadline
            .at_most(now, self.cluster.config().deadline);
        let Some(cache) = &self.cluster.cache else {
            let distinct = distinct(keys);
            return self
                .alone_many::<B>(context, &distinct, until, Forwarded::Bypass)
                .await;
        };
        let Sorted {
            mut answers,
            mut wanted,
            mut renewed,
            alone,
        } = self.sort::<B>(cache, context, keys, now);
        let is_lead: Vec<_> = wanted.iter().map(|wanted| wanted.lead.is_some()).collect();
        self.fly_many::<B>(context, [&mut wanted, &mut renewed]);
        let waiting = wanted
            .iter_mut()
            .zip(is_lead)
            .map(async |(wanted, is_lead)| {
                let until = self.patience(context, wanted.old.as_ref(), wanted.seat.started, now);
                let has_old = wanted.old.is_some();
                let outcome = self.outcome_of(&mut wanted.seat, is_lead, has_old, until, now);
                let outcome = outcome.await?;
                let old = wanted.old.take();
                Some(self.concluded(cache, outcome, old, wanted.forwarded, !is_lead))
            });
        let (outcomes, others) = join(
            join_all(waiting),
            self.alone_many::<B>(context, &alone, until, Forwarded::UriMiss),
        )
        .await;
        answers.extend(others);
        let mut left = Vec::new();
        for (wanted, outcome) in wanted.iter().zip(outcomes) {
            match outcome {
                Some(outcome) => drop(answers.insert(wanted.key, outcome)),
                // Everybody has to ask for it alone.
                None => left.push(wanted.key),
            }
        }
        answers.extend(
            self.alone_many::<B>(context, &left, until, Forwarded::UriMiss)
                .await,
        );
        answers
    }

    /// What is at hand, and who has to be asked for the rest.
    fn sort<B: Batch>(
        &self,
        cache: &Cache,
        context: &Context,
        keys: &[B::Key],
        now: Instant,
    ) -> Sorted<B> {
        let distinct = distinct(keys);
        let mut sorted = Sorted::<B> {
            answers: HashMap::with_capacity(distinct.len()),
            wanted: Vec::new(),
            renewed: Vec::new(),
            alone: Vec::new(),
        };
        let worth_asking = self.worth_asking(context, context.deadline, now);
        for key in distinct {
            let id = self.key::<B::Value>(&B::one(key));
            let (old, forwarded) = match cache.find(&id, now) {
                Found::Fresh(entry, left) => {
                    sorted.answers.insert(key, self.hit(&entry, left, now));
                    continue;
                }
                Found::Unshared => {
                    sorted.alone.push(key);
                    continue;
                }
                Found::Renewable(entry, since) => {
                    let cause = match cache.trouble(&id) {
                        Some((kind, detail)) => StaleCause::Failed(kind, detail),
                        None => StaleCause::Revalidating,
                    };
                    let old = Old { entry, since };
                    sorted
                        .answers
                        .insert(key, self.stale(&old, cause, None, now));
                    let (seat, lead) = self.cluster.flights.join(&id, true, now);
                    sorted.renewed.push(Wanted {
                        key,
                        seat,
                        lead,
                        old: None,
                        forwarded: Forwarded::Stale,
                    });
                    continue;
                }
                Found::Stale(entry, since) => (Some(Old { entry, since }), Forwarded::Stale),
                Found::Expired(_) => (None, Forwarded::Stale),
                Found::Nothing => (None, Forwarded::UriMiss),
            };
            if let Err(error) = &worth_asking
                && !self.cluster.flights.is_under_way(&id)
            {
                let outcome = match &old {
                    Some(old) => {
                        let cause = StaleCause::Failed(error.kind(), error.detail().into());
                        self.stale(old, cause, None, now)
                    }
                    None => Err(error.clone()),
                };
                sorted.answers.insert(key, outcome);
                continue;
            }
            let (seat, lead) = self.cluster.flights.join(&id, old.is_some(), now);
            let just_kept = lead.as_ref().and_then(|_| cache.fresh(&id, now));
            let lead = match (lead, just_kept) {
                (Some(lead), Some((entry, left))) => {
                    lead.done(Ok(Arc::clone(&entry)));
                    sorted.answers.insert(key, self.hit(&entry, left, now));
                    continue;
                }
                (lead, _) => lead,
            };
            sorted.wanted.push(Wanted {
                key,
                seat,
                lead,
                old,
                forwarded,
            });
        }
        sorted
    }

    /// Begins the calls that are shared, as tasks of this thread. Each thing has a task of its own, which ends with the
    /// last one who waits for it; the call for all of a batch ends with the last task.
    fn fly_many<B: Batch>(&self, context: &Context, wanted: [&mut [Wanted<B::Key>]; 2]) {
        let mut led: Vec<_> = wanted
            .into_iter()
            .flatten()
            .filter_map(|wanted| {
                let lead = wanted.lead.take()?;
                Some((wanted.key, lead, &wanted.seat))
            })
            .collect();
        while !led.is_empty() {
            let batch: Vec<_> = led.drain(..led.len().min(B::MOST)).collect();
            let keys: Vec<_> = batch.iter().map(|(key, ..)| *key).collect();
            let (client, context) = (self.clone(), context.clone());
            let call = async move {
                // Not the first caller's: the others may have more time.
                let until = Deadline::after(Instant::now(), client.cluster.config().deadline);
                Rc::new(client.ask_many::<B>(&context, &keys, until).await)
            };
            let call = call.boxed_local().shared();
            for (key, lead, seat) in batch {
                let (client, call) = (self.clone(), call.clone());
                let task = tokio::task::spawn_local(async move {
                    let outcome = call.await.get(&key).cloned();
                    let outcome = outcome.unwrap_or_else(|| {
                        Err(client.error(ErrorKind::InvalidResponse, "answered nothing of it"))
                    });
                    if let Some(cache) = &client.cluster.cache {
                        match &outcome {
                            Ok(entry) => cache.keep(lead.key().clone(), Arc::clone(entry)),
                            Err(error) => cache.note_trouble(lead.key(), error),
                        }
                    }
                    lead.done(outcome);
                });
                seat.flown_by(task.abort_handle());
            }
        }
    }

    /// Asks without sharing it, in batches, all at once.
    async fn alone_many<B: Batch>(
        &self,
        context: &Context,
        keys: &[B::Key],
        until: Deadline,
        forwarded: Forwarded,
    ) -> Answers<B> {
        let batches = keys.chunks(B::MOST);
        let asked = join_all(batches.map(|keys| self.ask_many::<B>(context, keys, until))).await;
        let status = CacheStatus {
            forwarded: Some(forwarded),
            ..CacheStatus::default()
        };
        asked
            .into_iter()
            .flatten()
            .map(|(key, outcome)| (key, outcome.and_then(|entry| self.fresh(&entry, status))))
            .collect()
    }

    /// One batch, or a call for each where there are none.
    async fn ask_many<B: Batch>(
        &self,
        context: &Context,
        keys: &[B::Key],
        until: Deadline,
    ) -> Entries<B> {
        let now = Instant::now();
        if !self.cluster.batchless.has::<B>(now) {
            let request = B::many(keys).answered_by(NO_BATCHES);
            let call = call(context, &request, &batched::<B>, until, now);
            let entry = match self.series(&call, |_| {}).await {
                Ok(reply) => reply.into_entry(),
                Err(error) => return keys.iter().map(|key| (*key, Err(error.clone()))).collect(),
            };
            match entry.value.as_ref().and_then(|value| value.downcast_ref()) {
                Some(Batched::<B>::Items { items, unreadable }) => {
                    let of = |key: &B::Key| self.of_batch(&entry, items.get(key), *unreadable);
                    return keys.iter().map(|key| (*key, of(key))).collect();
                }
                Some(Batched::NoRoute) | None => self.cluster.batchless.note::<B>(now),
            }
        }
        let singles = keys.iter().map(async |key| {
            let key = *key;
            let request = B::one(key);
            let decode = single::<B>(key);
            let call = call(context, &request, &decode, until, Instant::now());
            let outcome = self.series(&call, |_| {}).await;

            (key, outcome.map(|reply| Arc::new(reply.into_entry())))
        });
        stream::iter(singles)
            .buffer_unordered(SINGLES_AT_ONCE)
            .collect()
            .await
    }

    /// What the answer to a batch says of one thing.
    fn of_batch<T: Send + Sync + 'static>(
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

fn call<'a, D>(
    context: &'a Context,
    request: &'a Request,
    decode: &'a D,
    deadline: Deadline,
    began: Instant,
) -> Call<'a, D> {
    Call {
        context,
        request,
        decode,
        deadline,
        began,
        conditional: false,
    }
}

/// Each once, in the order in which they came first.
fn distinct<K: Copy + Eq + Hash>(keys: &[K]) -> Vec<K> {
    let mut seen = HashSet::with_capacity(keys.len());
    let keys = keys.iter().copied();
    keys.filter(|key| seen.insert(*key)).collect()
}

fn batched<B: Batch>(response: &Response) -> Result<Batched<B>, Undecodable> {
    if !response.status.is_success() {
        return Ok(Batched::NoRoute);
    }
    let raw = B::items(&response.body)?;
    let mut items = HashMap::with_capacity(raw.len());
    let mut first_error = None;
    for json in raw {
        let json = json.get().as_bytes();
        match B::read(json) {
            Ok((key, value)) => {
                items.entry(key).or_insert_with(|| Item {
                    value: Arc::new(value),
                    validator: XxHash3_64::oneshot(json),
                    bytes: json.len(),
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
pub(super) fn single<B: Batch>(
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
