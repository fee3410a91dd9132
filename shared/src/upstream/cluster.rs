//! What all worker threads share of one upstream.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout_at;

use super::batch::Batchless;
use super::budget::Budget;
use super::cache::{Cache, CacheReport};
use super::choice::{Member, Refusal, pick};
use super::endpoint::{AttemptEnd, Offer};
use super::flight::Flights;
use super::generations::Generations;
use super::latency::{Latencies, Quantiles};
use super::limit::Outlook;
use super::queue::Queue;
use super::resolve::{Discovery, Found};
use super::{Config, Deadline, Endpoint, EndpointReport, ErrorKind, Instant};

pub(super) use self::taken::Taken;

mod background;
mod taken;
#[cfg(test)]
mod tests;

/// How a connection is tried in the background.
pub(super) type Connect = fn(SocketAddr) -> BoxFuture<'static, io::Result<()>>;

fn connect(address: SocketAddr) -> BoxFuture<'static, io::Result<()>> {
    TcpStream::connect(address)
        .map(|made| made.map(drop))
        .boxed()
}

/// One upstream: its instances and the state of its policies. One for each process, behind an `Arc`.
#[derive(Debug)]
pub struct Cluster {
    /// The upstream's name, in settings, logs and reports.
    name: Arc<str>,
    config: Config,
    connect: Connect,
    members: RwLock<Arc<[Member]>>,
    /// Whether anything was found at all.
    found: watch::Sender<bool>,
    next_id: AtomicU64,
    discovery: OnceLock<Discovery>,
    /// Calls in flight over all worker threads, bounded by `config.max_in_flight`.
    in_flight: AtomicU64,
    refused: AtomicU64,
    pub(super) queue: Queue,
    /// Whether those in line know that there is too much to do.
    squeezed: AtomicBool,
    pub(super) retries: Budget,
    pub(super) hedges: Budget,
    latencies: Mutex<Latencies>,
    pub(super) cache: Option<Cache>,
    pub(super) flights: Arc<Flights>,
    pub(super) generations: Generations,
    pub(super) batchless: Batchless,
}

impl Cluster {
    /// A cluster of the endpoints that `config` leads to. Names begin to be looked up on the current Tokio runtime,
    /// which has to outlive the cluster's use.
    #[must_use]
    pub fn new(name: &str, config: Config) -> Arc<Self> {
        Self::with_connect(name, config, connect)
    }

    /// The same with another way to try connections in the background.
    pub(super) fn with_connect(name: &str, config: Config, connect: Connect) -> Arc<Self> {
        let now = Instant::now();
        let cluster = Arc::new(Self {
            name: name.into(),
            members: RwLock::new(Arc::new([])),
            found: watch::Sender::new(false),
            next_id: AtomicU64::new(0),
            discovery: OnceLock::new(),
            in_flight: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            queue: Queue::default(),
            squeezed: AtomicBool::new(false),
            retries: Budget::new(config.retry.budget, now),
            hedges: Budget::new(config.hedge.budget, now),
            latencies: Mutex::new(Latencies::new(now)),
            cache: Cache::new(config.cache),
            flights: Arc::default(),
            generations: Generations::default(),
            batchless: Batchless::default(),
            config,
            connect,
        });
        let weak = Arc::downgrade(&cluster);
        let discovery = Discovery::follow(
            cluster.config.endpoints.clone(),
            cluster.config.discovery,
            move |found| {
                if let Some(cluster) = Weak::upgrade(&weak) {
                    cluster.update(&found);
                }
            },
        );
        // Nobody else has it yet.
        _ = cluster.discovery.set(discovery);
        cluster.follow_health();
        cluster
    }

    /// The upstream's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Takes what was found for the endpoints there are. Those that stay keep their state.
    pub(super) fn update(&self, found: &[Found]) {
        let now = Instant::now();
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        let next = found.iter().map(|found| {
            let known = members.iter().map(|member| &member.endpoint).find(|known| {
                known.socket() == found.address && *known.authority() == *found.authority
            });
            let endpoint = known.cloned().unwrap_or_else(|| {
                let id = self.next_id.fetch_add(1, Relaxed);
                let authority = Arc::clone(&found.authority);
                Arc::new(Endpoint::new(
                    id,
                    found.address,
                    authority,
                    &self.config,
                    now,
                ))
            });
            Member {
                priority: found.priority,
                weight: found.weight.max(1),
                endpoint,
            }
        });
        let mut next: Vec<_> = next.collect();
        next.sort_by_key(|member| member.priority);
        let any = !next.is_empty();
        *members = next.into();
        drop(members);
        if any {
            self.found.send_replace(true);
        }
        self.queue.place_freed();
    }

    fn members(&self) -> Arc<[Member]> {
        Arc::clone(&self.members.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for the first endpoint to be found; false when there is none by `deadline`.
    pub(super) async fn any_endpoint(&self, deadline: Deadline) -> bool {
        let mut found = self.found.subscribe();
        let found = timeout_at(deadline.instant(), found.wait_for(|found| *found)).await;
        matches!(found, Ok(Ok(_)))
    }

    /// Whether a hedge makes sense: there is somebody else to ask.
    pub(super) fn has_several(&self) -> bool {
        self.members().len() > 1
    }

    /// Whether an endpoint not among `avoid` would take a call.
    pub(super) fn has_other(&self, avoid: &[u64], now: Instant) -> bool {
        self.members().iter().any(|member| {
            !avoid.contains(&member.endpoint.id())
                && matches!(
                    member.endpoint.offer(now),
                    Offer::Probe | Offer::Call { .. }
                )
        })
    }

    /// Takes the endpoint that is best to ask: rather one that is not among `avoid`, if there is one.
    pub(super) fn choose(&self, avoid: &[u64], now: Instant) -> Result<Taken<'_>, Refusal> {
        let members = self.members();
        let resting = resting(&members, avoid);
        // Between the look at the offers and the taking another thread may be faster: then look again.
        for _ in 0..4 {
            let serving = match &*resting {
                [] => Err(Refusal::Nobody),
                resting => pick(&members, resting, false, now),
            };
            let picked = match serving {
                Err(Refusal::Nobody | Refusal::Open(_)) => pick(&members, avoid, false, now),
                picked => picked,
            };
            let picked = match picked {
                // Not even to wait for others: who stood in line for them alone would hold up those behind.
                Err(_) if !avoid.is_empty() => pick(&members, &[], false, now),
                picked => picked,
            };
            if let Some(taken) = self.take(picked?, now) {
                return Ok(taken);
            }
        }
        Err(Refusal::Busy)
    }

    /// Takes an endpoint for a hedge: none of `avoid`, and none that has much to do.
    pub(super) fn choose_idle(&self, avoid: &[u64], now: Instant) -> Option<Taken<'_>> {
        let members = self.members();
        let resting = resting(&members, avoid);
        let avoid = if resting.is_empty() { avoid } else { &resting };
        let picked = pick(&members, avoid, true, now).ok()?;
        self.take(picked, now)
    }

    fn take(&self, endpoint: Arc<Endpoint>, now: Instant) -> Option<Taken<'_>> {
        let pass = endpoint.begin(now)?;
        if pass.is_probe() {
            log::info!("{}: one call tries {endpoint} again", self.name);
        }
        Some(Taken {
            cluster: self,
            lost: None,
            endpoint,
            pass,
            since: now,
            ended: false,
        })
    }

    /// Counts an answer that broke off after its attempt had ended well: a failure of its own.
    pub(super) fn broke_off(&self, endpoint: &Arc<Endpoint>) {
        let now = Instant::now();
        endpoint.failed(ErrorKind::InvalidResponse, now);
        if let Some(taken) = self.take(Arc::clone(endpoint), now) {
            taken.end(AttemptEnd::Failed { unreachable: false }, now);
        }
    }

    /// A place in flight, or `None` when all are taken.
    pub(super) fn admit(&self) -> Option<InFlight<'_>> {
        let guard = InFlight(&self.in_flight);
        if self.in_flight.fetch_add(1, Relaxed) < u64::from(self.config.max_in_flight) {
            return Some(guard);
        }
        self.refused();
        None
    }

    /// Counts a call that we refused ourselves.
    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// What becomes of the places there are: as the best of the endpoints says.
    pub(super) fn outlook(&self, now: Instant) -> Outlook {
        let members = self.members();
        let known = members
            .iter()
            .filter_map(|member| member.endpoint.outlook(now));
        let outlook = known.max().unwrap_or(Outlook::Steady);
        let squeezed = outlook == Outlook::Squeezed;
        if self.squeezed.swap(squeezed, Relaxed) != squeezed && squeezed {
            self.queue.call_all();
        }
        outlook
    }

    /// How long a call would wait at the end of the line; `None` while that is not known.
    pub(super) fn expected_wait(&self) -> Option<Duration> {
        let members = self.members();
        let known = members
            .iter()
            .filter_map(|member| member.endpoint.throughput());
        let throughput: f64 = known.sum();
        #[expect(clippy::cast_precision_loss, reason = "a line is short")]
        let waiting = self.queue.len() as f64 + 1.0;
        (throughput > 0.0).then(|| Duration::from_secs_f64(waiting / throughput))
    }

    /// How long the upstream takes, in the last seconds.
    pub(super) fn quantiles(&self, now: Instant) -> Option<Quantiles> {
        self.latencies().quantiles(now)
    }

    /// How long an attempt goes on alone before it gets a hedge.
    pub(super) fn hedge_delay(&self, now: Instant) -> Duration {
        let known = self.latencies().last_quantiles(now);
        self.config.hedge.delay(known, self.config.attempt_timeout)
    }

    fn latencies(&self) -> MutexGuard<'_, Latencies> {
        self.latencies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The cluster as an operator wants to see it.
    #[must_use]
    pub fn report(&self) -> ClusterReport {
        let now = Instant::now();
        let quantiles = self.quantiles(now);
        let millis = |time: Duration| (time.as_secs_f64() * 100_000.0).round() / 100.0;
        ClusterReport {
            name: Arc::clone(&self.name),
            in_flight: self.in_flight.load(Relaxed),
            max_in_flight: self.config.max_in_flight,
            queued: self.queue.len(),
            refused: self.refused.load(Relaxed),
            repeats: self.retries.withdrawn(),
            hedges: self.hedges.withdrawn(),
            retry_budget_left: self.retries.balance(now),
            hedge_budget_left: self.hedges.balance(now),
            p50_ms: quantiles.map(|known| millis(known.p50)),
            p99_ms: quantiles.map(|known| millis(known.p99)),
            cache: self.cache.as_ref().map(Cache::report),
            endpoints: self
                .members()
                .iter()
                .map(|member| member.endpoint.report(now))
                .collect(),
        }
    }
}

/// Those to be avoided, and with them those that say that they are not serving; nobody where all say that they are.
fn resting(members: &[Member], avoid: &[u64]) -> Vec<u64> {
    let mut resting: Vec<_> = members
        .iter()
        .filter(|member| !member.endpoint.is_serving())
        .map(|member| member.endpoint.id())
        .collect();
    if !resting.is_empty() {
        resting.extend_from_slice(avoid);
    }
    resting
}

/// Takes one off a counter when dropped, so that a cancelled call is not counted for ever.
#[derive(Debug)]
pub(super) struct InFlight<'a>(&'a AtomicU64);

/// The same for an answer that outlives the call's own future.
#[derive(Debug)]
pub(super) struct KeptInFlight(Arc<Cluster>);

impl InFlight<'_> {
    /// Keeps the place in flight, which is one of `cluster`'s, for as long as what is returned lives.
    pub(super) fn keep(self, cluster: &Arc<Cluster>) -> KeptInFlight {
        // The place is the kept one's to give back now.
        mem::forget(self);
        KeptInFlight(Arc::clone(cluster))
    }
}

impl Drop for KeptInFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A cluster for the operator's eyes: counts since the process began.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    name: Arc<str>,
    in_flight: u64,
    max_in_flight: u32,
    queued: usize,
    refused: u64,
    repeats: u64,
    hedges: u64,
    retry_budget_left: u64,
    hedge_budget_left: u64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    cache: Option<CacheReport>,
    endpoints: Vec<EndpointReport>,
}
