//! What a client is told when it gets no answer: problem details (RFC 9457).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::RequestId;
use crate::upstream::{Error, ErrorKind};

/// The media type of a problem.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// A request that is not answered as asked. Its `Display` is for logs.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    // Boxed, since few have one and every `Result` of a route has room for it.
    allow: Option<Box<HeaderValue>>,
    source: Option<Box<FailedSource>>,
    errors: Vec<FieldError>,
}

/// What is wrong with one field of a request, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field: a parameter's or header's name, or the path of a member of the body, as in `lines[0].quantity`.
    pub field: String,
    /// What is wrong with it, and what is allowed.
    pub detail: String,
}

/// The source that a required answer failed on, for the access line.
#[derive(Debug, Clone)]
pub(super) struct FailedSource {
    pub(super) name: Cow<'static, str>,
    pub(super) kind: ErrorKind,
    pub(super) detail: Box<str>,
}

/// A problem as it stands in a body (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// A URI that names the kind of problem; it identifies, and cannot be fetched.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in words; always the same for a code.
    title: &'a str,
    /// The status of the answer, again.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What was wrong this time, and what is allowed.
    detail: &'a str,
    /// The kind of problem for programs: stable.
    code: &'a str,
    /// The request's id, as in the header `X-Request-Id`.
    request_id: &'a str,
    /// Everything that is wrong with the request, field by field; only where there are fields to blame.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
}

impl ProblemBody<'_> {
    pub(super) fn title(&self) -> &str {
        self.title
    }
}

impl Problem {
    /// A problem of the kind `code`, which `title` puts in words; `detail` says what was wrong this time.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            title,
            detail: detail.into(),
            retry_after: None,
            allow: None,
            source: None,
            errors: Vec::new(),
        }
    }

    /// Input that is not what it has to be: every fault of it at once.
    #[must_use]
    pub fn invalid_input(errors: Vec<FieldError>) -> Self {
        let fields: Vec<_> = errors.iter().map(|error| &*error.field).collect();
        let detail = format!("Not valid: {}.", fields.join(", "));
        let problem = Self::new(
            StatusCode::BAD_REQUEST,
            "invalidInput",
            "The input is not valid",
            detail,
        );
        Self { errors, ..problem }
    }

    /// What a client is told when the required source `name` brought nothing. Nothing of the upstream's own text,
    /// host or address is in it.
    #[must_use]
    pub fn upstream(name: &'static str, error: &Error) -> Self {
        let problem = Self::of_kind(name, error.kind());
        let problem = match error.retry_after() {
            Some(after) if problem.status == StatusCode::SERVICE_UNAVAILABLE => {
                problem.retry_after(after)
            }
            _ => problem,
        };
        let source = FailedSource {
            name: name.into(),
            kind: error.kind(),
            detail: error.detail().into(),
        };
        Self {
            source: Some(Box::new(source)),
            ..problem
        }
    }

    /// What a client is told whose request was to be passed on and was not answered.
    pub(super) fn passed_on(error: &Error) -> Self {
        let problem = Self::upstream("answer", error);
        let source = problem.source.map(|source| FailedSource {
            name: error.upstream().to_owned().into(),
            ..*source
        });
        Self {
            source: source.map(Box::new),
            ..problem
        }
    }

    /// The request as a whole is refused; `detail` says what is wrong with it.
    pub(super) fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            detail: detail.into(),
            ..Self::of_status(StatusCode::BAD_REQUEST)
        }
    }

    /// The body has more bytes than `most`.
    pub(super) fn body_too_large(most: u32) -> Self {
        Self {
            detail: format!("A body has at most {most} bytes here.").into(),
            ..Self::of_status(StatusCode::PAYLOAD_TOO_LARGE)
        }
    }

    /// The path has `what` in it, which readers do not agree upon.
    pub(super) fn invalid_path(what: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalidPath",
            "The path is not valid",
            format!("The path has {what} in it, which services understand differently."),
        )
    }

    /// Everything that a client may be told when it needs the source `name`, but for "not found", which a BFF puts in
    /// words of its own: for its documentation.
    #[must_use]
    pub fn of_required(name: &'static str) -> Vec<Self> {
        let kinds = [
            ErrorKind::Timeout,
            ErrorKind::Overloaded,
            ErrorKind::Unavailable,
            ErrorKind::InvalidResponse,
        ];
        kinds.map(|kind| Self::of_kind(name, kind)).into()
    }

    /// What a client is told when the required source `name` failed in this way.
    #[must_use]
    pub fn of_kind(name: &'static str, kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NotFound => Self::new(
                StatusCode::NOT_FOUND,
                "notFound",
                "Not found",
                format!("There is no such {name}."),
            ),
            ErrorKind::Timeout => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "upstreamTimeout",
                "A service did not answer in time",
                format!("The {name} could not be had before the deadline."),
            ),
            ErrorKind::Overloaded => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "upstreamOverloaded",
                "A service has too much to do",
                format!("The {name} cannot be had just now: too many requests."),
            )
            .retry_after(Duration::from_secs(1)),
            ErrorKind::Unavailable | ErrorKind::CircuitOpen => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "upstreamUnavailable",
                "A service cannot be reached",
                format!("The {name} cannot be had just now."),
            ),
            ErrorKind::InvalidResponse => Self::new(
                StatusCode::BAD_GATEWAY,
                "upstreamInvalidResponse",
                "A service gave no usable answer",
                format!("The {name} could not be read from what the service answered."),
            ),
        }
    }

    /// The problem behind a status that something else than a route chose.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::new(
                status,
                "badRequest",
                "The request cannot be read",
                "The request is malformed.",
            ),
            404 => Self::unknown_path("Nothing was found under this path."),
            405 => Self::new(
                status,
                "methodNotAllowed",
                "The method is not allowed here",
                "The header Allow lists the methods that are.",
            ),
            408 => Self::new(
                status,
                "requestTimeout",
                "The request came too slowly",
                "Send the request without pauses.",
            ),
            413 => Self::new(
                status,
                "bodyTooLarge",
                "The body is too large",
                "A body has at most 64 KiB.",
            ),
            500..=599 => Self {
                status,
                ..Self::internal()
            },
            _ => Self::new(
                status,
                "badRequest",
                "The request cannot be answered",
                "The request is not acceptable.",
            ),
        }
    }

    /// The path leads nowhere; `listed` says where those that do are found.
    pub(super) fn unknown_path(listed: &'static str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknownPath",
            "There is nothing at this path",
            listed,
        )
    }

    /// The path exists, for other methods, which `allow` lists.
    pub(super) fn method_not_allowed(allow: HeaderValue) -> Self {
        let allowed = allow.to_str().unwrap_or_default();
        let detail = format!("This path allows {allowed}.");
        let problem = Self {
            detail: detail.into(),
            ..Self::of_status(StatusCode::METHOD_NOT_ALLOWED)
        };
        Self {
            allow: Some(Box::new(allow)),
            ..problem
        }
    }

    /// As many requests are in flight as the server takes at once.
    pub(super) fn overloaded(limit: usize) -> Self {
        let problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "The gateway has too much to do",
            "More requests are in flight than can be answered well.",
        )
        .retry_after(Duration::from_secs(1));
        // The access line names what has failed: here the server itself.
        let source = FailedSource {
            name: "server".into(),
            kind: ErrorKind::Overloaded,
            detail: format!("{limit} requests are in flight, as many as max_requests allows")
                .into(),
        };
        Self {
            source: Some(Box::new(source)),
            ..problem
        }
    }

    /// A fault of our own.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "An error inside the gateway",
            "The request failed for a reason inside the gateway. The request id finds it in the log.",
        )
    }

    /// The same problem with another code, title and detail: what a domain knows better.
    #[must_use]
    pub fn described(
        self,
        code: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code,
            title,
            detail: detail.into(),
            ..self
        }
    }

    /// The same problem, whose detail says this too.
    #[must_use]
    pub fn adding(self, sentence: &str) -> Self {
        let detail = format!("{} {sentence}", self.detail).into();
        Self { detail, ..self }
    }

    /// The same problem with a `Retry-After`, in whole seconds rounded up.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..self
        }
    }

    /// What was wrong this time, and what is allowed.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Everything that is wrong with the input, field by field.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The required source that failed, and how.
    #[must_use]
    pub fn failed(&self) -> Option<(&str, ErrorKind)> {
        let source = self.source.as_deref()?;
        Some((&source.name, source.kind))
    }

    /// Whole seconds after which to ask again, rounded up: sooner would be too soon.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let after = self.retry_after?;
        Some(after.as_secs() + u64::from(after.subsec_nanos() > 0))
    }

    pub(super) fn source(&self) -> Option<&FailedSource> {
        self.source.as_deref()
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn says_when_to_retry(&self) -> bool {
        self.retry_after.is_some()
    }

    /// The kind of problem for programs: stable.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The body that a client gets.
    pub(super) fn body<'a>(&'a self, request_id: &'a str) -> ProblemBody<'a> {
        ProblemBody {
            kind: format!("urn:bff:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            request_id,
            errors: &self.errors,
        }
    }

    /// The whole answer, without the headers that every answer gets at the edge.
    pub(super) fn render(&self, request_id: &RequestId) -> HttpResponse {
        let body = self.body(request_id.as_str());
        let mut response = HttpResponseBuilder::new(self.status);
        response
            .insert_header((CONTENT_TYPE, PROBLEM_JSON))
            .insert_header((CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.retry_after_seconds() {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, HeaderValue::clone(allow)));
        }
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        // The edge renders the body: only there the request's id is known.
        HttpResponse::new(self.status)
    }
}
