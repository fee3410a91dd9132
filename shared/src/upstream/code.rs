//! What a gRPC service says of how a call went.

use std::fmt;

use http::StatusCode;

/// The status codes of gRPC (grpc/doc/statuscodes.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// It went well.
    Ok,
    /// It was given up, as a rule by whoever had asked.
    Cancelled,
    /// Something failed, and nobody says what; also every number that is no code.
    Unknown,
    /// What was asked for makes no sense, whatever the state of the service is.
    InvalidArgument,
    /// There was not enough time.
    DeadlineExceeded,
    /// There is no such thing.
    NotFound,
    /// There is one already.
    AlreadyExists,
    /// Whoever asks may not.
    PermissionDenied,
    /// There is too much to do, or too little left of something.
    ResourceExhausted,
    /// The thing is in no state for it.
    FailedPrecondition,
    /// Somebody else was faster.
    Aborted,
    /// What was asked for lies beyond the end.
    OutOfRange,
    /// There is no such method.
    Unimplemented,
    /// A fault of the service's own.
    Internal,
    /// It does not work just now.
    Unavailable,
    /// Data is gone.
    DataLoss,
    /// Nobody knows who asks.
    Unauthenticated,
}

impl Code {
    const ALL: [Self; 17] = [
        Self::Ok,
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The code with this number.
    #[must_use]
    pub fn of(number: i32) -> Self {
        let index = usize::try_from(number).ok();
        let code = index.and_then(|index| Self::ALL.get(index));
        code.copied().unwrap_or(Self::Unknown)
    }

    /// Its name as gRPC writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::DataLoss => "DATA_LOSS",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    /// The HTTP status that says nearly the same (google/rpc/code.proto).
    #[must_use]
    pub fn http_status(self) -> StatusCode {
        match self {
            Self::Ok => StatusCode::OK,
            Self::InvalidArgument | Self::FailedPrecondition | Self::OutOfRange => {
                StatusCode::BAD_REQUEST
            }
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::AlreadyExists | Self::Aborted => StatusCode::CONFLICT,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            // 499 has no name in HTTP, and is no answer of a service's in any case.
            Self::Cancelled | Self::Unknown | Self::Internal | Self::DataLoss => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_code() {
        for (number, code) in (0..).zip(Code::ALL) {
            assert_eq!(Code::of(number), code);
            assert_eq!(code as i32, number);
        }
        for number in [-1, 17, i32::MAX] {
            assert_eq!(Code::of(number), Code::Unknown);
        }
    }
}
