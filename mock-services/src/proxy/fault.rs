//! What the proxy can do to those who come through it.

use serde::Serialize;

use crate::fault::{Latency, as_true};

/// One fault, as it stands in the JSON of `/faults`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProxyFault {
    /// The share of the requests it hits, above 0 up to 1.
    pub share: f64,
    /// How often it is applied before it wears off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What it does.
    #[serde(flatten)]
    pub effect: Effect,
}

/// What a fault does. Each is decided for a request when its head is whole, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// Nobody listens, and connections that are open are reset. It takes neither a share nor times,
    /// since those who are refused are never seen.
    #[serde(serialize_with = "as_true")]
    Refuse,
    /// Listens for a while, refuses for a while and so on. Its turns are the times it refuses.
    Flap(Flap),
    /// No more bytes in one direction until the faults are set anew or cleared; then what was held up
    /// goes on. With a share of 1 and without times every connection is silent at once, else only
    /// those of the requests that are hit, from then on.
    BlackHole(BlackHole),
    /// Takes the request and never answers, even when the fault is gone. The service does not see it.
    #[serde(serialize_with = "as_true")]
    Hang,
    /// Resets the connection.
    Reset(Reset),
    /// Ends the connection in an orderly way before the answer is whole.
    Cut(Cut),
    /// A byte of the answer, head and body, at a time.
    Drip(Drip),
    /// An interim answer first, 103, as soon as the request is passed on.
    #[serde(serialize_with = "as_true")]
    EarlyHints,
    /// Something that is no HTTP instead of an answer, and the end of the connection. The service does
    /// not see the request.
    #[serde(serialize_with = "as_true")]
    Garbage,
    /// Announces more body than there is, and leaves the connection open.
    Announce(Announce),
    /// Waits before the answer, on top of what the service takes and whatever else happens.
    Latency(Latency),
}

/// How long to listen and to refuse, in milliseconds, from 1 to 60,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Flap {
    /// Listens this long; this comes first.
    pub up_ms: u32,
    /// Refuses this long.
    pub down_ms: u32,
}

/// The direction in which nothing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BlackHole {
    /// To the service.
    Requests,
    /// To the client.
    Answers,
}

/// When a connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reset {
    /// After the whole request was read; the service does not see it.
    AfterRequest,
    /// After the service has answered, before the client has any of it.
    BeforeHead,
    /// In the middle of the answer's head.
    MidHead,
    /// Between the answer's head and its body.
    AfterHead,
    /// In the middle of the answer's body; after the head if it has none.
    MidBody,
}

/// How an answer is framed and where it ends too early. One without a body comes whole, and then the
/// connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Cut {
    /// With a `Content-Length`, in the middle of the body.
    Sized,
    /// Chunked, in the middle of a chunk.
    InChunk,
    /// Chunked, with all of the body but without the last chunk.
    BeforeLastChunk,
}

/// How slowly an answer drips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drip {
    /// Milliseconds from one byte to the next; 60,000 at most.
    pub interval_ms: u32,
}

/// What is announced and does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Announce {
    /// By how many bytes `Content-Length` exceeds the body, from 1 to 9007199254740991.
    pub extra_bytes: u64,
}

/// The most that can be announced and not come: 2^53 - 1 bytes.
pub(super) const MOST_EXTRA: u64 = (1 << 53) - 1;

impl ProxyFault {
    fn of(effect: Effect) -> Self {
        Self {
            share: 1.0,
            times: None,
            effect,
        }
    }

    /// Refuses connections, and resets those that are open.
    #[must_use]
    pub fn refuse() -> Self {
        Self::of(Effect::Refuse)
    }

    /// Listens for the first number of milliseconds, refuses for the second, and so on.
    #[must_use]
    pub fn flap_ms(up_ms: u32, down_ms: u32) -> Self {
        Self::of(Effect::Flap(Flap { up_ms, down_ms }))
    }

    /// Lets no bytes reach the service.
    #[must_use]
    pub fn black_hole_requests() -> Self {
        Self::of(Effect::BlackHole(BlackHole::Requests))
    }

    /// Lets no bytes reach the client.
    #[must_use]
    pub fn black_hole_answers() -> Self {
        Self::of(Effect::BlackHole(BlackHole::Answers))
    }

    /// Takes the request and never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self::of(Effect::Hang)
    }

    /// Resets at this moment.
    #[must_use]
    pub fn reset(reset: Reset) -> Self {
        Self::of(Effect::Reset(reset))
    }

    /// Resets after the whole request was read; the service does not see it.
    #[must_use]
    pub fn reset_after_request() -> Self {
        Self::reset(Reset::AfterRequest)
    }

    /// Resets when the service has answered, before the client has any of it.
    #[must_use]
    pub fn reset_before_head() -> Self {
        Self::reset(Reset::BeforeHead)
    }

    /// Resets in the middle of the answer's head.
    #[must_use]
    pub fn reset_mid_head() -> Self {
        Self::reset(Reset::MidHead)
    }

    /// Resets between the answer's head and its body.
    #[must_use]
    pub fn reset_after_head() -> Self {
        Self::reset(Reset::AfterHead)
    }

    /// Resets in the middle of the answer's body.
    #[must_use]
    pub fn reset_mid_body() -> Self {
        Self::reset(Reset::MidBody)
    }

    /// Ends the answer too early, without a reset.
    #[must_use]
    pub fn cut(cut: Cut) -> Self {
        Self::of(Effect::Cut(cut))
    }

    /// Sends a byte of the answer every so many milliseconds.
    #[must_use]
    pub fn drip_ms(interval_ms: u32) -> Self {
        Self::of(Effect::Drip(Drip { interval_ms }))
    }

    /// Sends a 103 before the answer.
    #[must_use]
    pub fn early_hints() -> Self {
        Self::of(Effect::EarlyHints)
    }

    /// Answers with something that is no HTTP.
    #[must_use]
    pub fn garbage() -> Self {
        Self::of(Effect::Garbage)
    }

    /// Announces so many bytes more than come.
    #[must_use]
    pub fn announce_extra(extra_bytes: u64) -> Self {
        Self::of(Effect::Announce(Announce { extra_bytes }))
    }

    /// Announces a body of some 9 million gigabytes.
    #[must_use]
    pub fn announce_huge() -> Self {
        Self::announce_extra(MOST_EXTRA)
    }

    /// Waits before the answer, as long as `latency` says.
    #[must_use]
    pub fn latency(latency: Latency) -> Self {
        Self::of(Effect::Latency(latency))
    }

    /// Waits this long before the answer.
    #[must_use]
    pub fn latency_ms(milliseconds: u32) -> Self {
        Self::latency(Latency::FixedMs(milliseconds))
    }

    /// Wears off after it was applied `times` times.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    /// Only for this share of the requests.
    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Self { share, ..self }
    }

    /// Whether it is for everyone for as long as it is set.
    pub(super) fn is_unrestricted(&self) -> bool {
        self.share >= 1.0 && self.times.is_none()
    }
}
