//! Reading a set of faults from JSON. Every error is found, not the first alone, since whoever writes
//! a set by hand would rather mend it once.

use serde_json::{Map, Value};

use super::{BodyFault, Effect, Fault, Latency, StatusFault, grpc};
use crate::grpc::name_of;

/// No latency is longer, in milliseconds.
pub(crate) const MOST_MS: u32 = 60_000;

const BODIES: [(&str, BodyFault); 5] = [
    ("malformed", BodyFault::Malformed),
    ("wrongShape", BodyFault::WrongShape),
    ("wrongId", BodyFault::WrongId),
    ("empty", BodyFault::Empty),
    ("html", BodyFault::Html),
];

pub(crate) type Errors = Vec<String>;

/// What a fault can be for.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) routes: &'static [&'static str],
    /// By their paths; none without gRPC.
    pub(super) methods: &'static [&'static str],
}

impl Known {
    fn has(self, route: &str) -> bool {
        self.routes.contains(&route) || self.is_method(route)
    }

    fn is_method(self, route: &str) -> bool {
        let mut methods = self.methods.iter();
        methods.any(|path| *path == route || name_of(path) == route)
    }
}

/// The faults in the body of a `PUT /faults`, or everything that is wrong with it.
pub(super) fn set(body: &Value, known: Known) -> Result<Vec<Fault>, Errors> {
    list(body, |place, value, errors| {
        fault(place, value, known, errors)
    })
}

/// A set of faults of any kind, each of which `fault` reads.
pub(crate) fn list<F>(
    body: &Value,
    fault: impl Fn(&str, &Value, &mut Errors) -> Option<F>,
) -> Result<Vec<F>, Errors> {
    let mut errors = Errors::new();
    let mut faults = Vec::new();
    if let Some(body) = Fields::of("the body", body, &["faults"], &mut errors) {
        let list = body.required("faults", "a list of faults", &mut errors, Value::as_array);
        for (index, value) in list.into_iter().flatten().enumerate() {
            faults.extend(fault(&format!("faults[{index}]"), value, &mut errors));
        }
    }
    if errors.is_empty() {
        Ok(faults)
    } else {
        Err(errors)
    }
}

fn fault(place: &str, value: &Value, asked: Known, errors: &mut Errors) -> Option<Fault> {
    const EFFECTS: [&str; 4] = ["latency", "status", "hang", "body"];
    let effects = [EFFECTS.as_slice(), &grpc::EFFECTS].concat();
    let known = [&["route", "share", "times", "after"], effects.as_slice()].concat();
    let fields = Fields::of(place, value, &known, errors)?;

    let is_for_calls = (grpc::EFFECTS.iter()).any(|name| fields.values.contains_key(*name));
    let routes = if is_for_calls { &[] } else { asked.routes };
    if is_for_calls && asked.methods.is_empty() {
        errors.push(format!(
            "{place} is for gRPC, which this service does not listen for"
        ));
    }
    let allowed = format!("one of {}", [routes, asked.methods].concat().join(", "));
    let route = fields.optional("route", &allowed, errors, |value| {
        value.as_str().filter(|route| match is_for_calls {
            true => asked.is_method(route),
            false => asked.has(route),
        })
    });
    let (share, times) = turns(&fields, errors);
    let after = fields.optional("after", "true or false", errors, Value::as_bool);
    one_of(&fields, &effects, errors);
    let latency = fields
        .values
        .get("latency")
        .and_then(|value| latency(place, value, errors));
    let status = fields
        .values
        .get("status")
        .and_then(|value| status(place, value, errors));
    let hang = fields.optional("hang", "true", errors, |value| {
        value.as_bool().filter(|hang| *hang)
    });
    let body = one_of_names(&fields, "body", &BODIES, errors);
    let for_calls = grpc::read(&fields, place, errors);

    let effect = (latency.map(Effect::Latency))
        .or(status.map(Effect::Status))
        .or(hang.map(|_| Effect::Hang))
        .or(body.map(Effect::Body))
        .or(for_calls)?;
    Some(Fault {
        route: route.map(str::to_owned),
        share,
        times,
        after: after.unwrap_or(false),
        effect,
    })
}

/// What one of these names stands for.
pub(super) fn one_of_names<T: Copy>(
    fields: &Fields<'_>,
    field: &str,
    names: &[(&str, T)],
    errors: &mut Errors,
) -> Option<T> {
    let known: Vec<_> = names.iter().map(|(name, _)| *name).collect();
    let allowed = format!("one of {}", known.join(", "));
    fields.optional(field, &allowed, errors, |value| {
        let (_, meant) = (names.iter()).find(|(name, _)| Some(*name) == value.as_str())?;
        Some(*meant)
    })
}

/// The share and the times that a fault of any kind has.
pub(crate) fn turns(fields: &Fields<'_>, errors: &mut Errors) -> (f64, Option<u64>) {
    let share = fields.optional("share", "a number above 0, up to 1", errors, |value| {
        value.as_f64().filter(|share| *share > 0.0 && *share <= 1.0)
    });
    let times = fields.optional("times", "a whole number from 1", errors, |value| {
        value.as_u64().filter(|times| *times >= 1)
    });
    (share.unwrap_or(1.0), times)
}

/// Complains unless exactly one of `names` is there.
pub(crate) fn one_of(fields: &Fields<'_>, names: &[&str], errors: &mut Errors) {
    let given = names
        .iter()
        .filter(|name| fields.values.contains_key(**name))
        .count();
    if given != 1 {
        errors.push(format!(
            "{} must have one of {}, not {given}",
            fields.place,
            names.join(", ")
        ));
    }
}

fn status(place: &str, value: &Value, errors: &mut Errors) -> Option<StatusFault> {
    let place = format!("{place}.status");
    let fields = Fields::of(&place, value, &["code", "retryAfterSeconds"], errors)?;
    let code = fields.required("code", "429 or 500 to 599", errors, |value| {
        u16::try_from(value.as_u64()?)
            .ok()
            .filter(|code| matches!(code, 429 | 500..=599))
    });
    let retry_after_seconds = fields.optional(
        "retryAfterSeconds",
        "a whole number from 0",
        errors,
        Value::as_u64,
    );
    Some(StatusFault {
        code: code?,
        retry_after_seconds,
    })
}

pub(crate) fn latency(place: &str, value: &Value, errors: &mut Errors) -> Option<Latency> {
    const SHAPES: [&str; 4] = ["fixedMs", "uniformMs", "normalMs", "paretoMs"];
    let place = format!("{place}.latency");
    let fields = Fields::of(&place, value, &SHAPES, errors)?;
    if fields.values.len() != 1 {
        errors.push(format!("{place} must have one of {}", SHAPES.join(", ")));
        return None;
    }

    if let Some(value) = fields.values.get("normalMs") {
        let place = format!("{place}.normalMs");
        let fields = Fields::of(&place, value, &["mean", "stddev"], errors)?;
        let mean = fields.required("mean", MILLISECONDS, errors, milliseconds);
        let stddev = fields.required("stddev", MILLISECONDS, errors, milliseconds);
        return Some(Latency::NormalMs {
            mean: mean?,
            stddev: stddev?,
        });
    }
    if let Some(value) = fields.values.get("paretoMs") {
        let place = format!("{place}.paretoMs");
        let fields = Fields::of(&place, value, &["min", "shape"], errors)?;
        let min = fields.required("min", MILLISECONDS, errors, milliseconds);
        let shape = fields.required("shape", "a number above 0", errors, |value| {
            value.as_f64().filter(|shape| *shape > 0.0)
        });
        return Some(Latency::ParetoMs {
            min: min?,
            shape: shape?,
        });
    }
    let range = "[min, max], both whole numbers from 0 to 60000, min not above max";
    let uniform = fields.optional("uniformMs", range, errors, |value| {
        let [min, max] = value.as_array()?.as_slice() else {
            return None;
        };
        let (min, max) = (milliseconds(min)?, milliseconds(max)?);
        (min <= max).then_some(Latency::UniformMs(min, max))
    });
    let fixed = fields.optional("fixedMs", MILLISECONDS, errors, milliseconds);
    uniform.or(fixed.map(Latency::FixedMs))
}

pub(crate) const MILLISECONDS: &str = "a whole number from 0 to 60000";

pub(crate) fn milliseconds(value: &Value) -> Option<u32> {
    let milliseconds = u32::try_from(value.as_u64()?).ok()?;
    (milliseconds <= MOST_MS).then_some(milliseconds)
}

/// A JSON object and where it stands.
pub(crate) struct Fields<'a> {
    place: &'a str,
    pub(crate) values: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(
        place: &'a str,
        value: &'a Value,
        known: &[&str],
        errors: &mut Errors,
    ) -> Option<Self> {
        let Some(values) = value.as_object() else {
            errors.push(format!("{place} must be an object, not {value}"));
            return None;
        };
        for name in values.keys().filter(|name| !known.contains(&name.as_str())) {
            errors.push(format!(
                "{place} has an unknown field {name}; known are {}",
                known.join(", ")
            ));
        }
        Some(Self { place, values })
    }

    pub(crate) fn optional<T>(
        &self,
        name: &str,
        allowed: &str,
        errors: &mut Errors,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.values.get(name)?;
        let read = read(value);
        if read.is_none() {
            errors.push(format!(
                "{}.{name} must be {allowed}, not {value}",
                self.place
            ));
        }
        read
    }

    pub(crate) fn required<T>(
        &self,
        name: &str,
        allowed: &str,
        errors: &mut Errors,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        if !self.values.contains_key(name) {
            errors.push(format!(
                "{}.{name} is missing: it must be {allowed}",
                self.place
            ));
        }
        self.optional(name, allowed, errors, read)
    }
}
