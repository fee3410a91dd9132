//! The faults, and how each of them looks to whoever calls.

mod grpc;
mod http;

use bff_shared::upstream::Protocol;
use mock_services::fault::{Effect, Fault as Failing};
use mock_services::proxy::ProxyFault;

/// Longer than any deadline here, in milliseconds.
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
    /// An answer whose connection ends within it.
    CutShort,
    /// An answer that is of no use.
    Invalid,
    /// The service says that it does not work, and that it is not to be asked again, wherever that may be (gRFC A6).
    UnavailableForGood,
    /// The service says that it had too little time.
    OutOfTime,
    /// The service says that the request is none: a further one would be none either, wherever it is made.
    Refused,
    /// The service says that there is no such thing.
    Missing,
    /// Not at all: the answer is as good as any.
    Harmless,
}

impl Sign {
    /// What `sources` says of it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Unavailable
            | Self::UnavailableForLong
            | Self::UnavailableForGood
            | Self::NowAndThen => "unavailable",
            Self::Throttled => "overloaded",
            Self::Silent | Self::OutOfTime => "timeout",
            Self::CutShort | Self::Invalid | Self::Refused => "invalidResponse",
            Self::Missing => "notFound",
            Self::Harmless => "",
        }
    }

    /// What stands in for an answer that needs it: status and code of the problem.
    pub(crate) fn problem(self) -> (u16, &'static str) {
        match self {
            Self::Unavailable
            | Self::UnavailableForLong
            | Self::UnavailableForGood
            | Self::NowAndThen => (503, "upstreamUnavailable"),
            Self::Throttled => (503, "upstreamOverloaded"),
            Self::Silent | Self::OutOfTime => (504, "upstreamTimeout"),
            Self::CutShort | Self::Invalid | Self::Refused => (502, "upstreamInvalidResponse"),
            Self::Missing => (404, "orderNotFound"),
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
            | Self::UnavailableForGood
            | Self::NowAndThen
            | Self::Silent
            | Self::OutOfTime
            | Self::CutShort
            | Self::Invalid
            | Self::Refused
            | Self::Missing
            | Self::Harmless => None,
        }
    }

    /// Whether nobody else is asked after it, though somebody else may be well.
    pub(crate) fn is_final(self) -> bool {
        matches!(
            self,
            Self::UnavailableForGood | Self::Refused | Self::Missing
        )
    }

    /// Whether it is held against the instance, which is left alone in the end.
    pub(crate) fn opens_circuits(self) -> bool {
        // The first three work: what was asked is what was wrong, or the time that was given for it.
        !matches!(
            self,
            Self::OutOfTime | Self::Refused | Self::Missing | Self::NowAndThen | Self::Harmless
        )
    }
}

impl Fault {
    /// Whether connections end by it, so that one that is kept turns out to be closed.
    pub(crate) fn closes_connections(&self) -> bool {
        match self.inflict {
            Inflict::Proxy(_) => true,
            Inflict::Service(fault) => matches!(fault().effect, Effect::GoAway(_)),
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

/// Faults under the headings that they are shown under.
pub(crate) type Groups = &'static [(&'static str, &'static [Fault])];

/// The faults of services that speak this.
pub(crate) fn groups(protocol: Protocol) -> Groups {
    match protocol {
        Protocol::Http => http::GROUPS,
        Protocol::Grpc => grpc::GROUPS,
    }
}
