use std::time::Duration;

use mock_services::{
    Options, Running, customers,
    fault::{BodyFault, Fault, Latency},
    orders,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::http::{Answer, Problem as _, get, get_with, send};

fn start() -> Running {
    orders::start(&Options {
        workers: 2,
        faults: true,
        ..Options::default()
    })
    .expect("a free port")
}

async fn put(service: &Running, body: &Value) -> Answer {
    send(service.addr(), "PUT", "/faults", &[], &body.to_string()).await
}

fn applied(service: &Running) -> Vec<u64> {
    service
        .faults()
        .report()
        .iter()
        .map(|report| report.applied)
        .collect()
}

/// Waits until the first fault was applied once.
async fn arrival(service: &Running) {
    timeout(Duration::from_secs(20), async {
        while applied(service)[0] < 1 {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .expect("the request arrives");
}

async fn count_status(service: &Running, target: &str, status: u16, requests: usize) -> usize {
    let mut count = 0;
    for _ in 0..requests {
        count += usize::from(get(service, target).await.status == status);
    }
    count
}

#[actix_web::test]
async fn the_endpoint_is_there_only_if_asked_for() {
    let service = orders::start(&Options::default()).expect("a free port");
    for method in ["GET", "PUT", "DELETE"] {
        send(service.addr(), method, "/faults", &[], "")
            .await
            .problem(404);
    }
    service.faults().set(vec![Fault::status(503)]);
    get(&service, "/orders/1").await.problem(503);
}

#[actix_web::test]
async fn faults_are_set_shown_and_cleared_over_http() {
    let service = start();
    let set = json!({ "faults": [
        { "route": "/orders/{id}", "times": 2, "status": { "code": 503, "retryAfterSeconds": 7 } },
        { "share": 0.5, "latency": { "normalMs": { "mean": 0, "stddev": 0 } } },
    ] });
    assert_eq!(put(&service, &set).await.status, 200);

    let answer = get(&service, "/orders/1").await;
    assert_eq!(answer.header("retry-after"), Some("7"));
    answer.problem(503);
    let shown = get(&service, "/faults").await.json();
    assert_eq!(
        shown["faults"][0],
        json!({
            "route": "/orders/{id}", "share": 1.0, "times": 2, "applied": 1, "remaining": 1,
            "status": { "code": 503, "retryAfterSeconds": 7 },
        })
    );
    assert_eq!(shown["faults"][1]["remaining"], Value::Null);

    assert_eq!(
        send(service.addr(), "DELETE", "/faults", &[], "")
            .await
            .status,
        204
    );
    assert_eq!(get(&service, "/faults").await.body, r#"{"faults":[]}"#);
    assert_eq!(get(&service, "/orders/1").await.status, 200);

    let answer = send(service.addr(), "POST", "/faults", &[], "").await;
    assert_eq!(answer.header("allow"), Some("GET, HEAD, PUT, DELETE"));
    answer.problem(405);
}

#[actix_web::test]
async fn what_the_constructors_make_the_endpoint_takes() {
    let service = start();
    let faults = vec![
        Fault::hang().times(3).route("/orders"),
        Fault::status(429).share(0.25),
        Fault::status_retry_after(500, 0),
        Fault::latency_ms(60_000),
        Fault::latency(Latency::UniformMs(5, 5)),
        Fault::latency(Latency::NormalMs {
            mean: 20,
            stddev: 4,
        }),
        Fault::latency(Latency::ParetoMs { min: 1, shape: 1.5 }),
        Fault::body(BodyFault::Malformed),
        Fault::body(BodyFault::WrongShape),
        Fault::body(BodyFault::WrongId),
        Fault::body(BodyFault::Empty),
        Fault::body(BodyFault::Html),
        Fault::hang().after(),
    ];
    let answer = put(&service, &json!({ "faults": faults })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let read: Vec<Fault> = service
        .faults()
        .report()
        .into_iter()
        .map(|report| report.fault)
        .collect();
    assert_eq!(read, faults);
}

#[actix_web::test]
async fn a_bad_set_changes_nothing_and_every_error_is_told() {
    let service = start();
    service.faults().set(vec![Fault::status(503)]);
    let set = json!({ "faults": [
        { "hang": true },
        { "share": 0, "times": 0, "route": "/nowhere", "hang": false, "colour": "red" },
        { "status": { "code": 404, "retryAfterSeconds": -1 } },
        { "latency": { "uniformMs": [5, 1] } },
        { "latency": { "fixedMs": 60_001 } },
        { "latency": { "normalMs": { "mean": 5 } } },
        { "latency": { "paretoMs": { "min": 1, "shape": 0 } } },
        { "latency": {} },
        { "body": "odd", "hang": true },
        { "share": 1.5 },
        7,
    ] });
    let detail = put(&service, &set).await.problem(400);
    for error in [
        "faults[1].share must be a number above 0, up to 1, not 0",
        "faults[1].times must be a whole number from 1, not 0",
        "faults[1].route must be one of /orders/{id}, /orders, /orders/{id}/cancel, not \"/nowhere\"",
        "faults[1].hang must be true",
        "faults[1] has an unknown field colour",
        "faults[2].status.code must be 429 or 500 to 599, not 404",
        "faults[2].status.retryAfterSeconds must be",
        "faults[3].latency.uniformMs must be",
        "faults[4].latency.fixedMs must be a whole number from 0 to 60000, not 60001",
        "faults[5].latency.normalMs.stddev is missing",
        "faults[6].latency.paretoMs.shape must be a number above 0",
        "faults[7].latency must have one of",
        "faults[8] must have one of latency, status, hang, body, grpcStatus, grpcAnswer, rstStream, goAway, not 2",
        "faults[8].body must be one of malformed",
        "faults[9] must have one of latency, status, hang, body, grpcStatus, grpcAnswer, rstStream, goAway, not 0",
        "faults[10] must be an object",
    ] {
        assert!(detail.contains(error), "{error}: not in {detail}");
    }
    assert!(!detail.contains("faults[0]"), "{detail}");
    for body in [
        json!({}),
        json!([]),
        json!({ "faults": {} }),
        json!({ "faults": [], "more": 1 }),
    ] {
        put(&service, &body).await.problem(400);
    }
    send(service.addr(), "PUT", "/faults", &[], "{")
        .await
        .problem(400);
    let set: Vec<Fault> = service
        .faults()
        .report()
        .into_iter()
        .map(|report| report.fault)
        .collect();
    assert_eq!(set, [Fault::status(503)]);

    let faults = service.faults().clone();
    let misspelt = tokio::spawn(async move { faults.set(vec![Fault::hang().route("/order")]) });
    assert!(misspelt.await.expect_err("a panic").is_panic());
}

#[actix_web::test]
async fn a_route_template_keeps_a_fault_to_its_requests() {
    let service = start();
    service.faults().set(vec![
        Fault::status(500).route("/orders/{id}"),
        Fault::status(502).route("/orders"),
        Fault::status(503),
    ]);
    get(&service, "/orders/1").await.problem(500);
    get(&service, "/orders?limit=1").await.problem(502);
    get(&service, "/nowhere").await.problem(503);
    assert_eq!(get(&service, "/healthz").await.status, 200);
    assert_eq!(get(&service, "/faults").await.status, 200);
    assert_eq!(applied(&service), [1, 1, 1]);
    assert_eq!(service.requests(), 3);

    let customers = customers::start(&Options::default()).expect("a free port");
    customers
        .faults()
        .set(vec![Fault::status(500).route("/customers")]);
    assert_eq!(get(&customers, "/customers/56").await.status, 200);
    get(&customers, "/customers?ids=56").await.problem(500);
}

#[actix_web::test]
async fn times_is_exact_however_many_ask_at_once() {
    let service = start();
    service.faults().set(vec![
        Fault::status(503).times(7),
        Fault::status(500).times(5),
    ]);
    let addr = service.addr();
    let requests: Vec<_> = (0..64)
        .map(|_| tokio::spawn(async move { send(addr, "GET", "/orders/1", &[], "").await.status }))
        .collect();
    let mut statuses = Vec::new();
    for request in requests {
        statuses.push(request.await.expect("answer"));
    }
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(503), count(500), count(200)), (7, 5, 52));
    let remaining: Vec<_> = service
        .faults()
        .report()
        .iter()
        .map(|report| report.remaining)
        .collect();
    assert_eq!(remaining, [Some(0), Some(0)]);
}

#[actix_web::test]
async fn a_share_is_kept_exactly() {
    let service = start();
    for (share, hits) in [(0.1, 20), (0.25, 50), (0.75, 150), (1.0, 200)] {
        service.faults().set(vec![Fault::status(503).share(share)]);
        assert_eq!(
            count_status(&service, "/orders/1", 503, 200).await,
            hits,
            "share {share}"
        );
    }
    service
        .faults()
        .set(vec![Fault::status(503).share(0.5).times(3)]);
    assert_eq!(count_status(&service, "/orders/1", 503, 20).await, 3);
}

#[actix_web::test]
async fn a_fault_that_finds_the_request_taken_waits_for_the_next() {
    let service = start();
    service.faults().set(vec![
        Fault::status(503).share(0.5),
        Fault::status(500).share(0.25),
    ]);
    assert_eq!(count_status(&service, "/orders/1", 200, 200).await, 50);
    assert_eq!(applied(&service), [100, 50]);
}

#[actix_web::test]
async fn latency_comes_on_top_of_what_else_goes_wrong() {
    const DELAY: Duration = Duration::from_millis(30);
    let service = start();
    for (other, status) in [(None, 200), (Some(Fault::status(503)), 503)] {
        let latencies = [Fault::latency_ms(30), Fault::latency_ms(60_000)];
        service
            .faults()
            .set(latencies.into_iter().chain(other).collect());
        let start = Instant::now();
        assert_eq!(get(&service, "/orders/1").await.status, status);
        assert!(start.elapsed() >= DELAY);
        assert_eq!(applied(&service)[..2], [1, 0]);
    }
}

#[actix_web::test]
async fn bodies_are_spoilt_as_asked() {
    let service = start();
    let sound = get(&service, "/orders/2").await;
    let spoilt = async |fault, target| {
        service.faults().set(vec![Fault::body(fault)]);
        // A client that has the sound record shall not be told that it is up to date.
        get_with(&service, target, &[("If-None-Match", "*")]).await
    };

    let answer = spoilt(BodyFault::Malformed, "/orders/2").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    assert!(serde_json::from_str::<Value>(&answer.body).is_err());
    assert!(sound.body.starts_with(&answer.body) && !answer.body.is_empty());
    assert_eq!(answer.header("etag"), None);

    let answer = spoilt(BodyFault::WrongShape, "/orders/2").await;
    assert_eq!(answer.json(), json!({ "data": sound.json() }));

    let answer = spoilt(BodyFault::WrongId, "/orders/2").await;
    let mut expected = sound.json();
    expected["id"] = json!(3);
    assert_eq!(answer.json(), expected);

    let answer = spoilt(BodyFault::WrongId, "/orders?limit=2").await;
    let ids: Vec<Value> = answer.json()["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|order| order["id"].clone())
        .collect();
    assert_eq!(ids, [10_001, 10_000]);

    let answer = spoilt(BodyFault::Empty, "/orders/2").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));

    let answer = spoilt(BodyFault::Html, "/orders/99999").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("content-type")
            .is_some_and(|content| content.starts_with("text/html"))
    );
    assert!(answer.body.starts_with("<!DOCTYPE html>"));

    service.faults().clear();
    assert_eq!(get(&service, "/orders/2").await.body, sound.body);
}

#[actix_web::test]
async fn a_hanging_request_ends_when_its_client_goes() {
    let service = start();
    service.faults().set(vec![Fault::hang()]);
    let mut connection = TcpStream::connect(service.addr()).await.expect("connect");
    connection
        .write_all(b"GET /orders/1 HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .expect("send");
    arrival(&service).await;
    // Half gone is gone, and leaves this side able to see the service close.
    connection.shutdown().await.expect("shutdown");
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(20), connection.read_to_end(&mut answer)).await;
    read.expect("the service lets go")
        .expect("without an error");
    assert!(answer.is_empty(), "{answer:?}");
}

#[actix_web::test]
async fn neither_hanging_nor_waiting_requests_hold_up_a_graceful_stop() {
    for fault in [Fault::hang(), Fault::latency_ms(60_000)] {
        let service = start();
        service.faults().set(vec![fault]);
        let addr = service.addr();
        let request = tokio::spawn(async move { send(addr, "GET", "/orders/1", &[], "").await });
        arrival(&service).await;
        assert!(!request.is_finished());
        timeout(Duration::from_secs(20), service.stop(true))
            .await
            .expect("the service stops");
        // Either way it was answered: with a problem, or with the order that was only late.
        assert!(matches!(request.await.expect("answer").status, 200 | 503));
    }
}

/// At a loopback address of its own (macOS has but one), or another test could take the port in between.
#[cfg(target_os = "linux")]
#[actix_web::test]
async fn a_stopped_service_leaves_its_port() {
    for graceful in [true, false] {
        let mut options = Options {
            listen: "127.0.0.2:0".parse().expect("address"),
            ..Options::default()
        };
        let service = orders::start(&options).expect("a free port");
        assert_eq!(get(&service, "/orders/1").await.status, 200);
        options.listen = service.addr();
        assert!(orders::start(&options).is_err());
        service.stop(graceful).await;

        let successor = orders::start(&options).expect("the port is free again");
        assert_eq!(get(&successor, "/orders/1").await.status, 200);
        assert_eq!(successor.url(), format!("http://{}", options.listen));
        successor.stop(false).await;
    }
}
