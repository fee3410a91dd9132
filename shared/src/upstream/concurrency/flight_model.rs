//! Shared calls against a list of them, on one thread.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::sync::oneshot;

use super::{Error, Instant, cache::Key};
use crate::upstream::flight::{Flights, Progress, Seat};
use crate::upstream::{ErrorKind, Request};

#[derive(Debug, Clone, Copy)]
enum Say {
    Failing,
    Done,
    Nothing,
}

#[derive(Debug, Clone)]
enum Step {
    Join {
        key: usize,
        kept: bool,
    },
    Leave(Index),
    /// A call goes on, or ends.
    Say(Index, Say),
}

fn step() -> impl Strategy<Value = Step> {
    let say = prop_oneof![
        2 => Just(Say::Failing),
        2 => Just(Say::Done),
        1 => Just(Say::Nothing),
    ];
    prop_oneof![
        5 => (0..3_usize, prop::bool::weighted(0.2)).prop_map(|(key, kept)| Step::Join { key, kept }),
        4 => any::<Index>().prop_map(Step::Leave),
        3 => (any::<Index>(), say).prop_map(|(call, say)| Step::Say(call, say)),
    ]
}

/// A call as the model knows it.
struct Call {
    key: usize,
    seats: usize,
    kept: bool,
    state: Progress,
    tell: Option<oneshot::Sender<Say>>,
    failing: Arc<tokio::sync::Notify>,
    has_ended: Arc<()>,
}

impl Call {
    fn is_over(&self) -> bool {
        matches!(self.state, Progress::Done(_) | Progress::Lost)
    }
}

fn error(number: usize) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        &"service".into(),
        number.to_string(),
    )
}

fn said(progress: &Progress) -> (u8, String) {
    match progress {
        Progress::Underway => (0, String::new()),
        Progress::Failing(error) => (1, error.detail().to_owned()),
        Progress::Done(outcome) => (2, outcome.as_ref().err().unwrap().detail().to_owned()),
        Progress::Lost => (3, String::new()),
    }
}

#[derive(Default)]
struct World {
    flights: Arc<Flights>,
    calls: Vec<Call>,
    seats: Vec<(usize, Seat)>,
}

impl World {
    fn join(&mut self, start: Instant, key: usize, kept: bool) {
        let number = self.calls.len();
        let now = start + Duration::from_secs(number.try_into().unwrap());
        let name = Key::of::<u8>(&Request::get(format!("/{key}")), 0);
        let (seat, lead) = self.flights.join(&name, kept, now);
        let known = self
            .calls
            .iter()
            .position(|call| call.key == key && !call.is_over());
        assert_eq!(known.is_none(), lead.is_some(), "one at a time");
        if let Some(lead) = lead {
            let (tell, told) = oneshot::channel();
            let failing = Arc::new(tokio::sync::Notify::new());
            let has_ended = Arc::new(());
            let (fails, alive) = (Arc::clone(&failing), Arc::clone(&has_ended));
            let task = tokio::spawn(async move {
                let _alive = alive;
                let mut told = told;
                loop {
                    tokio::select! {
                        biased;
                        () = fails.notified() => lead.failing(&error(number)),
                        said = &mut told => {
                            if let Ok(Say::Done) = said {
                                lead.done(Err(error(number)));
                            }
                            return;
                        }
                    }
                }
            });
            seat.flown_by(task.abort_handle());
            self.calls.push(Call {
                key,
                seats: 0,
                kept: false,
                state: Progress::Underway,
                tell: Some(tell),
                failing,
                has_ended,
            });
        }
        let number = known.unwrap_or(number);
        assert_eq!(
            seat.started,
            start + Duration::from_secs(number.try_into().unwrap())
        );
        self.calls[number].seats += 1;
        self.calls[number].kept |= kept;
        self.seats.push((number, seat));
    }

    fn leave(&mut self, seat: usize) {
        let (number, seat) = self.seats.swap_remove(seat);
        drop(seat);
        let call = &mut self.calls[number];
        call.seats -= 1;
        if call.seats == 0 && !call.kept && !call.is_over() {
            call.state = Progress::Lost;
        }
    }

    fn say(&mut self, number: usize, say: Say) {
        let call = &mut self.calls[number];
        if call.is_over() {
            return;
        }
        match say {
            Say::Failing => {
                call.failing.notify_one();
                call.state = Progress::Failing(error(number));
            }
            Say::Done => {
                call.state = Progress::Done(Err(error(number)));
                _ = call.tell.take().unwrap().send(say);
            }
            Say::Nothing => {
                call.state = Progress::Lost;
                call.tell = None;
            }
        }
    }

    fn check(&mut self) {
        for call in &self.calls {
            let is_alive = Arc::strong_count(&call.has_ended) > 1;
            assert_eq!(is_alive, !call.is_over(), "of call for {}", call.key);
        }
        for (number, seat) in &mut self.seats {
            let call = &self.calls[*number];
            let outcome = seat.outcome(false).now_or_never();
            assert_eq!(outcome.is_some(), call.is_over());
            if let Some(outcome) = outcome {
                assert_eq!(said(&outcome), said(&call.state));
            }
            let first = seat
                .outcome(true)
                .now_or_never()
                .unwrap_or(Progress::Underway);
            assert_eq!(said(&first), said(&call.state));
        }
        let idle = self.calls.iter().all(Call::is_over);
        assert_eq!(self.flights.is_empty(), idle);
    }
}

proptest! {
    #[test]
    fn whoever_joins_has_the_outcome_of_its_call_and_the_last_to_leave_ends_it(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let start = Instant::now();
            let mut world = World::default();
            for step in steps {
                match step {
                    Step::Join { key, kept } => world.join(start, key, kept),
                    Step::Leave(seat) if !world.seats.is_empty() => {
                        world.leave(seat.index(world.seats.len()));
                    }
                    Step::Say(call, say) if !world.calls.is_empty() => {
                        world.say(call.index(world.calls.len()), say);
                    }
                    Step::Leave(_) | Step::Say(..) => continue,
                }
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                world.check();
            }
        });
    }
}
