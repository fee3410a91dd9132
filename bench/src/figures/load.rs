//! An open-loop load generator: requests are due at fixed times, however long the answers take, and latency counts from
//! when a request was due. What a slow server makes the generator wait is thereby part of every figure.

pub(super) mod http;
pub(super) mod records;
pub(super) mod verdict;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, timeout};

use self::http::Connection;
use self::records::{Record, Records};
use self::verdict::{Check, Verdict};
use crate::Result;

/// How long an answer is waited for: far beyond every deadline, so that a late one is seen as late.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that are opened before one is used again, so that they spread over all workers of a server.
const SPREAD: usize = 32;

/// No order is asked for twice unless a figure wants that.
static NEXT_ID: AtomicU64 = AtomicU64::new(1_000_000);

/// An order id that was never asked for.
pub(super) fn unused_id() -> u64 {
    NEXT_ID.fetch_add(1, Relaxed)
}

/// Which orders are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ids {
    /// Each one once.
    Unused,
    /// Any of this many.
    Among(u64),
}

/// When requests are sent.
#[derive(Debug, Clone)]
pub(super) enum Pace {
    /// So many a second for so long, one stretch after the other.
    Rates(Vec<(u32, Duration)>),
    /// The next when there is an answer, on so many connections, so many in all.
    Closed { connections: usize, requests: u64 },
}

/// A server that requests may go to.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) addr: SocketAddr,
    pub(super) is_ready: AtomicBool,
}

/// What is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) targets: Arc<[Target]>,
    pub(super) ids: Ids,
    pub(super) pace: Pace,
    /// Connections at once.
    pub(super) most: usize,
    /// Whether what the connection failed is sent once more.
    pub(super) repeats: bool,
    pub(super) check: Check,
}

/// A load under way, on threads of its own.
pub(super) struct Running {
    /// When the first request was due.
    pub(super) begun: Instant,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    done: oneshot::Receiver<Records>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

impl Load {
    /// Unused orders at these rates, asked of one bff-web.
    pub(super) fn rates(addr: SocketAddr, rates: Vec<(u32, Duration)>) -> Self {
        Self {
            targets: targets(&[addr]),
            ids: Ids::Unused,
            pace: Pace::Rates(rates),
            most: 4000,
            repeats: false,
            check: Check::Web,
        }
    }

    /// Begins.
    pub(super) fn start(self) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let (done_sender, done) = oneshot::channel();
        // Both threads are up by then.
        let begun = Instant::now() + Duration::from_millis(20);
        let (due_sender, due) = mpsc::unbounded_channel();
        let (ends, counts) = (Arc::clone(&stop), Arc::clone(&sent));
        let pace = self.pace.clone();
        thread::spawn(move || {
            if let Ok(runtime) = runtime::Builder::new_current_thread().enable_all().build() {
                let records = LocalSet::new().block_on(&runtime, self.run(due, ends, counts));
                _ = done_sender.send(records);
            }
        });
        if let Pace::Rates(rates) = pace {
            let stop = Arc::clone(&stop);
            // The runtime's timer has a resolution of a millisecond; a thread that sleeps is more exact.
            thread::spawn(move || pace_out(begun, &rates, &due_sender, &stop));
        }
        Running {
            begun,
            stop,
            sent,
            done,
        }
    }

    async fn run(
        self,
        mut due: mpsc::UnboundedReceiver<Instant>,
        stop: Arc<AtomicBool>,
        sent: Arc<AtomicU64>,
    ) -> Records {
        let pace = self.pace.clone();
        let generator = Rc::new(Generator {
            pools: self.targets.iter().map(|_| RefCell::default()).collect(),
            places: Arc::new(Semaphore::new(self.most)),
            opened: Cell::new(0),
            turn: AtomicUsize::new(0),
            records: RefCell::default(),
            stop,
            sent,
            load: self,
        });
        let mut tasks = Vec::new();
        match pace {
            Pace::Rates(_) => {
                while let Some(due) = due.recv().await {
                    let generator = Rc::clone(&generator);
                    tasks.push(spawn_local(async move { generator.one(due).await }));
                    // Those that are done need not be kept.
                    if tasks.len() > 10_000 {
                        tasks.retain(|task| !task.is_finished());
                    }
                }
            }
            Pace::Closed {
                connections,
                requests,
            } => tasks.extend((0..connections).map(|_| {
                let generator = Rc::clone(&generator);
                spawn_local(async move { generator.closed(requests).await })
            })),
        }
        for task in tasks {
            _ = task.await;
        }
        generator.records.take()
    }
}

/// Targets that are ready from the start.
pub(super) fn targets(addrs: &[SocketAddr]) -> Arc<[Target]> {
    let target = |&addr| Target {
        addr,
        is_ready: AtomicBool::new(true),
    };
    addrs.iter().map(target).collect()
}

fn pace_out(
    begun: Instant,
    rates: &[(u32, Duration)],
    due: &mpsc::UnboundedSender<Instant>,
    stop: &AtomicBool,
) {
    let mut stretch = begun;
    for &(rate, length) in rates {
        for number in 0.. {
            let offset = Duration::from_secs_f64(f64::from(number) / f64::from(rate));
            if offset >= length {
                break;
            }
            let at = stretch + offset;
            // When late, the rest is sent at once: nothing is skipped.
            thread::sleep(at.saturating_duration_since(Instant::now()));
            if stop.load(Relaxed) || due.send(at).is_err() {
                return;
            }
        }
        stretch += length;
    }
}

struct Generator {
    load: Load,
    /// Idle connections of each target, the longest idle first.
    pools: Vec<RefCell<VecDeque<Connection>>>,
    places: Arc<Semaphore>,
    opened: Cell<usize>,
    turn: AtomicUsize,
    records: RefCell<Records>,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
}

impl Generator {
    async fn closed(&self, requests: u64) {
        while !self.stop.load(Relaxed) && self.sent.load(Relaxed) < requests {
            self.one(Instant::now()).await;
        }
    }

    async fn one(&self, due: Instant) {
        self.sent.fetch_add(1, Relaxed);
        let Ok(_place) = self.places.acquire().await else {
            return;
        };
        let sent = Instant::now();
        let id = match self.load.ids {
            Ids::Unused => unused_id(),
            Ids::Among(number) => fastrand::u64(1..=number),
        };
        let mut attempts = 0;
        let (verdict, note) = loop {
            attempts += 1;
            let judged = self.attempt(id).await;
            if !(self.load.repeats && judged.0 == Verdict::Broken && attempts == 1) {
                break judged;
            }
        };
        let end = Instant::now();
        let record = Record {
            due,
            sent,
            end,
            verdict,
            repeats: attempts - 1,
        };
        self.records.borrow_mut().push(record, note);
    }

    async fn attempt(&self, id: u64) -> (Verdict, String) {
        let request_id = format!("bench-{id}-{}", fastrand::u32(..));
        let path = self.load.check.path(id);
        let target = self.target();
        let exchange = async {
            let mut connection = self.connection(target).await?;
            let answer = connection.get(&path, &request_id).await?;
            if !answer.closes {
                self.pools[target].borrow_mut().push_back(connection);
            }
            Ok::<_, std::io::Error>(answer)
        };
        match timeout(PATIENCE, exchange).await {
            Err(_) => (Verdict::Broken, "no answer after 10 s".to_owned()),
            Ok(Err(error)) => (Verdict::Broken, format!("no whole answer: {error}")),
            Ok(Ok(answer)) => self.load.check.judge(id, &request_id, &answer),
        }
    }

    /// Those that are ready have their turns; if none is, all have.
    fn target(&self) -> usize {
        let targets = &self.load.targets;
        let turn = self.turn.fetch_add(1, Relaxed);
        let nth = |step| (turn + step) % targets.len();
        (0..targets.len())
            .map(nth)
            .find(|&index| targets[index].is_ready.load(Relaxed))
            .unwrap_or_else(|| nth(0))
    }

    async fn connection(&self, target: usize) -> std::io::Result<Connection> {
        if self.opened.get() >= SPREAD * self.pools.len() {
            loop {
                let idle = self.pools[target].borrow_mut().pop_front();
                match idle {
                    // As any client does, one that the server has closed is not used.
                    Some(connection) if connection.is_closed() => {}
                    Some(connection) => return Ok(connection),
                    None => break,
                }
            }
        }
        self.opened.set(self.opened.get() + 1);
        Connection::open(self.load.targets[target].addr).await
    }
}

impl Running {
    /// Requests sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// No more requests.
    pub(super) fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Everything that was sent, once all of it is answered.
    pub(super) async fn finish(mut self) -> Result<Records> {
        let records = (&mut self.done).await;
        Ok(records.map_err(|_| "the load generator has failed")?)
    }
}
