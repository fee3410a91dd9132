//! In place of `upstream/sync.rs`: the scheduler's locks, and on them what tokio gives elsewhere.

pub(super) use futures_util::future::AbortHandle;
pub(super) use shuttle::sync::atomic::AtomicUsize;
pub(super) use shuttle::sync::{Mutex, MutexGuard};

use std::future::poll_fn;
use std::task::{Poll, Waker};

/// One listens at most. A word that comes before it does is kept, and several are one.
#[derive(Debug)]
pub(super) struct Notify(Mutex<(bool, Option<Waker>)>);

impl Notify {
    pub(super) fn new() -> Self {
        Self(Mutex::new((false, None)))
    }

    pub(super) fn notify_one(&self) {
        let mut word = self.0.lock().unwrap();
        word.0 = true;
        if let Some(listener) = word.1.take() {
            listener.wake();
        }
    }

    pub(super) async fn notified(&self) {
        poll_fn(|context| {
            let mut word = self.0.lock().unwrap();
            if std::mem::take(&mut word.0) {
                return Poll::Ready(());
            }
            word.1 = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

pub(super) mod watch {
    use std::sync::Arc;

    use super::*;

    #[derive(Debug)]
    struct Watched<T> {
        value: T,
        is_closed: bool,
        waiting: Vec<Waker>,
    }

    impl<T> Watched<T> {
        fn wake(&mut self) {
            self.waiting.drain(..).for_each(Waker::wake);
        }
    }

    #[derive(Debug)]
    pub(in super::super) struct Sender<T>(Arc<Mutex<Watched<T>>>);

    #[derive(Debug)]
    pub(in super::super) struct Receiver<T>(Arc<Mutex<Watched<T>>>);

    /// The sender is gone.
    #[derive(Debug)]
    pub(in super::super) struct Closed;

    pub(in super::super) fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
        let watched = Arc::new(Mutex::new(Watched {
            value,
            is_closed: false,
            waiting: Vec::new(),
        }));
        (Sender(Arc::clone(&watched)), Receiver(watched))
    }

    impl<T> Sender<T> {
        pub(in super::super) fn send_replace(&self, value: T) -> T {
            let mut watched = self.0.lock().unwrap();
            let old = std::mem::replace(&mut watched.value, value);
            watched.wake();
            old
        }

        pub(in super::super) fn send_if_modified(
            &self,
            modify: impl FnOnce(&mut T) -> bool,
        ) -> bool {
            let mut watched = self.0.lock().unwrap();
            let modified = modify(&mut watched.value);
            if modified {
                watched.wake();
            }
            modified
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            let mut watched = self.0.lock().unwrap();
            watched.is_closed = true;
            watched.wake();
        }
    }

    impl<T> Clone for Receiver<T> {
        fn clone(&self) -> Self {
            Self(Arc::clone(&self.0))
        }
    }

    impl<T: Clone> Receiver<T> {
        pub(in super::super) async fn wait_for(
            &mut self,
            mut is_it: impl FnMut(&T) -> bool,
        ) -> Result<T, Closed> {
            poll_fn(|context| {
                let mut watched = self.0.lock().unwrap();
                if is_it(&watched.value) {
                    return Poll::Ready(Ok(watched.value.clone()));
                }
                if watched.is_closed {
                    return Poll::Ready(Err(Closed));
                }
                watched.waiting.push(context.waker().clone());
                Poll::Pending
            })
            .await
        }
    }
}
