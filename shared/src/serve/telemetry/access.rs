//! The line of a request.

use std::cell::Cell;
use std::fmt;
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
            &Told { sources, problem },
        );
    }

    fn line(&self, status: u16, bytes: u64, told: &Told<'_>) {
        let told = told.to_string();
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
                    problem: None,
                },
            );
        }
    }
}

/// Shown as milliseconds with one digit behind the point.
pub(in crate::serve) struct Milliseconds(pub(in crate::serve) Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.as_secs() * 10_000 + (u64::from(self.0.subsec_micros()) + 50) / 100;
        write!(f, "{}.{}", tenths / 10, tenths % 10)
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
