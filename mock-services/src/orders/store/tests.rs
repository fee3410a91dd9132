//! The store against a model that does everything the plain way, over many made-up histories.

use super::*;
use crate::{
    Options,
    dice::Dice,
    fixtures::{Cents, Line, STATUSES},
};

const MADE_UP: u64 = 12;
const MOST: usize = 3;

fn book(most_keys: usize) -> Book {
    let fixtures = Fixtures::new(&Options {
        orders: MADE_UP,
        customers: 3,
        ..Options::default()
    });
    Book::new(fixtures, Store::remembering(most_keys)).expect("a store of its own")
}

fn draft(customer_id: u64) -> Draft {
    Draft {
        customer_id,
        description: "x".to_owned(),
        currency: "EUR".to_owned(),
        lines: vec![Line {
            description: Cow::Borrowed("y"),
            price: Cents(customer_id),
            quantity: Some(2),
        }],
    }
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// What the answers must be: every order in a list, every key in another.
struct Model {
    /// Id, customer and status.
    orders: Vec<(u64, u64, Option<&'static str>)>,
    /// The oldest first: the key, what it was for, the order's id and whether it is worked on.
    keys: Vec<(String, String, u64, bool)>,
}

impl Model {
    fn new(book: &Book) -> Self {
        let orders = (1..=MADE_UP)
            .filter_map(|id| book.fixtures.order(id))
            .map(|order| (order.id, order.customer_id, order.status))
            .collect();
        Self {
            orders,
            keys: Vec::new(),
        }
    }

    /// The outcome if the key decides it: the order's id.
    fn known(&self, key: &str, what: &str) -> Option<Result<u64, Refusal>> {
        let (_, known, id, working) = self.keys.iter().find(|(known, ..)| known == key)?;
        Some(if known != what {
            Err(Refusal::OtherRequest)
        } else if *working {
            Err(Refusal::InProgress)
        } else {
            Ok(*id)
        })
    }

    fn remember(&mut self, key: &str, what: String, id: u64) {
        self.keys.push((key.to_owned(), what, id, true));
        while self.keys.len() > MOST {
            match self.keys.iter().position(|(.., working)| !working) {
                Some(index) => drop(self.keys.remove(index)),
                None => break,
            }
        }
    }

    fn place(&mut self, key: &str, customer: u64) -> Result<(u64, bool), Refusal> {
        let what = format!("order of {customer}");
        if let Some(known) = self.known(key, &what) {
            return known.map(|id| (id, true));
        }
        let id = self.orders.len() as u64 + 1;
        self.orders.push((id, customer, Some("placed")));
        self.remember(key, what, id);
        Ok((id, false))
    }

    fn cancel(&mut self, id: u64, key: Option<&str>) -> Result<(u64, bool), Refusal> {
        let what = format!("cancel {id}");
        if let Some(known) = key.and_then(|key| self.known(key, &what)) {
            return known.map(|id| (id, true));
        }
        let order = self.orders.iter_mut().find(|(known, ..)| *known == id);
        let (_, _, status) = order.ok_or(Refusal::NotFound)?;
        match *status {
            Some(late @ ("shipped" | "delivered")) => return Err(Refusal::TooLate(late)),
            _ => *status = Some("cancelled"),
        }
        if let Some(key) = key {
            self.remember(key, what, id);
        }
        Ok((id, false))
    }

    fn page(&self, filter: Filter<'_>, limit: usize) -> (Vec<u64>, Option<u64>) {
        let ids: Vec<u64> = (self.orders.iter().rev())
            .filter(|(id, ..)| filter.before.is_none_or(|before| *id < before))
            .filter(|(_, customer, _)| filter.customer_id.is_none_or(|id| id == *customer))
            .filter(|(_, _, status)| filter.status.is_none() || filter.status == *status)
            .map(|(id, ..)| *id)
            .collect();
        let page = ids[..limit.min(ids.len())].to_vec();
        let last = page.last().copied().filter(|_| ids.len() > limit);
        (page, last)
    }
}

#[test]
fn the_store_is_as_a_plain_model_of_it() {
    let mut outcomes = HashMap::<String, u32>::new();
    for seed in 0..500 {
        let dice = &mut Dice::new(seed);
        let book = book(MOST);
        let mut model = Model::new(&book);
        let mut working: Vec<Working> = Vec::new();
        let mut placed = Vec::new();
        for step in 0..60 {
            let key = dice.pick(&["a", "b", "c", "d", "e", "f"]);
            let what = dice.below(6);
            let (outcome, expected) = match what {
                0..3 => {
                    let customer = 1 + dice.below(2);
                    let outcome = book.place(key, draft(customer), second(step));
                    (outcome, model.place(key, customer))
                }
                3..5 => {
                    let id = 1 + dice.below(MADE_UP + 4);
                    let key = dice.chance(50).then_some(key);
                    (book.cancel(id, key), model.cancel(id, key))
                }
                _ => {
                    if !working.is_empty() {
                        let index = usize::try_from(dice.below(working.len() as u64));
                        let done = working.remove(index.expect("small"));
                        let key = (model.keys.iter_mut()).find(|(key, ..)| **key == *done.key);
                        key.expect("what is worked on is not forgotten").3 = false;
                    }
                    continue;
                }
            };
            let asked = if what < 3 { "place" } else { "cancel" };
            let name = format!("{asked} {:?}", outcome.as_ref().map(|done| done.replayed));
            *outcomes.entry(name).or_default() += 1;
            let outcome = outcome.map(|written| {
                if what < 3 {
                    assert_eq!(written.order.status, Some("placed"));
                    if !written.replayed {
                        placed.push((key.to_owned(), written.order.id));
                    }
                } else {
                    assert_eq!(written.order.status, Some("cancelled"));
                }
                working.extend(written.working);
                (written.order.id, written.replayed)
            });
            assert_eq!(outcome, expected, "seed {seed}, step {step}");

            for id in 0..=model.orders.len() as u64 + 1 {
                let order = book.order(id);
                let order = order.map(|order| (order.id, order.customer_id, order.status));
                let known = model.orders.iter().find(|(known, ..)| *known == id);
                assert_eq!(order.as_ref(), known, "seed {seed}, step {step}");
            }
            let status = dice.pick(&STATUSES);
            let (customer, before) = (1 + dice.below(3), dice.below(30));
            let filter = Filter {
                customer_id: dice.chance(50).then_some(customer),
                status: dice.chance(50).then_some(status),
                before: dice.chance(50).then_some(before),
            };
            let limit = usize::try_from(1 + dice.below(8)).expect("small");
            let (orders, last) = book.page(filter, Some(limit));
            let ids = orders.iter().map(|order| order.id).collect();
            assert_eq!(
                (ids, last),
                model.page(filter, limit),
                "seed {seed}: {filter:?}"
            );
        }
        assert_eq!(book.store.placed(), placed);
        // Nothing is left over of a key that was forgotten.
        let state = book.store.lock();
        assert_eq!(state.keys.len(), model.keys.len());
        assert!(
            (state.oldest.iter().map(|key| &**key))
                .eq(model.keys.iter().map(|(key, ..)| key.as_str()))
        );
    }
    // The histories have everything in them that can happen.
    assert_eq!(outcomes.len(), 11, "{outcomes:?}");
}

#[test]
fn a_forgotten_key_makes_a_new_order_and_one_worked_on_is_not_forgotten() {
    let book = book(2);
    let first = book.place("a", draft(1), second(0)).expect("an order");
    for key in ["b", "c", "d"] {
        drop(book.place(key, draft(1), second(0)).expect("an order"));
    }
    let again = book.place("a", draft(1), second(0));
    assert_eq!(again.expect_err("in progress"), Refusal::InProgress);
    drop(first);
    drop(book.place("e", draft(1), second(0)).expect("an order"));
    let again = book.place("a", draft(1), second(0)).expect("an order");
    assert_eq!((again.replayed, again.order.id), (false, MADE_UP + 6));
}

#[test]
fn a_clock_that_is_set_back_leaves_the_sequence() {
    let book = book(MOST);
    let placed_at = ["a", "b", "c"]
        .into_iter()
        .zip([10, 5, 11])
        .map(|(key, now)| {
            let written = book.place(key, draft(1), second(now)).expect("an order");
            written.order.placed_at
        });
    let placed_at: Vec<_> = placed_at.collect();
    assert_eq!(placed_at, [10, 10, 11].map(|at| Some(second(at))));
}

#[test]
fn ids_end_where_they_can_no_longer_be_written() {
    let fixtures = Fixtures::new(&Options {
        orders: MAX_ID - 1,
        ..Options::default()
    });
    let book = Book::new(fixtures, Store::new()).expect("a store of its own");
    let last = book.place("a", draft(1), second(0)).expect("an order");
    assert_eq!(last.order.id, MAX_ID);
    let full = book.place("b", draft(1), second(0));
    assert_eq!(full.expect_err("full"), Refusal::Full);
    assert_eq!(book.store.placed().len(), 1);
}
