//! A program's settings to test with, and what is said of them.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bff_shared::config::{Faults, Section, Settings};

pub(crate) const MS: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Read {
    pub(crate) listen: SocketAddr,
    pub(crate) deadline: Duration,
    pub(crate) attempt: Duration,
    pub(crate) retries: u32,
    pub(crate) hedge: bool,
    pub(crate) mode: char,
    pub(crate) path: String,
    pub(crate) endpoints: Vec<String>,
}

/// Every kind of key. The first section is asked for before the last key of the top, as a program may.
pub(crate) fn build(s: &mut Section<'_>) -> Read {
    let mut read = s.section("upstreams", |s| s.section("orders", upstream));
    let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
    read.listen = s.address("listen", listen, "Where it listens.");
    read
}

pub(crate) fn upstream(s: &mut Section<'_>) -> Read {
    let slash = |text: &str| match text.strip_prefix('/') {
        Some(rest) => Ok(rest.to_owned()),
        None => Err("it begins with no slash".to_owned()),
    };
    let url = |text: &str| match text.contains("://") {
        true => Ok(text.to_owned()),
        false => Err(format!("{text} is no URL")),
    };
    let span = MS..=60_000 * MS;
    let deadline = s.duration("deadline", 800 * MS, span.clone(), "How long all may take.");
    let attempt = s.duration("attempt", 300 * MS, span, "How long one may take.");
    if attempt > deadline {
        s.reject("attempt", "longer than the deadline");
    }
    Read {
        listen: SocketAddr::from(([0, 0, 0, 0], 0)),
        deadline,
        attempt,
        retries: s.integer("retries", 2, 1..=10, "How often it is tried again."),
        hedge: s.flag("hedge", false, "Whether a second call is sent."),
        mode: s.choice(
            "mode",
            'f',
            &[("fast", 'f'), ("slow", 's')],
            "How.\nIn two lines.",
        ),
        path: s.text(
            "path",
            "/a\"b\\c",
            "a path such as \"/orders\"",
            slash,
            "Its path.",
        ),
        endpoints: s.list(
            "endpoints",
            &["http://a:1", "http://b:2"],
            "a URL",
            url,
            "Where.",
        ),
    }
}

pub(crate) fn defaults() -> Read {
    Settings::new().read(build).expect("the defaults are right")
}

pub(crate) fn faults(settings: Settings) -> Faults {
    settings.read(build).expect_err("something is wrong")
}

pub(crate) fn printed(settings: Settings) -> Vec<String> {
    faults(settings).iter().map(ToString::to_string).collect()
}

pub(crate) fn file(text: &str) -> Settings {
    Settings::new().with_file("bff.toml", text)
}

pub(crate) fn env(vars: &[(&str, &str)]) -> Settings {
    Settings::new().with_env(vars.iter().copied())
}

/// A file for one test; the directory is the build's own.
pub(crate) fn scratch(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("config-{name}"));
    fs::write(&path, bytes).expect("the build's directory can be written");
    path
}

pub(crate) const ADDRESS: &str =
    r#"an IP address and port such as "127.0.0.1:8080" or "[::1]:8080""#;
pub(crate) const DURATION: &str = r#"a duration such as "800ms" or "2s" from 1ms to 1m"#;
pub(crate) const LIST: &str =
    "an array of one or more strings (in the environment with commas between them), each a URL";
