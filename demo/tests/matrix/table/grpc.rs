//! What can go wrong with services that speak gRPC.

use mock_services::fault::{BodyFault, Code, Fault as Failing, GoAway, GrpcAnswer, Reason};
use mock_services::proxy::ProxyFault;

use super::{A_MINUTE, Fault, Groups, REFUSES, Sign, proxy, service};

/// What [`RETRY_AFTER`](super::RETRY_AFTER) is in milliseconds.
const PUSHBACK: i32 = 30_000;

/// Of gRPC over HTTP/2.
pub(super) const GROUPS: Groups = &[
    ("Nobody there", NOBODY),
    ("Silence", SILENCE),
    ("Half an answer", HALF),
    ("Another answer", ANOTHER),
    ("A status", STATUS),
];

const NOBODY: &[Fault] = &[
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
    // Half of a frame is as good as nothing.
    proxy(
        "resets within the head",
        Sign::Unavailable,
        ProxyFault::reset_mid_head,
    ),
    service("`GOAWAY`, refuses the call", Sign::Unavailable, || {
        Failing::go_away(GoAway::Refused)
    }),
    service("`GOAWAY`, loses the call", Sign::Unavailable, || {
        Failing::go_away(GoAway::Lost)
    }),
    service("`RST_STREAM`: `REFUSED_STREAM`", Sign::Unavailable, || {
        Failing::rst_stream(Reason::REFUSED_STREAM)
    }),
    service("`RST_STREAM`: `INTERNAL_ERROR`", Sign::Unavailable, || {
        Failing::rst_stream(Reason::INTERNAL_ERROR)
    }),
    service("`RST_STREAM`: `CANCEL`", Sign::Unavailable, || {
        Failing::rst_stream(Reason::CANCEL)
    }),
];

const SILENCE: &[Fault] = &[
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
    service("hangs by itself", Sign::Silent, Failing::hang),
    service("works for too long", Sign::Silent, || {
        Failing::latency_ms(A_MINUTE)
    }),
    service("hangs after the message", Sign::Silent, || {
        Failing::grpc_answer(GrpcAnswer::LateTrailers)
    }),
];

const HALF: &[Fault] = &[
    proxy(
        "resets after the head",
        Sign::CutShort,
        ProxyFault::reset_after_head,
    ),
    proxy(
        "resets within the message",
        Sign::CutShort,
        ProxyFault::reset_mid_body,
    ),
    service("ends without trailers", Sign::Invalid, || {
        Failing::grpc_answer(GrpcAnswer::NoTrailers)
    }),
    service("cuts the message", Sign::Invalid, || {
        Failing::grpc_answer(GrpcAnswer::CutMessage)
    }),
];

const ANOTHER: &[Fault] = &[
    service("`GOAWAY` beside the answer", Sign::Harmless, || {
        Failing::go_away(GoAway::Answered)
    }),
    proxy("sends what is no HTTP", Sign::Invalid, ProxyFault::garbage),
    service("`OK` without a message", Sign::Invalid, || {
        Failing::grpc_answer(GrpcAnswer::NoMessage)
    }),
    service("two messages", Sign::Invalid, || {
        Failing::grpc_answer(GrpcAnswer::TwoMessages)
    }),
    service("a message compressed unasked", Sign::Invalid, || {
        Failing::grpc_answer(GrpcAnswer::Compressed)
    }),
    service("a larger message than is read", Sign::Invalid, || {
        Failing::grpc_answer(GrpcAnswer::Large)
    }),
    service("bytes that are no message", Sign::Invalid, || {
        Failing::body(BodyFault::Malformed)
    }),
    service("a message of another kind", Sign::Invalid, || {
        Failing::body(BodyFault::WrongShape)
    }),
    service("a record not asked for", Sign::Invalid, || {
        Failing::body(BodyFault::WrongId)
    }),
    service("an empty message", Sign::Invalid, || {
        Failing::body(BodyFault::Empty)
    }),
    service("HTTP 200 with HTML", Sign::Invalid, || {
        Failing::body(BodyFault::Html)
    }),
    service("HTTP 503 without gRPC", Sign::Unavailable, || {
        Failing::status(503)
    }),
];

const STATUS: &[Fault] = &[
    service("`UNAVAILABLE`", Sign::Unavailable, || {
        Failing::grpc(Code::Unavailable)
    }),
    service("`INTERNAL`", Sign::Unavailable, || {
        Failing::grpc(Code::Internal)
    }),
    service("`UNKNOWN`", Sign::Unavailable, || {
        Failing::grpc(Code::Unknown)
    }),
    service("`CANCELLED`", Sign::Unavailable, || {
        Failing::grpc(Code::Cancelled)
    }),
    service("`DATA_LOSS`", Sign::Unavailable, || {
        Failing::grpc(Code::DataLoss)
    }),
    service(
        "`UNAVAILABLE`, pushback of 30 s",
        Sign::UnavailableForLong,
        || Failing::grpc_pushback(Code::Unavailable, PUSHBACK),
    ),
    service(
        "`UNAVAILABLE`, not to be repeated",
        Sign::UnavailableForGood,
        || Failing::grpc_pushback(Code::Unavailable, -1),
    ),
    service("`RESOURCE_EXHAUSTED`", Sign::Throttled, || {
        Failing::grpc(Code::ResourceExhausted)
    }),
    service("`DEADLINE_EXCEEDED`", Sign::OutOfTime, || {
        Failing::grpc(Code::DeadlineExceeded)
    }),
    service("`NOT_FOUND`", Sign::Missing, || {
        Failing::grpc(Code::NotFound)
    }),
    service("`PERMISSION_DENIED`", Sign::Refused, || {
        Failing::grpc(Code::PermissionDenied)
    }),
    service("`UNAUTHENTICATED`", Sign::Refused, || {
        Failing::grpc(Code::Unauthenticated)
    }),
    service("`INVALID_ARGUMENT`", Sign::Refused, || {
        Failing::grpc(Code::InvalidArgument)
    }),
    service("`UNIMPLEMENTED`", Sign::Refused, || {
        Failing::grpc(Code::Unimplemented)
    }),
];
