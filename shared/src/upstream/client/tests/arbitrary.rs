//! Whatever services and callers do, calls end in time and leave nothing behind.

use std::cell::RefCell;
use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::upstream::Origin;

#[derive(Debug, Clone)]
struct Case {
    endpoints: usize,
    places: u32,
    is_cached: bool,
    /// Played again and again.
    script: Vec<(Option<u32>, usize)>,
    callers: Vec<Caller>,
    seed: u64,
}

#[derive(Debug, Clone)]
struct Caller {
    comes: u32,
    allowed: u32,
    leaves: Option<u32>,
    is_optional: bool,
    target: u8,
    method: Method,
}

fn outcomes() -> Vec<Outcome> {
    vec![
        ok(),
        says(200, &[("cache-control", "max-age=1")], "1"),
        says(
            200,
            &[("cache-control", "max-age=0, stale-while-revalidate=5")],
            "1",
        ),
        says(200, &[("cache-control", "no-store")], "1"),
        says(
            200,
            &[("etag", "\"a\""), ("cache-control", "no-cache")],
            "1",
        ),
        says(304, &[("etag", "\"a\"")], ""),
        says(404, &[], ""),
        says(403, &[], ""),
        says(429, &[], ""),
        says(429, &[("retry-after", "1")], ""),
        says(500, &[], ""),
        says(200, &[], "no number"),
        Err(TransportError::Connect(String::new())),
        Err(TransportError::ConnectTimeout),
        Err(TransportError::StaleConnection),
        Err(TransportError::Disconnected(String::new())),
        Err(TransportError::Invalid(String::new())),
    ]
}

fn caller() -> impl Strategy<Value = Caller> {
    let methods = prop::sample::select(vec![Method::GET, Method::GET, Method::GET, Method::POST]);
    (
        0..3000_u32,
        1..2500_u32,
        prop::option::weighted(0.3, 0..1000_u32),
        any::<bool>(),
        0..3_u8,
        methods,
    )
        .prop_map(
            |(comes, allowed, leaves, is_optional, target, method)| Caller {
                comes,
                allowed,
                leaves,
                is_optional,
                target,
                method,
            },
        )
}

fn case() -> impl Strategy<Value = Case> {
    let latency = prop::option::weighted(0.9, prop_oneof![0..20_u32, 0..1000_u32]);
    (
        1..=3_usize,
        1..4_u32,
        any::<bool>(),
        prop::collection::vec((latency, 0..outcomes().len()), 1..20),
        prop::collection::vec(caller(), 1..24),
        any::<u64>(),
    )
        .prop_map(
            |(endpoints, places, is_cached, script, callers, seed)| Case {
                endpoints,
                places,
                is_cached,
                script,
                callers,
                seed,
            },
        )
}

/// What was said to somebody alone: the numbers of those answers.
type Private = Rc<RefCell<HashSet<u64>>>;

/// Each answer has a number of its own.
fn prepared(case: &Case) -> (Client, Rc<Scripted>, Private) {
    let mut config = defaults(&THREE[..case.endpoints]);
    if !case.is_cached {
        config.cache.max_bytes = 0;
    }
    (config.limit.initial, config.limit.min) = (case.places, case.places);
    let (outcomes, script) = (outcomes(), case.script.clone());
    let private = Private::default();
    let (mut next, noted) = (0, Rc::clone(&private));
    let (client, transport) = client_by(config, move |_| {
        let (latency, outcome) = script[next % script.len()];
        next += 1;
        let latency = latency.map_or(FOR_EVER, |latency| latency * MS);
        let mut outcome = outcomes[outcome].clone();
        if let Ok(response) = &mut outcome
            && response.body == "1"
        {
            response.body = next.to_string().into();
            let control = response.headers.get("cache-control");
            if control.is_some_and(|said| said == "no-store") {
                noted.borrow_mut().insert(next as u64);
            }
        }
        (latency, outcome)
    });
    (client, transport, private)
}

/// Plays one caller; fails if its call is not over when it has to be. Comes back with the number of the answer, and
/// whether it was just made.
async fn play(client: &Client, caller: &Caller, target: String) -> Option<(u64, bool)> {
    sleep(caller.comes * MS).await;
    let start = Instant::now();
    let mut context = within(caller.allowed * MS);
    if caller.is_optional {
        context = context.optional();
    }
    let request = Request::new(caller.method.clone(), target);
    let call = client.call(&context, request, Response::json::<u64>);
    let outcome = if let Some(leaves) = caller.leaves {
        tokio::time::timeout(leaves * MS, call).await.ok()?
    } else {
        call.await
    };
    let took = start.elapsed();
    let allowed = (caller.allowed * MS).min(2 * SECOND);
    assert!(took <= allowed, "{outcome:?} after {took:?}");
    let answer = outcome.ok()?;
    Some((*answer.value, answer.origin == Origin::Fresh))
}

/// That each attempt for a caller, who alone asked for its target, was one it may have.
fn judge(caller: &Caller, start: Instant, attempts: &[&Asked]) {
    if caller.method == Method::POST {
        assert!(attempts.len() <= 1);
    }
    let comes = start + caller.comes * MS;
    let over = comes + (caller.allowed * MS).min(2 * SECOND);
    for asked in attempts {
        assert!(asked.at < over);
        assert_eq!(asked.remaining, over - asked.at);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_call_is_over_in_time_and_leaves_nothing_behind(case in case()) {
        fastrand::seed(case.seed);
        paused(async {
            let start = Instant::now();
            let (client, transport, private) = prepared(&case);
            let target = |number: usize| {
                if case.is_cached {
                    format!("/{}", case.callers[number].target)
                } else {
                    format!("/{number}")
                }
            };
            let callers = case.callers.iter().enumerate();
            let answers = join_all(
                callers.map(|(number, caller)| play(&client, caller, target(number))),
            )
            .await;

            let mut alone = HashSet::new();
            for (number, is_fresh) in answers.into_iter().flatten() {
                if private.borrow().contains(&number) {
                    assert!(is_fresh && alone.insert(number), "{number} was for one alone");
                }
            }
            let asked = transport.asked.borrow().clone();
            for (number, caller) in case.callers.iter().enumerate().filter(|_| !case.is_cached) {
                let own = asked.iter().filter(|asked| asked.target == target(number));
                judge(caller, start, &own.collect::<Vec<_>>());
            }

            // What goes on without its caller has its end, too.
            sleep(3 * SECOND).await;
            settle().await;
            assert_idle(&client);
            // A reserve of a hundred, and one for the first hundred attempts.
            let hedges = 101 - client.cluster.hedges.balance(Instant::now());
            let series = (1 + 2 + 1) * case.callers.len();
            assert!(transport.attempts() <= series + usize::try_from(hedges).unwrap());
        });
    }
}
