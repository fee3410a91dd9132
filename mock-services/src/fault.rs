//! Faults on demand: latency, error statuses, silence and broken bodies.

pub(crate) mod check;
mod endpoint;
mod grpc;
mod plan;
mod turns;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use actix_web::dev::ServiceRequest;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tokio::sync::watch;

use crate::{dice::Dice, grpc::name_of};

pub use grpc::{GoAway, GrpcAnswer, GrpcStatus};
pub use h2::Reason;
pub use tonic::Code;

pub(crate) use endpoint::{Settable, endpoint};
pub(crate) use plan::{PAGE, Plan, stop};
pub(crate) use turns::Turns;

/// One fault, as it stands in the JSON of `/faults`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// The route template or, over gRPC, the method's path or name it is for; all of the service's if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The share of those requests it hits, above 0 up to 1.
    pub share: f64,
    /// How often it is applied before it wears off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Whether it comes after the service did its work, so that what was asked for is written and only
    /// the answer is late, lost or another. As long as it waits, the request is being worked on. What
    /// spoils bodies always comes after.
    #[serde(skip_serializing_if = "is_false")]
    pub after: bool,
    /// What it does.
    #[serde(flatten)]
    pub effect: Effect,
}

/// What a fault does to a request, which is a gRPC call as well.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// Waits before whatever else happens, or with the answer if it comes after.
    Latency(Latency),
    /// Answers with an error. A gRPC call gets this status of HTTP, as from a proxy in front that has no gRPC.
    Status(StatusFault),
    /// Never answers.
    #[serde(serialize_with = "as_true")]
    Hang,
    /// Answers with something else than the record.
    Body(BodyFault),
    /// Answers a gRPC call with a status.
    GrpcStatus(GrpcStatus),
    /// Answers a gRPC call in a way that no server should. It always comes after.
    GrpcAnswer(GrpcAnswer),
    /// Resets the stream of a gRPC call.
    #[serde(serialize_with = "grpc::reason_name")]
    RstStream(Reason),
    /// Ends the connection of a gRPC call.
    GoAway(GoAway),
}

impl Effect {
    /// Whether requests over HTTP are spared.
    pub(crate) fn is_for_calls(&self) -> bool {
        matches!(
            self,
            Self::GrpcStatus(_) | Self::GrpcAnswer(_) | Self::RstStream(_) | Self::GoAway(_)
        )
    }

    /// Whether the work is done in any case.
    pub(crate) fn comes_after(&self) -> bool {
        matches!(
            self,
            Self::Body(_) | Self::GrpcAnswer(_) | Self::GoAway(GoAway::Answered)
        )
    }
}

/// How long a latency fault waits, in milliseconds; 60,000 at most.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Latency {
    /// Always this long.
    FixedMs(u32),
    /// Any time from the first to the second, equally likely.
    UniformMs(u32, u32),
    /// Around a mean.
    NormalMs {
        /// The middle.
        mean: u32,
        /// How wide.
        stddev: u32,
    },
    /// Mostly the least, with a long tail.
    ParetoMs {
        /// The least.
        min: u32,
        /// The lower, the longer the tail.
        shape: f64,
    },
}

/// An error answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusFault {
    /// 429 or 500 to 599.
    pub code: u16,
    /// Sent as `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BodyFault {
    /// Cut off in the middle, with a length that fits; over gRPC bytes that are no message.
    Malformed,
    /// The record inside an object that nobody agreed on; over gRPC a message of another kind.
    WrongShape,
    /// Records with ids other than those asked for.
    WrongId,
    /// No bytes.
    Empty,
    /// A page of HTML, as some proxies send, with status 200 of HTTP.
    Html,
}

fn is_false(after: &bool) -> bool {
    !*after
}

pub(crate) fn as_true<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(true)
}

impl Fault {
    fn of(effect: Effect) -> Self {
        Self {
            route: None,
            share: 1.0,
            times: None,
            after: false,
            effect,
        }
    }

    /// Waits as long as `latency` says.
    #[must_use]
    pub fn latency(latency: Latency) -> Self {
        Self::of(Effect::Latency(latency))
    }

    /// Waits this long.
    #[must_use]
    pub fn latency_ms(milliseconds: u32) -> Self {
        Self::latency(Latency::FixedMs(milliseconds))
    }

    /// Answers with this status.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::of(Effect::Status(StatusFault {
            code,
            retry_after_seconds: None,
        }))
    }

    /// Answers with this status and a `Retry-After`.
    #[must_use]
    pub fn status_retry_after(code: u16, seconds: u64) -> Self {
        Self::of(Effect::Status(StatusFault {
            code,
            retry_after_seconds: Some(seconds),
        }))
    }

    /// Takes the request and never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self::of(Effect::Hang)
    }

    /// Spoils the body.
    #[must_use]
    pub fn body(body: BodyFault) -> Self {
        Self::of(Effect::Body(body))
    }

    /// Wears off after it was applied `times` times.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    /// Comes after the service did its work.
    #[must_use]
    pub fn after(self) -> Self {
        Self {
            after: true,
            ..self
        }
    }

    /// Only for requests to this route template.
    #[must_use]
    pub fn route(self, route: impl Into<String>) -> Self {
        Self {
            route: Some(route.into()),
            ..self
        }
    }

    /// Only for this share of the requests.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Self { share, ..self }
    }
}

/// A fault and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The fault as it was set.
    #[serde(flatten)]
    pub fault: Fault,
    /// How often it was applied.
    pub applied: u64,
    /// How often it will still be applied; `None` if it does not wear off.
    pub remaining: Option<u64>,
}

/// The faults of a running service. Clones are handles to the same set.
#[derive(Clone, Debug)]
pub struct Faults(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    routes: &'static [&'static str],
    /// The methods over gRPC, by their paths.
    methods: &'static [&'static str],
    /// Spares every request the lock while there is nothing to find behind it.
    any: AtomicBool,
    set: Mutex<Set>,
    stopping: watch::Sender<bool>,
}

/// What a request is for, if it is anything that is there.
#[derive(Clone, Copy, Debug)]
enum Asked<'a> {
    /// A route template.
    Route(Option<&'a str>),
    /// A method's path, over gRPC.
    Method(Option<&'a str>),
}

#[derive(Debug)]
struct Set {
    entries: Vec<Entry>,
    dice: Dice,
}

#[derive(Debug)]
struct Entry {
    fault: Fault,
    turns: Turns,
}

impl Faults {
    pub(crate) fn new(routes: &'static [&'static str], methods: &'static [&'static str]) -> Self {
        Self(Arc::new(Shared {
            routes,
            methods,
            any: AtomicBool::new(false),
            set: Mutex::new(Set {
                entries: Vec::new(),
                dice: Dice::new(0),
            }),
            stopping: watch::Sender::new(false),
        }))
    }

    /// Replaces the set.
    ///
    /// # Panics
    /// When `PUT /faults` would refuse the set: a test that misspells a route should not pass because
    /// nothing failed.
    pub fn set(&self, faults: Vec<Fault>) {
        if let Err(errors) = check::set(&serde_json::json!({ "faults": faults }), self.known()) {
            panic!("these faults cannot be set: {}", errors.join("; "));
        }
        self.replace(faults);
    }

    /// Takes every fault away. Requests that already wait or hang keep doing so.
    pub fn clear(&self) {
        self.replace(Vec::new());
    }

    /// What became of each fault so far.
    #[must_use]
    pub fn report(&self) -> Vec<Report> {
        self.lock().entries.iter().map(Entry::report).collect()
    }

    fn replace(&self, faults: Vec<Fault>) {
        let mut set = self.lock();
        // The same faults hit the same requests of a run that is repeated.
        set.dice = Dice::new(0);
        let Set { entries, dice } = &mut *set;
        *entries = faults
            .into_iter()
            .map(|fault| Entry::new(fault, dice))
            .collect();
        self.0.any.store(!entries.is_empty(), Ordering::Release);
    }

    /// What is to happen to this request, if anything; counts it as applied.
    pub(crate) fn plan(&self, req: &ServiceRequest) -> Option<Plan> {
        if !self.0.any.load(Ordering::Acquire) {
            return None;
        }
        self.plan_for(Asked::Route(req.match_pattern().as_deref()))
    }

    /// The same for a call of this method, or of one that there is not.
    pub(crate) fn plan_of_call(&self, path: Option<&str>) -> Option<Plan> {
        if !self.0.any.load(Ordering::Acquire) {
            return None;
        }
        self.plan_for(Asked::Method(path))
    }

    fn plan_for(&self, asked: Asked<'_>) -> Option<Plan> {
        let mut set = self.lock();
        let Set { entries, dice } = &mut *set;
        let [mut delay, mut late] = [None; 2];
        let mut answer = None;
        for entry in entries.iter_mut().filter(|entry| entry.concerns(asked)) {
            let after = entry.fault.after;
            let free = match entry.fault.effect {
                Effect::Latency(_) if after => late.is_none(),
                Effect::Latency(_) => delay.is_none(),
                _ => answer.is_none(),
            };
            if entry.turns.hits(free, dice) {
                match &entry.fault.effect {
                    Effect::Latency(latency) if after => late = Some(latency.draw(dice)),
                    Effect::Latency(latency) => delay = Some(latency.draw(dice)),
                    effect => answer = Some((effect.clone(), after)),
                }
            }
        }
        if delay.is_none() && late.is_none() && answer.is_none() {
            return None;
        }
        Some(Plan {
            delay,
            late,
            answer,
            stopping: self.0.stopping.subscribe(),
        })
    }

    fn known(&self) -> check::Known {
        check::Known {
            routes: self.0.routes,
            methods: self.0.methods,
        }
    }

    /// Lets waiting and hanging requests go, now and from now on.
    pub(crate) fn release(&self) {
        self.0.stopping.send_replace(true);
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Settable for Faults {
    type Report = Report;

    fn report(&self) -> Vec<Report> {
        Self::report(self)
    }

    fn try_set(&self, set: &Value) -> Result<(), Vec<String>> {
        self.replace(check::set(set, self.known())?);
        Ok(())
    }

    fn clear(&self) {
        Self::clear(self);
    }
}

impl Entry {
    fn new(fault: Fault, dice: &mut Dice) -> Self {
        Self {
            turns: Turns::new(fault.share, fault.times, dice),
            fault,
        }
    }

    fn concerns(&self, asked: Asked<'_>) -> bool {
        if self.turns.spent() {
            return false;
        }
        let wanted = self.fault.route.as_deref();
        match asked {
            Asked::Route(_) if self.fault.effect.is_for_calls() => false,
            Asked::Route(route) => wanted.is_none() || wanted == route,
            Asked::Method(path) => wanted.is_none_or(|wanted| {
                path.is_some_and(|path| wanted == path || wanted == name_of(path))
            }),
        }
    }

    fn report(&self) -> Report {
        Report {
            fault: self.fault.clone(),
            applied: self.turns.applied(),
            remaining: self.turns.remaining(),
        }
    }
}
