//! Which of the requests that come along a fault hits.

use crate::dice::Dice;

/// A fault's share and times, and how far along they are.
#[derive(Debug)]
pub(crate) struct Turns {
    share: f64,
    times: Option<u64>,
    seen: u64,
    applied: u64,
    /// The next request to hit, counted in requests seen.
    due: f64,
}

impl Turns {
    pub(crate) fn new(share: f64, times: Option<u64>, dice: &mut Dice) -> Self {
        let mut turns = Self {
            share,
            times,
            seen: 0,
            applied: 0,
            due: 0.0,
        };
        turns.schedule(dice);
        turns
    }

    /// Draws the next hit from the stretch of requests that has one to come: a share of 0.1 hits once
    /// in requests 0 to 9, once in 10 to 19 and so on, so the share is kept exactly and yet a retry
    /// cannot count on being spared.
    fn schedule(&mut self, dice: &mut Dice) {
        self.due = ((self.applied as f64 + dice.fraction()) / self.share).floor();
    }

    /// Counts a request. When an earlier fault has it already (`free` is false), a hit that is due
    /// stays due and falls on a later one.
    pub(crate) fn hits(&mut self, free: bool, dice: &mut Dice) -> bool {
        let turn = self.seen as f64;
        self.seen += 1;
        if !free || turn < self.due {
            return false;
        }
        self.applied += 1;
        self.schedule(dice);
        true
    }

    /// How often the fault was applied.
    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    /// How often it will still be; `None` if it does not wear off.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.times.map(|times| times - self.applied)
    }

    /// Whether it has worn off.
    pub(crate) fn spent(&self) -> bool {
        self.remaining() == Some(0)
    }
}
