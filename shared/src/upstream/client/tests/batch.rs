//! Several things in one call: what each of them costs, and what it comes to.

use std::collections::HashMap;

use serde::Deserialize;

use super::cache::caching;
use super::*;
use crate::upstream::{Batch, Origin, StaleCause};

mod arbitrary;
mod failures;
mod routes;
mod sharing;
mod threads;

/// `{"id": 7, "made": 3}`: which one it is, and a number that tells newer ones from older ones.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Thing {
    id: u32,
    made: u32,
}

struct Things;

impl Batch for Things {
    type Key = u32;
    type Value = Thing;

    fn one(key: u32) -> Request {
        Request::get(format!("/things/{key}")).tagged(&format!("thing/{key}"))
    }

    fn many(keys: &[u32]) -> Request {
        let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
        Request::get(format!("/things?ids={}", keys.join(",")))
    }

    fn read(json: &[u8]) -> Result<(u32, Thing), Undecodable> {
        let thing: Thing = Undecodable::or_read(json)?;
        Ok((thing.id, thing))
    }
}

/// What an attempt asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Question {
    One(u32),
    Many(Vec<u32>),
}

impl Question {
    fn of(asked: &Asked) -> Self {
        Self::in_target(&asked.target)
    }

    fn in_target(target: &str) -> Self {
        let number = |digits: &str| digits.parse().unwrap();
        match target.strip_prefix("/things?ids=") {
            Some(ids) => Self::Many(ids.split(',').map(number).collect()),
            None => Self::One(number(target.strip_prefix("/things/").unwrap())),
        }
    }

    fn keys(&self) -> &[u32] {
        match self {
            Self::One(key) => std::slice::from_ref(key),
            Self::Many(keys) => keys,
        }
    }

    /// The answer with all of it.
    fn answered(&self, made: u32) -> String {
        match self {
            Self::One(key) => thing(*key, made),
            Self::Many(keys) => items(keys.iter().map(|key| thing(*key, made))),
        }
    }
}

fn thing(id: u32, made: u32) -> String {
    format!(r#"{{"id":{id},"made":{made}}}"#)
}

fn items(things: impl IntoIterator<Item = String>) -> String {
    let things: Vec<_> = things.into_iter().collect();
    format!(r#"{{"items":[{}]}}"#, things.join(","))
}

const FOR_A_MINUTE: &[(&str, &str)] = &[("cache-control", "max-age=60")];

fn with(headers: &[(&'static str, &str)], body: String) -> Outcome {
    let mut outcome = says(200, headers, "");
    if let Ok(response) = &mut outcome {
        response.body = body.into();
    }
    outcome
}

/// A client of a service that answers everything after 5 ms, on these terms.
fn well(
    config: Config,
    headers: &'static [(&'static str, &'static str)],
) -> (Client, Rc<Scripted>) {
    client_by(config, move |asked| {
        (5 * MS, with(headers, Question::of(asked).answered(0)))
    })
}

type Answers = HashMap<u32, Result<Answer<Thing>, Error>>;

/// Asks for these with all the time in the world.
async fn many(client: &Client, keys: &[u32]) -> Answers {
    client.batch::<Things>(&within(NEVER), keys).await
}

async fn one(client: &Client, key: u32) -> Result<Answer<Thing>, Error> {
    client.one::<Things>(&within(NEVER), key).await
}

/// The keys with what came of each: the number of an answer, or how it failed.
fn outcomes(answers: &Answers) -> Vec<(u32, Result<u32, ErrorKind>)> {
    let mut outcomes: Vec<_> = answers
        .iter()
        .map(|(key, outcome)| {
            let outcome = outcome.as_ref();
            if let Ok(answer) = outcome {
                assert_eq!(answer.value.id, *key, "its own value");
            }
            let made = outcome.map(|answer| answer.value.made);
            (*key, made.map_err(Error::kind))
        })
        .collect();
    outcomes.sort_unstable_by_key(|(key, _)| *key);
    outcomes
}

/// Every one of `keys` came, as the answer with the number `made`.
fn all(keys: impl IntoIterator<Item = u32>, made: u32) -> Vec<(u32, Result<u32, ErrorKind>)> {
    keys.into_iter().map(|key| (key, Ok(made))).collect()
}

fn failed(
    keys: impl IntoIterator<Item = u32>,
    kind: ErrorKind,
) -> Vec<(u32, Result<u32, ErrorKind>)> {
    keys.into_iter().map(|key| (key, Err(kind))).collect()
}

fn questions(transport: &Scripted) -> Vec<Question> {
    transport.asked.borrow().iter().map(Question::of).collect()
}

/// What is given though it is old, and why: the number of the answer.
fn stale(outcome: &Result<Answer<Thing>, Error>) -> (u32, &StaleCause) {
    let answer = outcome.as_ref().unwrap();
    let Origin::Stale { cause, .. } = &answer.origin else {
        panic!("{:?}", answer.origin);
    };
    (answer.value.made, cause)
}

#[test]
fn each_is_asked_for_once_however_often_it_is_named() {
    paused(async {
        let (client, transport) = well(caching(ONE), FOR_A_MINUTE);
        let answers = many(&client, &[3, 1, 3, 2, 1, 3]).await;
        assert_eq!(outcomes(&answers), all([1, 2, 3], 0));
        assert_eq!(questions(&transport), [Question::Many(vec![3, 1, 2])]);
        assert_idle(&client);
    });
}

#[test]
fn who_asks_for_nothing_gets_nothing_and_no_call_is_made() {
    for config in [caching(ONE), config(ONE)] {
        paused(async {
            let (client, transport) = well(config, &[]);
            assert!(many(&client, &[]).await.is_empty());
            assert_eq!(transport.attempts(), 0);
        });
    }
}

#[test]
fn there_is_a_call_for_each_hundred_and_all_begin_at_once() {
    for (number, calls) in [(1, 1), (99, 1), (100, 1), (101, 2), (250, 3)] {
        for config in [caching(ONE), config(ONE)] {
            paused(async {
                let (client, transport) = well(config, &[]);
                let start = Instant::now();
                let keys: Vec<_> = (0..number).collect();
                let answers = many(&client, &keys).await;
                assert_eq!(outcomes(&answers), all(0..number, 0));
                assert_eq!(transport.times(start), vec![Duration::ZERO; calls]);
                assert_eq!(start.elapsed(), 5 * MS);
                for question in questions(&transport) {
                    assert!(matches!(question, Question::Many(keys) if keys.len() <= 100));
                }
            });
        }
    }
}

#[test]
fn what_is_missing_is_not_found_and_nothing_else_is() {
    paused(async {
        let (client, transport) = client_by(caching(ONE), |asked| {
            let keys = Question::of(asked).keys().to_vec();
            let there = keys.into_iter().filter(|key| key % 2 == 0);
            (
                MS,
                with(FOR_A_MINUTE, items(there.map(|key| thing(key, 0)))),
            )
        });
        let keys: Vec<_> = (0..6).collect();
        let expected = vec![
            (0, Ok(0)),
            (1, Err(ErrorKind::NotFound)),
            (2, Ok(0)),
            (3, Err(ErrorKind::NotFound)),
            (4, Ok(0)),
            (5, Err(ErrorKind::NotFound)),
        ];
        assert_eq!(outcomes(&many(&client, &keys).await), expected);

        // That there is none is kept for a second, however long the others are.
        sleep(998 * MS).await;
        assert_eq!(outcomes(&many(&client, &keys).await), expected);
        assert_eq!(transport.attempts(), 1);
        sleep(2 * MS).await;
        assert_eq!(outcomes(&many(&client, &keys).await), expected);
        let asked = questions(&transport);
        assert_eq!(asked[1..], [Question::Many(vec![1, 3, 5])]);
    });
}
