//! What the cache does for the web client: fresh and cached answers, and what their headers say of them.

use mock_services::raw::{self, Answer};
use serde_json::json;

use crate::helpers::recorder::Recorder;
use crate::helpers::{Bff, GUARD, spawn_over, until};

mod stale;

const ORDER: &str = r#"{"id":1,"description":"an order","customerId":56,"lines":[],"total":0}"#;
const CUSTOMER: &str = r#"{"id":56,"name":"Jane Roe","email":"jane@example.com"}"#;

/// Stale at once, but better than nothing.
const STALE: (&str, &str) = ("Cache-Control", "max-age=0, stale-if-error=600");

/// A BFF over services that say what they are told.
struct Stack {
    bff: Bff,
    orders: Recorder,
    customers: Recorder,
}

impl Stack {
    /// With answers that have these header fields.
    async fn start(order: &[(&str, &str)], customer: &[(&str, &str)]) -> Self {
        let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
        orders.say("200 OK", order, ORDER);
        customers.say("200 OK", customer, CUSTOMER);
        let bff = spawn_over(&[&orders.url()], &[&customers.url()], |config| {
            for upstream in [&mut config.services.orders, &mut config.services.customers] {
                // Whoever has a stale answer waits twice this long for a newer one.
                upstream.hedge.after_at_least = GUARD / 2;
            }
        });
        Self {
            bff,
            orders,
            customers,
        }
    }

    /// The answer for order 1.
    async fn get(&self) -> Answer {
        let answer = self.bff.get("/orders/1").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    fn asked(&self) -> (usize, usize) {
        (self.orders.requests(), self.customers.requests())
    }
}

/// What `Cache-Status` says of both sources, each with its parameters.
fn cache_status(answer: &Answer) -> [Vec<String>; 2] {
    let value = answer.header("cache-status").unwrap();
    let members = value.split(", ").zip(["order", "customer"]);
    let members = members.map(|(member, name)| {
        let mut items = member.split("; ").map(str::to_owned);
        assert_eq!(items.next().as_deref(), Some(name), "{value}");
        items.collect()
    });
    members.collect::<Vec<_>>().try_into().unwrap()
}

/// The seconds behind `name=` in the last of `parameters`, which begin with `before`.
fn seconds(parameters: &[String], before: &[&str], name: &str) -> i64 {
    let (last, first) = parameters.split_last().unwrap();
    assert_eq!(first, before, "{parameters:?}");
    let value = last
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('='));
    value
        .unwrap_or_else(|| panic!("{parameters:?}"))
        .parse()
        .unwrap()
}

fn max_age(answer: &Answer) -> i64 {
    let seconds = answer
        .kept_privately()
        .and_then(|seconds| seconds.try_into().ok());
    seconds.unwrap_or_else(|| panic!("{answer:?}"))
}

#[actix_web::test]
async fn what_was_fresh_is_cached_the_next_time_and_both_answers_say_so() {
    let stack = Stack::start(
        &[("Cache-Control", "max-age=1000"), ("Age", "100")],
        &[("Cache-Control", "max-age=3000")],
    )
    .await;

    let (fresh, cached) = (stack.get().await, stack.get().await);

    assert_eq!(stack.asked(), (1, 1));
    assert_eq!(
        fresh.json()["sources"],
        json!({ "order": { "state": "fresh" }, "customer": { "state": "fresh" } })
    );
    assert_eq!(
        fresh.header("cache-status"),
        Some("order; fwd=uri-miss; stored, customer; fwd=uri-miss; stored")
    );
    assert_eq!(max_age(&fresh), 900, "what is left of the shorter time");

    let mut body = cached.json();
    let [order, customer] = cache_status(&cached);
    for (name, parameters, age, lifetime) in
        [("order", order, 100, 1000), ("customer", customer, 0, 3000)]
    {
        let source = body["sources"][name].take();
        let told = source["ageSeconds"].as_i64().unwrap();
        assert_eq!(source, json!({ "state": "cached", "ageSeconds": told }));
        // Both round down.
        let left = seconds(&parameters, &["hit"], "ttl");
        assert!(told >= age && (lifetime - 1..=lifetime).contains(&(told + left)));
        if name == "order" {
            assert_eq!(max_age(&cached), left, "what is left of the shorter time");
        }
    }
    assert_eq!(
        (&body["id"], &body["customer"]["name"]),
        (&json!(1), &json!("Jane Roe"))
    );
}

#[actix_web::test]
async fn the_tag_is_weak_the_same_for_other_ages_and_another_for_other_contents() {
    let stack = Stack::start(&[STALE], &[STALE]).await;
    let first = stack.get().await;
    let tag = |answer: &Answer| answer.header("etag").unwrap().to_owned();
    assert!(
        tag(&first).starts_with("W/\"") && tag(&first).ends_with('"'),
        "{first:?}"
    );

    stack.orders.say("200 OK", &[STALE, ("Age", "5")], ORDER);
    assert_eq!(
        tag(&stack.get().await),
        tag(&first),
        "the order has only grown older"
    );

    let moved = CUSTOMER.replace("jane@", "roe@");
    stack.customers.say("200 OK", &[STALE], &moved);
    let other_customer = stack.get().await;
    stack.customers.say("200 OK", &[STALE], CUSTOMER);
    stack
        .orders
        .say("200 OK", &[STALE], &ORDER.replace("an order", "another"));
    let other_order = stack.get().await;
    assert_ne!(tag(&other_customer), tag(&first));
    assert_ne!(tag(&other_order), tag(&first));
    assert_ne!(tag(&other_order), tag(&other_customer));

    stack.orders.say("200 OK", &[STALE], ORDER);
    assert_eq!(tag(&stack.get().await), tag(&first));

    let fresh = Stack::start(&[("Cache-Control", "max-age=60")], &[STALE]).await;
    assert_eq!(tag(&fresh.get().await), tag(&first));
    assert_eq!(
        tag(&fresh.get().await),
        tag(&first),
        "from the cache it is the same"
    );
}

#[actix_web::test]
async fn whoever_has_the_answer_gets_a_304_with_the_same_headers() {
    let fresh = ("Cache-Control", "max-age=600");
    let stack = Stack::start(&[fresh], &[fresh]).await;
    let full = stack.get().await;
    let tag = full.header("etag").unwrap();
    let strong = tag.strip_prefix("W/").unwrap();

    for known in [tag, strong, "*", &format!("\"other\", {tag}")] {
        let answer = stack
            .bff
            .get_with("/orders/1", &[("If-None-Match", known)])
            .await;
        assert_eq!((answer.status, &*answer.body), (304, ""), "{known}");
        assert_eq!(answer.header("etag"), Some(tag), "{known}");
        assert!(max_age(&answer) > 500, "{known}");
        let [order, customer] = cache_status(&answer);
        assert_eq!((&*order[0], &*customer[0]), ("hit", "hit"), "{known}");
        for name in ["server-timing", "x-request-id", "x-content-type-options"] {
            assert!(answer.header(name).is_some(), "{name}: {answer:?}");
        }
        for name in ["content-type", "content-length"] {
            assert_eq!(answer.header(name), None, "{name}: {answer:?}");
        }
    }
    let other = stack
        .bff
        .get_with("/orders/1", &[("If-None-Match", "W/\"other\"")])
        .await;
    assert_eq!((other.status, other.header("etag")), (200, Some(tag)));
    assert_eq!(stack.asked(), (1, 1));
}

#[actix_web::test]
async fn head_is_answered_from_the_same_cache_and_conditionally_too() {
    let fresh = ("Cache-Control", "max-age=600");
    let stack = Stack::start(&[fresh], &[fresh]).await;
    let head = async |headers: &[(&str, &str)]| {
        raw::send(stack.bff.addr, "HEAD", "/orders/1", headers, "")
            .await
            .unwrap()
    };

    let (first, get, second) = (head(&[]).await, stack.get().await, head(&[]).await);

    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!((&*first.body, &*second.body), ("", ""));
    assert_eq!(stack.asked(), (1, 1), "what HEAD brought is there for GET");
    for name in ["etag", "content-type", "content-length"] {
        assert_eq!(second.header(name), get.header(name), "{name}");
    }
    assert_eq!(cache_status(&second)[0][0], "hit");
    let known = head(&[("If-None-Match", get.header("etag").unwrap())]).await;
    assert_eq!(known.status, 304);
}

#[actix_web::test]
async fn nobody_gets_an_answer_that_is_for_another() {
    let mine = ("Cache-Control", "private, max-age=60");
    let stack = Stack::start(&[], &[("Cache-Control", "max-age=600")]).await;
    stack
        .orders
        .say("200 OK", &[mine], &ORDER.replace("an order", "answer {n}"));
    stack.orders.hold();
    let together: Vec<_> = (0..8)
        .map(|_| actix_web::rt::spawn(raw::get(stack.bff.addr, "/orders/1")))
        .collect();
    in_flight(&stack.bff, 8).await;

    stack
        .orders
        .say("200 OK", &[mine], &ORDER.replace("an order", "answer {n}"));

    let mut seen: Vec<String> = Vec::new();
    for answer in together {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(max_age(&answer), 60, "the client may keep it, we do not");
        assert_eq!(cache_status(&answer)[0], ["fwd=uri-miss"]);
        seen.push(answer.json()["description"].to_string());
    }
    for _ in 0..3 {
        seen.push(stack.get().await.json()["description"].to_string());
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((seen.len(), stack.orders.requests()), (11, 11), "{seen:?}");
}

#[actix_web::test]
async fn many_who_want_the_same_at_once_share_one_call() {
    let fresh = ("Cache-Control", "max-age=600");
    let stack = Stack::start(&[fresh], &[fresh]).await;
    stack.orders.hold();
    let together: Vec<_> = (0..20)
        .map(|_| actix_web::rt::spawn(raw::get(stack.bff.addr, "/orders/1")))
        .collect();
    in_flight(&stack.bff, 20).await;

    stack.orders.say("200 OK", &[fresh], ORDER);

    let mut shared = 0;
    for answer in together {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.json()["sources"]["order"]["state"], "fresh");
        let [order, _] = cache_status(&answer);
        assert_eq!(order[..2], ["fwd=uri-miss", "stored"]);
        shared += usize::from(order.get(2).is_some_and(|last| last == "collapsed"));
    }
    assert_eq!((shared, stack.asked()), (19, (1, 1)));
}

/// Waits until the BFF has so many requests in flight.
async fn in_flight(bff: &Bff, count: u64) {
    until("all of them wait", async || {
        let report = raw::get(bff.admin, "/upstreams").await.unwrap().json();
        report["server"]["inFlight"] == count
    })
    .await;
}
