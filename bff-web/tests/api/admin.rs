//! The admin listener: what orchestrators and operators are told.

use mock_services::fault::Fault;
use mock_services::raw::{self, Answer};
use serde_json::{Value, json};

use crate::helpers::{
    ANY_PORT, TestApp, assert_common_headers, binary, endpoint, problem, spawn_app, spawn_with,
    until,
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

#[actix_web::test]
async fn every_upstream_is_reported_with_each_of_its_endpoints() {
    let app = spawn_with(|config| {
        config
            .services
            .customers
            .endpoints
            .push(endpoint("http://localhost:1"));
    })
    .await;

    let report = ask(&app, "/upstreams").await.json();

    let endpoint = |address: String, addresses: Vec<String>| {
        json!({
            "address": address, "addresses": addresses,
            "inFlight": 0, "attempts": 0, "failures": 0, "lastFailure": null,
        })
    };
    let mut upstreams = report["upstreams"].as_array().unwrap().clone();
    // When a name has been looked up is the resolver's affair, and how often a call may be repeated the budget's.
    upstreams[1]["endpoints"][1]["addresses"] = json!([]);
    for upstream in &mut upstreams {
        assert!(upstream["retryBudgetLeft"].take().is_u64(), "{report}");
    }
    let cluster = |name: &str, endpoints: Vec<Value>| {
        json!({
            "name": name, "inFlight": 0, "maxInFlight": 1000, "refused": 0, "retryBudgetLeft": null, "endpoints": endpoints,
        })
    };
    let literal = |service: &mock_services::Running| {
        endpoint(service.url(), vec![service.addr().to_string()])
    };
    assert_eq!(
        upstreams,
        [
            cluster("orders", vec![literal(&app.orders)]),
            cluster(
                "customers",
                vec![
                    literal(&app.customers),
                    endpoint("http://localhost:1".to_owned(), vec![])
                ]
            ),
        ]
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
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        for path in ["/livez", "/readyz", "/upstreams"] {
            let answer = raw::send(app.admin, method, path, &[], "").await.unwrap();
            problem(&answer, 405, "methodNotAllowed");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method} {path}");
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
