//! Whatever is asked for, whatever is known of it and however the service fails: each thing has its own outcome.

use std::collections::{BTreeSet, HashSet};

use proptest::prelude::*;

use super::*;

const KEYS: u32 = 8;

/// What the service does with an attempt.
#[derive(Debug, Clone)]
enum Act {
    Answers,
    /// Answers without these, which it does not know.
    Lacks(BTreeSet<u32>),
    /// Answers, and these cannot be read.
    Breaks(BTreeSet<u32>),
    /// Answers with more than it was asked for.
    Adds(u32),
    Says(u16),
    Garbles,
    Loses,
}

#[derive(Debug, Clone)]
struct Case {
    is_cached: bool,
    repeats: u32,
    /// Played again and again: how long it takes, if it ends at all, what it is, and on which terms.
    script: Vec<(Option<u32>, Act, &'static str)>,
    callers: Vec<Caller>,
    seed: u64,
}

#[derive(Debug, Clone)]
struct Caller {
    comes: u32,
    allowed: u32,
    leaves: Option<u32>,
    is_optional: bool,
    is_alone: bool,
    keys: Vec<u32>,
}

fn act() -> impl Strategy<Value = Act> {
    let some = || prop::collection::btree_set(0..KEYS, 1..4);
    prop_oneof![
        4 => Just(Act::Answers),
        1 => some().prop_map(Act::Lacks),
        1 => some().prop_map(Act::Breaks),
        1 => (0..2 * KEYS).prop_map(Act::Adds),
        2 => prop::sample::select(vec![400, 404, 405, 410, 429, 500, 501, 503]).prop_map(Act::Says),
        1 => Just(Act::Garbles),
        1 => Just(Act::Loses),
    ]
}

fn caller() -> impl Strategy<Value = Caller> {
    (
        0..4000_u32,
        1..2500_u32,
        prop::option::weighted(0.3, 0..1000_u32),
        any::<bool>(),
        prop::bool::weighted(0.3),
        prop::collection::vec(0..KEYS, 0..8),
    )
        .prop_map(
            |(comes, allowed, leaves, is_optional, is_alone, keys)| Caller {
                comes,
                allowed,
                leaves,
                is_optional,
                is_alone,
                keys,
            },
        )
}

fn case() -> impl Strategy<Value = Case> {
    let terms = prop::sample::select(vec![
        "",
        "max-age=1",
        "max-age=0, stale-while-revalidate=5",
        "max-age=1, stale-if-error=600",
        "no-store",
        "private, max-age=60",
    ]);
    let latency = prop::option::weighted(0.9, prop_oneof![0..20_u32, 0..1000_u32]);
    (
        prop::bool::weighted(0.8),
        0..2_u32,
        prop::collection::vec((latency, act(), terms), 1..12),
        prop::collection::vec(caller(), 1..12),
        any::<u64>(),
    )
        .prop_map(|(is_cached, repeats, script, callers, seed)| Case {
            is_cached,
            repeats,
            script,
            callers,
            seed,
        })
}

fn played(act: &Act, question: &Question, terms: &str, made: u32) -> Outcome {
    let headers = [("cache-control", terms)];
    let headers = if terms.is_empty() { &[][..] } else { &headers };
    let answer = |change: &dyn Fn(u32) -> Option<String>, more: Option<u32>| match question {
        Question::One(key) => match change(*key) {
            Some(body) => with(headers, body),
            None => says(404, headers, ""),
        },
        Question::Many(keys) => {
            let own = keys.iter().filter_map(|key| change(*key));
            let more = more.map(|key| thing(key, made));
            with(headers, items(own.chain(more)))
        }
    };
    let well = |key| Some(thing(key, made));
    match act {
        Act::Answers => answer(&well, None),
        Act::Lacks(keys) => answer(&|key| well(key).filter(|_| !keys.contains(&key)), None),
        Act::Breaks(keys) => {
            let broken = |key| {
                if keys.contains(&key) {
                    Some("{}".to_owned())
                } else {
                    well(key)
                }
            };
            answer(&broken, None)
        }
        Act::Adds(key) => answer(&well, Some(*key)),
        Act::Says(status) => says(*status, &[], ""),
        Act::Garbles => says(200, &[], "{\"items\":"),
        Act::Loses => Err(TransportError::Disconnected(String::new())),
    }
}

fn prepared(case: &Case) -> (Client, Rc<Scripted>) {
    let mut config = defaults(TWO);
    if !case.is_cached {
        config.cache.max_bytes = 0;
    }
    config.retry.repeats = case.repeats;
    let script = case.script.clone();
    let mut next = 0;
    client_by(config, move |asked| {
        let (latency, act, terms) = &script[next as usize % script.len()];
        next += 1;
        let latency = latency.map_or(FOR_EVER, |latency| latency * MS);
        (latency, played(act, &Question::of(asked), terms, next))
    })
}

async fn play(client: &Client, caller: &Caller) {
    sleep(caller.comes * MS).await;
    let start = Instant::now();
    let mut context = within(caller.allowed * MS);
    if caller.is_optional {
        context = context.optional();
    }
    let call = async {
        if caller.is_alone
            && let Some(key) = caller.keys.first()
        {
            let outcome = client.one::<Things>(&context, *key).await;
            return (HashSet::from([*key]), HashMap::from([(*key, outcome)]));
        }
        let keys = caller.keys.iter().copied().collect();
        (keys, client.batch::<Things>(&context, &caller.keys).await)
    };
    let (keys, answers) = if let Some(leaves) = caller.leaves {
        match tokio::time::timeout(leaves * MS, call).await {
            Ok(over) => over,
            Err(_) => return,
        }
    } else {
        call.await
    };
    let took = start.elapsed();
    assert!(took <= (caller.allowed * MS).min(2 * SECOND), "{took:?}");
    let answered: HashSet<_> = answers.keys().copied().collect();
    assert_eq!(answered, keys, "an outcome for each");
    // Looks at the values, too.
    outcomes(&answers);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_has_its_own_outcome_in_time_and_nothing_is_left_over(case in case()) {
        fastrand::seed(case.seed);
        paused(async {
            let (client, transport) = prepared(&case);
            join_all(case.callers.iter().map(|caller| play(&client, caller))).await;
            for question in questions(&transport) {
                let keys = question.keys();
                let distinct: HashSet<_> = keys.iter().collect();
                assert!(!keys.is_empty() && keys.len() <= 100);
                assert_eq!(distinct.len(), keys.len(), "{keys:?}");
            }
            // What goes on without its caller has its end, too.
            sleep(3 * SECOND).await;
            settle().await;
            assert_idle(&client);
        });
    }
}
