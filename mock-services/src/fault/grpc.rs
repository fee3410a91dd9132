//! What can be done to gRPC calls alone.

use h2::Reason;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tonic::{Code, Status};

use super::{
    Effect, Fault,
    check::{Errors, Fields, MOST_MS, one_of_names},
};
use crate::grpc::push_back;

/// A status other than `OK`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcStatus {
    /// By its name in the JSON, as in `UNAVAILABLE`.
    #[serde(serialize_with = "code_name")]
    pub code: Code,
    /// Sent as `grpc-message`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Sent as `grpc-retry-pushback-ms`: how long to wait before the next attempt, or, if it is below 0,
    /// that there shall be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_pushback_ms: Option<i32>,
}

/// What is wrong with an answer whose message is sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum GrpcAnswer {
    /// Ends after the message, without trailers and so without a status.
    NoTrailers,
    /// Goes silent after the message: neither trailers nor an end.
    LateTrailers,
    /// `OK` without a message.
    NoMessage,
    /// The message twice.
    TwoMessages,
    /// Its length says more than comes.
    CutMessage,
    /// Said to be compressed, and not said how.
    Compressed,
    /// Eight mebibytes longer by a field that nobody knows, twice what clients take unless told otherwise.
    Large,
}

/// How a call and its connection end, which a `GOAWAY` announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum GoAway {
    /// The call is refused with `RST_STREAM` and `REFUSED_STREAM`: it can be made again elsewhere.
    Refused,
    /// The connection closes with the call unanswered, and nobody can tell what became of it.
    Lost,
    /// The call is answered, and the connection closes after it.
    Answered,
}

const CODES: [(&str, Code); 16] = [
    ("CANCELLED", Code::Cancelled),
    ("UNKNOWN", Code::Unknown),
    ("INVALID_ARGUMENT", Code::InvalidArgument),
    ("DEADLINE_EXCEEDED", Code::DeadlineExceeded),
    ("NOT_FOUND", Code::NotFound),
    ("ALREADY_EXISTS", Code::AlreadyExists),
    ("PERMISSION_DENIED", Code::PermissionDenied),
    ("RESOURCE_EXHAUSTED", Code::ResourceExhausted),
    ("FAILED_PRECONDITION", Code::FailedPrecondition),
    ("ABORTED", Code::Aborted),
    ("OUT_OF_RANGE", Code::OutOfRange),
    ("UNIMPLEMENTED", Code::Unimplemented),
    ("INTERNAL", Code::Internal),
    ("UNAVAILABLE", Code::Unavailable),
    ("DATA_LOSS", Code::DataLoss),
    ("UNAUTHENTICATED", Code::Unauthenticated),
];

/// Those that a stream can be reset with.
const REASONS: [(&str, Reason); 14] = [
    ("NO_ERROR", Reason::NO_ERROR),
    ("PROTOCOL_ERROR", Reason::PROTOCOL_ERROR),
    ("INTERNAL_ERROR", Reason::INTERNAL_ERROR),
    ("FLOW_CONTROL_ERROR", Reason::FLOW_CONTROL_ERROR),
    ("SETTINGS_TIMEOUT", Reason::SETTINGS_TIMEOUT),
    ("STREAM_CLOSED", Reason::STREAM_CLOSED),
    ("FRAME_SIZE_ERROR", Reason::FRAME_SIZE_ERROR),
    ("REFUSED_STREAM", Reason::REFUSED_STREAM),
    ("CANCEL", Reason::CANCEL),
    ("COMPRESSION_ERROR", Reason::COMPRESSION_ERROR),
    ("CONNECT_ERROR", Reason::CONNECT_ERROR),
    ("ENHANCE_YOUR_CALM", Reason::ENHANCE_YOUR_CALM),
    ("INADEQUATE_SECURITY", Reason::INADEQUATE_SECURITY),
    ("HTTP_1_1_REQUIRED", Reason::HTTP_1_1_REQUIRED),
];

const ANSWERS: [(&str, GrpcAnswer); 7] = [
    ("noTrailers", GrpcAnswer::NoTrailers),
    ("lateTrailers", GrpcAnswer::LateTrailers),
    ("noMessage", GrpcAnswer::NoMessage),
    ("twoMessages", GrpcAnswer::TwoMessages),
    ("cutMessage", GrpcAnswer::CutMessage),
    ("compressed", GrpcAnswer::Compressed),
    ("large", GrpcAnswer::Large),
];

const GO_AWAYS: [(&str, GoAway); 3] = [
    ("refused", GoAway::Refused),
    ("lost", GoAway::Lost),
    ("answered", GoAway::Answered),
];

/// What stands in the JSON for the effects on calls alone.
pub(super) const EFFECTS: [&str; 4] = ["grpcStatus", "grpcAnswer", "rstStream", "goAway"];

fn name_in<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    let known = names.iter().find(|(_, known)| *known == value);
    known.map_or("unknown", |(name, _)| *name)
}

fn code_name<S: Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name_in(&CODES, *code))
}

pub(super) fn reason_name<S: Serializer>(
    reason: &Reason,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name_in(&REASONS, *reason))
}

/// The effect on calls alone, if the fault has one.
pub(super) fn read(fields: &Fields<'_>, place: &str, errors: &mut Errors) -> Option<Effect> {
    let status = (fields.values.get("grpcStatus")).and_then(|value| status(place, value, errors));
    let answer = one_of_names(fields, "grpcAnswer", &ANSWERS, errors);
    let reason = one_of_names(fields, "rstStream", &REASONS, errors);
    let go_away = one_of_names(fields, "goAway", &GO_AWAYS, errors);
    (status.map(Effect::GrpcStatus))
        .or(answer.map(Effect::GrpcAnswer))
        .or(reason.map(Effect::RstStream))
        .or(go_away.map(Effect::GoAway))
}

fn status(place: &str, value: &Value, errors: &mut Errors) -> Option<GrpcStatus> {
    let place = format!("{place}.grpcStatus");
    let known = ["code", "message", "retryPushbackMs"];
    let fields = Fields::of(&place, value, &known, errors)?;
    if !fields.values.contains_key("code") {
        errors.push(format!("{place}.code is missing"));
    }
    let code = one_of_names(&fields, "code", &CODES, errors);
    let message = fields.optional("message", "a text", errors, Value::as_str);
    let pushback = "a whole number from -1 to 60000";
    let retry_pushback_ms = fields.optional("retryPushbackMs", pushback, errors, |value| {
        let milliseconds = i32::try_from(value.as_i64()?).ok()?;
        let most = i32::try_from(MOST_MS).ok()?;
        (-1..=most).contains(&milliseconds).then_some(milliseconds)
    });
    Some(GrpcStatus {
        code: code?,
        message: message.map(str::to_owned),
        retry_pushback_ms,
    })
}

impl GrpcStatus {
    /// As it is sent.
    pub(crate) fn status(&self) -> Status {
        let message = self.message.as_deref();
        let mut status = Status::new(
            self.code,
            message.unwrap_or("a fault was set for this call"),
        );
        if let Some(milliseconds) = self.retry_pushback_ms {
            push_back(&mut status, milliseconds);
        }
        status
    }
}

impl Fault {
    /// Answers a gRPC call with this code.
    #[must_use]
    pub fn grpc(code: Code) -> Self {
        Self::grpc_status(GrpcStatus {
            code,
            message: None,
            retry_pushback_ms: None,
        })
    }

    /// Answers a gRPC call with this code, and says how long to wait before the next attempt.
    #[must_use]
    pub fn grpc_pushback(code: Code, milliseconds: i32) -> Self {
        Self::grpc_status(GrpcStatus {
            code,
            message: None,
            retry_pushback_ms: Some(milliseconds),
        })
    }

    /// Answers a gRPC call with this status.
    #[must_use]
    pub fn grpc_status(status: GrpcStatus) -> Self {
        Self::of(Effect::GrpcStatus(status))
    }

    /// Answers a gRPC call in a way that no server should.
    #[must_use]
    pub fn grpc_answer(answer: GrpcAnswer) -> Self {
        Self::of(Effect::GrpcAnswer(answer))
    }

    /// Resets the stream of a gRPC call.
    #[must_use]
    pub fn rst_stream(reason: Reason) -> Self {
        Self::of(Effect::RstStream(reason))
    }

    /// Ends the connection of a gRPC call.
    #[must_use]
    pub fn go_away(how: GoAway) -> Self {
        Self::of(Effect::GoAway(how))
    }
}
