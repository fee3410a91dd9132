//! Log lines: one for each request, and whatever else is worth one.
//!
//! No line holds an e-mail address, a token, a body, a path's parameters or a query: a request is named by its
//! route's template and its id.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody as _};
use actix_web::http::Method;
use env_logger::fmt::Formatter;
use jiff::Timestamp;
use log::kv::{self, Key, Value, VisitSource};
use log::{LevelFilter, Record};

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

const FILTER: &str = "info";

/// What is quiet unless the filter names it. `actix_http` writes an ERROR for each malformed request, which a stranger can
/// make at will, and at finer levels the text of header fields.
const QUIET: [(&str, LevelFilter); 2] = [
    ("actix_http", LevelFilter::Off),
    ("actix_server", LevelFilter::Warn),
];

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: FILTER.to_owned(),
        }
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
                "Which lines are written. The target of the line for each request is \"access\". Of actix_http nothing is \
                 written unless it is named here.",
            ),
        }
    }

    /// Starts logging for this process, to standard error. A second start changes nothing.
    pub fn start(&self) {
        let mut builder = env_logger::Builder::new();
        for (module, level) in QUIET {
            builder.filter_module(module, level);
        }
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
    _ = write!(
        line,
        "{} {:5} {} {}",
        now(),
        record.level(),
        record.target(),
        Clean(record.args())
    );
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
                    if c.is_control() {
                        write!(self.0, "{}", c.escape_default())
                    } else {
                        self.0.write_char(c)
                    }
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
        let number = value
            .to_u64()
            .map(serde_json::Value::from)
            .or_else(|| value.to_f64().map(Into::into));
        self.0.insert(
            key.to_string(),
            number.unwrap_or_else(|| value.to_string().into()),
        );
        Ok(())
    }
}

/// The status in the line of a request whose client did not wait for the answer: nginx's, in no RFC.
const CLIENT_GONE: u16 = 499;

/// What the line of one request is made of. Written when there is an answer, or when dropped without one.
#[derive(Debug)]
pub(super) struct AccessLine {
    pub(super) id: RequestId,
    pub(super) method: Method,
    /// The route's template; `None` where no route matched, or it is not known.
    pub(super) route: Option<String>,
    start: Instant,
    due: Cell<bool>,
}

impl AccessLine {
    /// The line of a request that began at `start`; whether it is wanted is a matter of `enabled` and of the filter.
    pub(super) fn begin(id: RequestId, method: Method, start: Instant, enabled: bool) -> Self {
        let due = enabled && log::log_enabled!(target: "access", log::Level::Info);
        Self {
            id,
            method,
            route: None,
            start,
            due: Cell::new(due),
        }
    }

    /// Writes the line of a request that was answered with `response`.
    pub(super) fn write(&self, response: &HttpResponse, problem: Option<&Problem>) {
        if !self.due.replace(false) {
            return;
        }
        let bytes = match response.body().size() {
            BodySize::Sized(bytes) => bytes,
            BodySize::None | BodySize::Stream => 0,
        };
        let extensions = response.extensions();
        let sources = extensions
            .get::<Sources>()
            .map_or(&[][..], |sources| &sources.0);
        self.line(
            response.status().as_u16(),
            bytes,
            &Told { sources, problem },
        );
    }

    fn line(&self, status: u16, bytes: u64, told: &Told<'_>) {
        log::info!(
            target: "access",
            method = self.method.as_str(),
            route = self.route.as_deref().unwrap_or("-"),
            status = status,
            bytes = bytes,
            // A number, so that machines can compare it.
            ms = (self.start.elapsed().as_secs_f64() * 10_000.0).round() / 10.0,
            id = self.id.as_str(),
            sources:display = told;
            "request"
        );
    }
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        if self.due.get() {
            self.line(
                CLIENT_GONE,
                0,
                &Told {
                    sources: &[],
                    problem: None,
                },
            );
        }
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
        for SourceLine {
            name,
            source,
            took,
            detail,
        } in self.sources
        {
            write!(
                f,
                "{separator}{name}:{}:{}ms",
                source.state.name(),
                Milliseconds(*took)
            )?;
            if let (Some(reason), Some(detail)) = (source.reason, detail) {
                write!(f, "({}: {detail})", reason.name())?;
            }
            separator = ",";
        }
        match self.problem.and_then(Problem::source) {
            Some(failed) => write!(
                f,
                "{separator}{}:failed({}: {})",
                failed.name,
                failed.kind.name(),
                failed.detail
            ),
            None if self.sources.is_empty() => f.write_str("-"),
            None => Ok(()),
        }
    }
}
