//! What a status means for the policies, decided once.

use http::StatusCode;

use super::endpoint::AttemptEnd;
use super::transport::TransportError;
use super::{Code, ErrorKind, Response};

/// The classes of answer that policies tell apart. Finagle's response classifier is the model: one decision,
/// read by every policy alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseClass {
    /// 2xx: the body is to be decoded.
    Success,
    /// 404 or 410: the service works, the thing asked for is not there.
    NotFound,
    /// 429: the service works and has too much to do.
    Throttled,
    /// 5xx, or 408 (the service did not get our request in time): it does not work just now.
    Unavailable,
    /// Any other 4xx: the service refuses what we asked; asking again will not help.
    Refused,
    /// The service says that it had too little time. Only gRPC says so: a 504 may be anybody's.
    TimedOut,
    /// 1xx, 3xx and what is no status at all: not an answer to what was asked. Redirects are not followed.
    Unexpected,
}

impl ResponseClass {
    /// The class of `status`.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            200..=299 => Self::Success,
            404 | 410 => Self::NotFound,
            429 => Self::Throttled,
            408 | 500..=599 => Self::Unavailable,
            400..=499 => Self::Refused,
            _ => Self::Unexpected,
        }
    }

    /// The class of what a gRPC service says (grpc/doc/statuscodes.md).
    #[must_use]
    pub fn of_code(code: Code) -> Self {
        match code {
            Code::Ok => Self::Success,
            Code::NotFound => Self::NotFound,
            Code::ResourceExhausted => Self::Throttled,
            Code::DeadlineExceeded => Self::TimedOut,
            // Nobody here has cancelled: whoever does is not there to read it.
            Code::Cancelled
            | Code::Unknown
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss => Self::Unavailable,
            Code::InvalidArgument
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated => Self::Refused,
        }
    }

    /// The class of an answer, whatever protocol it came by.
    pub(super) fn of_response(response: &Response) -> Self {
        response
            .code
            .map_or_else(|| Self::of(response.status), Self::of_code)
    }
}

/// What it means that no whole answer came: for whoever asked, and for the endpoint.
pub(super) fn of_transport(error: &TransportError) -> (ErrorKind, AttemptEnd) {
    match error {
        TransportError::CutShort(_) | TransportError::Invalid(_) => (
            ErrorKind::InvalidResponse,
            AttemptEnd::Failed { unreachable: false },
        ),
        TransportError::ConnectTimeout => (
            ErrorKind::Timeout,
            AttemptEnd::TimedOut { unreachable: true },
        ),
        TransportError::Connect(_) => (
            ErrorKind::Unavailable,
            AttemptEnd::Failed { unreachable: true },
        ),
        // Nobody's fault: it was idle for too long.
        TransportError::StaleConnection => (ErrorKind::Unavailable, AttemptEnd::Cancelled),
        TransportError::Disconnected(_) => (ErrorKind::Unavailable, AttemptEnd::Disconnected),
        TransportError::Reset(_) | TransportError::Unprocessed(_) => (
            ErrorKind::Unavailable,
            AttemptEnd::Failed { unreachable: false },
        ),
    }
}

impl TransportError {
    /// Whether nothing of the request can have been received.
    pub(super) fn is_before_sending(&self) -> bool {
        matches!(
            self,
            Self::Connect(_) | Self::ConnectTimeout | Self::Unprocessed(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    const ALL: [(i32, ResponseClass); 17] = [
        (0, ResponseClass::Success),
        (1, ResponseClass::Unavailable),
        (2, ResponseClass::Unavailable),
        (3, ResponseClass::Refused),
        (4, ResponseClass::TimedOut),
        (5, ResponseClass::NotFound),
        (6, ResponseClass::Refused),
        (7, ResponseClass::Refused),
        (8, ResponseClass::Throttled),
        (9, ResponseClass::Refused),
        (10, ResponseClass::Refused),
        (11, ResponseClass::Refused),
        (12, ResponseClass::Refused),
        (13, ResponseClass::Unavailable),
        (14, ResponseClass::Unavailable),
        (15, ResponseClass::Unavailable),
        (16, ResponseClass::Refused),
    ];

    #[test]
    fn every_code_has_a_class() {
        for (number, class) in ALL {
            let code = Code::of(number);
            assert_eq!(ResponseClass::of_code(code), class, "{code}");
        }
        for number in [-1, 17, i32::MIN, i32::MAX] {
            let class = ResponseClass::of_code(Code::of(number));
            assert_eq!(class, ResponseClass::Unavailable, "{number}");
        }
    }

    /// Where the code says less than the status that stands for it: 501 is a fault that may pass, and 504 anybody's.
    #[test]
    fn a_code_counts_before_the_status_that_stands_for_it() {
        for (number, class) in ALL {
            let code = Code::of(number);
            let response = Response {
                status: code.http_status(),
                code: Some(code),
                headers: HeaderMap::new(),
                body: Bytes::new(),
            };
            assert_eq!(ResponseClass::of_response(&response), class, "{code}");
            let over_http = Response {
                code: None,
                ..response
            };
            let differs = matches!(code, Code::DeadlineExceeded | Code::Unimplemented);
            let same = ResponseClass::of_response(&over_http) == class;
            assert_eq!(same, !differs, "{code}");
        }
    }
}
