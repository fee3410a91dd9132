//! A transport that plays what a test wrote, on tokio's clock, so that time can be paused.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::{Attempt, Transport, TransportError};
use crate::upstream::{Instant, Response};

/// One attempt's outcome, after a time.
pub(crate) type Step = (Duration, Result<Response, TransportError>);

/// Plays its steps in order, one for each attempt, and keeps a record of what was asked.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    steps: RefCell<VecDeque<Step>>,
    pub(crate) asked: RefCell<Vec<Asked>>,
}

/// What one attempt looked like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) endpoint: String,
    pub(crate) at: Instant,
    pub(crate) remaining: Duration,
}

impl Scripted {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: RefCell::new(steps.into_iter().collect()),
            asked: RefCell::default(),
        }
    }
}

impl Transport for Scripted {
    fn send<'a>(
        &'a self,
        attempt: Attempt<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, TransportError>> {
        self.asked.borrow_mut().push(Asked {
            endpoint: attempt.endpoint.authority().to_owned(),
            at: Instant::now(),
            remaining: attempt.remaining,
        });
        let step = self.steps.borrow_mut().pop_front();
        Box::pin(async move {
            let (after, outcome) = step.expect("the script has a step for each attempt");
            tokio::time::sleep(after).await;
            outcome
        })
    }
}
