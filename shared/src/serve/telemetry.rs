//! Log lines: one for each request, and whatever else is worth one.
//!
//! No line holds an e-mail address, a token, a body, a path's parameters or a query: a request is named by its
//! route's template and its id.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use actix_web::HttpResponse;
use actix_web::http::Method;
use env_logger::fmt::Formatter;
use jiff::Timestamp;
use log::Record;
use log::kv::{self, Key, Value, VisitSource};

use super::answer::{SourceLine, Sources};
use super::{Problem, RequestId};
use crate::config::Section;
use crate::upstream::Instant;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Settings of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// How lines look.
    pub format: LogFormat,
    /// Which lines are written, in `env_logger`'s words: `level`, or `target=level`, separated by commas.
    pub filter: String,
}

/// actix writes an ERROR for each malformed request: noise that a stranger can make.
const FILTER: &str = "info,actix_http=off,actix_server=warn";

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: FILTER.to_owned() }
    }
}

impl LogConfig {
    /// Reads the keys of the section `log`.
    pub fn read(section: &mut Section<'_>) -> Self {
        Self {
            format: section.choice(
                "format",
                LogFormat::Text,
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
                "How log lines look: for people, or one JSON object a line.",
            ),
            filter: section.text(
                "filter",
                FILTER,
                "a level (error, warn, info, debug, trace, off), or target=level pairs, separated by commas",
                |text| {
                    let check = env_filter::Builder::new().try_parse(text).map(drop);
                    check.map_err(|error| error.to_string()).map(|()| text.to_owned())
                },
                "Which lines are written. The target of the line for each request is \"access\".",
            ),
        }
    }

    /// Starts logging for this process, to standard error. A second start changes nothing.
    pub fn start(&self) {
        let mut builder = env_logger::Builder::new();
        builder.parse_filters(&self.filter);
        match self.format {
            LogFormat::Text => builder.format(text),
            LogFormat::Json => builder.format(json),
        };
        _ = builder.try_init();
    }
}

fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

fn text(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let mut line = String::with_capacity(256);
    _ = write!(line, "{} {:5} {} {}", now(), record.level(), record.target(), Clean(record.args()));
    _ = record.key_values().visit(&mut Pairs(&mut line));
    writeln!(out, "{line}")
}

struct Pairs<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        write!(self.0, " {key}={}", Clean(&value)).map_err(kv::Error::from)
    }
}

/// Shows a value without control characters, so that no value can begin a line of its own.
struct Clean<T>(T);

impl<T: fmt::Display> fmt::Display for Clean<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escape<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                if !text.contains(char::is_control) {
                    return self.0.write_str(text);
                }
                text.chars().try_for_each(|c| {
                    if c.is_control() { write!(self.0, "{}", c.escape_default()) } else { self.0.write_char(c) }
                })
            }
        }
        write!(Escape(f), "{}", self.0)
    }
}

fn json(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let mut line = serde_json::Map::new();
    line.insert("time".to_owned(), now().into());
    line.insert("level".to_owned(), record.level().as_str().into());
    line.insert("target".to_owned(), record.target().into());
    line.insert("message".to_owned(), record.args().to_string().into());
    _ = record.key_values().visit(&mut Fields(&mut line));
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}

struct Fields<'a>(&'a mut serde_json::Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let number = value.to_u64().map(serde_json::Value::from).or_else(|| value.to_f64().map(Into::into));
        self.0.insert(key.to_string(), number.unwrap_or_else(|| value.to_string().into()));
        Ok(())
    }
}

/// What the line of one request is made of.
#[derive(Debug)]
pub(super) struct AccessLine {
    pub(super) id: RequestId,
    pub(super) method: Method,
    /// The route's template; `None` where no route matched.
    pub(super) route: Option<String>,
    pub(super) start: Instant,
}

impl AccessLine {
    /// Writes the line of a request that was answered with `response`.
    pub(super) fn write(&self, response: &HttpResponse, bytes: u64, problem: Option<&Problem>) {
        if !log::log_enabled!(target: "access", log::Level::Info) {
            return;
        }
        let extensions = response.extensions();
        let sources = extensions.get::<Sources>().map_or(&[][..], |sources| &sources.0);
        log::info!(
            target: "access",
            method = self.method.as_str(),
            route = self.route.as_deref().unwrap_or("-"),
            status = response.status().as_u16(),
            bytes = bytes,
            // A number, so that machines can compare it.
            ms = (self.start.elapsed().as_secs_f64() * 10_000.0).round() / 10.0,
            id = self.id.as_str(),
            sources:display = Told { sources, problem };
            "request"
        );
    }
}

struct Milliseconds(std::time::Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.0.as_secs_f64() * 1000.0)
    }
}

/// Each source's state and time, and for what is degraded or failed the reason and its cause.
struct Told<'a> {
    sources: &'a [SourceLine],
    problem: Option<&'a Problem>,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for SourceLine { name, source, took, detail } in self.sources {
            write!(f, "{separator}{name}:{}:{}ms", source.state.name(), Milliseconds(*took))?;
            if let (Some(reason), Some(detail)) = (source.reason, detail) {
                write!(f, "({}: {detail})", reason.name())?;
            }
            separator = ",";
        }
        match self.problem.and_then(Problem::source) {
            Some(failed) => write!(f, "{separator}{}:failed({}: {})", failed.name, failed.kind.name(), failed.detail),
            None if self.sources.is_empty() => f.write_str("-"),
            None => Ok(()),
        }
    }
}
