//! The line against a list of who waits and who has a word kept, polled by hand.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Wake, Waker};

use proptest::prelude::*;
use proptest::sample::Index;

use crate::upstream::queue::Queue;

#[derive(Debug, Clone)]
enum Step {
    Join,
    Freed,
    CallAll,
    Poll(Index),
    Leave(Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Join),
        3 => Just(Step::Freed),
        1 => Just(Step::CallAll),
        4 => any::<Index>().prop_map(Step::Poll),
        3 => any::<Index>().prop_map(Step::Leave),
    ]
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

/// Somebody in line, who counts how often it was called.
struct Waiter<'a> {
    life: Pin<Box<dyn Future<Output = ()> + 'a>>,
    called: Rc<Cell<u32>>,
    is_first: Rc<Cell<bool>>,
    woken: Arc<Flag>,
    /// Of the model: whether there is a word for it, and whether it has listened since the last.
    word: bool,
    listens: bool,
}

impl<'a> Waiter<'a> {
    fn join(queue: &'a Queue, word: bool) -> Self {
        let ticket = queue.join(usize::MAX).unwrap();
        let (called, is_first) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let (calls, first) = (Rc::clone(&called), Rc::clone(&is_first));
        let life = async move {
            loop {
                ticket.called().await;
                calls.set(calls.get() + 1);
                first.set(ticket.is_first());
            }
        };
        Self {
            life: Box::pin(life),
            called,
            is_first,
            woken: Arc::default(),
            word,
            listens: false,
        }
    }

    fn told(&mut self) {
        self.word = true;
        assert!(
            !self.listens || self.woken.0.load(SeqCst),
            "a word without a wake-up"
        );
    }

    fn poll(&mut self, first: bool) {
        let before = self.called.get();
        self.woken.0.store(false, SeqCst);
        let waker = Waker::from(Arc::clone(&self.woken));
        assert!(
            self.life
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        // Twice where one word reached it while it listened, and another was kept then.
        let calls = self.called.get() - before;
        assert!(
            (1..=2).contains(&calls) == self.word && calls <= 2,
            "called {calls} times"
        );
        assert!(!self.word || self.is_first.get() == first);
        (self.word, self.listens) = (false, true);
    }
}

proptest! {
    #[test]
    fn each_is_called_when_it_comes_to_stand_first_and_whenever_a_place_is_freed_then(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let queue = Queue::default();
        let mut line: Vec<Waiter<'_>> = Vec::new();
        for step in steps {
            match step {
                Step::Join => {
                    let word = line.is_empty();
                    line.push(Waiter::join(&queue, word));
                }
                Step::Freed => {
                    queue.place_freed();
                    line.first_mut().into_iter().for_each(Waiter::told);
                }
                Step::CallAll => {
                    queue.call_all();
                    line.iter_mut().for_each(Waiter::told);
                }
                Step::Poll(_) | Step::Leave(_) if line.is_empty() => {}
                Step::Poll(index) => {
                    let index = index.index(line.len());
                    line[index].poll(index == 0);
                }
                Step::Leave(index) => {
                    let index = index.index(line.len());
                    drop(line.remove(index));
                    if index == 0 {
                        line.first_mut().into_iter().for_each(Waiter::told);
                    }
                }
            }
            prop_assert_eq!((queue.len(), queue.is_empty()), (line.len(), line.is_empty()));
            prop_assert_eq!(queue.join(line.len()).map(drop), None, "longer than it may be");
        }
        while !line.is_empty() {
            line[0].poll(true);
            line.remove(0);
            line.first_mut().into_iter().for_each(Waiter::told);
        }
        prop_assert!(queue.is_empty());
    }
}
