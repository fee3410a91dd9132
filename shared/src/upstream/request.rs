//! What is asked of an upstream.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use twox_hash::XxHash3_64;

use super::Deadline;

/// A request to a service, owned and independent of the transport that carries it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method (RFC 9110, section 9).
    pub method: Method,
    /// The target in origin form: an absolute path with an optional query, already encoded.
    pub target: String,
    /// Headers of this request alone; what every request carries comes from the [`Context`].
    pub headers: HeaderMap,
    /// The body; empty for a request without one.
    pub body: Bytes,
    /// Statuses that answer this request though they are no success.
    pub(super) answers: &'static [u16],
    /// Whether a key in it makes the service act once, however often it is sent.
    pub(super) has_key: bool,
    /// Whether it only reads, whatever its method is.
    reads: bool,
    pub(super) tag: Option<Tag>,
}

/// What cached answers are forgotten by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u64);

impl Tag {
    pub(super) fn of(name: &str) -> Self {
        Self(XxHash3_64::oneshot(name.as_bytes()))
    }
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

impl Request {
    /// A GET of `target`.
    #[must_use]
    pub fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    /// A request without headers and body.
    #[must_use]
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            answers: &[],
            has_key: false,
            reads: false,
            tag: None,
        }
    }

    /// A call of the gRPC method `path`, as in `/package.Service/Method`, with an encoded message. Nothing is known of its
    /// effects: such a call is neither repeated nor kept.
    #[must_use]
    pub fn rpc(path: &'static str, message: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, path).with_body(message)
    }

    /// The same call, which has no side effects: it may be repeated, hedged, kept and shared as a GET is. The protobuf
    /// option `idempotency_level = NO_SIDE_EFFECTS` says so of a method.
    #[must_use]
    pub fn without_side_effects(self) -> Self {
        Self {
            reads: true,
            ..self
        }
    }

    /// The same call, with a key in its message that makes the service act once, so that it may be repeated.
    #[must_use]
    pub fn with_key_inside(self) -> Self {
        Self {
            has_key: true,
            ..self
        }
    }

    /// The same request with `body`.
    #[must_use]
    pub fn with_body(self, body: impl Into<Bytes>) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    /// The same request with `Idempotency-Key: key` (draft-ietf-httpapi-idempotency-key-header): the service acts on it
    /// once, so that it may be repeated whatever its method is.
    #[must_use]
    pub fn with_idempotency_key(mut self, key: HeaderValue) -> Self {
        self.headers.insert(IDEMPOTENCY_KEY, key);
        self.has_key = true;
        self
    }

    /// The same request, answered by `statuses` too: an answer with one of them is decoded, like a success, and is no
    /// failure of the service.
    #[must_use]
    pub fn answered_by(self, statuses: &'static [u16]) -> Self {
        Self {
            answers: statuses,
            ..self
        }
    }

    /// The same request, whose kept answers are forgotten with [`Client::forget`](super::Client::forget) of `tag`.
    #[must_use]
    pub fn tagged(self, tag: &str) -> Self {
        Self {
            tag: Some(Tag::of(tag)),
            ..self
        }
    }

    /// Whether an answer with `status` is decoded though it is no success.
    #[must_use]
    pub fn is_answered_by(&self, status: StatusCode) -> bool {
        self.answers.contains(&status.as_u16())
    }

    /// Whether the request says how long its body is. One without a body does where its method leads to expect one
    /// (RFC 9110, section 8.6).
    #[must_use]
    pub fn announces_body(&self) -> bool {
        !self.body.is_empty() || matches!(self.method, Method::POST | Method::PUT | Method::PATCH)
    }

    /// Whether its answer may be kept for others, and theirs for it.
    #[must_use]
    pub fn is_cacheable(&self) -> bool {
        self.reads || (self.method == Method::GET && self.body.is_empty())
    }

    /// Whether asking twice has the effect of asking once: by its method (RFC 9110, section 9.2.2) or by its key.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.has_key || self.reads || self.is_idempotent_by_method()
    }

    /// Whether it may be asked twice at the same time. With a key the second would be told that the first is under way.
    pub(super) fn may_be_hedged(&self) -> bool {
        !self.has_key && (self.reads || self.is_idempotent_by_method())
    }

    fn is_idempotent_by_method(&self) -> bool {
        matches!(
            self.method,
            Method::GET
                | Method::HEAD
                | Method::OPTIONS
                | Method::TRACE
                | Method::PUT
                | Method::DELETE
        )
    }
}

/// What an answer is worth to whoever asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Importance {
    /// There is nothing to say without it.
    Required,
    /// It can be done without: it is not even asked for when there is too little time.
    Optional,
}

/// What a request to the BFF hands on to every call made for it.
#[derive(Debug, Clone)]
pub struct Context {
    /// When the answer to the BFF's own client has to be there.
    pub deadline: Deadline,
    /// Headers passed on to each upstream as they are: the request id and the trace context.
    pub propagate: Arc<[(HeaderName, HeaderValue)]>,
    /// What the answer is worth.
    pub importance: Importance,
}

impl Context {
    /// A context that hands on nothing but the deadline.
    #[must_use]
    pub fn new(deadline: Deadline) -> Self {
        Self {
            deadline,
            propagate: Arc::new([]),
            importance: Importance::Required,
        }
    }

    /// The same for what can be done without.
    #[must_use]
    pub fn optional(&self) -> Self {
        Self {
            importance: Importance::Optional,
            ..self.clone()
        }
    }
}
