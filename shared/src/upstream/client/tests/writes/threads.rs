//! Writes and reads of several worker threads.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;

use futures_util::future::LocalBoxFuture;
use tokio::time::timeout;

use super::*;
use crate::upstream::transport::Attempt;

/// Far more than anything here takes: only what hangs is ended by it.
const HANGS: Duration = Duration::from_secs(60);

/// A service with one number, which a POST raises and a GET tells, to be kept for a minute.
#[derive(Debug, Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl Transport for Counter {
    fn send<'a>(&'a self, attempt: Attempt<'a>) -> LocalBoxFuture<'a, Outcome> {
        let is_write = attempt.request.method == Method::POST;
        Box::pin(async move {
            tokio::task::yield_now().await;
            let number = if is_write {
                self.0.fetch_add(1, SeqCst) + 1
            } else {
                self.0.load(SeqCst)
            };
            // On its way back it may be overtaken.
            for _ in 0..fastrand::u8(..4) {
                tokio::task::yield_now().await;
            }
            let mut outcome = says(200, &[("cache-control", "max-age=60")], "");
            if let Ok(response) = &mut outcome {
                response.body = number.to_string().into();
            }
            outcome
        })
    }
}

#[test]
fn whoever_asks_after_a_write_finds_it_whichever_thread_it_was_made_on() {
    let mut config = caching(ONE);
    config.deadline = HANGS;
    config.attempt_timeout = HANGS;
    let (cluster, transport) = (Cluster::new("service", config), Counter::default());
    // What every write that is over has come to.
    let written = AtomicU64::new(0);
    thread::scope(|scope| {
        for seed in 0..4 {
            let (cluster, transport, written) = (&cluster, &transport, &written);
            scope.spawn(move || {
                fastrand::seed(seed);
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                let transport = Rc::new(transport.clone());
                let client = &Client::with_transport(Arc::clone(cluster), transport);
                let work = async {
                    let workers = (0..8).map(async |_| {
                        for _ in 0..100 {
                            let is_write = fastrand::u8(..4) == 0;
                            let known = written.load(SeqCst);
                            let request = if is_write {
                                Request::new(Method::POST, "/")
                            } else {
                                Request::get("/").tagged("number")
                            };
                            let context = within(NEVER);
                            let call = client.call(&context, request, Response::json::<u64>);
                            let number = *call.await.unwrap().value;
                            if is_write {
                                client.forget("number");
                                written.fetch_max(number, SeqCst);
                            }
                            assert!(number >= known, "{number} after {known}");
                        }
                    });
                    timeout(HANGS, join_all(workers)).await.unwrap();
                };
                runtime.block_on(LocalSet::new().run_until(work));
            });
        }
    });
    assert!(written.load(SeqCst) > 0);
    assert!(cluster.flights.is_empty());
}
