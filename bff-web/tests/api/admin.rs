//! The admin listener: what orchestrators and operators are told.

use mock_services::fault::Fault;
use mock_services::raw::{self, Answer};
use mock_services::{Options, customers, orders};
use serde_json::{Value, json};

use crate::helpers::{
    ANY_PORT, TestApp, assert_common_headers, binary, endpoint, problem, spawn_app, spawn_over,
    spawn_with, until,
};

async fn ask(app: &TestApp, path: &str) -> Answer {
    let answer = raw::get(app.admin, path).await.unwrap();
    assert_common_headers(&answer);
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    answer
}

/// `bff-web health` for an admin listener at this address.
async fn health(admin: std::net::SocketAddr) -> binary::Ended {
    binary::run(&["health"], &[("BFF__ADMIN_LISTEN", &admin.to_string())]).await
}

#[actix_web::test]
async fn a_server_that_answers_is_alive_and_ready_whatever_its_upstreams_do() {
    let app = spawn_app().await;
    app.orders.faults().set(vec![Fault::status(503)]);
    assert_eq!(app.get("/orders/1").await.status, 503);

    let (alive, ready) = (ask(&app, "/livez").await, ask(&app, "/readyz").await);

    assert_eq!(
        (alive.status, alive.json()),
        (200, json!({ "status": "alive" }))
    );
    assert_eq!(
        (ready.status, ready.json()),
        (200, json!({ "status": "ready" }))
    );
    assert_eq!(
        app.orders.requests(),
        1,
        "nobody asks a service for its health"
    );
}

#[actix_web::test]
async fn head_is_answered_as_well() {
    let app = spawn_app().await;

    for path in ["/livez", "/readyz", "/upstreams"] {
        let answer = raw::send(app.admin, "HEAD", path, &[], "").await.unwrap();
        assert_eq!((answer.status, &*answer.body), (200, ""), "{path}");
    }
}

/// An endpoint that nobody has asked yet. What is told in time or decides by itself is left out.
fn unasked(address: &str) -> Value {
    json!({
        "address": address, "breaker": "closed", "breakerSinceSeconds": null, "serving": true, "averageMs": null, "leastMs": null,
        "inFlight": 0, "limit": 1000, "attempts": 0, "failures": 0, "lastFailure": null,
    })
}

#[actix_web::test]
async fn every_upstream_is_reported_with_each_of_its_endpoints() {
    let app = spawn_with(|config| {
        config
            .services
            .customers
            .endpoints
            .push(endpoint("http://127.0.0.2:1"));
    })
    .await;

    let report = ask(&app, "/upstreams").await.json();

    let cluster = |name: &str, endpoints: &[&str]| {
        let endpoints: Vec<_> = endpoints.iter().copied().map(unasked).collect();
        json!({
            "name": name, "inFlight": 0, "maxInFlight": 1000, "queued": 0, "refused": 0,
            "repeats": 0, "hedges": 0, "retryBudgetLeft": null, "hedgeBudgetLeft": null, "p50Ms": null, "p99Ms": null,
            "cache": null, "endpoints": endpoints,
        })
    };
    let mut upstreams = report["upstreams"].as_array().unwrap().clone();
    for upstream in &mut upstreams {
        for budget in ["retryBudgetLeft", "hedgeBudgetLeft"] {
            assert!(upstream[budget].take().is_u64(), "{report}");
        }
        for endpoint in upstream["endpoints"].as_array_mut().unwrap() {
            assert!(endpoint["breakerSinceSeconds"].take().is_u64(), "{report}");
            assert!(endpoint["averageMs"].take().is_number(), "{report}");
        }
    }
    let customers = app.customers.url();
    assert_eq!(
        upstreams,
        [
            cluster("orders", &[&app.orders.url()]),
            cluster("customers", &[&customers, "http://127.0.0.2:1"]),
        ]
    );
}

#[actix_web::test]
async fn each_address_that_a_name_stands_for_is_an_endpoint_of_its_own() {
    let app = spawn_with(|config| {
        config.services.customers.endpoints = vec![endpoint("http://localhost:1")];
    })
    .await;

    until("the name has been looked up", async || {
        app.upstream("customers").await["endpoints"] != json!([])
    })
    .await;

    let customers = app.upstream("customers").await;
    let addresses: Vec<_> = customers["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|endpoint| endpoint["address"].as_str().unwrap())
        .collect();
    assert!(
        addresses.contains(&"http://localhost:1 at 127.0.0.1:1"),
        "{addresses:?}"
    );
    for address in addresses {
        assert!(address.starts_with("http://localhost:1 at "), "{address}");
    }
}

#[actix_web::test]
async fn what_was_asked_shows_in_latencies_and_in_the_cache() {
    let services = (
        orders::start(&Options::default()).unwrap(),
        customers::start(&Options::default()).unwrap(),
    );
    let bff = spawn_over(&[&services.0.url()], &[&services.1.url()], |_| {});

    for _ in 0..4 {
        bff.get("/orders/1").await;
    }
    for id in 2..=24 {
        bff.get(&format!("/orders/{id}")).await;
    }
    // What was read of the latencies holds for a moment.
    until("they are known", async || {
        bff.upstream("orders").await["p50Ms"].is_number()
    })
    .await;

    let orders = bff.upstream("orders").await;
    assert!(orders["p99Ms"].as_f64().unwrap() >= orders["p50Ms"].as_f64().unwrap());
    let endpoint = &orders["endpoints"][0];
    assert_eq!(
        (&endpoint["attempts"], &endpoint["breaker"]),
        (&json!(24), &json!("closed"))
    );
    assert!(endpoint["leastMs"].is_number() && endpoint["averageMs"].is_number());
    let mut cache = orders["cache"].clone();
    assert!(cache["bytes"].take().as_u64().unwrap() > 0, "{orders}");
    assert_eq!(
        cache,
        json!({
            "entries": 24, "bytes": null, "maxBytes": 64 * 1024 * 1024, "hits": 3, "misses": 24, "hitRatio": 0.111,
        })
    );
}

#[actix_web::test]
async fn attempts_and_failures_are_counted() {
    let app = spawn_app().await;

    app.get("/orders/1").await;
    app.customers
        .faults()
        .set(vec![Fault::status(503).times(1)]);
    app.get("/orders/1").await;
    app.get("/orders/1").await;
    app.get("/orders/10001").await;

    let [orders, customers] = [
        app.upstream("orders").await,
        app.upstream("customers").await,
    ];
    let counts = |upstream: &Value| {
        (
            upstream["endpoints"][0]["attempts"].clone(),
            upstream["endpoints"][0]["failures"].clone(),
        )
    };
    assert_eq!(
        counts(&orders),
        (json!(4), json!(0)),
        "that there is no such order is no failure"
    );
    assert_eq!(orders["endpoints"][0]["lastFailure"], json!(null));
    assert_eq!(counts(&customers), (json!(3), json!(1)));
    let last = &customers["endpoints"][0]["lastFailure"];
    assert_eq!(last["kind"], "unavailable");
    assert!(last["secondsAgo"].is_u64(), "{last}");
}

#[actix_web::test]
async fn a_call_is_in_flight_until_it_ends_and_one_too_many_is_refused() {
    let app = spawn_with(|config| config.services.customers.max_in_flight = 1).await;
    app.customers.faults().set(vec![Fault::hang().times(1)]);
    let hanging = actix_web::rt::spawn(raw::get(app.addr, "/orders/1"));
    until("the customer service is asked", async || {
        app.customers.requests() == 1
    })
    .await;

    let busy = app.upstream("customers").await;
    let refused = app.get("/orders/1").await;

    assert_eq!(
        (&busy["inFlight"], &busy["endpoints"][0]["inFlight"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        refused.json()["sources"]["customer"],
        json!({ "state": "omitted", "reason": "overloaded" })
    );
    hanging.abort();
    until("nothing is in flight", async || {
        app.upstream("customers").await["inFlight"] == 0
    })
    .await;
    let idle = app.upstream("customers").await;
    assert_eq!(idle["endpoints"][0]["inFlight"], 0);
    assert_eq!(
        (&idle["refused"], &idle["endpoints"][0]["attempts"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(app.customers.requests(), 1, "what is refused is not sent");
}

#[actix_web::test]
async fn other_paths_and_methods_are_problems() {
    let app = spawn_app().await;

    for path in [
        "/",
        "/orders/1",
        "/openapi.json",
        "/docs/",
        "/livez/",
        "/healthz",
        "/upstreams/orders",
    ] {
        let body = problem(&ask(&app, path).await, 404, "unknownPath");
        assert_eq!(
            body["detail"], "The paths of this listener are /livez, /readyz and /upstreams.",
            "{path}"
        );
    }
    for method in ["POST", "PUT", "DELETE"] {
        for path in ["/livez", "/readyz", "/upstreams"] {
            let answer = raw::send(app.admin, method, path, &[], "").await.unwrap();
            problem(&answer, 405, "methodNotAllowed");
            assert_eq!(
                answer.header("allow"),
                Some("GET, HEAD, OPTIONS"),
                "{method} {path}"
            );
        }
    }
}

#[actix_web::test]
async fn health_asks_the_server_that_runs_with_the_same_settings() {
    let app = spawn_app().await;

    let ended = health(app.admin).await;

    assert_eq!(
        (ended.code, &*ended.stdout, &*ended.stderr),
        (Some(0), "ready\n", "")
    );
}

#[actix_web::test]
async fn health_fails_where_no_server_runs() {
    let nobody = {
        let taken = tokio::net::TcpListener::bind(ANY_PORT).await.unwrap();
        taken.local_addr().unwrap()
    };

    let ended = health(nobody).await;

    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(
        ended.stderr.starts_with("not ready: ") && ended.stderr.contains(&nobody.to_string()),
        "{}",
        ended.stderr
    );
}

#[actix_web::test]
async fn health_fails_while_the_server_drains() {
    let mut app = spawn_with(|config| config.server.drain_delay = crate::helpers::GUARD * 5).await;
    app.stop
        .take()
        .unwrap()
        .send(bff_shared::serve::Stop::Drain)
        .unwrap();
    until("it is not ready any more", async || {
        ask(&app, "/readyz").await.status == 503
    })
    .await;

    let ended = health(app.admin).await;

    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""));
    assert!(
        ended.stderr.starts_with("not ready: ") && ended.stderr.contains("503"),
        "{}",
        ended.stderr
    );
    assert_eq!(
        ask(&app, "/livez").await.status,
        200,
        "it is alive nevertheless"
    );
}
