//! Requests passed on to an upstream as they come, under the policies that are the same for every call: a place and an
//! endpoint for each attempt, and what came of it for breaker, balance and limit.
//!
//! What a call may have beside that, a passed-on request has not: no cache, no hedge, and no attempt after anything of
//! its body went out. Its attempt is over with the head of the answer, since what follows may take hours and says
//! nothing of the service; the place in flight is held until the body has ended.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::StatusCode;

use super::classify::of_transport;
use super::cluster::{KeptInFlight, Taken};
use super::endpoint::AttemptEnd;
use super::transport::TransportError;
use super::transport::forward::{
    Broken, Connection, Incoming, Pool, RequestHead, ResponseHead, Upload, exchange,
};
use super::{Cluster, Deadline, Endpoint, Error, ErrorKind, Instant, ResponseClass};

pub use super::transport::forward::Outgoing;

/// Passes requests on to one upstream. One for each worker thread, whose connections its clones share.
#[derive(Debug, Clone)]
pub struct Forwarder {
    cluster: Arc<Cluster>,
    pool: Rc<Pool>,
}

/// The times that one request has.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the head of the answer, from when the request was sent in full.
    pub head: Duration,
    /// For which nothing may move in the body of either.
    pub idle: Duration,
    /// When whoever asks stops waiting for the head.
    pub caller: Option<Instant>,
}

impl Limits {
    pub(super) fn until_head(&self, sent: Instant) -> Instant {
        self.at_most(sent + self.head)
    }

    pub(super) fn until_moved(&self, moved: Instant) -> Instant {
        self.at_most(moved + self.idle)
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.caller.is_some_and(|caller| caller <= now)
    }

    fn at_most(&self, due: Instant) -> Instant {
        self.caller.map_or(due, |caller| caller.min(due))
    }
}

/// An answer, passed on as it comes.
#[derive(Debug)]
pub struct Answered {
    /// Status and header fields.
    pub head: ResponseHead,
    /// What comes behind them.
    pub body: AnswerBody,
}

/// The body of an answer.
#[derive(Debug)]
pub enum AnswerBody {
    /// It has come in full.
    Whole(Bytes),
    /// It is still to come.
    Streamed(Streamed),
}

/// A body on its way. Dropped before its end, it closes the connection.
#[derive(Debug)]
pub struct Streamed {
    incoming: Incoming,
    cluster: Arc<Cluster>,
    endpoint: Arc<Endpoint>,
    _place: KeptInFlight,
}

/// Why a request was not answered.
#[derive(Debug)]
pub enum ForwardError<E> {
    /// For a reason of the upstream's, or of ours.
    Upstream(Error),
    /// Because its body ended early.
    Body(E),
}

impl Forwarder {
    /// A forwarder to the cluster, for the current thread, which has a local task set, as those of actix have.
    #[must_use]
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let pool = Pool::new(cluster.config().idle_timeout);
        Self { cluster, pool }
    }

    /// The upstream that it passes requests on to.
    #[must_use]
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Passes a request on and returns with the head of its answer. The rest of the request goes on being sent while the
    /// answer's body is read.
    ///
    /// # Errors
    /// [`ForwardError`], when no head has come. Dropping the future ends the request and closes its connection.
    pub async fn forward<S, E>(
        &self,
        head: &RequestHead,
        outgoing: Outgoing<S>,
        limits: Limits,
    ) -> Result<Answered, ForwardError<E>>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + 'static,
        E: 'static,
    {
        let mut now = Instant::now();
        let cluster = &*self.cluster;
        let deadline = limits.until_head(now).saturating_duration_since(now);
        let deadline = Deadline::after(now, deadline);
        let mut upload = Upload::new(outgoing, now);
        cluster.retries.deposit(now);
        let mut course = Course::default();
        let mut last = None;
        loop {
            let placed = cluster.place(deadline, &course.tried, now).await;
            let (place, mut taken) = placed.map_err(|refused| {
                // What came of asking says more than that nobody was left to ask.
                let error = || self.error(refused.kind, refused.detail);
                let error = last.take().unwrap_or_else(|| error().never_sent());
                ForwardError::Upstream(error.with_retry_after(refused.retry_after))
            })?;
            let failure = match self
                .attempt(&mut taken, head, &mut upload, limits, course.is_fresh)
                .await
            {
                Ok((connection, answer, is_sent)) => {
                    let endpoint = Arc::clone(&taken.endpoint);
                    self.account(taken, &answer);
                    let request = (head, upload, is_sent);
                    let incoming =
                        Incoming::new(connection, request, &answer, &self.pool, limits.idle);
                    let mut incoming = incoming.map_err(|why| {
                        cluster.broke_off(&endpoint);
                        let detail = format!("{endpoint} {why}");
                        ForwardError::Upstream(self.error(ErrorKind::InvalidResponse, detail))
                    })?;
                    let body = match incoming.whole() {
                        Some(whole) => AnswerBody::Whole(whole),
                        None => AnswerBody::Streamed(Streamed {
                            incoming,
                            cluster: Arc::clone(&self.cluster),
                            endpoint,
                            _place: place.keep(&self.cluster),
                        }),
                    };
                    return Ok(Answered { head: answer, body });
                }
                Err(broken) => broken,
            };
            now = Instant::now();
            let error = match failure {
                // Its client's fault says nothing about the endpoint: the place is given back as after a client who left.
                Broken::Body(error) => return Err(ForwardError::Body(error)),
                Broken::Timeout => {
                    let waited = now.saturating_duration_since(taken.since);
                    let (error, end) = self.timed_out(&taken.endpoint, waited);
                    taken.endpoint.failed(error.kind(), now);
                    taken.end(end, now);
                    return Err(ForwardError::Upstream(error));
                }
                Broken::Transport(error) => error,
            };
            let (failed, end) = self.transport_failure(&taken.endpoint, &error);
            taken.endpoint.failed(failed.kind(), now);
            let id = taken.endpoint.id();
            taken.end(end, now);
            drop(place);
            let repeats =
                !upload.is_taken && course.repeats(&error, id, head.idempotent, cluster, now);
            if !repeats || !cluster.retries.withdraw(now) {
                return Err(ForwardError::Upstream(failed));
            }
            last = Some(failed);
        }
    }

    /// One attempt. `is_fresh` asks for a connection that nobody has used.
    async fn attempt<S, E>(
        &self,
        taken: &mut Taken<'_>,
        head: &RequestHead,
        upload: &mut Upload<S>,
        limits: Limits,
        is_fresh: bool,
    ) -> Result<(Connection, ResponseHead, bool), Broken<E>>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let address = taken.endpoint.socket();
        let kept = match is_fresh {
            true => None,
            false => self.pool.take(address, taken.since),
        };
        let mut connection = match kept {
            Some(connection) => connection,
            None => {
                let now = taken.since;
                let left = limits.until_head(now).saturating_duration_since(now);
                let time = self.cluster.config().connect_timeout.min(left);
                let opened = Connection::open(address, time).await;
                opened.map_err(Broken::Transport)?
            }
        };
        let exchange = exchange(&mut connection, &taken.endpoint, head, upload, &limits);
        let (head, sent) = exchange.await?;
        if let Some(sent) = sent
            && upload.is_taken
        {
            // How long a client takes to send is no latency of the service's.
            taken.since = sent;
        }
        Ok((connection, head, sent.is_some()))
    }

    /// Tells the policies how an attempt ended that was answered.
    fn account(&self, taken: Taken<'_>, answer: &ResponseHead) {
        let now = Instant::now();
        let class = StatusCode::from_u16(answer.status).map(ResponseClass::of);
        let (kind, end) = match class {
            Ok(ResponseClass::Throttled) => (ErrorKind::Overloaded, AttemptEnd::Throttled),
            Ok(ResponseClass::Unavailable) => (ErrorKind::Unavailable, FAILED),
            // A redirect is an answer to whoever asked.
            _ => return taken.end(AttemptEnd::Answered, now),
        };
        taken.endpoint.failed(kind, now);
        taken.end(end, now);
    }

    fn transport_failure(
        &self,
        endpoint: &Endpoint,
        error: &TransportError,
    ) -> (Error, AttemptEnd) {
        let (kind, end) = of_transport(error);
        let failed = self.error(kind, format!("{endpoint}: {error}"));
        if error.is_before_sending() {
            (failed.never_sent(), end)
        } else {
            (failed, end)
        }
    }

    fn timed_out(&self, endpoint: &Endpoint, waited: Duration) -> (Error, AttemptEnd) {
        let detail = format!(
            "{endpoint} gave no head of an answer within {} ms",
            waited.as_millis()
        );
        let end = if waited * 2 >= self.cluster.config().attempt_timeout {
            AttemptEnd::TimedOut { unreachable: false }
        } else {
            // Its caller was in a hurry: that says nothing about the endpoint.
            AttemptEnd::Cancelled
        };
        (self.error(ErrorKind::Timeout, detail), end)
    }

    fn error(&self, kind: ErrorKind, detail: impl Into<String>) -> Error {
        Error::new(kind, self.cluster.name(), detail)
    }
}

const FAILED: AttemptEnd = AttemptEnd::Failed { unreachable: false };

/// The attempts of one request.
#[derive(Debug, Default)]
struct Course {
    /// The endpoints that could not be connected to.
    tried: Vec<u64>,
    /// Whether a pooled connection turned out closed: the next one is a new one.
    is_fresh: bool,
}

impl Course {
    /// Whether there is another attempt after `error`, whatever the budget says. Only of what was certainly not received,
    /// or may be received twice.
    fn repeats(
        &mut self,
        error: &TransportError,
        endpoint: u64,
        is_idempotent: bool,
        cluster: &Cluster,
        now: Instant,
    ) -> bool {
        match error {
            TransportError::StaleConnection => {
                !std::mem::replace(&mut self.is_fresh, true) && is_idempotent
            }
            TransportError::Connect(_) | TransportError::ConnectTimeout => {
                self.tried.push(endpoint);
                self.tried.len() <= cluster.config().retry.repeats as usize
                    && cluster.has_other(&self.tried, now)
            }
            TransportError::Disconnected(_)
            | TransportError::Reset(_)
            | TransportError::Unprocessed(_)
            | TransportError::CutShort(_)
            | TransportError::Invalid(_) => false,
        }
    }
}

impl Streamed {
    /// The length of what is to come, where it is known.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.incoming.length()
    }

    /// The next piece; none behind the end.
    ///
    /// # Errors
    /// [`Error`], if the body has broken off: there is no further piece.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        self.incoming.poll_next(cx).map(|next| {
            let next = next?;
            Some(next.map_err(|why| {
                self.cluster.broke_off(&self.endpoint);
                let detail = format!("{} {why}", self.endpoint);
                Error::new(ErrorKind::InvalidResponse, self.cluster.name(), detail)
            }))
        })
    }
}
