//! A transport that plays what a test wrote, on tokio's clock, so that time can be paused.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::{Attempt, Transport, TransportError};
use crate::upstream::{Instant, Response};

/// What an attempt comes to.
pub(crate) type Outcome = Result<Response, TransportError>;

/// One attempt's outcome, after a time.
pub(crate) type Step = (Duration, Outcome);

/// What says which step an attempt comes to.
type Script = Box<dyn FnMut(&Asked) -> Step>;

/// A step that takes so long never ends, and does not let paused time run on.
pub(crate) const FOR_EVER: Duration = Duration::MAX;

/// Plays a step for each attempt, and keeps a record of what was asked and of what became of it.
pub(crate) struct Scripted {
    script: RefCell<Script>,
    pub(crate) asked: RefCell<Vec<Asked>>,
    /// The attempts that were dropped before they were over: places in `asked`, and when.
    pub(crate) dropped: RefCell<Vec<(usize, Instant)>>,
}

/// What one attempt looked like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) endpoint: String,
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) at: Instant,
    pub(crate) remaining: Duration,
}

impl Asked {
    /// The value of a header of the request; empty where it has none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(HeaderValue::to_str);
        value.map_or("", Result::unwrap)
    }
}

impl Scripted {
    /// Plays `steps` in their sequence, whoever is asked for whatever.
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut steps: VecDeque<_> = steps.into_iter().collect();
        Self::by(move |_| {
            let step = steps.pop_front();
            step.expect("the script has a step for each attempt")
        })
    }

    /// Plays what `script` says to each attempt.
    pub(crate) fn by(script: impl FnMut(&Asked) -> Step + 'static) -> Self {
        Self {
            script: RefCell::new(Box::new(script)),
            asked: RefCell::default(),
            dropped: RefCell::default(),
        }
    }

    /// How many attempts were made.
    pub(crate) fn attempts(&self) -> usize {
        self.asked.borrow().len()
    }

    /// Who was asked, attempt by attempt.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        asked.iter().map(|asked| asked.endpoint.clone()).collect()
    }

    /// When each attempt was made, counted from `start`.
    pub(crate) fn times(&self, start: Instant) -> Vec<Duration> {
        let asked = self.asked.borrow();
        asked.iter().map(|asked| asked.at - start).collect()
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted")
            .field("asked", &self.asked)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

/// Notes that an attempt was dropped before it was over.
struct Unless<'a> {
    over: bool,
    place: usize,
    dropped: &'a RefCell<Vec<(usize, Instant)>>,
}

impl Unless<'_> {
    fn end(mut self) {
        self.over = true;
    }
}

impl Drop for Unless<'_> {
    fn drop(&mut self) {
        if !self.over {
            let note = (self.place, Instant::now());
            self.dropped.borrow_mut().push(note);
        }
    }
}

impl Transport for Scripted {
    fn send<'a>(&'a self, attempt: Attempt<'a>) -> LocalBoxFuture<'a, Outcome> {
        let asked = Asked {
            endpoint: attempt.endpoint.authority().to_owned(),
            method: attempt.request.method.clone(),
            target: attempt.request.target.clone(),
            headers: attempt.request.headers.clone(),
            at: Instant::now(),
            remaining: attempt.remaining,
        };
        let (after, outcome) = (self.script.borrow_mut())(&asked);
        let place = self.asked.borrow().len();
        self.asked.borrow_mut().push(asked);
        let unless = Unless {
            over: false,
            place,
            dropped: &self.dropped,
        };
        Box::pin(async move {
            if after == FOR_EVER {
                pending::<()>().await;
            }
            tokio::time::sleep(after).await;
            unless.end();
            outcome
        })
    }
}

/// An answer with these headers.
pub(crate) fn says(status: u16, headers: &[(&'static str, &str)], body: &'static str) -> Outcome {
    let headers = headers.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(value).expect("the value of a header");
        (HeaderName::from_static(name), value)
    });
    Ok(Response {
        status: StatusCode::from_u16(status).expect("a status"),
        code: None,
        headers: headers.collect(),
        body: Bytes::from_static(body.as_bytes()),
    })
}
