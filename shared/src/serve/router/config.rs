//! Settings of routes.

use std::net::IpAddr;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::HeaderName;
use ipnet::IpNet;
use utoipa::openapi::OpenApi;

use super::path;
use super::request::is_ours;
use crate::config::Section;
use crate::serve::openapi;
use crate::serve::paths::Paths;

/// A route: requests under a prefix, and the upstream that they are passed on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteConfig {
    /// Its name in settings.
    pub name: String,
    /// What the paths begin with; begins and ends with a slash.
    pub prefix: String,
    /// The name of the upstream, as the cluster has it.
    pub upstream: String,
    /// The methods that go through.
    pub methods: Vec<Method>,
    /// Whether `target_prefix` takes the place of `prefix` in what the upstream is asked.
    pub strip_prefix: bool,
    /// What the upstream's paths begin with; begins and ends with a slash.
    pub target_prefix: String,
    /// The fields of a request that go on beside those that always do.
    pub request_headers: Vec<HeaderName>,
    /// The largest body of a request, in bytes.
    pub max_request_bytes: u32,
    /// The time until the head of the answer, from when the request was sent in full.
    pub timeout: Duration,
    /// How long nothing may move in a body, or after a change of protocol.
    pub idle_timeout: Duration,
    /// Whether WebSocket goes through.
    pub websocket: bool,
}

/// What routes have to go with.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// The upstreams that there are.
    pub upstreams: &'static [&'static str],
    /// Describes the server's own paths.
    pub document: fn() -> OpenApi,
}

impl RouteConfig {
    /// A route for GET and HEAD from below `prefix` to the root of `upstream`.
    #[must_use]
    pub fn new(name: &str, prefix: &str, upstream: &str) -> Self {
        Self {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            upstream: upstream.to_owned(),
            methods: vec![Method::GET, Method::HEAD],
            strip_prefix: true,
            target_prefix: "/".to_owned(),
            request_headers: Vec::new(),
            max_request_bytes: 1024 * 1024,
            timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            websocket: false,
        }
    }

    /// Reads the section of the route `name`.
    pub(in crate::serve) fn read(
        section: &mut Section<'_>,
        name: &str,
        upstreams: &'static [&'static str],
    ) -> Self {
        const MILLISECOND: Duration = Duration::from_millis(1);
        const HOUR: Duration = Duration::from_secs(3600);
        const PATH: &str = "a path such as \"/services/\" that begins and ends with a slash";
        let default = Self::new(name, "", "");
        let upstream = |text: &str| {
            if upstreams.contains(&text) {
                return Ok(text.to_owned());
            }
            Err(format!(
                "there is no such upstream, but {}",
                upstreams.join(", ")
            ))
        };
        let prefix = section.required(
            "prefix",
            "/services/name/",
            PATH,
            prefix,
            "What the paths begin with that are passed on. No other route's prefix and no path of this server's own may lie below it.",
        );
        let upstream = section.required(
            "upstream",
            upstreams.first().copied().unwrap_or_default(),
            "the name of one of the upstreams",
            upstream,
            "The upstream that they are passed on to, as [upstreams] has it.",
        );
        Self {
            prefix: prefix.unwrap_or_default(),
            upstream: upstream.unwrap_or_default(),
            methods: section.list(
                "methods",
                &["GET", "HEAD"],
                "one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
                method,
                "The methods that are passed on; others are answered with 405.",
            ),
            strip_prefix: section.flag(
                "strip_prefix",
                default.strip_prefix,
                "Whether target_prefix takes the place of prefix in the path that the upstream is asked for.",
            ),
            target_prefix: section.text(
                "target_prefix",
                &default.target_prefix,
                PATH,
                self::prefix,
                "What the path begins with in its place.",
            ),
            request_headers: section.list_or_none(
                "request_headers",
                "the name of a header field",
                header,
                "Header fields of a request that are passed on beside those for content, negotiation, conditions and ranges: authorization or cookie, say.",
            ),
            max_request_bytes: section.integer(
                "max_request_bytes",
                default.max_request_bytes,
                0..=u32::MAX,
                "The largest body of a request, in bytes; a larger one is refused with 413.",
            ),
            timeout: section.duration(
                "timeout",
                default.timeout,
                MILLISECOND..=HOUR,
                "The time until the head of the answer, from when the request was sent in full.",
            ),
            idle_timeout: section.duration(
                "idle_timeout",
                default.idle_timeout,
                MILLISECOND..=24 * HOUR,
                "How long nothing may move: in a request's body, in an answer's, or in a WebSocket.",
            ),
            websocket: section.flag(
                "websocket",
                default.websocket,
                "Whether WebSocket is passed on.",
            ),
            name: name.to_owned(),
        }
    }
}

fn prefix(text: &str) -> Result<String, String> {
    if !text.starts_with('/') || !text.ends_with('/') {
        return Err("it does not begin and end with a slash".to_owned());
    }
    if text.contains(['?', '#', '{', '}', '%']) {
        return Err(
            "it is to be a plain path: no query, no fragment, no template, nothing encoded"
                .to_owned(),
        );
    }
    match path::fault(text) {
        Some(what) => Err(format!("it has {what} in it")),
        None => Ok(text.to_owned()),
    }
}

fn method(text: &str) -> Result<Method, String> {
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    let known = methods.into_iter().find(|method| method.as_str() == text);
    known.ok_or_else(String::new)
}

fn header(text: &str) -> Result<HeaderName, String> {
    let name = HeaderName::try_from(text).map_err(|_| "it is no name of a header field")?;
    if is_ours(&name) {
        return Err(
            "it belongs to a single connection, or is set by this server itself".to_owned(),
        );
    }
    Ok(name)
}

/// A network such as `10.0.0.0/8`, or a single address.
pub(in crate::serve) fn network(text: &str) -> Result<IpNet, String> {
    let net = text.parse();
    let net = net.or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    net.map_err(|_| String::new())
}

/// What is wrong between routes, and between them and the server's own paths: the name of the route, and why.
pub(in crate::serve) fn faults(routes: &[RouteConfig], own: &Paths) -> Vec<(usize, String)> {
    let mut faults = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        let prefix = &route.prefix;
        if prefix.is_empty() {
            // Reported as such.
            continue;
        }
        let others = routes[..index]
            .iter()
            .filter(|other| !other.prefix.is_empty());
        for other in others {
            let there = &other.prefix;
            if prefix.starts_with(there) || there.starts_with(prefix) {
                let name = &other.name;
                faults.push((index, format!("overlaps with {there} of the route {name}")));
            }
        }
        if let Some(path) = own.below(prefix) {
            faults.push((
                index,
                format!("overlaps with {path}, a path of this server's own"),
            ));
        }
    }
    faults
}

/// The server's own paths.
pub(in crate::serve) fn own_paths(surroundings: Surroundings) -> Paths {
    openapi::paths(&(surroundings.document)())
}
