//! The faults of a running proxy, and what follows from them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::{runtime::Handle, sync::watch, task::AbortHandle, time::sleep};

use super::{
    Doors, check,
    door::Door,
    fault::{BlackHole, Effect, Flap, ProxyFault},
};
use crate::{
    dice::Dice,
    fault::{Settable, Turns},
};

/// A fault and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProxyReport {
    /// The fault as it was set.
    #[serde(flatten)]
    pub fault: ProxyFault,
    /// How often it was applied: to requests, or for a flap how often it refused. Refusing counts once.
    pub applied: u64,
    /// How often it will still be applied; `None` if it does not wear off.
    pub remaining: Option<u64>,
}

/// The faults of a running proxy. Clones are handles to the same set.
#[derive(Clone, Debug)]
pub struct ProxyFaults(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    doors: Doors,
    runtime: Handle,
    /// Spares every request the lock while there is nothing to find behind it.
    any: AtomicBool,
    set: Mutex<Set>,
    weather: watch::Sender<Weather>,
}

/// What concerns every connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weather {
    /// How often the door was closed; a connection from before that is reset.
    pub(super) closings: u64,
    /// Counts the sets, so that what lasts until the next one can be told to be over.
    pub(super) edition: u64,
    /// No bytes reach the service.
    pub(super) requests_lost: bool,
    /// No bytes reach clients.
    pub(super) answers_lost: bool,
}

/// What is to happen to one request.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) delay: Option<Duration>,
    pub(super) effect: Option<Effect>,
    /// The set it comes from.
    pub(super) edition: u64,
}

#[derive(Debug)]
struct Set {
    entries: Vec<Entry>,
    dice: Dice,
    edition: u64,
    flapping: Option<AbortHandle>,
}

#[derive(Debug)]
struct Entry {
    fault: ProxyFault,
    turns: Turns,
}

impl ProxyFaults {
    pub(super) fn new(doors: Doors) -> Self {
        Self(Arc::new(Shared {
            doors,
            runtime: Handle::current(),
            any: AtomicBool::new(false),
            set: Mutex::new(Set {
                entries: Vec::new(),
                dice: Dice::new(0),
                edition: 0,
                flapping: None,
            }),
            weather: watch::Sender::new(Weather::default()),
        }))
    }

    /// Replaces the set. Whether connections are refused is decided when it returns.
    ///
    /// # Panics
    /// When `PUT /faults` would refuse the set.
    pub fn set(&self, faults: Vec<ProxyFault>) {
        if let Err(errors) = check::set(&json!({ "faults": faults })) {
            panic!("these faults cannot be set: {}", errors.join("; "));
        }
        self.replace(faults);
    }

    /// Takes every fault away. Requests that wait or hang keep doing so, and connections that are
    /// gone stay so; what a black hole held up goes on.
    pub fn clear(&self) {
        self.replace(Vec::new());
    }

    /// What became of each fault so far.
    #[must_use]
    pub fn report(&self) -> Vec<ProxyReport> {
        self.lock().entries.iter().map(Entry::report).collect()
    }

    fn replace(&self, faults: Vec<ProxyFault>) {
        let shared = &self.0;
        let mut set = self.lock();
        if let Some(flapping) = set.flapping.take() {
            flapping.abort();
        }
        // The same faults hit the same requests of a run that is repeated.
        set.dice = Dice::new(0);
        set.edition += 1;
        let Set {
            entries,
            dice,
            edition,
            flapping,
        } = &mut *set;
        *entries = faults
            .into_iter()
            .map(|fault| Entry {
                turns: Turns::new(fault.share, fault.times, dice),
                fault,
            })
            .collect();
        shared.any.store(!entries.is_empty(), Ordering::Release);

        let mut refuse = false;
        for entry in entries.iter_mut() {
            match entry.fault.effect {
                Effect::Refuse => refuse = entry.turns.hits(true, dice),
                Effect::Flap(flap) => {
                    let task = flap_on(Arc::downgrade(shared), *edition, flap);
                    *flapping = Some(shared.runtime.spawn(task).abort_handle());
                }
                _ => {}
            }
        }
        let lost = |direction| {
            let effect = Effect::BlackHole(direction);
            entries
                .iter()
                .any(|entry| entry.fault.effect == effect && entry.fault.is_unrestricted())
        };
        let closings = shared.turn_doors(refuse);
        shared.weather.send_modify(|weather| {
            *weather = Weather {
                closings: closings.unwrap_or(weather.closings),
                edition: *edition,
                requests_lost: lost(BlackHole::Requests),
                answers_lost: lost(BlackHole::Answers),
            };
        });
    }

    /// What is to happen to the request that has just come, as far as it can; counts it as applied.
    pub(super) fn plan(&self, can_be: impl Fn(&Effect) -> bool) -> Plan {
        if !self.0.any.load(Ordering::Acquire) {
            return Plan::default();
        }
        let mut set = self.lock();
        let Set {
            entries,
            dice,
            edition,
            ..
        } = &mut *set;
        let mut plan = Plan {
            edition: *edition,
            ..Plan::default()
        };
        let concerned = (entries.iter_mut())
            .filter(|entry| !entry.turns.spent() && can_be(&entry.fault.effect));
        for entry in concerned {
            let free = match entry.fault.effect {
                Effect::Refuse | Effect::Flap(_) => continue,
                Effect::Latency(_) => plan.delay.is_none(),
                _ => plan.effect.is_none(),
            };
            if entry.turns.hits(free, dice) {
                match &entry.fault.effect {
                    Effect::Latency(latency) => plan.delay = Some(latency.draw(dice)),
                    effect => plan.effect = Some(effect.clone()),
                }
            }
        }
        plan
    }

    /// What concerns every connection, now and from now on.
    pub(super) fn weather(&self) -> watch::Receiver<Weather> {
        self.0.weather.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.lock()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of closings if they are closed now. They are turned together, and have the same.
    fn turn_doors(&self, close: bool) -> Option<u64> {
        let doors = self.doors.iter().map(|(door, _)| door);
        if close {
            doors.map(Door::close).max()
        } else {
            doors.for_each(Door::open);
            None
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let set = self.set.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(flapping) = set.flapping.take() {
            flapping.abort();
        }
    }
}

/// Closes and opens the door in turns while its set is the one in force.
async fn flap_on(shared: Weak<Shared>, edition: u64, flap: Flap) {
    let pause = |milliseconds: u32| sleep(Duration::from_millis(milliseconds.into()));
    // The lock is held over the door's turn, or one that belongs to an earlier set might come late.
    let turn = |close: bool| {
        let Some(shared) = shared.upgrade() else {
            return false;
        };
        let mut set = shared.lock();
        let Set {
            entries,
            dice,
            edition: current,
            ..
        } = &mut *set;
        let Some(entry) = entries
            .iter_mut()
            .find(|entry| matches!(entry.fault.effect, Effect::Flap(_)))
        else {
            return false;
        };
        if *current != edition || (close && entry.turns.spent()) {
            return false;
        }
        if (!close || entry.turns.hits(true, dice))
            && let Some(closings) = shared.turn_doors(close)
        {
            shared
                .weather
                .send_modify(|weather| weather.closings = closings);
        }
        true
    };
    loop {
        pause(flap.up_ms).await;
        if !turn(true) {
            return;
        }
        pause(flap.down_ms).await;
        if !turn(false) {
            return;
        }
    }
}

impl Settable for ProxyFaults {
    type Report = ProxyReport;

    fn report(&self) -> Vec<ProxyReport> {
        Self::report(self)
    }

    fn try_set(&self, set: &Value) -> Result<(), Vec<String>> {
        self.replace(check::set(set)?);
        Ok(())
    }

    fn clear(&self) {
        Self::clear(self);
    }
}

impl Entry {
    fn report(&self) -> ProxyReport {
        ProxyReport {
            fault: self.fault.clone(),
            applied: self.turns.applied(),
            remaining: self.turns.remaining(),
        }
    }
}
