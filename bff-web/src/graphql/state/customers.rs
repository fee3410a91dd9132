//! Customers, gathered: whoever is wanted in one round of the resolvers is asked for in one call.
//!
//! Orders that are asked for one by one come one by one. Their customers wait for each other: the answer is not over before
//! its last order and that order's customer are there, so that the others lose nothing by it. They wait for half of the
//! time that is left at most, or one order that hangs would take the customers of all others with it.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bff_shared::compose::Omit;
use bff_shared::domain::customer::CustomerId;
use futures_util::FutureExt as _;
use futures_util::future::pending;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use super::{Known, Owing, State};

/// How often the thread's other tasks go first: the resolvers, and whatever they leave to tasks.
const ROUNDS: usize = 2;

impl State {
    /// A customer, asked for once in a request, together with whoever else is wanted.
    pub(in crate::graphql) fn customer(
        self: &Rc<Self>,
        id: CustomerId,
    ) -> impl Future<Output = Known> + use<> {
        if let Some(asked) = self.customers.borrow().get(&id) {
            return asked.clone();
        }
        let (tell, told) = oneshot::channel();
        let known = async move {
            match told.await {
                Ok(known) => known,
                // Whoever gathers ends only with the request.
                Err(_) => pending().await,
            }
        };
        let known = known.boxed_local().shared();
        self.customers.borrow_mut().insert(id, known.clone());
        let mut waiting = self.waiting.borrow_mut();
        waiting.push((id, tell));
        if waiting.len() == 1 {
            let state = Rc::clone(self);
            self.spawn(async move { state.gather().await });
        }
        known
    }

    async fn gather(&self) {
        let left = self.caller.context.deadline.remaining(Instant::now());
        _ = timeout(left / 2, self.owing.nothing()).await;
        // Of many resolvers not all run in one round.
        let mut before = 0;
        while before < self.waiting.borrow().len() {
            before = self.waiting.borrow().len();
            for _ in 0..ROUNDS {
                yield_now().await;
            }
        }
        let waiting = self.waiting.take();
        let ids: Vec<_> = waiting.iter().map(|(id, _)| *id).collect();
        let mut parts = match ids[..] {
            // The call that an order alone makes, so that they can share it.
            [id] => HashMap::from([(id, self.desk.customer(&self.within, &Omit, id).await)]),
            _ => self.desk.customers(&self.within, &Omit, &ids).await,
        };
        for (id, tell) in waiting {
            if let Some(part) = parts.remove(&id) {
                // Who wanted it may be gone.
                _ = tell.send(Arc::new(part));
            }
        }
    }
}

impl Owing {
    async fn nothing(&self) {
        loop {
            let none = self.none.notified();
            if self.orders.load(Ordering::Relaxed) == 0 {
                return;
            }
            none.await;
        }
    }
}
