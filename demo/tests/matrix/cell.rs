//! One field of the matrix, and what is to come of it.

use std::fmt;
use std::ops::RangeInclusive;

use bff_shared::upstream::Protocol;

use crate::table::{Fault, Sign, groups};

/// Who fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Order,
    Customer,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Web,
    Mobile,
}

/// How many of the service's two instances fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    One,
    All,
}

/// What the cache holds of what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Nothing,
    Stale,
}

/// One field of the matrix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    /// What both services speak.
    pub(crate) protocol: Protocol,
    pub(crate) client: Client,
    pub(crate) fault: &'static Fault,
    pub(crate) service: Service,
    pub(crate) extent: Extent,
    pub(crate) kept: Kept,
}

/// What a client gets, and what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) status: u16,
    pub(crate) body: Body,
    /// Seconds.
    pub(crate) retry_after: Option<u64>,
    pub(crate) pace: Pace,
    /// To the service that fails.
    pub(crate) calls: Calls,
    /// To the other service.
    pub(crate) other_calls: u64,
    /// The fault may spare it: then it is complete.
    pub(crate) or_complete: bool,
}

/// The shape of a body, and what its `sources` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// The order and its customer, both fresh.
    Complete,
    /// Both are there, one is stale for this reason.
    Stale(Service, &'static str),
    /// A customer of `null` (web) or a label in place of the name (mobile), for this reason.
    NoCustomer(&'static str),
    /// A problem with this code.
    Problem(&'static str),
}

/// When the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As soon as it is known that nothing better can be had.
    AtOnce,
    /// When a second attempt, begun beside the first one, has answered.
    Hedge,
    /// When a fresh answer takes longer than it should, and an old one is at hand.
    Patience,
    /// At the deadline.
    Deadline,
}

/// Attempts, and how many of them were made beside a slow one.
#[derive(Debug, Clone, PartialEq, Eq, Copy)]
pub(crate) enum Calls {
    /// So many in all, hedges included.
    InAll(u64),
    /// So many one after the other, and so many hedges where the fault itself asks for them. A machine that is slow
    /// enough makes more.
    Series {
        least: u64,
        most: u64,
        hedges: Option<u64>,
    },
}

impl Calls {
    const NONE: Self = Self::InAll(0);

    /// The number for people.
    pub(crate) fn range(self) -> RangeInclusive<u64> {
        match self {
            Self::InAll(calls) => calls..=calls,
            Self::Series {
                least,
                most,
                hedges,
            } => {
                let hedges = hedges.unwrap_or_default();
                least + hedges..=most + hedges
            }
        }
    }
}

impl Cell {
    /// The whole matrix of a client, with services that speak this.
    pub(crate) fn all_of(protocol: Protocol, client: Client) -> Vec<Self> {
        let mut cells = Vec::new();
        for fault in groups(protocol).iter().flat_map(|(_, faults)| *faults) {
            for service in [Service::Order, Service::Customer] {
                for extent in [Extent::One, Extent::All] {
                    for kept in [Kept::Nothing, Kept::Stale] {
                        cells.push(Self {
                            protocol,
                            client,
                            fault,
                            service,
                            extent,
                            kept,
                        });
                    }
                }
            }
        }
        cells
    }

    /// Whether somebody has an answer.
    pub(crate) fn is_answered(&self) -> bool {
        let sign = self.fault.sign;
        sign == Sign::Harmless || (self.extent == Extent::One && !sign.is_final())
    }

    /// Whether all instances are left alone in the end.
    pub(crate) fn comes_to_open_circuits(&self) -> bool {
        self.extent == Extent::All && self.fault.sign.opens_circuits()
    }

    /// What is designed: the policy stack and the ladder in words, one rule for each dimension.
    pub(crate) fn expected(&self) -> Expected {
        let sign = self.fault.sign;
        let complete = Expected {
            status: 200,
            body: Body::Complete,
            retry_after: None,
            pace: if sign == Sign::Silent {
                Pace::Hedge
            } else {
                Pace::AtOnce
            },
            // The one that fails, and the other one.
            calls: match sign {
                Sign::NowAndThen => Calls::Series {
                    least: 1,
                    most: 2,
                    hedges: None,
                },
                Sign::Harmless => Calls::InAll(1),
                _ => Calls::InAll(2),
            },
            other_calls: 1,
            or_complete: false,
        };
        if self.is_answered() {
            return complete;
        }
        let of_use = match sign {
            // An answer like any other: nothing older takes its place.
            Sign::Missing => Kept::Nothing,
            _ => self.kept,
        };
        let expected = self.with_nobody_left(of_use, sign.reason());
        let (status, code) = sign.problem();
        Expected {
            status: if expected.status == 200 { 200 } else { status },
            body: match expected.body {
                Body::Problem(_) => Body::Problem(code),
                body => body,
            },
            retry_after: (expected.status != 200)
                .then(|| sign.retry_after())
                .flatten(),
            pace: match (sign, self.kept) {
                (Sign::Silent, Kept::Stale) => Pace::Patience,
                (Sign::Silent, Kept::Nothing) => Pace::Deadline,
                _ => Pace::AtOnce,
            },
            calls: self.calls_to_all(),
            or_complete: sign == Sign::NowAndThen,
            ..expected
        }
    }

    /// What is designed once every endpoint of the service is left alone.
    pub(crate) fn expected_open(&self) -> Expected {
        self.with_nobody_left(self.kept, "circuitOpen")
    }

    /// The ladder: stale, else left out or stood in for, else no answer.
    fn with_nobody_left(&self, kept: Kept, reason: &'static str) -> Expected {
        let (status, body) = match (kept, self.service) {
            (Kept::Stale, service) => (200, Body::Stale(service, reason)),
            (Kept::Nothing, Service::Customer) => (200, Body::NoCustomer(reason)),
            (Kept::Nothing, Service::Order) => (503, Body::Problem("upstreamUnavailable")),
        };
        Expected {
            status,
            body,
            // The breaker knows when it tries again: within its first second.
            retry_after: (status != 200).then_some(1),
            pace: Pace::AtOnce,
            calls: Calls::NONE,
            // The order says whose it is: without it nobody is asked for the customer.
            other_calls: u64::from(status == 200),
            or_complete: false,
        }
    }

    fn calls_to_all(&self) -> Calls {
        // A pooled connection that turns out to be closed costs one more.
        let pooled = u64::from(self.fault.closes_connections());
        let between = |least, most| Calls::Series {
            least,
            most,
            hedges: None,
        };
        match self.fault.sign {
            // One attempt and two repeats.
            Sign::Unavailable => between(3, 3 + pooled),
            Sign::Throttled | Sign::Invalid | Sign::OutOfTime => between(3, 3),
            // The first connection that ends has a repeat of its own.
            Sign::CutShort => between(4, 4),
            Sign::UnavailableForGood | Sign::Refused | Sign::Missing | Sign::Harmless => {
                between(1, 1)
            }
            Sign::NowAndThen => between(1, 3 + pooled),
            // The other instance is asked at once, and the first one not again before it wants to be.
            Sign::UnavailableForLong => between(2, 2),
            // Each takes all of its time: for the third there is little left. Both instances hang: one hedge.
            Sign::Silent => Calls::Series {
                least: 2,
                most: 3,
                hedges: Some(1),
            },
        }
    }
}

impl Service {
    /// As it stands in `sources`.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Customer => "customer",
        }
    }

    /// As it stands in the settings.
    pub(crate) fn upstream(self) -> &'static str {
        match self {
            Self::Order => "orders",
            Self::Customer => "customers",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Order => Self::Customer,
            Self::Customer => Self::Order,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            protocol,
            client,
            fault,
            service,
            extent,
            kept,
        } = self;
        write!(
            f,
            "{protocol:?}/{client:?}/{service:?}/{}/{extent:?}/{kept:?}",
            fault.name
        )
    }
}
