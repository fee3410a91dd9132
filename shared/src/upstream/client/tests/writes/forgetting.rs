//! What was kept before a write is not found after it.

use super::*;
use crate::upstream::request::Tag;

fn tagged(target: &str, tag: &str) -> Request {
    Request::get(target).tagged(tag)
}

/// A client of a service whose answers are kept for a minute, each with the number of its call.
fn keeping(config: Config, latency: Duration) -> (Client, Rc<Scripted>) {
    let mut calls = 0;
    client_by(config, move |_| {
        calls += 1;
        let mut outcome = says(200, &[("cache-control", "max-age=60")], "");
        if let Ok(response) = &mut outcome {
            response.body = calls.to_string().into();
        }
        (latency, outcome)
    })
}

async fn number(client: &Client, request: Request) -> u8 {
    ask(client, &within(NEVER), request).await.unwrap()
}

/// Two names with one place, and a third with another.
fn names() -> (String, String, String) {
    let generations = Generations::default();
    let is_moved = |name: &str| generations.of(Some(Tag::of(name))) > 0;
    generations.end(Tag::of("a"));
    let others = || (0..100_000).map(|number| format!("b{number}"));
    let same = others().find(|name| is_moved(name)).unwrap();
    let other = others().find(|name| !is_moved(name)).unwrap();
    ("a".to_owned(), same, other)
}

#[test]
fn a_tag_that_ended_is_in_its_next_generation_and_so_is_what_shares_its_place_and_nothing_else() {
    let (name, same, other) = names();
    let generations = Generations::default();
    let of = |name: &str| generations.of(Some(Tag::of(name)));
    for times in 1..4 {
        generations.end(Tag::of(&name));
        assert_eq!((of(&name), of(&same), of(&other)), (times, times, 0));
        assert_eq!(generations.of(None), 0, "what has no tag has no end");
    }
}

#[test]
fn what_is_tagged_is_asked_for_anew_and_the_rest_is_not() {
    paused(async {
        let (name, same, other) = names();
        let (client, transport) = keeping(caching(ONE), MS);
        let requests = || {
            [
                tagged("/1", &name),
                tagged("/2", &name),
                tagged("/3", &same),
                tagged("/4", &other),
                Request::get("/5"),
            ]
        };
        for _ in 0..2 {
            for (place, request) in (1..).zip(requests()) {
                assert_eq!(number(&client, request).await, place);
            }
        }
        assert_eq!(transport.attempts(), 5);
        client.forget(&name);
        let mut after = Vec::new();
        for request in requests() {
            after.push(number(&client, request).await);
        }
        assert_eq!(after, [6, 7, 8, 4, 5]);
        // What came since is kept again.
        assert_eq!(number(&client, tagged("/1", &name)).await, 6);
    });
}

#[test]
fn a_stale_one_is_not_given_either() {
    paused(async {
        let mut calls = 0;
        let (client, _) = client_by(caching(ONE), move |_| {
            calls += 1;
            let control = "max-age=1, stale-while-revalidate=60, stale-if-error=60";
            let kept = says(200, &[("cache-control", control), ("etag", "\"a\"")], "1");
            (MS, if calls == 1 { kept } else { down() })
        });
        assert_eq!(number(&client, tagged("/", "a")).await, 1);
        sleep(10 * SECOND).await;
        client.forget("a");
        let outcome = ask(&client, &within(NEVER), tagged("/", "a")).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unavailable);
    });
}

#[test]
fn nor_is_the_service_asked_if_it_is_still_so() {
    paused(async {
        let (client, transport) = client_by(caching(ONE), |_| {
            let headers = [("cache-control", "no-cache"), ("etag", "\"a\"")];
            (MS, says(200, &headers, "1"))
        });
        number(&client, tagged("/", "a")).await;
        client.forget("a");
        number(&client, tagged("/", "a")).await;
        assert_eq!(transport.asked.borrow()[1].header("if-none-match"), "");
    });
}

#[test]
fn a_call_that_was_under_way_is_not_shared_after_it_and_its_answer_is_for_those_who_asked_before() {
    paused(async {
        let (client, transport) = keeping(caching(ONE), 10 * MS);
        let context = within(NEVER);
        let ask = || ask(&client, &context, tagged("/", "a"));
        let (before, joined, after, later) = futures_util::join!(
            ask(),
            ask(),
            async {
                sleep(5 * MS).await;
                client.forget("a");
                ask().await
            },
            async {
                // The first one's answer is there.
                sleep(12 * MS).await;
                ask().await
            },
        );
        assert_eq!((before, joined, after, later), (Ok(1), Ok(1), Ok(2), Ok(2)));
        assert_eq!(transport.attempts(), 2);
        assert_eq!(ask().await, Ok(2), "what is kept is the newer one");
        assert_idle(&client);
    });
}

#[test]
fn a_renewal_that_was_under_way_renews_nothing_for_those_who_ask_after_it() {
    paused(async {
        let calls = Rc::new(Cell::new(0));
        let counter = Rc::clone(&calls);
        let (client, _) = client_by(caching(ONE), move |_| {
            counter.set(counter.get() + 1);
            let control = "max-age=1, stale-while-revalidate=60";
            let mut outcome = says(200, &[("cache-control", control)], "");
            if let Ok(response) = &mut outcome {
                response.body = counter.get().to_string().into();
            }
            (50 * MS, outcome)
        });
        number(&client, tagged("/", "a")).await;
        sleep(10 * SECOND).await;
        assert_eq!(number(&client, tagged("/", "a")).await, 1, "being renewed");
        settle().await;
        assert_eq!(calls.get(), 2);
        client.forget("a");
        sleep(100 * MS).await;
        assert_eq!(number(&client, tagged("/", "a")).await, 3);
        assert_idle(&client);
    });
}

#[test]
fn without_a_cache_there_is_nothing_to_forget() {
    paused(async {
        let (client, transport) = keeping(config(ONE), MS);
        client.forget("a");
        assert_eq!(number(&client, tagged("/", "a")).await, 1);
        client.forget("a");
        assert_eq!(number(&client, tagged("/", "a")).await, 2);
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn one_of_a_batch_is_forgotten_by_itself() {
    struct Things;
    impl Batch for Things {
        type Key = u8;
        type Value = u8;
        fn one(key: u8) -> Request {
            tagged(&format!("/{key}"), &format!("thing {key}"))
        }
        fn many(keys: &[u8]) -> Request {
            let keys: Vec<_> = keys.iter().map(u8::to_string).collect();
            Request::get(format!("/?{}", keys.join(",")))
        }
        fn read(json: &[u8]) -> Result<(u8, u8), Undecodable> {
            let number = Undecodable::or_read(json)?;
            Ok((number, number))
        }
    }
    paused(async {
        let (client, transport) = client_by(caching(ONE), |_| {
            let body = r#"{"items":[1,2,3]}"#;
            (MS, says(200, &[("cache-control", "max-age=60")], body))
        });
        let context = within(NEVER);
        client.batch::<Things>(&context, &[1, 2, 3]).await;
        client.forget("thing 2");
        client.batch::<Things>(&context, &[1, 2, 3]).await;
        let asked = transport.asked.borrow();
        let targets: Vec<_> = asked.iter().map(|asked| &*asked.target).collect();
        assert_eq!(targets, ["/?1,2,3", "/?2"]);
    });
}
