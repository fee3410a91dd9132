//! What the resolvers of one request share: the desk, the deadline, and what is known already.
//!
//! A resolver has to be `Send`, and nothing that asks an upstream is: clients belong to their thread. So a resolver leaves
//! the asking to a task of its thread and waits for its outcome, which is `Send`. Whoever stops waiting ends the task, and
//! with it the call: when the client leaves, so does everything that is done for it.

mod customers;

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use actix_web::web::Data;
use bff_shared::compose::{Composition, Part, Provenance};
use bff_shared::domain::OrderDesk;
use bff_shared::domain::customer::Customer;
use bff_shared::domain::customer::CustomerId;
use bff_shared::serve::{Caller, Cursors, Problem};
use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, Shared};
use tokio::sync::{Notify, oneshot};
use tokio::task::{AbortHandle, JoinHandle, spawn_local};

use super::pages::{Page, PageQuery};

/// What came of a customer, for all who asked.
pub(super) type Known = Arc<Part<Option<Arc<Customer>>>>;

type Paged = Result<Arc<Page>, Problem>;

/// What is waited for by all who want it.
type Asked<T> = Shared<LocalBoxFuture<'static, T>>;

/// One request.
pub(super) struct State {
    pub(super) desk: Data<OrderDesk>,
    pub(super) within: Composition,
    pub(super) cursors: Data<Cursors>,
    /// The most that `first` may be.
    pub(super) max_page: u32,
    caller: Caller,
    customers: RefCell<HashMap<CustomerId, Asked<Known>>>,
    /// Customers whom nobody has been asked for yet.
    waiting: RefCell<Vec<(CustomerId, oneshot::Sender<Known>)>>,
    pages: RefCell<HashMap<PageQuery, Asked<Paged>>>,
    /// What is true of each source, as far as anything of it is in the answer.
    told: RefCell<Vec<(&'static str, Provenance)>>,
    /// Tasks that no resolver waits for.
    tasks: RefCell<Vec<AbortHandle>>,
    owing: Arc<Owing>,
}

/// Orders that are asked for, and whose customers will be.
#[derive(Default)]
struct Owing {
    orders: AtomicUsize,
    none: Notify,
}

tokio::task_local! {
    static STATE: Rc<State>;
}

impl State {
    pub(super) fn new(
        desk: Data<OrderDesk>,
        cursors: Data<Cursors>,
        caller: Caller,
        max_page: u32,
    ) -> Rc<Self> {
        Rc::new(Self {
            desk,
            within: Composition::new(&caller.context),
            cursors,
            max_page,
            caller,
            customers: RefCell::default(),
            waiting: RefCell::default(),
            pages: RefCell::default(),
            told: RefCell::default(),
            tasks: RefCell::default(),
            owing: Arc::default(),
        })
    }

    /// Runs `work`, whose resolvers share this state. What was begun for it and is not over then ends with it.
    pub(super) async fn during<F: Future>(self: &Rc<Self>, work: F) -> F::Output {
        struct End(Rc<State>);
        impl Drop for End {
            fn drop(&mut self) {
                for task in self.0.tasks.take() {
                    task.abort();
                }
                // What is under way holds this state, which holds it.
                drop(self.0.pages.take());
            }
        }
        let _end = End(Rc::clone(self));
        STATE.scope(Rc::clone(self), work).await
    }

    /// A page, asked for once however often it is wanted.
    pub(super) fn page(
        self: &Rc<Self>,
        query: &PageQuery,
    ) -> impl Future<Output = Result<Arc<Page>, Problem>> + use<> {
        if let Some(asked) = self.pages.borrow().get(query) {
            return asked.clone();
        }
        let (state, of) = (Rc::clone(self), query.clone());
        let asked = async move { Page::ask(&state, &of).await.map(Arc::new) };
        let asked = asked.boxed_local().shared();
        self.pages.borrow_mut().insert(query.clone(), asked.clone());
        asked
    }

    /// Asks for a page that will be wanted.
    pub(super) fn begin_page(self: &Rc<Self>, query: &PageQuery) {
        let page = self.page(query);
        self.spawn(async move {
            _ = page.await;
        });
    }

    /// After a write: what was said of orders before is not true any more.
    pub(super) fn forget_pages(&self) {
        self.pages.borrow_mut().clear();
    }

    /// Something of the source `name` is in the answer.
    pub(super) fn tell(&self, name: &'static str, provenance: &Provenance) {
        let mut told = self.told.borrow_mut();
        match told.iter_mut().find(|(known, _)| *known == name) {
            Some((_, before)) => {
                if let Some(all) = Provenance::of_all([&*before, provenance]) {
                    *before = all;
                }
            }
            None => told.push((name, provenance.clone())),
        }
    }

    /// The sources by name, in the sequence in which they came.
    pub(super) fn told(&self) -> Vec<(&'static str, Provenance)> {
        self.told.borrow().clone()
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let handle = spawn_local(task).abort_handle();
        self.tasks.borrow_mut().push(handle);
    }
}

/// Leaves `ask` to the thread of the request, and waits for what comes of it.
pub(super) fn ask<T, F>(ask: impl FnOnce(Rc<State>) -> F) -> Ask<T>
where
    T: Send + 'static,
    F: Future<Output = T> + 'static,
{
    let state = STATE.with(Rc::clone);
    Ask {
        // Called here and now, so that whoever gathers what is wanted has all of it after one round of the resolvers.
        task: spawn_local(ask(state)),
        owes: None,
    }
}

/// Does something at once with what the resolvers share.
pub(super) fn with_state<T>(with: impl FnOnce(&Rc<State>) -> T) -> T {
    STATE.with(with)
}

/// What a resolver waits for.
pub(super) struct Ask<T> {
    task: JoinHandle<T>,
    owes: Option<Owes>,
}

/// For as long as it is there, an order is on its way whose customer will be asked for.
struct Owes(Arc<Owing>);

impl Drop for Owes {
    fn drop(&mut self) {
        if self.0.orders.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

impl<T: Send + 'static> Ask<T> {
    /// What comes of it will make resolvers ask for customers, if `owes`.
    pub(super) fn owing_customers(mut self, owes: bool) -> Self {
        self.owes = owes.then(|| {
            let owing = with_state(|state| Arc::clone(&state.owing));
            owing.orders.fetch_add(1, Ordering::Relaxed);
            Owes(owing)
        });
        self
    }
}

impl<T> Future for Ask<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match Pin::new(&mut self.task).poll(context) {
            Poll::Ready(Ok(outcome)) => Poll::Ready(outcome),
            Poll::Ready(Err(failed)) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only whoever drops this ends the task.
                Err(_) => Poll::Pending,
            },
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> Drop for Ask<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
