//! What worker threads share, on real ones.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use futures_util::future::LocalBoxFuture;
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use super::*;
use crate::upstream::CacheConfig;
use crate::upstream::transport::Attempt;

/// Far more than anything here takes: only what hangs is ended by it.
const HANGS: Duration = Duration::from_secs(60);

/// A transport whose attempts wait at a gate.
#[derive(Debug, Clone)]
struct Gated {
    headers: &'static [(&'static str, &'static str)],
    gate: Arc<Semaphore>,
    attempts: Arc<AtomicUsize>,
    dropped: Arc<Notify>,
}

impl Gated {
    fn with(permits: usize) -> Self {
        Self {
            headers: &[],
            gate: Arc::new(Semaphore::new(permits)),
            attempts: Arc::default(),
            dropped: Arc::default(),
        }
    }
}

impl Transport for Gated {
    fn send<'a>(&'a self, _: Attempt<'a>) -> LocalBoxFuture<'a, Outcome> {
        struct Told<'a>(&'a Notify);
        impl Drop for Told<'_> {
            fn drop(&mut self) {
                self.0.notify_one();
            }
        }
        self.attempts.fetch_add(1, SeqCst);
        Box::pin(async move {
            let _told = Told(&self.dropped);
            let permit = self.gate.acquire().await;
            permit.expect("nobody closes the gate").forget();
            tokio::task::yield_now().await;
            says(200, self.headers, "1")
        })
    }
}

fn sharing() -> Arc<Cluster> {
    let mut config = config(ONE);
    config.cache = CacheConfig::default();
    config.deadline = HANGS;
    config.attempt_timeout = HANGS;
    Cluster::new("service", config)
}

/// A worker thread's client, and what runs its tasks.
fn on_worker<T>(
    cluster: &Arc<Cluster>,
    transport: &Gated,
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
fn a_thousand_callers_on_four_threads_make_one_call() {
    let (cluster, transport) = (sharing(), Gated::with(0));
    let everybody = Barrier::new(4);
    let answered: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    on_worker(&cluster, &transport, async |client| {
                        let context = within(NEVER);
                        let calls = (0..250).map(|_| ask(client, &context, Request::get("/")));
                        let mut calls: Vec<_> = calls.map(Box::pin).collect();
                        for call in &mut calls {
                            assert!(futures_util::poll!(call).is_pending());
                        }
                        // All of them wait now.
                        if everybody.wait().is_leader() {
                            transport.gate.add_permits(1);
                        }
                        let outcomes = join_all(calls).await;
                        outcomes.iter().filter(|outcome| **outcome == Ok(1)).count()
                    })
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum()
    });
    assert_eq!((answered, transport.attempts.load(SeqCst)), (1000, 1));
    assert!(cluster.flights.is_empty());
}

#[test]
fn what_four_threads_ask_for_one_after_the_other_is_asked_for_once() {
    const TARGETS: usize = 5000;
    let (cluster, mut transport) = (sharing(), Gated::with(1_000_000));
    transport.headers = &[("cache-control", "max-age=600")];
    let everybody = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                on_worker(&cluster, &transport, async |client| {
                    everybody.wait();
                    for number in 0..TARGETS {
                        let request = Request::get(format!("/{number}"));
                        assert_eq!(ask(client, &within(NEVER), request).await, Ok(1));
                    }
                });
            });
        }
    });
    assert_eq!(transport.attempts.load(SeqCst), TARGETS);
}

#[test]
fn when_the_thread_that_makes_the_call_is_gone_the_others_ask_for_themselves() {
    let (cluster, transport) = (sharing(), Gated::with(0));
    let (is_made, is_shared) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            on_worker(&cluster, &transport, async |client| {
                let context = within(NEVER);
                let mut call = Box::pin(ask(client, &context, Request::get("/")));
                assert!(futures_util::poll!(&mut call).is_pending());
                settle().await;
                is_made.wait();
                is_shared.wait();
            });
            transport.gate.add_permits(2);
        });
        let other = scope.spawn(|| {
            is_made.wait();
            on_worker(&cluster, &transport, async |client| {
                let context = within(NEVER);
                let request = || Request::get("/");
                let mut calls = [(), ()].map(|()| Box::pin(ask(client, &context, request())));
                for call in &mut calls {
                    assert!(futures_util::poll!(call).is_pending());
                }
                is_shared.wait();
                join_all(calls).await
            })
        });
        assert_eq!(other.join().unwrap(), [Ok(1), Ok(1)]);
    });
    assert_eq!(transport.attempts.load(SeqCst), 3);
    assert!(cluster.flights.is_empty());
}

#[test]
fn when_the_last_caller_leaves_on_another_thread_the_call_ends() {
    let (cluster, transport) = (sharing(), Gated::with(0));
    let (is_made, is_shared, is_left) = (Barrier::new(2), Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            is_made.wait();
            on_worker(&cluster, &transport, async |client| {
                let context = within(NEVER);
                let mut call = Box::pin(ask(client, &context, Request::get("/")));
                assert!(futures_util::poll!(&mut call).is_pending());
                is_shared.wait();
                is_left.wait();
            });
        });
        on_worker(&cluster, &transport, async |client| {
            let context = within(NEVER);
            let mut call = Box::pin(ask(client, &context, Request::get("/")));
            assert!(futures_util::poll!(&mut call).is_pending());
            settle().await;
            assert_eq!(transport.attempts.load(SeqCst), 1);
            is_made.wait();
            is_shared.wait();
            drop(call);
            is_left.wait();
            transport.dropped.notified().await;
        });
    });
    assert_eq!(transport.attempts.load(SeqCst), 1);
    assert!(cluster.flights.is_empty());
}

#[test]
fn callers_that_come_and_go_on_four_threads_leave_nothing_behind() {
    let mut config = config(TWO);
    config.cache = CacheConfig::default();
    (config.limit.initial, config.limit.min, config.limit.max) = (2, 2, 2);
    config.limit.queue_time = HANGS;
    config.deadline = HANGS;
    config.attempt_timeout = HANGS;
    let (cluster, transport) = (Cluster::new("service", config), Gated::with(1_000_000));
    thread::scope(|scope| {
        for seed in 0..4 {
            let (cluster, transport) = (&cluster, &transport);
            scope.spawn(move || {
                fastrand::seed(seed);
                on_worker(cluster, transport, async |client| {
                    let context = within(NEVER);
                    let calls = (0..32).map(async |_| {
                        for _ in 0..30 {
                            let target = format!("/{}", fastrand::u8(..4));
                            let request = if fastrand::bool() {
                                Request::get(target)
                            } else {
                                Request::new(Method::HEAD, target)
                            };
                            let mut call = Box::pin(ask(client, &context, request));
                            if fastrand::bool() {
                                assert_eq!(call.await, Ok(1));
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
}
