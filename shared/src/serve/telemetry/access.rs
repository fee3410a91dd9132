//! The line of a request.

use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody as _};
use actix_web::http::Method;

use crate::serve::answer::{SourceLine, Sources};
use crate::serve::{Problem, RequestId};
use crate::upstream::Instant;

/// The status in the line of a request whose client did not wait for the answer: nginx's, in no RFC.
const CLIENT_GONE: u16 = 499;

/// The upstream that a request was passed on to, and the time until the head of its answer.
#[derive(Debug, Clone)]
pub(in crate::serve) struct PassedOn {
    pub(in crate::serve) upstream: Arc<str>,
    pub(in crate::serve) took: Duration,
}

/// What the line of one request is made of. Written when there is an answer, or when dropped without one.
#[derive(Debug)]
pub(in crate::serve) struct AccessLine {
    pub(in crate::serve) id: RequestId,
    pub(in crate::serve) method: Method,
    /// The route's template; `None` where no route matches.
    route: Option<Arc<str>>,
    start: Instant,
    due: Cell<bool>,
}

impl AccessLine {
    /// The line of a request that began at `start`; whether it is wanted is a matter of `enabled` and of the filter.
    pub(in crate::serve) fn begin(
        id: RequestId,
        method: Method,
        route: Option<Arc<str>>,
        start: Instant,
        enabled: bool,
    ) -> Self {
        let due = enabled && log::log_enabled!(target: "access", log::Level::Info);
        Self {
            id,
            method,
            route,
            start,
            due: Cell::new(due),
        }
    }

    /// Writes the line of a request that was answered with `response`.
    pub(in crate::serve) fn write(&self, response: &HttpResponse, problem: Option<&Problem>) {
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
            &Told {
                sources,
                passed_on: extensions.get::<PassedOn>(),
                problem,
            },
        );
    }

    fn line(&self, status: u16, bytes: u64, told: &Told<'_>) {
        let told = told.text();
        log::info!(
            target: "access",
            method = self.method.as_str(),
            route = self.route.as_deref().unwrap_or("-"),
            status = status,
            bytes = bytes,
            // A number, so that machines can compare it.
            ms = (self.start.elapsed().as_secs_f64() * 10_000.0).round() / 10.0,
            id = self.id.as_str(),
            sources = told.as_str();
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
                    passed_on: None,
                    problem: None,
                },
            );
        }
    }
}

/// Adds `time` in milliseconds with one digit behind the point. Every request does this for each source: hence by
/// hand, at a third of what formatting a float costs.
pub(in crate::serve) fn push_milliseconds(out: &mut String, time: Duration) {
    let tenths = time.as_secs() * 10_000 + (u64::from(time.subsec_micros()) + 50) / 100;
    // Writing to a String cannot fail.
    _ = write!(out, "{}", tenths / 10);
    out.push('.');
    out.extend(char::from_digit((tenths % 10) as u32, 10));
}

/// Each source's state and time, and for what is degraded or failed the reason and its cause.
struct Told<'a> {
    sources: &'a [SourceLine],
    passed_on: Option<&'a PassedOn>,
    problem: Option<&'a Problem>,
}

impl Told<'_> {
    fn text(&self) -> String {
        let mut text = String::with_capacity(128);
        for line in self.sources {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(line.name);
            text.push(':');
            text.push_str(line.source.state.name());
            text.push(':');
            push_milliseconds(&mut text, line.took);
            text.push_str("ms");
            if let (Some(reason), Some(detail)) = (line.source.reason, &line.detail) {
                _ = write!(text, "({}: {detail})", reason.name());
            }
        }
        if let Some(passed_on) = self.passed_on {
            text.push_str(&passed_on.upstream);
            text.push_str(":passedOn:");
            push_milliseconds(&mut text, passed_on.took);
            text.push_str("ms");
        }
        if let Some(failed) = self.problem.and_then(Problem::source) {
            let (name, kind, detail) = (&failed.name, failed.kind.name(), &failed.detail);
            let separator = if text.is_empty() { "" } else { "," };
            _ = write!(text, "{separator}{name}:failed({kind}: {detail})");
        }
        if text.is_empty() {
            text.push('-');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_to_a_tenth_of_a_millisecond() {
        for (microseconds, expected) in [
            (0, "0.0"),
            (49, "0.0"),
            (50, "0.1"),
            (1_234, "1.2"),
            (999_950, "1000.0"),
            (61_000_000, "61000.0"),
        ] {
            let mut text = String::new();
            push_milliseconds(&mut text, Duration::from_micros(microseconds));
            assert_eq!(text, expected);
        }
    }
}
