//! Calls over the cache: what is kept, what is shared, and what is given though it is old.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};
use tokio::time::timeout_at;

use super::{Call, Client, Reply};
use crate::upstream::answer::{Answer, CacheStatus, Forwarded, Origin, StaleCause};
use crate::upstream::cache::{Cache, Entry, Found, Key};
use crate::upstream::deadline::Deadline;
use crate::upstream::flight::{Lead, Progress, Seat};
use crate::upstream::{Context, Error, ErrorKind, Instant, Request, Response, Undecodable};

/// What is at hand though it is stale, since so long.
pub(super) struct Old {
    pub(super) entry: Arc<Entry>,
    pub(super) since: Duration,
}

impl Client {
    pub(super) fn key<T: 'static>(&self, request: &Request) -> Key {
        Key::of::<T>(request, self.cluster.generations.of(request.tag))
    }

    pub(super) async fn call_cached<T, D>(
        &self,
        cache: &Cache,
        context: &Context,
        request: Request,
        decode: D,
    ) -> Result<Answer<T>, Error>
    where
        T: Send + Sync + 'static,
        D: Fn(&Response) -> Result<T, Undecodable> + 'static,
    {
        let now = Instant::now();
        let key = self.key::<T>(&request);
        let (old, known) = match cache.find(&key, now) {
            Found::Fresh(entry, left) => return self.hit(&entry, left, now),
            Found::Unshared => return self.unshared(context, &request, &decode).await,
            Found::Renewable(entry, since) => {
                // It goes on without us.
                let (seat, lead) = self.cluster.flights.join(&key, true, now);
                if let Some(lead) = lead {
                    let known = Some(Arc::clone(&entry));
                    self.fly(lead, &seat, context, request, decode, known);
                }
                let cause = match cache.trouble(&key) {
                    Some((kind, detail)) => StaleCause::Failed(kind, detail),
                    None => StaleCause::Revalidating,
                };
                return self.stale(&Old { entry, since }, cause, None, now);
            }
            Found::Stale(entry, since) => {
                let known = Some(Arc::clone(&entry));
                (Some(Old { entry, since }), known)
            }
            Found::Expired(entry) => (None, Some(entry)),
            Found::Nothing => (None, None),
        };
        // By this caller's time: the call that is shared has time of its own. To join one that is under way costs
        // nothing.
        if let Err(error) = self.worth_asking(context, context.deadline, now)
            && !self.cluster.flights.is_under_way(&key)
        {
            let Some(old) = &old else { return Err(error) };
            let cause = StaleCause::Failed(error.kind(), error.detail().into());
            return self.stale(old, cause, None, now);
        }
        let (mut seat, lead) = self.cluster.flights.join(&key, old.is_some(), now);
        // Between the look into the cache and this another thread may have kept an answer.
        let just_kept = lead.as_ref().and_then(|_| cache.fresh(&key, now));
        let lead = match (lead, just_kept) {
            (Some(lead), Some((entry, left))) => {
                lead.done(Ok(Arc::clone(&entry)));
                return self.hit(&entry, left, now);
            }
            (lead, _) => lead,
        };
        let is_lead = lead.is_some();
        let forwarded = match known {
            Some(_) => Forwarded::Stale,
            None => Forwarded::UriMiss,
        };
        let until = self.patience(context, old.as_ref(), seat.started, now);
        let decode = Rc::new(decode);
        if let Some(lead) = lead {
            let (request, decode) = (request.clone(), Rc::clone(&decode));
            let decode = move |response: &Response| decode(response);
            self.fly(lead, &seat, context, request, decode, known);
        }
        let outcome = self.outcome_of(&mut seat, is_lead, old.is_some(), until, now);
        let Some(outcome) = outcome.await else {
            let config = self.cluster.config();
            let context = Context {
                // It has waited already.
                deadline: context.deadline.at_most(now, config.deadline),
                ..context.clone()
            };
            return self.unshared(&context, &request, &*decode).await;
        };
        self.concluded(cache, outcome, old, forwarded, !is_lead)
    }

    /// The answer that the outcome of a shared call makes, or what is at hand in its place.
    pub(super) fn concluded<T: Send + Sync + 'static>(
        &self,
        cache: &Cache,
        outcome: Result<Arc<Entry>, Error>,
        old: Option<Old>,
        forwarded: Forwarded,
        collapsed: bool,
    ) -> Result<Answer<T>, Error> {
        match (outcome, old) {
            (Ok(entry), _) => {
                let status = CacheStatus {
                    forwarded: Some(forwarded),
                    collapsed,
                    stored: cache.keeps(&entry),
                    status: entry.renewed.then_some(304),
                    ttl: None,
                };
                self.fresh(&entry, status)
            }
            (Err(error), Some(old)) => {
                let cause = StaleCause::Failed(error.kind(), error.detail().into());
                let was_refused = !error.maybe_processed()
                    && matches!(error.kind(), ErrorKind::CircuitOpen | ErrorKind::Overloaded);
                let forwarded = (!was_refused).then_some(forwarded);
                self.stale(&old, cause, forwarded, Instant::now())
            }
            (Err(error), None) => Err(error),
        }
    }

    /// What has come of a shared call by `until`; `None` where everybody has to ask alone.
    pub(super) async fn outcome_of(
        &self,
        seat: &mut Seat,
        is_lead: bool,
        has_old: bool,
        until: Deadline,
        now: Instant,
    ) -> Option<Result<Arc<Entry>, Error>> {
        match timeout_at(until.instant(), seat.outcome(has_old)).await {
            Ok(Progress::Done(Ok(entry))) if is_lead || entry.is_shareable() => Some(Ok(entry)),
            Ok(Progress::Done(Err(error)) | Progress::Failing(error)) => Some(Err(error)),
            Ok(Progress::Lost | Progress::Underway) if has_old => {
                let detail = "the call that was to renew it is lost";
                Some(Err(self.error(ErrorKind::Unavailable, detail)))
            }
            Ok(Progress::Done(Ok(_)) | Progress::Lost | Progress::Underway) => None,
            Err(_) => {
                let waited = until.instant().saturating_duration_since(now).as_millis();
                let detail = format!("no answer within {waited} ms");
                Some(Err(self.error(ErrorKind::Timeout, detail)))
            }
        }
    }

    pub(super) fn hit<T: Send + Sync + 'static>(
        &self,
        entry: &Entry,
        left: Duration,
        now: Instant,
    ) -> Result<Answer<T>, Error> {
        let status = CacheStatus {
            ttl: Some(seconds(left)),
            ..CacheStatus::default()
        };
        let age = entry.age(now);
        self.answer(entry, Origin::Cached { age }, status, now)
    }

    pub(super) fn stale<T: Send + Sync + 'static>(
        &self,
        old: &Old,
        cause: StaleCause,
        forwarded: Option<Forwarded>,
        now: Instant,
    ) -> Result<Answer<T>, Error> {
        let status = CacheStatus {
            forwarded,
            ttl: Some(-seconds(old.since)),
            ..CacheStatus::default()
        };
        let age = old.entry.age(now);
        self.answer(&old.entry, Origin::Stale { age, cause }, status, now)
    }

    /// What is for this caller alone.
    async fn unshared<T, D>(
        &self,
        context: &Context,
        request: &Request,
        decode: &D,
    ) -> Result<Answer<T>, Error>
    where
        T: Send + Sync + 'static,
        D: Fn(&Response) -> Result<T, Undecodable>,
    {
        let entry = self.alone(context, request, decode).await?;
        let status = CacheStatus {
            forwarded: Some(Forwarded::UriMiss),
            ..CacheStatus::default()
        };
        self.fresh(&entry, status)
    }

    /// How long to wait for an answer. With an old one at hand no longer than it may take when all is well: twice the
    /// time after which an attempt gets a hedge, counted from when the call began.
    pub(super) fn patience(
        &self,
        context: &Context,
        old: Option<&Old>,
        started: Instant,
        now: Instant,
    ) -> Deadline {
        let config = self.cluster.config();
        let until = context.deadline.at_most(now, config.deadline);
        if old.is_none() {
            return until;
        }
        let delay = self.cluster.hedge_delay(now);
        until.at_most(started, 2 * delay)
    }

    /// Begins the call that is shared, as a task of this thread.
    fn fly<T, D>(
        &self,
        lead: Lead,
        seat: &Seat,
        context: &Context,
        request: Request,
        decode: D,
        known: Option<Arc<Entry>>,
    ) where
        T: Send + Sync + 'static,
        D: Fn(&Response) -> Result<T, Undecodable> + 'static,
    {
        let (client, context) = (self.clone(), context.clone());
        let task = tokio::task::spawn_local(async move {
            let outcome = client.lead(&lead, &context, request, &decode, known).await;
            lead.done(outcome);
        });
        seat.flown_by(task.abort_handle());
    }

    async fn lead<T, D>(
        &self,
        lead: &Lead,
        context: &Context,
        mut request: Request,
        decode: &D,
        known: Option<Arc<Entry>>,
    ) -> Result<Arc<Entry>, Error>
    where
        T: Send + Sync + 'static,
        D: Fn(&Response) -> Result<T, Undecodable>,
    {
        let conditional = known
            .as_ref()
            .is_some_and(|known| ask_if_newer(&mut request, known));
        let now = Instant::now();
        let call = Call {
            context,
            request: &request,
            decode,
            // Not the first caller's: the others may have more time.
            deadline: Deadline::after(now, self.cluster.config().deadline),
            began: now,
            conditional,
        };
        let outcome = self.series(&call, |error| lead.failing(error)).await;
        let Some(cache) = &self.cluster.cache else {
            return outcome.map(|reply| Arc::new(reply.into_entry()));
        };
        let entry = match (outcome, known) {
            (Ok(Reply::NotModified(terms)), Some(known)) => known.renewed_by(&terms),
            (Ok(reply), _) => reply.into_entry(),
            (Err(error), _) => {
                cache.note_trouble(lead.key(), &error);
                return Err(error);
            }
        };
        let entry = Arc::new(entry);
        cache.keep(lead.key().clone(), Arc::clone(&entry));
        Ok(entry)
    }
}

/// Asks only for what is newer than `entry`; false where it has nothing to go by (RFC 9110, section 13.1).
fn ask_if_newer(request: &mut Request, entry: &Entry) -> bool {
    if let Some(etag) = &entry.etag {
        request.headers.insert(IF_NONE_MATCH, etag.clone());
    }
    if let Some(date) = &entry.last_modified {
        request.headers.insert(IF_MODIFIED_SINCE, date.clone());
    }
    entry.etag.is_some() || entry.last_modified.is_some()
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
