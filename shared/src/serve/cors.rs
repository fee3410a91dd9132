//! Which pages of other origins may read answers (the CORS protocol of the Fetch standard).
//!
//! An origin is allowed by its exact text; what is not in the list gets the answer that anybody gets, without the fields
//! that would let a browser show it to a page. Nothing is refused for its origin: the browser is who enforces this, and a
//! program that is none would send any origin it likes. So this is no protection from requests that change something.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponseBuilder;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN,
};

use super::headers;
use crate::config::Section;

/// What a page may send beside what it always may: all that is read here.
const ALLOW_HEADERS: HeaderValue = HeaderValue::from_static(
    "Content-Type, Idempotency-Key, If-None-Match, X-Request-Id, Traceparent, Tracestate, \
     X-Envoy-Expected-Rq-Timeout-Ms, GraphQL-Preflight, Apollo-Require-Preflight, X-Apollo-Operation-Name, \
     X-Requested-With",
);

/// What a page may read beside what it always may.
const EXPOSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "ETag, Server-Timing, Cache-Status, X-Request-Id, Location, Retry-After",
);

const MINUTE: Duration = Duration::from_secs(60);

/// Which pages of other origins may read answers; none by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsConfig {
    /// The origins; with none of them nothing is said of origins at all.
    pub allowed_origins: Vec<Origin>,
    /// For how long a browser may keep what a preflight said. Browsers have a limit of their own, of two hours or a day.
    pub max_age: Duration,
    /// Whether requests may have cookies and the like.
    pub allow_credentials: bool,
}

impl Default for CorsConfig {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            max_age: 10 * MINUTE,
            allow_credentials: false,
        }
    }
}

impl CorsConfig {
    /// Reads the keys of the section `cors`, of a BFF whose clients are browsers.
    pub fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        Self {
            allowed_origins: section.list_or_none(
                "allowed_origins",
                "an origin as browsers send it, such as \"https://app.example.com\" or \"http://localhost:3000\"",
                Origin::parse,
                "The origins whose pages may read answers in a browser, each exact; none, and CORS is off.",
            ),
            max_age: section.duration(
                "max_age",
                default.max_age,
                Duration::ZERO..=24 * 60 * MINUTE,
                "How long a browser may keep the answer to a preflight. Browsers have a limit of their own.",
            ),
            allow_credentials: section.flag(
                "allow_credentials",
                default.allow_credentials,
                "Whether pages of these origins may send cookies along and read what comes of it.",
            ),
        }
    }
}

/// An origin as browsers write it: `https://app.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Reads an origin: a scheme of http or https, a host in lower case, and a port unless it is the scheme's own. What is
    /// written in another way is no browser's, and would match nothing.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| Err(why.to_owned());
        match text {
            "*" => return refuse("there is no wildcard: name each origin"),
            "null" => return refuse("null is every page without an origin of its own"),
            _ => {}
        }
        let (authority, own_port) = if let Some(authority) = text.strip_prefix("https://") {
            (authority, "443")
        } else if let Some(authority) = text.strip_prefix("http://") {
            (authority, "80")
        } else {
            return refuse("it does not begin with https:// or http://");
        };
        if authority.contains('*') {
            return refuse("there is no wildcard: name each origin");
        }
        if authority.contains(['/', '?', '#']) {
            return refuse("an origin has no path and no slash at its end");
        }
        if authority.contains('@') {
            return refuse("an origin has no user");
        }
        if !authority.is_ascii() {
            return refuse("browsers write such a host in its ASCII form, xn--…");
        }
        if authority.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return refuse("browsers write hosts in lower case");
        }
        let (host, port) = match authority.rfind(':') {
            Some(colon) if !authority.ends_with(']') => {
                (&authority[..colon], Some(&authority[colon + 1..]))
            }
            _ => (authority, None),
        };
        if !is_host(host) {
            return refuse("the host is not valid");
        }
        match port {
            Some(port) if port == own_port => Err(format!(
                "browsers leave out :{port}, which is the scheme's own"
            )),
            Some(port) if !is_port(port) => refuse("the port is not valid"),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The origin as it was read.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']').unwrap_or_default();
        let parsed: Result<std::net::Ipv6Addr, _> = address.parse();
        // As browsers write it: in its shortest form.
        return parsed.is_ok_and(|parsed| parsed.to_string() == address);
    }
    let is_label = |label: &str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.bytes().all(legal)
    };
    host.split('.').all(is_label)
}

fn is_port(port: &str) -> bool {
    !port.starts_with('0')
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok()
}

/// What is allowed, in the form in which it is answered.
#[derive(Debug, Clone)]
pub(super) struct Cors(Arc<Allowed>);

#[derive(Debug)]
struct Allowed {
    origins: Vec<HeaderValue>,
    max_age: HeaderValue,
    credentials: bool,
}

/// The origin of a request, which is allowed.
#[derive(Debug, Clone)]
pub(super) struct Granted(HeaderValue);

impl Cors {
    /// `None` where CORS is off.
    pub(super) fn new(config: &CorsConfig) -> Option<Self> {
        let origins = config.allowed_origins.iter();
        let origins: Vec<_> = origins
            .filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok())
            .collect();
        (!origins.is_empty()).then(|| {
            Self(Arc::new(Allowed {
                origins,
                max_age: config.max_age.as_secs().into(),
                credentials: config.allow_credentials,
            }))
        })
    }

    /// The origin of a request with these header fields, if it is one that is allowed.
    pub(super) fn grant(&self, request: &HeaderMap) -> Option<Granted> {
        let mut origins = request.get_all(ORIGIN);
        let (Some(origin), None) = (origins.next(), origins.next()) else {
            return None;
        };
        let allowed = self.0.origins.iter().find(|allowed| *allowed == origin);
        allowed.cloned().map(Granted)
    }

    /// Adds what lets a page read the answer, and to every answer that it depends on the origin.
    pub(super) fn mark(&self, headers: &mut HeaderMap, granted: Option<&Granted>) {
        headers::vary(headers, "Origin");
        let Some(Granted(origin)) = granted else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSE_HEADERS);
        if self.0.credentials {
            headers.insert(
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
    }

    /// Adds what a preflight asks, to the answer to an OPTIONS of a path that has these methods.
    pub(super) fn preflight(
        &self,
        request: &HeaderMap,
        response: &mut HttpResponseBuilder,
        methods: &HeaderValue,
    ) {
        if request.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            response
                .insert_header((ACCESS_CONTROL_ALLOW_METHODS, methods.clone()))
                .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, ALLOW_HEADERS))
                .insert_header((ACCESS_CONTROL_MAX_AGE, self.0.max_age.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_as_browsers_write_it() {
        for origin in [
            "https://app.example.com",
            "http://localhost:3000",
            "https://app.example.com:8443",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "https://[2001:db8::1]",
            "https://xn--bcher-kva.example",
            "https://under_score.example",
            "http://localhost:443",
        ] {
            assert_eq!(Origin::parse(origin).unwrap().as_str(), origin);
        }
        for (origin, why) in [
            ("*", "wildcard"),
            ("https://*", "wildcard"),
            ("https://*.example.com", "wildcard"),
            ("null", "null"),
            ("app.example.com", "https://"),
            ("//app.example.com", "https://"),
            ("HTTPS://app.example.com", "https://"),
            ("ftp://app.example.com", "https://"),
            ("https:app.example.com", "https://"),
            ("https://app.example.com/", "no path"),
            ("https://app.example.com/path", "no path"),
            ("https://app.example.com?", "no path"),
            ("https://app.example.com#top", "no path"),
            ("https://me@app.example.com", "no user"),
            ("https://bücher.example", "xn--"),
            ("https://App.example.com", "lower case"),
            ("https://[2001:DB8::1]", "lower case"),
            ("https://", "host"),
            ("https://:8443", "host"),
            ("https://app..example.com", "host"),
            ("https://app.example.com.", "host"),
            ("https://app example.com", "host"),
            ("https://app.example.com, https://b.example", "no path"),
            ("https://::1", "host"),
            ("https://[::1", "host"),
            ("https://[0:0:0:0:0:0:0:1]", "host"),
            ("https://app.example.com:443", ":443"),
            ("http://app.example.com:80", ":80"),
            ("https://app.example.com:", "port"),
            ("https://app.example.com:0", "port"),
            ("https://app.example.com:08", "port"),
            ("https://app.example.com:65536", "port"),
            ("https://app.example.com:+80", "port"),
            ("https://app.example.com:https", "port"),
        ] {
            let error = Origin::parse(origin).unwrap_err();
            assert!(error.contains(why), "{origin}: {error}");
        }
    }
}
