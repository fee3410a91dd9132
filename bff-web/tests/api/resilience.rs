//! What the web client notices of services that fail: as little as can be, and the truth.

use std::time::Duration;

use mock_services::fault::{BodyFault, Fault};
use mock_services::raw::{self, Answer};
use mock_services::{Options, Running, customers, orders};
use serde_json::{Value, json};

use crate::helpers::binary::Program;
use crate::helpers::recorder::Recorder;
use crate::helpers::{Bff, GUARD, kill, problem, spawn_over, until};

/// Two instances of each service.
struct Services {
    orders: [Running; 2],
    customers: [Running; 2],
}

impl Services {
    fn start() -> Self {
        let options = Options::default();
        Self {
            orders: [(); 2].map(|()| orders::start(&options).unwrap()),
            customers: [(); 2].map(|()| customers::start(&options).unwrap()),
        }
    }

    fn bff(&self) -> Bff {
        let orders = self.orders.each_ref().map(Running::url);
        let customers = self.customers.each_ref().map(Running::url);
        spawn_over(
            &orders.each_ref().map(String::as_str),
            &customers.each_ref().map(String::as_str),
            |config| {
                for upstream in [&mut config.services.orders, &mut config.services.customers] {
                    // A tenth of it passes before the first attempts that hang get another one beside them.
                    upstream.attempt_timeout = Duration::from_secs(1);
                    upstream.breaker.open = Duration::from_millis(100);
                }
            },
        )
    }

    fn customers_asked(&self) -> u64 {
        self.customers.iter().map(Running::requests).sum()
    }
}

fn set(instances: &[Running], fault: &Fault) {
    for instance in instances {
        instance.faults().set(vec![fault.clone()]);
    }
}

fn assert_complete(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    for (name, source) in answer.json()["sources"].as_object().unwrap() {
        assert!(
            matches!(source["state"].as_str(), Some("fresh" | "cached")),
            "{what}: {name} is {source}"
        );
    }
}

/// Orders that nobody has asked for yet, one after the other, with different customers.
async fn get_many(bff: &Bff, from: u64, what: &str) {
    for id in from..from + 30 {
        assert_complete(&bff.get(&format!("/orders/{id}")).await, what);
    }
}

#[actix_web::test]
async fn one_of_two_instances_that_fails_is_not_noticed() {
    for fault in [
        Fault::status(503),
        Fault::status(429),
        Fault::body(BodyFault::WrongShape),
        Fault::hang(),
    ] {
        let services = Services::start();
        let bff = services.bff();
        let what = format!("{fault:?}");
        set(&services.customers[1..], &fault);
        get_many(&bff, 2, &what).await;
        set(&services.orders[..1], &fault);
        get_many(&bff, 102, &what).await;
    }
}

#[actix_web::test]
async fn one_of_two_instances_that_is_killed_is_not_noticed() {
    let services = Services::start();
    let bff = services.bff();
    get_many(&bff, 2, "all is well").await;
    let Services {
        orders: [orders, _other_orders],
        customers: [_other_customers, customers],
    } = services;

    let _ports = [kill(orders).await, kill(customers).await];

    get_many(&bff, 102, "killed").await;
}

/// What is said of the customer of an order that nobody has asked for yet.
async fn customer_of(bff: &Bff, id: u64) -> Value {
    let answer = bff.get(&format!("/orders/{id}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["sources"]["customer"].clone()
}

#[actix_web::test]
async fn a_service_that_is_down_is_asked_in_vain_only_a_few_times_and_seen_again_when_it_is_back() {
    let services = Services::start();
    let bff = services.bff();
    set(&services.customers, &Fault::status(503));

    let omitted = |reason: &str| json!({ "state": "omitted", "reason": reason });
    assert_eq!(customer_of(&bff, 2).await, omitted("unavailable"));
    let mut id = 3;
    until("it is left alone", async || {
        let customer = customer_of(&bff, id).await;
        assert!(
            customer == omitted("unavailable") || customer == omitted("circuitOpen"),
            "{customer}"
        );
        id += 1;
        customer == omitted("circuitOpen")
    })
    .await;
    // Five failures in a row for each of two; a few may have been on their way.
    assert!(
        services.customers_asked() < 20,
        "{}",
        services.customers_asked()
    );

    for instance in &services.customers {
        instance.faults().clear();
    }
    until("it is asked again", async || {
        id += 1;
        customer_of(&bff, id).await == json!({ "state": "fresh" })
    })
    .await;
}

#[actix_web::test]
async fn the_operator_sees_which_circuit_is_open_and_since_when() {
    let services = Services::start();
    let customers = services.customers[0].url();
    let bff = spawn_over(&[&services.orders[0].url()], &[&customers], |config| {
        // Longer than this test.
        let breaker = &mut config.services.customers.breaker;
        (breaker.open, breaker.open_at_most) = (10 * GUARD, 10 * GUARD);
    });
    set(&services.customers, &Fault::status(503));
    let mut id = 1;
    until("its circuit opens", async || {
        id += 1;
        customer_of(&bff, id).await["reason"] == "circuitOpen"
    })
    .await;

    let customers = bff.upstream("customers").await;
    let orders = bff.upstream("orders").await;

    let (working, failing) = (&orders["endpoints"][0], &customers["endpoints"][0]);
    assert_eq!(
        (&working["breaker"], &working["failures"]),
        (&json!("closed"), &json!(0))
    );
    assert_eq!(failing["breaker"], "open");
    let since = failing["breakerSinceSeconds"].as_u64().unwrap();
    assert!(since <= working["breakerSinceSeconds"].as_u64().unwrap());
    assert_eq!(
        (&failing["attempts"], &failing["failures"]),
        (&json!(5), &json!(5))
    );
    assert_eq!(failing["lastFailure"]["kind"], "unavailable");
}

#[actix_web::test]
async fn without_any_instance_of_a_required_service_there_is_a_problem_at_once() {
    let services = Services::start();
    let bff = services.bff();
    set(&services.orders, &Fault::status(503));

    let mut id = 1;
    until("it is left alone", async || {
        id += 1;
        let answer = bff.get(&format!("/orders/{id}")).await;
        problem(&answer, 503, "upstreamUnavailable");
        answer.header("retry-after").is_some()
    })
    .await;

    assert_eq!(services.customers_asked(), 0);
}

#[actix_web::test]
async fn who_waits_for_less_than_the_service_takes_gets_no_customer_and_nobody_asks_for_one() {
    let services = Services::start();
    let bff = spawn_over(
        &[&services.orders[0].url()],
        &[&services.customers[0].url()],
        |config| config.services.customers.hedge.enabled = false,
    );
    services.customers[0]
        .faults()
        .set(vec![Fault::latency_ms(200)]);
    // Three at once are allowed in any case; of twenty answers a median is known.
    for first in (1..=24).step_by(3) {
        let three = [0, 1, 2].map(|n| {
            let (addr, target) = (bff.addr, format!("/orders/{}", first + n));
            actix_web::rt::spawn(async move { raw::get(addr, &target).await })
        });
        for answer in three {
            assert_complete(&answer.await.unwrap().unwrap(), "slow");
        }
    }
    until("it is known to be slow", async || {
        let p50 = bff.upstream("customers").await["p50Ms"].as_f64();
        p50.is_some_and(|p50| p50 >= 200.0)
    })
    .await;
    // Keeps the order, so that it takes no time, and not its customer.
    set(&services.customers, &Fault::status(503).times(3));
    let omitted = json!({ "state": "omitted", "reason": "unavailable" });
    assert_eq!(customer_of(&bff, 41).await, omitted);
    let before = services.customers[0].requests();

    let hurried = [("X-Envoy-Expected-Rq-Timeout-Ms", "150")];
    let answer = bff.get_with("/orders/41", &hurried).await;

    assert_eq!(
        (answer.status, &answer.json()["sources"]["customer"]),
        (200, &json!({ "state": "omitted", "reason": "timeout" }))
    );
    assert_eq!(
        services.customers[0].requests(),
        before,
        "nobody asks in vain"
    );
}

/// The last field of a line of the log.
fn sources(line: &str) -> &str {
    line.split_once(" sources=").unwrap().1
}

#[actix_web::test]
async fn one_line_of_the_log_says_why_an_answer_was_degraded() {
    let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
    let stale = [("Cache-Control", "max-age=0, stale-if-error=600")];
    customers.say(
        "200 OK",
        &stale,
        r#"{"id":56,"name":"Jane Roe","email":"jane@example.com"}"#,
    );
    let variables = [
        ("BFF__UPSTREAMS__CUSTOMERS__HEDGE__AFTER_AT_LEAST", "30s"),
        (
            "BFF__UPSTREAMS__CUSTOMERS__BREAKER__CONSECUTIVE_FAILURES",
            "3",
        ),
        ("BFF__UPSTREAMS__CUSTOMERS__BREAKER__OPEN", "1h"),
        ("BFF__UPSTREAMS__CUSTOMERS__BREAKER__OPEN_AT_MOST", "1h"),
    ];
    let mut program = Program::serve(&orders.url(), &customers.url(), &variables).await;
    program.get("/orders/1").await;
    program.line("customer:fresh").await;
    customers.say("503 Service Unavailable", &[], "");

    program.get("/orders/1").await;
    let failed = program.line(" access ").await;
    until("the circuit is open", async || {
        let body = program.get("/orders/1").await.json();
        body["sources"]["customer"]["reason"] == "circuitOpen"
    })
    .await;
    let open = program.line("circuitOpen").await;

    let why = format!(
        "ms(unavailable: {} answered 503 Service Unavailable)",
        customers.url()
    );
    let told = sources(&failed);
    assert!(
        told.contains("customer:stale:") && told.ends_with(&why),
        "{failed}"
    );
    let told = sources(&open);
    let why = "ms(circuitOpen: not asked: every endpoint failed too often, tried again in ";
    assert!(
        told.contains("customer:stale:") && told.contains(why),
        "{open}"
    );
}
