//! What can go wrong with services that speak HTTP.

use mock_services::fault::{BodyFault, Fault as Failing};
use mock_services::proxy::{Cut, ProxyFault};

use super::{A_MINUTE, Groups, REFUSES, RETRY_AFTER, Sign, proxy, service};

/// Of HTTP/1.1.
pub(super) const GROUPS: Groups = &[
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
                Sign::CutShort,
                ProxyFault::reset_mid_head,
            ),
            proxy(
                "resets after the head",
                Sign::CutShort,
                ProxyFault::reset_after_head,
            ),
            proxy(
                "resets within the body",
                Sign::CutShort,
                ProxyFault::reset_mid_body,
            ),
            proxy("cuts a body of known length", Sign::CutShort, || {
                ProxyFault::cut(Cut::Sized)
            }),
            proxy("cuts within a chunk", Sign::CutShort, || {
                ProxyFault::cut(Cut::InChunk)
            }),
            proxy("leaves out the last chunk", Sign::CutShort, || {
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
