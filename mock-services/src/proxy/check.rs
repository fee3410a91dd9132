//! Reading a set of the proxy's faults from JSON.

use serde_json::Value;

use super::fault::{Announce, BlackHole, Cut, Drip, Effect, Flap, MOST_EXTRA, ProxyFault, Reset};
use crate::fault::check::{
    Errors, Fields, MILLISECONDS, latency, list, milliseconds, one_of, turns,
};

const EFFECTS: [&str; 11] = [
    "refuse",
    "flap",
    "blackHole",
    "hang",
    "reset",
    "cut",
    "drip",
    "earlyHints",
    "garbage",
    "announce",
    "latency",
];
const BLACK_HOLES: [(&str, BlackHole); 2] = [
    ("requests", BlackHole::Requests),
    ("answers", BlackHole::Answers),
];
const RESETS: [(&str, Reset); 5] = [
    ("afterRequest", Reset::AfterRequest),
    ("beforeHead", Reset::BeforeHead),
    ("midHead", Reset::MidHead),
    ("afterHead", Reset::AfterHead),
    ("midBody", Reset::MidBody),
];
const CUTS: [(&str, Cut); 3] = [
    ("sized", Cut::Sized),
    ("inChunk", Cut::InChunk),
    ("beforeLastChunk", Cut::BeforeLastChunk),
];

/// The faults in the body of a `PUT /faults`, or everything that is wrong with it.
pub(super) fn set(body: &Value) -> Result<Vec<ProxyFault>, Errors> {
    let faults = list(body, fault)?;
    let doors = faults
        .iter()
        .filter(|fault| matches!(fault.effect, Effect::Refuse | Effect::Flap(_)))
        .count();
    if doors > 1 {
        return Err(vec![format!(
            "faults must have at most one of refuse and flap, not {doors}"
        )]);
    }
    Ok(faults)
}

fn fault(place: &str, value: &Value, errors: &mut Errors) -> Option<ProxyFault> {
    let known = [&["share", "times"], EFFECTS.as_slice()].concat();
    let fields = Fields::of(place, value, &known, errors)?;
    let (share, times) = turns(&fields, errors);
    one_of(&fields, &EFFECTS, errors);

    let refuse = truth(&fields, "refuse", errors).map(|()| Effect::Refuse);
    let flap = inner(&fields, place, "flap", errors, flap).map(Effect::Flap);
    let hole = word(&fields, "blackHole", &BLACK_HOLES, errors).map(Effect::BlackHole);
    let hang = truth(&fields, "hang", errors).map(|()| Effect::Hang);
    let reset = word(&fields, "reset", &RESETS, errors).map(Effect::Reset);
    let cut = word(&fields, "cut", &CUTS, errors).map(Effect::Cut);
    let drip = inner(&fields, place, "drip", errors, drip).map(Effect::Drip);
    let hints = truth(&fields, "earlyHints", errors).map(|()| Effect::EarlyHints);
    let garbage = truth(&fields, "garbage", errors).map(|()| Effect::Garbage);
    let announce = inner(&fields, place, "announce", errors, announce).map(Effect::Announce);
    let latency = fields
        .values
        .get("latency")
        .and_then(|value| latency(place, value, errors))
        .map(Effect::Latency);

    let fault = ProxyFault {
        share,
        times,
        effect: [
            refuse, flap, hole, hang, reset, cut, drip, hints, garbage, announce, latency,
        ]
        .into_iter()
        .flatten()
        .next()?,
    };
    if fault.effect == Effect::Refuse && !fault.is_unrestricted() {
        errors.push(format!(
            "{place} must have neither share nor times with refuse: those who are refused are not seen"
        ));
    }
    Some(fault)
}

fn truth(fields: &Fields<'_>, name: &str, errors: &mut Errors) -> Option<()> {
    fields.optional(name, "true", errors, |value| {
        (*value == Value::Bool(true)).then_some(())
    })
}

fn word<T: Copy>(
    fields: &Fields<'_>,
    name: &str,
    words: &[(&str, T)],
    errors: &mut Errors,
) -> Option<T> {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let allowed = format!("one of {}", names.join(", "));
    fields.optional(name, &allowed, errors, |value| {
        let (_, meant) = words
            .iter()
            .find(|(word, _)| Some(*word) == value.as_str())?;
        Some(*meant)
    })
}

fn inner<T>(
    fields: &Fields<'_>,
    place: &str,
    name: &str,
    errors: &mut Errors,
    read: fn(&str, &Value, &mut Errors) -> Option<T>,
) -> Option<T> {
    let value = fields.values.get(name)?;
    read(&format!("{place}.{name}"), value, errors)
}

fn flap(place: &str, value: &Value, errors: &mut Errors) -> Option<Flap> {
    const ALLOWED: &str = "a whole number from 1 to 60000";
    let some = |value| milliseconds(value).filter(|milliseconds| *milliseconds >= 1);
    let fields = Fields::of(place, value, &["upMs", "downMs"], errors)?;
    let up_ms = fields.required("upMs", ALLOWED, errors, some);
    let down_ms = fields.required("downMs", ALLOWED, errors, some);
    Some(Flap {
        up_ms: up_ms?,
        down_ms: down_ms?,
    })
}

fn drip(place: &str, value: &Value, errors: &mut Errors) -> Option<Drip> {
    let fields = Fields::of(place, value, &["intervalMs"], errors)?;
    let interval_ms = fields.required("intervalMs", MILLISECONDS, errors, milliseconds)?;
    Some(Drip { interval_ms })
}

fn announce(place: &str, value: &Value, errors: &mut Errors) -> Option<Announce> {
    let allowed = format!("a whole number from 1 to {MOST_EXTRA}");
    let fields = Fields::of(place, value, &["extraBytes"], errors)?;
    let extra_bytes = fields.required("extraBytes", &allowed, errors, |value| {
        value
            .as_u64()
            .filter(|extra| (1..=MOST_EXTRA).contains(extra))
    })?;
    Some(Announce { extra_bytes })
}
