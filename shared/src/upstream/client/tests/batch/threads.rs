//! Batches of several worker threads.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Barrier, Mutex};
use std::thread;

use futures_util::future::LocalBoxFuture;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::*;
use crate::upstream::transport::Attempt;

/// Far more than anything here takes: only what hangs is ended by it.
const HANGS: Duration = Duration::from_secs(60);

/// A service behind a gate, which counts how often it is asked for each thing.
#[derive(Debug, Clone)]
struct Counting {
    gate: Arc<Semaphore>,
    asked: Arc<Mutex<HashMap<u32, usize>>>,
    under_way: Arc<AtomicUsize>,
}

impl Counting {
    fn with(permits: usize) -> Self {
        Self {
            gate: Arc::new(Semaphore::new(permits)),
            asked: Arc::default(),
            under_way: Arc::default(),
        }
    }
}

impl Transport for Counting {
    fn send<'a>(&'a self, attempt: Attempt<'a>) -> LocalBoxFuture<'a, Outcome> {
        struct Ends<'a>(&'a AtomicUsize);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, SeqCst);
            }
        }
        let question = Question::in_target(&attempt.request.target);
        for key in question.keys() {
            *self.asked.lock().unwrap().entry(*key).or_default() += 1;
        }
        self.under_way.fetch_add(1, SeqCst);
        Box::pin(async move {
            let _ends = Ends(&self.under_way);
            self.gate.acquire().await.unwrap().forget();
            tokio::task::yield_now().await;
            with(&[], question.answered(0))
        })
    }
}

fn cluster() -> Arc<Cluster> {
    let mut config = caching(ONE);
    config.deadline = HANGS;
    config.attempt_timeout = HANGS;
    Cluster::new("service", config)
}

fn on_worker<T>(
    cluster: &Arc<Cluster>,
    transport: &Counting,
    work: impl AsyncFnOnce(&Client) -> T,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = Client::with_transport(Arc::clone(cluster), Rc::new(transport.clone()));
    let local = LocalSet::new();
    let work = local.run_until(async { timeout(HANGS, work(&client)).await });
    runtime.block_on(work).expect("nothing hangs")
}

#[test]
fn four_threads_that_ask_for_overlapping_things_ask_for_each_once() {
    let (cluster, transport) = (cluster(), Counting::with(0));
    let everybody = Barrier::new(4);
    thread::scope(|scope| {
        for worker in 0..4_u32 {
            let (cluster, transport, everybody) = (&cluster, &transport, &everybody);
            scope.spawn(move || {
                on_worker(cluster, transport, async |client| {
                    // 150 each, a hundred of which somebody else asks for as well.
                    let keys: Vec<_> = (worker * 50..worker * 50 + 150).collect();
                    let context = within(NEVER);
                    let mut call = Box::pin(client.batch::<Things>(&context, &keys));
                    assert!(futures_util::poll!(&mut call).is_pending());
                    // All of them wait now.
                    if everybody.wait().is_leader() {
                        transport.gate.add_permits(1000);
                    }
                    assert_eq!(outcomes(&call.await), all(keys, 0));
                });
            });
        }
    });
    let asked = transport.asked.lock().unwrap();
    assert_eq!(asked.len(), 300);
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
    assert_eq!(transport.under_way.load(SeqCst), 0);
    assert!(cluster.flights.is_empty());
}

#[test]
fn when_the_thread_that_makes_the_call_is_gone_the_others_ask_for_themselves() {
    let (cluster, transport) = (cluster(), Counting::with(0));
    let (is_made, is_shared) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            on_worker(&cluster, &transport, async |client| {
                let context = within(NEVER);
                let mut call = Box::pin(client.batch::<Things>(&context, &[1, 2, 3]));
                assert!(futures_util::poll!(&mut call).is_pending());
                settle().await;
                is_made.wait();
                is_shared.wait();
            });
            transport.gate.add_permits(10);
        });
        is_made.wait();
        on_worker(&cluster, &transport, async |client| {
            let context = within(NEVER);
            let mut call = Box::pin(client.batch::<Things>(&context, &[2, 3]));
            let mut alone = Box::pin(client.one::<Things>(&context, 1));
            assert!(futures_util::poll!(&mut call).is_pending());
            assert!(futures_util::poll!(&mut alone).is_pending());
            is_shared.wait();
            assert_eq!(outcomes(&call.await), all([2, 3], 0));
            assert_eq!(alone.await.unwrap().value.id, 1);
        });
    });
    assert!(cluster.flights.is_empty());
}

#[test]
fn callers_that_come_and_go_on_four_threads_leave_nothing_behind() {
    let (cluster, transport) = (cluster(), Counting::with(1_000_000));
    thread::scope(|scope| {
        for seed in 0..4 {
            let (cluster, transport) = (&cluster, &transport);
            scope.spawn(move || {
                fastrand::seed(seed);
                on_worker(cluster, transport, async |client| {
                    let context = within(NEVER);
                    let calls = (0..16).map(async |_| {
                        for _ in 0..30 {
                            let keys: Vec<_> = (0..6).filter(|_| fastrand::bool()).collect();
                            let mut call = Box::pin(client.batch::<Things>(&context, &keys));
                            if fastrand::bool() {
                                assert_eq!(outcomes(&call.await), all(keys.clone(), 0));
                                continue;
                            }
                            for _ in 0..fastrand::usize(..6) {
                                if futures_util::poll!(&mut call).is_ready() {
                                    break;
                                }
                                tokio::task::yield_now().await;
                            }
                        }
                    });
                    join_all(calls).await;
                });
            });
        }
    });
    on_worker(&cluster, &transport, async |client| assert_idle(client));
    assert_eq!(transport.under_way.load(SeqCst), 0);
}
