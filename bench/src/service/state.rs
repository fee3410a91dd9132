//! What the connections of an instance share. One thread has them all.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::behaviour::{Behaviour, Counts};
use super::record::{Customer, Order};
use super::{Kind, micros};

pub(super) struct State {
    kind: Kind,
    told: RefCell<Rc<Behaviour>>,
    slots: RefCell<Option<Arc<Semaphore>>>,
    seen: RefCell<Counts>,
    /// `Date` of the present second: writing it is the dearest part of a short answer.
    date: RefCell<(u64, Rc<str>)>,
}

impl State {
    pub(super) fn new(kind: Kind, behaviour: Behaviour) -> Self {
        let state = Self {
            kind,
            told: RefCell::default(),
            slots: RefCell::default(),
            seen: RefCell::default(),
            date: RefCell::new((0, "".into())),
        };
        state.tell(behaviour);
        state
    }

    pub(super) fn tell(&self, behaviour: Behaviour) {
        let slots = behaviour.slots;
        if self.told.borrow().slots != slots {
            *self.slots.borrow_mut() = (slots > 0).then(|| Arc::new(Semaphore::new(slots)));
        }
        *self.told.borrow_mut() = Rc::new(behaviour);
    }

    pub(super) fn counts(&self, full: bool) -> Counts {
        let seen = self.seen.borrow();
        if full {
            return seen.clone();
        }
        Counts {
            arrivals: Vec::new(),
            gone: Vec::new(),
            ..*seen
        }
    }

    /// Counts a request, and says what is to be done with it.
    pub(super) fn arrived(&self) -> Rc<Behaviour> {
        let bucket = micros(SystemTime::now()) / 10_000;
        let mut seen = self.seen.borrow_mut();
        seen.requests += 1;
        match seen.arrivals.last_mut() {
            Some((last, count)) if *last == bucket => *count += 1,
            _ => seen.arrivals.push((bucket, 1)),
        }
        Rc::clone(&self.told.borrow())
    }

    pub(super) fn gone(&self, id: u64) {
        let now = micros(SystemTime::now());
        self.seen.borrow_mut().gone.push((id, now));
    }

    pub(super) fn cut(&self) {
        self.seen.borrow_mut().cut += 1;
    }

    pub(super) fn hinted(&self) {
        self.seen.borrow_mut().hinted += 1;
    }

    /// Does what takes time.
    pub(super) async fn work(&self, behaviour: &Behaviour) {
        if behaviour.hang {
            std::future::pending::<()>().await;
        }
        let time = Duration::from_millis(behaviour.latency_ms);
        let slots = self.slots.borrow().clone();
        let Some(slots) = slots else {
            if !time.is_zero() {
                sleep(time).await;
            }
            return;
        };
        // A task of its own: it is done whether or not someone still waits.
        let work = spawn_local(async move {
            let _slot = slots.acquire_owned().await;
            sleep(time).await;
        });
        _ = work.await;
    }

    /// The record as JSON, or `None` where the path names none.
    pub(super) fn record(&self, path: &str) -> Option<(u64, Vec<u8>)> {
        let prefix = match self.kind {
            Kind::Order => "/orders/",
            Kind::Customer => "/customers/",
        };
        let id = path.strip_prefix(prefix)?.parse().ok()?;
        let json = match self.kind {
            Kind::Order => serde_json::to_vec(&Order::of(id)),
            Kind::Customer => serde_json::to_vec(&Customer::of(id)),
        };
        Some((id, json.ok()?))
    }

    pub(super) fn date(&self) -> Rc<str> {
        let now = Timestamp::now();
        let second = now.as_second().unsigned_abs();
        let mut date = self.date.borrow_mut();
        if date.0 != second {
            let text = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            *date = (second, text.into());
        }
        Rc::clone(&date.1)
    }
}
