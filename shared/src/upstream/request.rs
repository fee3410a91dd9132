//! What is asked of an upstream.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};

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
}

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

    /// Whether the request says how long its body is. One without a body does where its method leads to expect one
    /// (RFC 9110, section 8.6).
    #[must_use]
    pub fn announces_body(&self) -> bool {
        !self.body.is_empty() || matches!(self.method, Method::POST | Method::PUT | Method::PATCH)
    }

    /// Whether its answer may be kept for others, and theirs for it.
    #[must_use]
    pub fn is_cacheable(&self) -> bool {
        self.method == Method::GET && self.body.is_empty()
    }

    /// Whether asking twice has the effect of asking once (RFC 9110, section 9.2.2).
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
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
