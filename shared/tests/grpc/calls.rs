//! The caller's side: a client over a cluster of servers, and the guard around what might hang.

use std::sync::Arc;
use std::time::Duration;

use bff_shared::upstream::{
    Answer, Client, Cluster, Config, Context, Deadline, Error, ErrorKind, Instant, Protocol,
    Request, Target,
};
use prost::Message;

use super::server::Server;

/// Nothing here takes a fraction of it; what takes all of it hangs.
pub(crate) const GUARD: Duration = Duration::from_secs(10);

/// Fails the test when `work` hangs.
pub(crate) async fn within<F: Future>(work: F) -> F::Output {
    tokio::time::timeout(GUARD, work)
        .await
        .expect("this must not hang")
}

/// What is asked for, and what is answered.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Thing {
    #[prost(uint32, tag = "1")]
    pub(crate) id: u32,
}

/// Asks for the thing `id`: without side effects.
pub(crate) fn get(id: u32) -> Request {
    Request::rpc("/things.Things/Get", Thing { id }.encode_to_vec()).without_side_effects()
}

/// Changes the thing `id`, which must not happen twice.
pub(crate) fn change(id: u32) -> Request {
    Request::rpc("/things.Things/Change", Thing { id }.encode_to_vec())
}

/// One upstream as a worker thread has it.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    pub(crate) client: Client,
    pub(crate) cluster: Arc<Cluster>,
}

impl Upstream {
    pub(crate) fn of(server: &Server) -> Self {
        Self::with(server, |_| {})
    }

    /// An upstream whose settings `set` has changed.
    pub(crate) fn with(server: &Server, set: impl FnOnce(&mut Config)) -> Self {
        Self::at(vec![server.endpoint()], set)
    }

    /// No time of the settings is reached where a test does not set it: a hang trips the guard instead.
    pub(crate) fn at(endpoints: Vec<Target>, set: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(endpoints);
        config.protocol = Protocol::Grpc;
        config.deadline = 6 * GUARD;
        config.attempt_timeout = 5 * GUARD;
        config.connect_timeout = 4 * GUARD;
        // The policies above one attempt would hide what an attempt does: a test switches on what it looks at.
        config.cache.max_bytes = 0;
        config.retry.repeats = 0;
        config.hedge.enabled = false;
        config.breaker.consecutive_failures = u32::MAX;
        config.breaker.minimum_calls = u32::MAX;
        (config.limit.initial, config.limit.min) = (1000, 1000);
        config.grpc.keep_alive = Duration::ZERO;
        config.grpc.health_interval = Duration::ZERO;
        set(&mut config);
        let cluster = Cluster::new("things", config);
        Self {
            client: Client::new(Arc::clone(&cluster)),
            cluster,
        }
    }

    pub(crate) async fn get(&self, id: u32) -> Result<u32, Error> {
        self.ask(get(id)).await
    }

    pub(crate) async fn change(&self, id: u32) -> Result<u32, Error> {
        self.ask(change(id)).await
    }

    /// The id in what is answered.
    pub(crate) async fn ask(&self, request: Request) -> Result<u32, Error> {
        let answer = self.call(&unhurried(), request).await;
        answer.map(|answer| answer.value.id)
    }

    pub(crate) async fn call(
        &self,
        context: &Context,
        request: Request,
    ) -> Result<Answer<Thing>, Error> {
        let decode = |response: &bff_shared::upstream::Response| response.message::<Thing>();
        within(self.client.call(context, request, decode)).await
    }

    /// `get` as a task of its own.
    pub(crate) fn spawn_get(&self, id: u32) -> tokio::task::JoinHandle<Result<u32, Error>> {
        let upstream = self.clone();
        actix_rt::spawn(async move { upstream.get(id).await })
    }

    /// The operator's report.
    pub(crate) fn report(&self) -> serde_json::Value {
        serde_json::to_value(self.cluster.report()).unwrap()
    }

    /// What the operator's report says of the first endpoint.
    pub(crate) fn endpoint(&self) -> serde_json::Value {
        self.report()["endpoints"][0].clone()
    }
}

/// A context whose deadline no test reaches.
pub(crate) fn unhurried() -> Context {
    Context::new(Deadline::after(Instant::now(), 6 * GUARD))
}

/// The error, which has to be of this kind.
#[track_caller]
pub(crate) fn failed<T: std::fmt::Debug>(outcome: Result<T, Error>, kind: ErrorKind) -> Error {
    let error = outcome.expect_err("this must not succeed");
    assert_eq!(error.kind(), kind, "{error}");
    error
}
