//! What threads share: against models on one thread, and under a scheduler that tries sequences they may come in.
//!
//! For the scheduler the same sources are compiled once more, over its locks.

use super::{Error, Instant, cache};

#[expect(clippy::duplicate_mod, reason = "other locks underneath")]
#[path = "flight.rs"]
mod flight;
#[expect(clippy::duplicate_mod, reason = "other locks underneath")]
#[path = "queue.rs"]
mod queue;

mod flight_model;
mod flight_schedules;
mod queue_model;
mod queue_schedules;
mod sync;
