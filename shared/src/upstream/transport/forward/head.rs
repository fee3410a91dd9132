//! Heads: a request's as it goes out, an answer's as it came.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::MAX_HEAD;

/// The most fields of an answer's head.
const MAX_FIELDS: usize = 128;

/// The head of a request, but for what differs from endpoint to endpoint.
#[derive(Debug)]
pub struct RequestHead {
    line: BytesMut,
    fields: BytesMut,
    /// Whether asking twice has the effect of asking once (RFC 9110, section 9.2.2).
    pub(in crate::upstream) idempotent: bool,
    /// Whether the answer has no body whatever its head says: it is one to HEAD.
    pub(super) bodiless: bool,
}

impl RequestHead {
    /// A head without fields. `target` is in origin form (RFC 9112, section 3.2.1), already encoded.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        let mut line = BytesMut::with_capacity(method.len() + target.len() + 11);
        for part in [method, " ", target, " HTTP/1.1\r\n"] {
            line.extend_from_slice(part.as_bytes());
        }
        Self {
            line,
            fields: BytesMut::with_capacity(512),
            idempotent: matches!(method, "GET" | "HEAD" | "OPTIONS" | "PUT" | "DELETE"),
            bodiless: method == "HEAD",
        }
    }

    /// Adds a field; one with a line break or NUL in it is left out (RFC 9110, section 5.5). `Host`, the framing of the
    /// body and the time that is left are no matter of this.
    pub fn field(&mut self, name: &str, value: &[u8]) {
        if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return;
        }
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.fields.extend_from_slice(part);
        }
    }

    /// Writes the whole head: to the service called `authority`, which has `remaining` to answer.
    pub(super) fn write(
        &self,
        authority: &str,
        framing: &str,
        remaining: Duration,
        out: &mut BytesMut,
    ) {
        out.reserve(self.line.len() + self.fields.len() + authority.len() + framing.len() + 80);
        out.extend_from_slice(&self.line);
        for part in ["host: ", authority, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(&self.fields);
        // Writing to a buffer that grows cannot fail.
        _ = write!(
            out,
            "x-envoy-expected-rq-timeout-ms: {}\r\n{framing}\r\n",
            remaining.as_millis().max(1)
        );
    }
}

/// The head of an answer.
#[derive(Debug)]
pub struct ResponseHead {
    /// The status code: 101, or 200 and above.
    pub status: u16,
    /// Whether it is HTTP/1.0.
    pub(super) is_old: bool,
    bytes: Bytes,
    fields: Vec<(Range<usize>, Range<usize>)>,
}

impl ResponseHead {
    /// Whether the service spoke HTTP/1.0.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.is_old
    }

    /// The fields as they came, in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], Bytes)> {
        let fields = self.fields.iter();
        fields.map(|(name, value)| (&self.bytes[name.clone()], self.bytes.slice(value.clone())))
    }

    /// The values of the field `name`, given in lower case.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.fields.iter();
        fields
            .filter(|(field, _)| self.bytes[field.clone()].eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| &self.bytes[value.clone()])
    }

    /// Takes a whole head out of `buffer`; `None` while there is more to come.
    pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, String> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let parsed = response.parse(buffer);
        let length =
            match parsed.map_err(|error| format!("answered with what is no HTTP: {error}"))? {
                httparse::Status::Complete(length) if length <= MAX_HEAD => length,
                httparse::Status::Partial if buffer.len() <= MAX_HEAD => return Ok(None),
                _ => {
                    return Err(format!(
                        "answered with a head of more than {MAX_HEAD} bytes"
                    ));
                }
            };
        let begin = buffer.as_ptr().addr();
        let range = |part: &[u8]| {
            let at = part.as_ptr().addr() - begin;
            at..at + part.len()
        };
        let fields = response.headers.iter();
        let fields = fields
            .map(|field| (range(field.name.as_bytes()), range(field.value)))
            .collect();
        let (status, is_old) = (
            response.code.unwrap_or_default(),
            response.version != Some(1),
        );
        if !(100..=599).contains(&status) {
            return Err(format!("answered with no valid status: {status}"));
        }
        Ok(Some(Self {
            status,
            is_old,
            bytes: buffer.split_to(length).freeze(),
            fields,
        }))
    }

    /// Whether one of the comma-separated members of the field `name` is `member`, in lower case both.
    pub(super) fn has_member(&self, name: &str, member: &str) -> bool {
        let mut members = self
            .values(name)
            .flat_map(|value| value.split(|byte| *byte == b','));
        members.any(|value| value.trim_ascii().eq_ignore_ascii_case(member.as_bytes()))
    }
}
