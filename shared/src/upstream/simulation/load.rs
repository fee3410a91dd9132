//! Simulated callers, and what became of their requests.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, sleep_until};

use super::instance::{Instance, Network};
use crate::upstream::{
    Client, Cluster, Config, Context, Deadline, Error, ErrorKind, Instant, Request, Response,
    Target, Undecodable,
};

/// How requests are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrivals {
    /// At nearly equal distances.
    Even,
    /// Each for itself, at any time (Poisson).
    Random,
}

/// So many requests a second, for so long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate(pub(super) f64, pub(super) Duration);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Complete,
    /// The first stage refused it, or was not asked.
    Refused,
    /// The second one did, and the work of the first was for nothing.
    Degraded,
    Failed,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    /// Since the start.
    pub(super) due: Duration,
    pub(super) end: Duration,
    pub(super) outcome: Outcome,
}

impl Record {
    pub(super) fn milliseconds(&self) -> f64 {
        (self.end - self.due).as_secs_f64() * 1000.0
    }
}

/// The services that a request needs, one after the other, each behind a cluster of its own.
#[derive(Debug)]
pub(super) struct World {
    start: Instant,
    pub(super) stages: Vec<Stage>,
    records: RefCell<Vec<Record>>,
    under_way: Cell<u32>,
}

#[derive(Debug)]
pub(super) struct Stage {
    pub(super) instances: Vec<Rc<Instance>>,
    client: Client,
}

impl World {
    pub(super) fn new(stages: Vec<Vec<Rc<Instance>>>) -> Rc<Self> {
        Network::clear();
        let stages = stages.into_iter().map(|instances| {
            let urls = instances.iter().map(|instance| {
                let url = format!("http://{}", Network::add(instance));
                Target::parse(&url).expect("a valid address")
            });
            let mut config = Config::new(urls.collect());
            config.cache.max_bytes = 0;
            let cluster = Cluster::with_connect("service", config, Network::connect);
            let client = Client::with_transport(cluster, Rc::new(Network));
            Stage { instances, client }
        });
        Rc::new(Self {
            start: Instant::now(),
            stages: stages.collect(),
            records: RefCell::default(),
            under_way: Cell::new(0),
        })
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// A request for which all stages are asked in turn.
    async fn request(&self) {
        let (now, due) = (Instant::now(), self.elapsed());
        let context = Context::new(Deadline::after(now, Duration::from_secs(2)));
        let mut outcome = Outcome::Complete;
        for (index, stage) in self.stages.iter().enumerate() {
            let error = match stage.ask(&context).await {
                Ok(()) => continue,
                Err(error) => error,
            };
            let refused = matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::CircuitOpen);
            outcome = match (refused, index) {
                (true, 0) => Outcome::Refused,
                (true, _) => Outcome::Degraded,
                _ => Outcome::Failed,
            };
            break;
        }
        let end = self.elapsed();
        let record = Record { due, end, outcome };
        self.records.borrow_mut().push(record);
    }

    fn begin(self: &Rc<Self>) {
        let world = Rc::clone(self);
        world.under_way.set(world.under_way.get() + 1);
        spawn_local(async move {
            world.request().await;
            world.under_way.set(world.under_way.get() - 1);
        });
    }

    /// Requests at these rates, one after the other; all that became of them.
    pub(super) async fn offer(self: &Rc<Self>, rates: &[Rate], arrivals: Arrivals) -> Records {
        let offering = async {
            let mut until = 0.0;
            let mut due = 0.0;
            for Rate(rate, length) in rates {
                until += length.as_secs_f64();
                while due < until {
                    sleep_until(self.start + Duration::from_secs_f64(due)).await;
                    self.begin();
                    due += match arrivals {
                        Arrivals::Even => (0.9 + 0.2 * fastrand::f64()) / rate,
                        Arrivals::Random => -(1.0 - fastrand::f64()).ln() / rate,
                    };
                }
            }
            self.finish().await
        };
        LocalSet::new().run_until(offering).await
    }

    /// So many requests in the same moment.
    pub(super) async fn burst(self: &Rc<Self>, count: usize) -> Records {
        let offering = async {
            for _ in 0..count {
                self.begin();
            }
            self.finish().await
        };
        LocalSet::new().run_until(offering).await
    }

    /// So many callers, each asking again when it has its answer, after a short thought if it was refused.
    pub(super) async fn callers(self: &Rc<Self>, count: usize, length: Duration) -> Records {
        let offering = async {
            let until = self.start + length;
            for _ in 0..count {
                let world = Rc::clone(self);
                world.under_way.set(world.under_way.get() + 1);
                spawn_local(async move {
                    while Instant::now() < until {
                        let before = Instant::now();
                        world.request().await;
                        if Instant::now() == before {
                            sleep(Duration::from_millis(10)).await;
                        }
                    }
                    world.under_way.set(world.under_way.get() - 1);
                });
            }
            self.finish().await
        };
        LocalSet::new().run_until(offering).await
    }

    async fn finish(&self) -> Records {
        tokio::task::yield_now().await;
        while self.under_way.get() > 0 {
            sleep(Duration::from_millis(20)).await;
        }
        let mut records = self.records.take();
        records.sort_by_key(|record| record.due);
        Records(records)
    }
}

impl Stage {
    async fn ask(&self, context: &Context) -> Result<(), Error> {
        let decode = |_: &Response| Ok::<(), Undecodable>(());
        let answer = self.client.call(context, Request::get("/"), decode).await;
        answer.map(drop)
    }
}

/// What became of requests.
#[derive(Debug, Clone)]
pub(super) struct Records(pub(super) Vec<Record>);

impl Records {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn filter(&self, wanted: impl Fn(&Record) -> bool) -> Self {
        Self(
            self.0
                .iter()
                .copied()
                .filter(|record| wanted(record))
                .collect(),
        )
    }

    pub(super) fn of(&self, outcome: Outcome) -> Self {
        self.filter(|record| record.outcome == outcome)
    }

    /// Those that were due between two times.
    pub(super) fn due(&self, from: Duration, until: Duration) -> Self {
        self.filter(|record| (from..until).contains(&record.due))
    }

    pub(super) fn complete_percent(&self) -> f64 {
        100.0 * share(self.of(Outcome::Complete).len(), self.len())
    }

    /// A latency in milliseconds that so many of a hundred do not exceed; zero without any.
    pub(super) fn percentile(&self, percent: f64) -> f64 {
        let mut times: Vec<_> = self.0.iter().map(Record::milliseconds).collect();
        times.sort_by(f64::total_cmp);
        quantile(&times, percent / 100.0)
    }

    pub(super) fn worst(&self) -> f64 {
        self.percentile(100.0)
    }
}

pub(super) fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Of sorted values, the one at this share of the way.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small number above zero"
    )]
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}
