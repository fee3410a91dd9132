//! Several things at once: each from the cache, from a call that is under way, or from as few calls as they fit in.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{join, join_all};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{AbortHandle, spawn_local};

use super::cached::Old;
use super::{Call, Client};
use crate::upstream::answer::{Answer, CacheStatus, Forwarded, StaleCause};
use crate::upstream::batch::Batch;
use crate::upstream::cache::{Cache, Entry, Found};
use crate::upstream::deadline::Deadline;
use crate::upstream::flight::{Lead, Seat};
use crate::upstream::{Context, Error, Instant, Request};

mod read;

pub(super) use read::single;
use read::{Batched, NO_BATCHES, batched};

/// Single calls in place of batches, at once, for all that is asked for together.
const SINGLES_AT_ONCE: usize = 16;

type Outcome<T> = Result<T, Error>;
type Answers<B> = HashMap<<B as Batch>::Key, Outcome<Answer<<B as Batch>::Value>>>;

/// One of the things of a batch, waited for.
struct Wanted<K> {
    key: K,
    seat: Seat,
    lead: Option<Lead>,
    old: Option<Old>,
    forwarded: Forwarded,
}

/// One batch that goes out, or what is asked for in place of it.
struct Asking<'a, K> {
    context: &'a Context,
    keys: &'a [K],
    until: Deadline,
    singles: &'a Semaphore,
}

/// Ends the task of a batch when the last one who holds it has left.
#[derive(Default)]
struct Ends(OnceCell<AbortHandle>);

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}

/// One of the things of a batch as the call for it holds it; what ends the task beside it is dropped with it.
struct Led<K> {
    key: K,
    lead: Lead,
    _over: oneshot::Sender<()>,
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
    /// [`NotFound`](crate::upstream::ErrorKind::NotFound). Every key has an outcome, however often it is in `keys`.
    ///
    /// Runs on a thread with a local task set, as [`Client::call`] does.
    pub async fn batch<B: Batch>(&self, context: &Context, keys: &[B::Key]) -> Answers<B> {
        let now = Instant::now();
        let until = context
            .deadline
            .at_most(now, self.cluster.config().deadline);
        let singles = Rc::new(Semaphore::new(SINGLES_AT_ONCE));
        let alone_many = async |keys: &[B::Key], forwarded| {
            self.alone_many::<B>(context, keys, until, &singles, forwarded)
                .await
        };
        let Some(cache) = &self.cluster.cache else {
            return alone_many(&distinct(keys), Forwarded::Bypass).await;
        };
        let Sorted {
            mut answers,
            mut wanted,
            mut renewed,
            alone,
        } = self.sort::<B>(cache, context, keys, now);
        let is_lead: Vec<_> = wanted.iter().map(|wanted| wanted.lead.is_some()).collect();
        self.fly_many::<B>(context, [&mut wanted, &mut renewed], &singles);
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
        let others = alone_many(&alone, Forwarded::UriMiss);
        let (outcomes, others) = join(join_all(waiting), others).await;
        answers.extend(others);
        let mut left = Vec::new();
        for (wanted, outcome) in wanted.iter().zip(outcomes) {
            match outcome {
                Some(outcome) => drop(answers.insert(wanted.key, outcome)),
                // Everybody has to ask for it alone.
                None => left.push(wanted.key),
            }
        }
        answers.extend(alone_many(&left, Forwarded::UriMiss).await);
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

    /// Begins the calls that are shared, as tasks of this thread: one for each batch. Beside it each thing has a task
    /// that stands for those who wait for it and ends with the last of them, or when it is there; with the last of these
    /// tasks that of the batch ends.
    fn fly_many<B: Batch>(
        &self,
        context: &Context,
        wanted: [&mut [Wanted<B::Key>]; 2],
        singles: &Rc<Semaphore>,
    ) {
        let mut led: Vec<_> = wanted
            .into_iter()
            .flatten()
            .filter_map(|wanted| {
                let lead = wanted.lead.take()?;
                Some((wanted.key, lead, &wanted.seat))
            })
            .collect();
        while !led.is_empty() {
            let ends = Rc::new(Ends::default());
            let mut leads = Vec::new();
            for (key, lead, seat) in led.drain(..led.len().min(B::MOST)) {
                let (_over, until_over) = oneshot::channel();
                leads.push(Led { key, lead, _over });
                let ends = Rc::clone(&ends);
                let task = spawn_local(async move {
                    let _ends = ends;
                    _ = until_over.await;
                });
                seat.flown_by(task.abort_handle());
            }
            // Behind them in line, so that it does not even begin when all have left by then.
            let call = (self.clone()).lead_many::<B>(context.clone(), leads, Rc::clone(singles));
            // It is set nowhere else.
            _ = ends.0.set(spawn_local(call).abort_handle());
        }
    }

    /// Asks for what `leads` are for, and tells each how it goes as soon as that is known.
    async fn lead_many<B: Batch>(
        self,
        context: Context,
        leads: Vec<Led<B::Key>>,
        singles: Rc<Semaphore>,
    ) {
        let keys: Vec<_> = leads.iter().map(|led| led.key).collect();
        let leads = leads.into_iter().map(|led| (led.key, led));
        let leads: RefCell<HashMap<_, _>> = RefCell::new(leads.collect());
        let asking = Asking {
            context: &context,
            keys: &keys,
            // Not the first caller's: the others may have more time.
            until: Deadline::after(Instant::now(), self.cluster.config().deadline),
            singles: &singles,
        };
        let failing = |keys: &[B::Key], error: &Error| {
            let leads = leads.borrow();
            let leads = keys.iter().filter_map(|key| leads.get(key));
            leads.for_each(|led| led.lead.failing(error));
        };
        let done = |key, outcome: Outcome<Arc<Entry>>| {
            let Some(Led { lead, _over, .. }) = leads.borrow_mut().remove(&key) else {
                return;
            };
            if let Some(cache) = &self.cluster.cache {
                match &outcome {
                    Ok(entry) => cache.keep(lead.key().clone(), Arc::clone(entry)),
                    Err(error) => cache.note_trouble(lead.key(), error),
                }
            }
            lead.done(outcome);
        };
        self.ask_many::<B>(&asking, failing, done).await;
    }

    /// Asks without sharing it, in batches, all at once.
    async fn alone_many<B: Batch>(
        &self,
        context: &Context,
        keys: &[B::Key],
        until: Deadline,
        singles: &Semaphore,
        forwarded: Forwarded,
    ) -> Answers<B> {
        let status = CacheStatus {
            forwarded: Some(forwarded),
            ..CacheStatus::default()
        };
        let answers = RefCell::new(HashMap::with_capacity(keys.len()));
        let batches = keys.chunks(B::MOST).map(async |keys| {
            let asking = Asking {
                context,
                keys,
                until,
                singles,
            };
            let done = |key, outcome: Outcome<Arc<Entry>>| {
                let outcome = outcome.and_then(|entry| self.fresh(&entry, status));
                answers.borrow_mut().insert(key, outcome);
            };
            self.ask_many::<B>(&asking, |_, _| {}, done).await;
        });
        join_all(batches).await;
        answers.into_inner()
    }

    /// One batch, or a call for each where there are none. `failing` is told of failures before a wait, `done` of the
    /// outcome of each as soon as it is known.
    async fn ask_many<B: Batch>(
        &self,
        asking: &Asking<'_, B::Key>,
        failing: impl Fn(&[B::Key], &Error),
        done: impl Fn(B::Key, Outcome<Arc<Entry>>),
    ) {
        let Asking {
            context,
            keys,
            until,
            singles,
        } = *asking;
        let now = Instant::now();
        if !self.cluster.batchless.has::<B>(now) {
            let request = B::many(keys).answered_by(NO_BATCHES);
            let call = call(context, &request, &batched::<B>, until, now);
            let entry = match self.series(&call, |error| failing(keys, error)).await {
                Ok(reply) => reply.into_entry(),
                Err(error) => return keys.iter().for_each(|key| done(*key, Err(error.clone()))),
            };
            match entry.value.as_ref().and_then(|value| value.downcast_ref()) {
                Some(Batched::<B>::Items { items, unreadable }) => {
                    let of = |key: &B::Key| self.of_batch(&entry, items.get(key), *unreadable);
                    return keys.iter().for_each(|key| done(*key, of(key)));
                }
                Some(Batched::NoRoute) | None => self.cluster.batchless.note::<B>(now),
            }
        }
        let each = keys.iter().map(async |key| {
            // Nobody closes it.
            let _place = singles.acquire().await;
            let request = B::one(*key);
            let decode = single::<B>(*key);
            let call = call(context, &request, &decode, until, Instant::now());
            let failing = |error: &Error| failing(std::slice::from_ref(key), error);
            let outcome = self.series(&call, failing).await;
            done(*key, outcome.map(|reply| Arc::new(reply.into_entry())));
        });
        join_all(each).await;
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
