//! Time-outs over timers that are kept.

use std::cell::RefCell;
use std::pin::{Pin, pin};

use futures_util::future::{Either, select};
use tokio::time::{Sleep, sleep_until};

use crate::upstream::Instant;

/// How many of a thread's timers are kept while nobody needs them.
const KEPT: usize = 64;

/// The timers of one worker thread, each used again and again, for times of about the same length.
///
/// A timer of tokio's that is armed takes a lock and a place in its wheel, and, if it is the next to go off, a write that
/// wakes the event loop that is just running. One that is only put off takes none of this: tokio looks at it again when its
/// earlier time has come. So timers are not dropped when what they watched is over, but put off for the next.
#[derive(Debug, Default)]
pub(super) struct Timers(RefCell<Vec<Pin<Box<Sleep>>>>);

/// A timer on loan, given back when dropped.
struct Loan<'a> {
    timer: Option<Pin<Box<Sleep>>>,
    owner: &'a Timers,
}

impl Timers {
    /// What comes of `work`, or nothing once `end` is past: then it is dropped.
    pub(super) async fn until<F: Future>(&self, end: Instant, work: F) -> Option<F::Output> {
        let mut loan = self.lend(end);
        let timer = loan.timer.as_mut()?;
        match select(pin!(work), timer.as_mut()).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(((), _)) => None,
        }
    }

    fn lend(&self, end: Instant) -> Loan<'_> {
        let kept = self.0.borrow_mut().pop();
        let timer = match kept {
            Some(mut timer) => {
                timer.as_mut().reset(end);
                timer
            }
            None => Box::pin(sleep_until(end)),
        };
        Loan {
            timer: Some(timer),
            owner: self,
        }
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut kept = self.owner.0.borrow_mut();
        if kept.len() < KEPT {
            kept.extend(self.timer.take());
        }
    }
}

#[cfg(test)]
mod tests;
