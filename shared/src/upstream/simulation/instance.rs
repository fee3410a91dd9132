//! Simulated instances of a service, and the network to them.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use http::{HeaderMap, StatusCode};
use tokio::time::{sleep, sleep_until};

use crate::upstream::transport::{Attempt, Transport, TransportError};
use crate::upstream::{Instant, Response};

/// How an instance works.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    /// On all requests at once.
    Free(Time),
    /// On all requests at once, each for a time of its own: this one in the mean (exponential).
    Uneven(Duration),
    /// On all requests at once; one in ten takes ten times as long.
    Mixed(Duration),
    /// On so many at once, the others waiting in turn. What was taken on is done though nobody waits for it any more,
    /// as in a service with a pool of threads.
    Slots(usize, Time),
    /// On all at once, with so many cores that they share.
    Cores(f64, Time),
}

/// How long a request's work takes: at least the first, and up to the second more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) Duration, pub(super) Duration);

impl Time {
    fn draw(self) -> Duration {
        let jitter = self.1.as_millis();
        let jitter = fastrand::u64(..=u64::try_from(jitter).unwrap_or(0));
        self.0 + Duration::from_millis(jitter)
    }
}

/// What is wrong with an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Nothing,
    /// It is gone: connections are refused, and those it had are reset.
    Dead,
    /// It takes requests and stands still, also with those it has.
    Still,
    /// It answers 500 at once to one in so many.
    Failing(u32),
}

/// What an instance does from a time on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Phase {
    pub(super) from: Duration,
    pub(super) work: Work,
    pub(super) fault: Fault,
}

#[derive(Debug)]
pub(super) struct Instance {
    start: Instant,
    phases: Vec<Phase>,
    /// When each slot becomes free.
    slots: RefCell<Vec<Instant>>,
    cores: RefCell<Cores>,
    /// When each attempt came, since the start.
    pub(super) arrivals: RefCell<Vec<Duration>>,
}

/// A processor shared equally: how much work each of those that run has been given since the start, in seconds.
#[derive(Debug)]
struct Cores {
    given: f64,
    at: Instant,
    running: u32,
}

impl Cores {
    fn advance(&mut self, cores: f64, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.given += elapsed * (cores / f64::from(self.running.max(1))).min(1.0);
        self.at = now;
    }
}

impl Instance {
    pub(super) fn new(phases: Vec<Phase>) -> Rc<Self> {
        let start = Instant::now();
        Rc::new(Self {
            start,
            phases,
            slots: RefCell::default(),
            cores: RefCell::new(Cores {
                given: 0.0,
                at: start,
                running: 0,
            }),
            arrivals: RefCell::default(),
        })
    }

    /// The same work all the time, and one fault for a while.
    pub(super) fn with(work: Work, fault: Fault, from: Duration, until: Duration) -> Rc<Self> {
        let phase = |from, fault| Phase { from, work, fault };
        Self::new(vec![
            phase(Duration::ZERO, Fault::Nothing),
            phase(from, fault),
            phase(until, Fault::Nothing),
        ])
    }

    /// Nothing is ever wrong with it.
    pub(super) fn healthy(work: Work) -> Rc<Self> {
        Self::new(vec![Phase {
            from: Duration::ZERO,
            work,
            fault: Fault::Nothing,
        }])
    }

    /// Attempts between two times since the start.
    pub(super) fn attempts(&self, from: Duration, until: Duration) -> usize {
        let arrivals = self.arrivals.borrow();
        let before = |time| arrivals.partition_point(|at| *at < time);
        before(until) - before(from)
    }

    fn phase(&self, now: Instant) -> Phase {
        let at = now.saturating_duration_since(self.start);
        let index = self.phases.partition_point(|phase| phase.from <= at);
        self.phases[index - 1]
    }

    /// The first phase after `now` with a fault that those it has in work feel; and the end of that.
    fn next_fault(&self, now: Instant) -> Option<(Instant, Fault, Option<Instant>)> {
        let at = now.saturating_duration_since(self.start);
        let index = self.phases.iter().position(|phase| {
            phase.from > at && matches!(phase.fault, Fault::Dead | Fault::Still)
        })?;
        let end = self.phases.get(index + 1);
        let time = |phase: &Phase| self.start + phase.from;
        let phase = &self.phases[index];
        Some((time(phase), phase.fault, end.map(time)))
    }

    async fn serve(&self) -> Result<Response, TransportError> {
        let now = Instant::now();
        let since = now.saturating_duration_since(self.start);
        self.arrivals.borrow_mut().push(since);
        let phase = self.phase(now);
        match phase.fault {
            Fault::Dead => return Err(TransportError::Connect("refused".to_owned())),
            Fault::Still => return std::future::pending().await,
            Fault::Failing(one_in) if fastrand::u32(..one_in) == 0 => {
                return answer(StatusCode::INTERNAL_SERVER_ERROR);
            }
            Fault::Failing(_) | Fault::Nothing => {}
        }
        let mut done = match phase.work {
            Work::Free(time) => now + time.draw(),
            Work::Uneven(mean) => now + mean.mul_f64(-(1.0 - fastrand::f64()).ln()),
            Work::Mixed(time) if fastrand::u32(..10) == 0 => now + 10 * time,
            Work::Mixed(time) => now + time,
            Work::Slots(slots, time) => self.in_turn(slots, time.draw(), now),
            Work::Cores(cores, time) => {
                self.share(cores, time.draw()).await;
                return answer(StatusCode::OK);
            }
        };
        match self.next_fault(now) {
            Some((from, Fault::Dead, _)) if done > from => {
                sleep_until(from).await;
                return Err(TransportError::Disconnected("reset".to_owned()));
            }
            Some((from, Fault::Still, until)) if done > from => match until {
                Some(until) => done = until,
                None => return std::future::pending().await,
            },
            _ => {}
        }
        sleep_until(done).await;
        answer(StatusCode::OK)
    }

    fn in_turn(&self, count: usize, time: Duration, now: Instant) -> Instant {
        let mut slots = self.slots.borrow_mut();
        slots.resize(count, now);
        let soonest = slots.iter_mut().min().expect("an instance has a slot");
        *soonest = (*soonest).max(now) + time;
        *soonest
    }

    async fn share(&self, cores: f64, time: Duration) {
        struct Running<'a>(&'a RefCell<Cores>, f64);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                let mut shared = self.0.borrow_mut();
                shared.advance(self.1, Instant::now());
                shared.running -= 1;
            }
        }
        let until = {
            let mut shared = self.cores.borrow_mut();
            shared.advance(cores, Instant::now());
            shared.running += 1;
            shared.given + time.as_secs_f64()
        };
        let _running = Running(&self.cores, cores);
        loop {
            let left = {
                let mut shared = self.cores.borrow_mut();
                shared.advance(cores, Instant::now());
                (until - shared.given) * (f64::from(shared.running) / cores).max(1.0)
            };
            if left <= 0.000_01 {
                return;
            }
            // Others may end meanwhile: looked at again half-way.
            sleep(Duration::from_secs_f64(left / 2.0).max(Duration::from_millis(1))).await;
        }
    }
}

fn answer(status: StatusCode) -> Result<Response, TransportError> {
    Ok(Response {
        status,
        code: None,
        headers: HeaderMap::new(),
        body: Bytes::new(),
    })
}

thread_local! {
    /// Who can be connected to from this thread.
    static NETWORK: RefCell<Vec<(SocketAddr, Rc<Instance>)>> = const { RefCell::new(Vec::new()) };
}

/// The network of this thread: all its instances.
#[derive(Debug)]
pub(super) struct Network;

impl Network {
    /// An empty one.
    pub(super) fn clear() {
        NETWORK.with_borrow_mut(Vec::clear);
    }

    /// Connects an instance, and says where.
    pub(super) fn add(instance: &Rc<Instance>) -> SocketAddr {
        NETWORK.with_borrow_mut(|network| {
            let host = u8::try_from(network.len() + 1).expect("a small network");
            let address = SocketAddr::from(([10, 0, 0, host], 80));
            network.push((address, Rc::clone(instance)));
            address
        })
    }

    fn find(address: SocketAddr) -> Rc<Instance> {
        NETWORK.with_borrow(|network| {
            let found = network.iter().find(|(known, _)| *known == address);
            Rc::clone(&found.expect("an instance at each address").1)
        })
    }

    /// What a connection attempt in the background ends with.
    pub(super) fn connect(address: SocketAddr) -> BoxFuture<'static, io::Result<()>> {
        let instance = Self::find(address);
        let dead = instance.phase(Instant::now()).fault == Fault::Dead;
        Box::pin(async move {
            if dead {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            Ok(())
        })
    }
}

impl Transport for Network {
    fn send<'a>(
        &'a self,
        attempt: Attempt<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, TransportError>> {
        let instance = Self::find(attempt.endpoint.socket());
        Box::pin(async move { instance.serve().await })
    }
}
