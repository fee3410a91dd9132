//! The stack over a scripted transport, in paused time: when each attempt is made, and when the call is over.

use std::future::pending;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::join_all;
use http::Method;
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::super::cluster::Connect;
use super::super::transport::TransportError;
use super::super::transport::scripted::{Asked, FOR_EVER, Outcome, Scripted, Step, says};
use super::*;
use crate::upstream::{BudgetConfig, Config, Target};

mod arbitrary;
mod attempts;
mod batch;
mod breaker;
mod cache;
mod hedge;
mod keys;
mod line;
mod retry;
mod shared;
mod stale;
mod threads;
mod writes;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const NEVER: Duration = Duration::from_secs(3600);

const ONE: &[&str] = &["http://10.0.0.1"];
const TWO: &[&str] = &["http://10.0.0.1", "http://10.0.0.2"];
const THREE: &[&str] = &["http://10.0.0.1", "http://10.0.0.2", "http://10.0.0.3"];

const NO_BUDGET: BudgetConfig = BudgetConfig {
    percent: 0,
    per_second: 0,
};

/// As it comes.
fn defaults(endpoints: &[&str]) -> Config {
    let targets = endpoints.iter().map(|url| Target::parse(url).unwrap());
    Config::new(targets.collect())
}

/// No cache, no repeats, no hedges.
fn config(endpoints: &[&str]) -> Config {
    let mut config = defaults(endpoints);
    config.cache.max_bytes = 0;
    config.retry.repeats = 0;
    config.hedge.enabled = false;
    config
}

fn client(config: Config, steps: impl IntoIterator<Item = Step>) -> (Client, Rc<Scripted>) {
    over(config, Scripted::new(steps))
}

fn client_by(
    config: Config,
    script: impl FnMut(&Asked) -> Step + 'static,
) -> (Client, Rc<Scripted>) {
    over(config, Scripted::by(script))
}

fn over(config: Config, transport: Scripted) -> (Client, Rc<Scripted>) {
    connecting(config, transport, |_| Box::pin(pending()))
}

/// The same with what comes of connections that are tried in the background.
fn connecting(config: Config, transport: Scripted, connect: Connect) -> (Client, Rc<Scripted>) {
    let transport = Rc::new(transport);
    let cluster = Cluster::with_connect("service", config, connect);
    let client = Client::with_transport(cluster, Rc::<Scripted>::clone(&transport));
    (client, transport)
}

fn ok() -> Outcome {
    says(200, &[], "1")
}

/// A failure that is the service's.
fn down() -> Outcome {
    says(503, &[], "")
}

fn within(allowed: Duration) -> Context {
    Context::new(Deadline::after(Instant::now(), allowed))
}

async fn ask(client: &Client, context: &Context, request: Request) -> Result<u8, Error> {
    call(client, context, request)
        .await
        .map(|answer| *answer.value)
}

async fn call(client: &Client, context: &Context, request: Request) -> Result<Answer<u8>, Error> {
    client.call(context, request, Response::json).await
}

/// Asks for `/` with all the time in the world.
async fn get(client: &Client) -> Result<Answer<u8>, Error> {
    call(client, &within(NEVER), Request::get("/")).await
}

/// What kind of failure it was, and how long it took.
async fn kind_and_time<T>(call: impl Future<Output = Result<T, Error>>) -> (ErrorKind, Duration) {
    let start = Instant::now();
    match call.await {
        Ok(_) => panic!("has an answer"),
        Err(error) => (error.kind(), start.elapsed()),
    }
}

/// Runs a test in paused time, with a place for tasks as worker threads have.
pub(super) fn paused<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(LocalSet::new().run_until(test))
}

/// Lets the tasks of this thread do what they can do now.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// That nothing is left over: no call in flight, nobody in line, no shared call.
fn assert_idle(client: &Client) {
    let report = serde_json::to_value(client.cluster.report()).unwrap();
    assert_eq!(report["inFlight"], 0, "{report}");
    assert_eq!(report["queued"], 0, "{report}");
    for endpoint in report["endpoints"].as_array().unwrap() {
        assert_eq!(endpoint["inFlight"], 0, "{report}");
    }
    assert!(client.cluster.flights.is_empty());
}

fn breaker_of(client: &Client, endpoint: usize) -> String {
    let report = serde_json::to_value(client.cluster.report()).unwrap();
    report["endpoints"][endpoint]["breaker"]
        .as_str()
        .unwrap()
        .to_owned()
}
