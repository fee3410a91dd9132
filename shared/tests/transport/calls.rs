//! The caller's side: a client over a cluster of raw servers, and the guard around what might hang.

use std::sync::Arc;
use std::time::Duration;

use bff_shared::upstream::{
    Client, Cluster, Config, Context, Deadline, Error, ErrorKind, Instant, Request, Response,
    Target, Undecodable,
};
use serde::Deserialize;

use super::server::RawServer;

/// Nothing here takes a fraction of it; what takes all of it hangs.
pub(crate) const GUARD: Duration = Duration::from_secs(10);

/// Fails the test when `work` hangs.
pub(crate) async fn within<F: Future>(work: F) -> F::Output {
    tokio::time::timeout(GUARD, work)
        .await
        .expect("this must not hang")
}

#[derive(Debug, Deserialize)]
struct Thing {
    id: u32,
}

/// One upstream as a worker thread has it.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    pub(crate) client: Client,
    pub(crate) cluster: Arc<Cluster>,
}

impl Upstream {
    pub(crate) fn of(server: &RawServer) -> Self {
        Self::with(server, |_| {})
    }

    /// An upstream whose settings `set` has changed.
    pub(crate) fn with(server: &RawServer, set: impl FnOnce(&mut Config)) -> Self {
        Self::at(vec![server.endpoint()], set)
    }

    /// No time of the settings is reached where a test does not set it: a hang trips the guard instead.
    pub(crate) fn at(endpoints: Vec<Target>, set: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(endpoints);
        config.deadline = 6 * GUARD;
        config.attempt_timeout = 5 * GUARD;
        config.connect_timeout = 4 * GUARD;
        config.idle_timeout = 4 * GUARD;
        // The policies above one attempt are tried elsewhere; here they would hide what an attempt does.
        config.cache.max_bytes = 0;
        config.retry.repeats = 0;
        config.hedge.enabled = false;
        config.breaker.consecutive_failures = u32::MAX;
        config.breaker.minimum_calls = u32::MAX;
        (config.limit.initial, config.limit.min) = (1000, 1000);
        set(&mut config);
        let cluster = Cluster::new("things", config);
        Self {
            client: Client::new(Arc::clone(&cluster)),
            cluster,
        }
    }

    /// Asks for the thing `id`; the answer's id, which ought to be the same.
    pub(crate) async fn get(&self, id: u32) -> Result<u32, Error> {
        self.ask(Request::get(format!("/things/{id}"))).await
    }

    /// Changes the thing `id`, which must not happen twice.
    pub(crate) async fn post(&self, id: u32) -> Result<u32, Error> {
        let request = Request::new(http::Method::POST, format!("/things/{id}"));
        self.ask(request.with_body("{\"change\":true}")).await
    }

    pub(crate) async fn ask(&self, request: Request) -> Result<u32, Error> {
        self.call(&unhurried(), request, |response| {
            response.json::<Thing>().map(|thing| thing.id)
        })
        .await
    }

    /// The answer as it came.
    pub(crate) async fn fetch(&self, request: Request) -> Result<Response, Error> {
        self.call(&unhurried(), request, |response| Ok(response.clone()))
            .await
    }

    pub(crate) async fn call<T: Clone + Send + Sync + 'static>(
        &self,
        context: &Context,
        request: Request,
        decode: impl Fn(&Response) -> Result<T, Undecodable> + 'static,
    ) -> Result<T, Error> {
        within(self.client.call(context, request, decode))
            .await
            .map(|answer| T::clone(&answer.value))
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
}

/// A context whose deadline no test reaches.
pub(crate) fn unhurried() -> Context {
    Context::new(Deadline::after(Instant::now(), 6 * GUARD))
}

/// What a single GET of `/things/1` ends as when the server sends `bytes` and closes.
pub(crate) async fn outcome_of(bytes: impl AsRef<[u8]> + 'static) -> Result<u32, Error> {
    let server = RawServer::sending_and_closing(bytes);
    Upstream::of(&server).get(1).await
}

/// The operator's words for an answer that is invalid.
#[track_caller]
pub(crate) fn invalid<T: std::fmt::Debug>(outcome: Result<T, Error>) -> String {
    let error = outcome.expect_err("an invalid answer must not be accepted");
    assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error}");
    assert!(
        error.maybe_processed(),
        "what answers has read the request: {error}"
    );
    error.detail().to_owned()
}
