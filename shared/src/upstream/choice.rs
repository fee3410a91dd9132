//! Which endpoint a call goes to.

use std::sync::Arc;

use super::endpoint::Offer;
use super::{Endpoint, Instant};

/// An endpoint, and what discovery says of it beside where it is.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// The lower, the sooner it is asked (RFC 2782).
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) endpoint: Arc<Endpoint>,
}

/// Why no endpoint takes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is none.
    Nobody,
    /// All have as much to do as they can.
    Busy,
    /// All are left alone until then.
    Open(Instant),
}

/// The best offer of the members with the lowest priority that have any.
pub(super) fn pick(
    members: &[Member],
    avoid: &[u64],
    idle: bool,
    now: Instant,
) -> Result<Arc<Endpoint>, Refusal> {
    // Two of them at random, however many there are (reservoir sampling).
    let mut two = [None, None];
    let mut seen = 0;
    let mut refusal = Refusal::Nobody;
    let mut priority = None;
    for member in members {
        if priority.is_some_and(|chosen| member.priority > chosen) {
            break;
        }
        if avoid.contains(&member.endpoint.id()) {
            continue;
        }
        match member.endpoint.offer(now) {
            // Sooner than any other: whoever works again gets its share back without delay.
            Offer::Probe if !idle => return Ok(Arc::clone(&member.endpoint)),
            // Works, and so those of another priority are not asked in its place.
            Offer::Call { pressed: true, .. } if idle => priority = Some(member.priority),
            Offer::Call { standing, .. } => {
                priority = Some(member.priority);
                let offer = Some((standing, member));
                seen += 1;
                let place = if seen <= 2 {
                    seen - 1
                } else {
                    fastrand::usize(..seen)
                };
                if let Some(place) = two.get_mut(place) {
                    *place = offer;
                }
            }
            Offer::Full => {
                priority = Some(member.priority);
                refusal = Refusal::Busy;
            }
            Offer::Open(until) => {
                refusal = match refusal {
                    Refusal::Nobody => Refusal::Open(until),
                    Refusal::Open(sooner) => Refusal::Open(sooner.min(until)),
                    Refusal::Busy => Refusal::Busy,
                };
            }
            Offer::Probe => {}
        }
    }
    match two {
        [Some((one, first)), Some((other, second))] => {
            let better = one.is_better(first.weight, other, second.weight);
            let chosen = if better.unwrap_or_else(fastrand::bool) {
                first
            } else {
                second
            };
            Ok(Arc::clone(&chosen.endpoint))
        }
        [Some((_, only)), None] => Ok(Arc::clone(&only.endpoint)),
        [None, _] => Err(refusal),
    }
}

#[cfg(test)]
mod tests;
