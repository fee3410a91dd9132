//! Log lines: one for each request, and whatever else is worth one.
//!
//! No line holds an e-mail address, a token, a body, a path's parameters or a query: a request is named by its
//! route's template and its id.

mod access;
mod format;
mod writer;

use std::io;

use env_logger::Target;
use log::LevelFilter;

pub(super) use access::{AccessLine, PassedOn, push_milliseconds};

use self::writer::LineWriter;
use crate::config::Section;

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
    pub fn start(&self) -> Log {
        let writer = LineWriter::start(io::stderr()).ok();
        let mut builder = env_logger::Builder::new();
        for (module, level) in QUIET {
            builder.filter_module(module, level);
        }
        builder.parse_filters(&self.filter);
        match self.format {
            LogFormat::Text => builder.format(format::text),
            LogFormat::Json => builder.format(format::json),
        };
        if let Some(writer) = writer.clone() {
            builder.target(Target::Pipe(Box::new(writer)));
        }
        _ = builder.try_init();
        Log(writer)
    }
}

/// A log that was started. Dropped, it waits until its lines are written, for a second at most.
#[derive(Debug)]
#[must_use = "lines that are not written yet are lost with the process"]
pub struct Log(Option<LineWriter>);

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(writer) = &self.0 {
            writer.finish();
        }
    }
}
