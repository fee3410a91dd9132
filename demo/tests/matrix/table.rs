//! The faults, and how each of them looks to whoever calls.

use mock_services::fault::{BodyFault, Fault as Failing};
use mock_services::proxy::{Cut, ProxyFault};

/// Longer than any deadline here.
const A_MINUTE: u32 = 60_000;

/// Seconds: longer than any deadline here.
pub(crate) const RETRY_AFTER: u64 = 30;

/// The fault under which no call gets as far as the instance.
pub(crate) const REFUSES: &str = "refuses connections";

/// Something that goes wrong with an instance.
#[derive(Debug)]
pub(crate) struct Fault {
    /// For people.
    pub(crate) name: &'static str,
    pub(crate) inflict: Inflict,
    pub(crate) sign: Sign,
}

/// Who does it.
#[derive(Debug)]
pub(crate) enum Inflict {
    /// The network, or whatever stands between.
    Proxy(fn() -> ProxyFault),
    /// The service itself.
    Service(fn() -> Failing),
}

/// How a fault looks to whoever calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// No connection, or none that lasts until an answer begins; or a 5xx.
    Unavailable,
    /// The same, with the wish not to be asked again for longer than the deadline.
    UnavailableForLong,
    /// Now the one, now nothing.
    NowAndThen,
    /// Too much to do (429).
    Throttled,
    /// No answer, or no end of it.
    Silent,
    /// An answer that is of no use.
    Invalid,
    /// Not at all: the answer is as good as any.
    Harmless,
}

impl Sign {
    /// What `sources` says of it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Unavailable | Self::UnavailableForLong | Self::NowAndThen => "unavailable",
            Self::Throttled => "overloaded",
            Self::Silent => "timeout",
            Self::Invalid => "invalidResponse",
            Self::Harmless => "",
        }
    }

    /// What stands in for an answer that needs it: status and code of the problem.
    pub(crate) fn problem(self) -> (u16, &'static str) {
        match self {
            Self::Unavailable | Self::UnavailableForLong | Self::NowAndThen => {
                (503, "upstreamUnavailable")
            }
            Self::Throttled => (503, "upstreamOverloaded"),
            Self::Silent => (504, "upstreamTimeout"),
            Self::Invalid => (502, "upstreamInvalidResponse"),
            Self::Harmless => (200, ""),
        }
    }

    /// The `Retry-After` of that problem.
    pub(crate) fn retry_after(self) -> Option<u64> {
        match self {
            Self::UnavailableForLong => Some(RETRY_AFTER),
            // Nothing was said: a second is what is always said then.
            Self::Throttled => Some(1),
            Self::Unavailable
            | Self::NowAndThen
            | Self::Silent
            | Self::Invalid
            | Self::Harmless => None,
        }
    }
}

const fn proxy(name: &'static str, sign: Sign, fault: fn() -> ProxyFault) -> Fault {
    Fault {
        name,
        inflict: Inflict::Proxy(fault),
        sign,
    }
}

const fn service(name: &'static str, sign: Sign, fault: fn() -> Failing) -> Fault {
    Fault {
        name,
        inflict: Inflict::Service(fault),
        sign,
    }
}

/// The faults under the headings that they are shown under.
pub(crate) const GROUPS: &[(&str, &[Fault])] = &[
    (
        "Nobody there",
        &[
            proxy(REFUSES, Sign::Unavailable, ProxyFault::refuse),
            proxy("comes and goes", Sign::NowAndThen, || {
                ProxyFault::flap_ms(20, 20)
            }),
            proxy(
                "resets after the request",
                Sign::Unavailable,
                ProxyFault::reset_after_request,
            ),
            proxy(
                "resets before the answer",
                Sign::Unavailable,
                ProxyFault::reset_before_head,
            ),
        ],
    ),
    (
        "Silence",
        &[
            proxy(
                "takes the request and hangs",
                Sign::Silent,
                ProxyFault::hang,
            ),
            proxy(
                "a black hole for requests",
                Sign::Silent,
                ProxyFault::black_hole_requests,
            ),
            proxy(
                "a black hole for answers",
                Sign::Silent,
                ProxyFault::black_hole_answers,
            ),
            proxy("answers too late", Sign::Silent, || {
                ProxyFault::latency_ms(A_MINUTE)
            }),
            proxy("drips a byte at a time", Sign::Silent, || {
                ProxyFault::drip_ms(200)
            }),
            proxy("announces more than it sends", Sign::Silent, || {
                ProxyFault::announce_extra(100)
            }),
            service("hangs by itself", Sign::Silent, Failing::hang),
            service("works for too long", Sign::Silent, || {
                Failing::latency_ms(A_MINUTE)
            }),
        ],
    ),
    (
        "Half an answer",
        &[
            proxy(
                "resets within the head",
                Sign::Invalid,
                ProxyFault::reset_mid_head,
            ),
            proxy(
                "resets after the head",
                Sign::Invalid,
                ProxyFault::reset_after_head,
            ),
            proxy(
                "resets within the body",
                Sign::Invalid,
                ProxyFault::reset_mid_body,
            ),
            proxy("cuts a body of known length", Sign::Invalid, || {
                ProxyFault::cut(Cut::Sized)
            }),
            proxy("cuts within a chunk", Sign::Invalid, || {
                ProxyFault::cut(Cut::InChunk)
            }),
            proxy("leaves out the last chunk", Sign::Invalid, || {
                ProxyFault::cut(Cut::BeforeLastChunk)
            }),
        ],
    ),
    (
        "Another answer",
        &[
            proxy("sends a 103 first", Sign::Harmless, ProxyFault::early_hints),
            proxy("sends what is no HTTP", Sign::Invalid, ProxyFault::garbage),
            proxy(
                "announces more than is read",
                Sign::Invalid,
                ProxyFault::announce_huge,
            ),
            service("JSON cut off", Sign::Invalid, || {
                Failing::body(BodyFault::Malformed)
            }),
            service("JSON of another shape", Sign::Invalid, || {
                Failing::body(BodyFault::WrongShape)
            }),
            service("a record not asked for", Sign::Invalid, || {
                Failing::body(BodyFault::WrongId)
            }),
            service("an empty body", Sign::Invalid, || {
                Failing::body(BodyFault::Empty)
            }),
            service("200 with HTML", Sign::Invalid, || {
                Failing::body(BodyFault::Html)
            }),
        ],
    ),
    (
        "An error",
        &[
            service("500", Sign::Unavailable, || Failing::status(500)),
            service("503", Sign::Unavailable, || Failing::status(503)),
            service("503, `Retry-After: 30`", Sign::UnavailableForLong, || {
                Failing::status_retry_after(503, RETRY_AFTER)
            }),
            service("429", Sign::Throttled, || Failing::status(429)),
        ],
    ),
];
