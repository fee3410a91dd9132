//! The policy stack, composed. One client for each worker thread and upstream.

use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use self::timers::Timers;
use super::answer::{Answer, CacheStatus, Forwarded, Freshness, Origin};
use super::batch::Batch;
use super::cache::Entry;
use super::request::Tag;
use super::transport::Transport;
use super::transport::awc::AwcTransport;
use super::transport::grpc::GrpcTransport;
use super::{
    Cluster, Context, Deadline, Error, ErrorKind, Instant, Protocol, Request, Response, Undecodable,
};

mod attempt;
mod batch;
mod cached;
mod series;
mod timers;

/// Calls one upstream under its policies.
#[derive(Debug, Clone)]
pub struct Client {
    cluster: Arc<Cluster>,
    transport: Rc<dyn Transport>,
    timers: Rc<Kept>,
}

/// The timers of what ends soon and of what ends late: neither is put off to an earlier time than it had.
#[derive(Debug, Default)]
struct Kept {
    attempts: Timers,
    hedges: Timers,
}

/// What is asked in one call, by all of its attempts.
struct Call<'a, D> {
    context: &'a Context,
    request: &'a Request,
    decode: &'a D,
    deadline: Deadline,
    began: Instant,
    /// Whether the request asks only for what is newer: then a 304 is an answer.
    conditional: bool,
}

/// What a service answered.
enum Reply {
    /// The thing asked for, or that there is none.
    Whole(Entry),
    /// What is known already is still so (304), on the terms of this answer.
    NotModified(Entry),
}

impl Reply {
    fn into_entry(self) -> Entry {
        match self {
            Self::Whole(entry) | Self::NotModified(entry) => entry,
        }
    }
}

impl Client {
    /// A client that speaks to the cluster what its settings say, for the current thread.
    #[must_use]
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let own = Arc::clone(&cluster);
        let transport: Rc<dyn Transport> = match cluster.config().protocol {
            Protocol::Http => Rc::new(AwcTransport::new(own)),
            Protocol::Grpc => Rc::new(GrpcTransport::new(own)),
        };
        Self::with_transport(cluster, transport)
    }

    /// What the service speaks, and so what it has to be asked in.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.cluster.config().protocol
    }

    /// A client over another transport.
    #[must_use]
    pub fn with_transport(cluster: Arc<Cluster>, transport: Rc<dyn Transport>) -> Self {
        Self {
            cluster,
            transport,
            timers: Rc::default(),
        }
    }

    /// Asks the upstream and decodes what it says. `decode` also judges: what it refuses is an invalid answer.
    ///
    /// Runs on a thread with a local task set, as those of actix have: a call that others may share is a task.
    ///
    /// # Errors
    /// [`Error`], by the end of the context's deadline or the upstream's own, whichever is sooner. Dropping the
    /// future ends the call and closes its connection, unless others share it.
    pub async fn call<T, D>(
        &self,
        context: &Context,
        request: Request,
        decode: D,
    ) -> Result<Answer<T>, Error>
    where
        T: Send + Sync + 'static,
        D: Fn(&Response) -> Result<T, Undecodable> + 'static,
    {
        match &self.cluster.cache {
            Some(cache) if request.is_cacheable() => {
                self.call_cached(cache, context, request, decode).await
            }
            _ => {
                let entry = self.alone(context, &request, &decode).await?;
                let status = CacheStatus {
                    forwarded: Some(Forwarded::Bypass),
                    ..CacheStatus::default()
                };
                self.fresh(&entry, status)
            }
        }
    }

    /// Asks for one of the things that also come in batches; what others ask for in a batch is shared with it.
    ///
    /// # Errors
    /// As [`Client::call`]; a thing with another key than the one asked for is an invalid answer.
    pub async fn one<B: Batch>(
        &self,
        context: &Context,
        key: B::Key,
    ) -> Result<Answer<B::Value>, Error> {
        self.call(context, B::one(key), batch::single::<B>(key))
            .await
    }

    /// Makes everything be asked for anew that is tagged with `tag`: after a write, or one that may have been.
    pub fn forget(&self, tag: &str) {
        self.cluster.generations.end(Tag::of(tag));
    }

    /// A series of attempts for one caller.
    async fn alone<T, D>(
        &self,
        context: &Context,
        request: &Request,
        decode: &D,
    ) -> Result<Entry, Error>
    where
        T: Send + Sync + 'static,
        D: Fn(&Response) -> Result<T, Undecodable>,
    {
        let now = Instant::now();
        let call = Call {
            context,
            request,
            decode,
            deadline: context
                .deadline
                .at_most(now, self.cluster.config().deadline),
            began: now,
            conditional: false,
        };
        Ok(self.series(&call, |_| {}).await?.into_entry())
    }

    fn fresh<T: Send + Sync + 'static>(
        &self,
        entry: &Entry,
        cache: CacheStatus,
    ) -> Result<Answer<T>, Error> {
        self.answer(entry, Origin::Fresh, cache, entry.received)
    }

    /// The answer that an entry is at `now`.
    fn answer<T: Send + Sync + 'static>(
        &self,
        entry: &Entry,
        origin: Origin,
        cache: CacheStatus,
        now: Instant,
    ) -> Result<Answer<T>, Error> {
        let Some(value) = &entry.value else {
            let without = if entry.status.is_success() {
                " without it"
            } else {
                ""
            };
            let detail = format!("answered {}{without}", entry.status);
            return Err(self.error(ErrorKind::NotFound, detail));
        };
        // The key has the type in it: this cannot fail.
        let value = Arc::<dyn Any + Send + Sync>::downcast(Arc::clone(value))
            .map_err(|_| self.error(ErrorKind::InvalidResponse, "was kept as another type"))?;
        let kept = now.saturating_duration_since(entry.received);
        let freshness = if entry.allowance.no_store {
            Freshness::NoStore
        } else {
            let fresh = entry.allowance.private_fresh_for.unwrap_or_default();
            Freshness::For(fresh.saturating_sub(kept))
        };
        Ok(Answer {
            value,
            origin,
            freshness,
            validator: entry.validator,
            cache,
        })
    }

    fn error(&self, kind: ErrorKind, detail: impl Into<String>) -> Error {
        Error::new(kind, self.cluster.name(), detail)
    }
}

impl<D> Call<'_, D> {
    /// The time that the service is told to have. Where others share a call, whoever began it may have less time than
    /// they have; past that, theirs counts.
    fn announced(&self, now: Instant) -> Duration {
        let callers = self.context.deadline.remaining(now);
        if callers.is_zero() {
            self.deadline.remaining(now)
        } else {
            callers.min(self.deadline.remaining(now))
        }
    }
}

/// Whether an attempt lost against its hedge; read when it is dropped.
type Lost = Cell<bool>;

#[cfg(test)]
mod tests;
