//! Writes that fail: before the work nothing is written, after it only the answer is lost.

use std::{net::SocketAddr, time::Duration};

use mock_services::{
    Options, Running,
    fault::{BodyFault, Fault},
    orders,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    http::{Problem as _, get, post, send},
    writes::{assert_replays, order, place, start},
};

const PATIENCE: Duration = Duration::from_secs(20);

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    timeout(PATIENCE, async {
        while !holds() {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

fn applied(service: &Running) -> u64 {
    service.faults().report()[0].applied
}

/// Sends a request and is still there when the service has it.
async fn begun(service: &Running, target: &str, key: &str, body: &str) -> TcpStream {
    let mut connection = TcpStream::connect(service.addr()).await.expect("connect");
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
         Idempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let sent = connection.write_all(request.as_bytes()).await;
    sent.expect("send");
    until("the request arrives", || applied(service) > 0).await;
    connection
}

/// Goes, and waits until the service has seen it.
async fn leave(mut connection: TcpStream) {
    // Half gone is gone, and leaves this side able to see the service close.
    connection.shutdown().await.expect("shutdown");
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, connection.read_to_end(&mut answer)).await;
    read.expect("the service lets go")
        .expect("without an error");
    assert!(answer.is_empty(), "{answer:?}");
}

#[actix_web::test]
async fn a_status_before_the_work_writes_nothing() {
    let service = start();
    let faults = [("/orders", 503), ("/orders/{id}/cancel", 500)];
    service.faults().set(
        faults
            .map(|(route, code)| Fault::status(code).route(route).times(1))
            .to_vec(),
    );
    place(&service, "a", &order()).await.problem(503);
    assert_eq!(service.placed(), []);
    let first = place(&service, "a", &order()).await;
    assert_eq!(
        (first.status, first.header("idempotency-replayed")),
        (201, None)
    );

    let before = get(&service, "/orders/1").await.body;
    let cancel = || post(service.addr(), "/orders/1/cancel", "b", "");
    cancel().await.problem(500);
    assert_eq!(get(&service, "/orders/1").await.body, before);
    let cancelled = cancel().await;
    assert_eq!(
        (cancelled.status, cancelled.header("idempotency-replayed")),
        (200, None)
    );
}

#[actix_web::test]
async fn a_status_after_the_work_loses_the_answer_alone() {
    let service = start();
    let lost = Fault::status_retry_after(503, 2).after().times(1);
    service.faults().set(vec![
        lost.clone().route("/orders"),
        lost.route("/orders/{id}/cancel"),
    ]);
    let answer = place(&service, "a", &order()).await;
    assert_eq!(answer.header("location"), None);
    assert_eq!(answer.header("retry-after"), Some("2"));
    answer.problem(503);
    assert_eq!(service.placed(), [("a".to_owned(), 10_001)]);
    let read = get(&service, "/orders/10001").await;
    let again = place(&service, "a", &order()).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((again.status, again.body), (201, read.body));
    assert_eq!(service.placed().len(), 1);

    let cancel = || post(service.addr(), "/orders/1/cancel", "b", "");
    cancel().await.problem(503);
    assert_eq!(
        get(&service, "/orders/1").await.json()["status"],
        "cancelled"
    );
    assert_eq!(cancel().await.header("idempotency-replayed"), Some("true"));
}

#[actix_web::test]
async fn a_spoilt_answer_is_of_an_order_that_was_written() {
    let service = start();
    service
        .faults()
        .set(vec![Fault::body(BodyFault::Malformed).times(1)]);
    assert_eq!(place(&service, "a", &order()).await.status, 201);
    let again = place(&service, "a", &order()).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(service.placed().len(), 1);
}

#[actix_web::test]
async fn while_the_answer_is_on_its_way_the_key_is_being_worked_on() {
    for fault in [Fault::hang().after(), Fault::latency_ms(60_000).after()] {
        let service = start();
        service.faults().set(vec![fault.times(1)]);
        let first = begun(&service, "/orders", "a", &order().to_string()).await;
        until("the order is written", || !service.placed().is_empty()).await;

        let answer = place(&service, "a", &order()).await;
        assert_eq!(answer.header("retry-after"), Some("1"));
        answer.problem(409);
        let mut other = order();
        other["customerId"] = json!(57);
        place(&service, "a", &other).await.problem(422);
        assert_eq!(place(&service, "b", &order()).await.status, 201);

        leave(first).await;
        let answer = timeout(PATIENCE, async {
            loop {
                let answer = place(&service, "a", &order()).await;
                if answer.status != 409 {
                    break answer;
                }
            }
        });
        let answer = answer.await.expect("the key is done with");
        assert_eq!(answer.json()["id"], 10_001);
        assert_eq!(answer.header("idempotency-replayed"), Some("true"));
        assert_eq!(service.placed().len(), 2);
    }
}

#[actix_web::test]
async fn an_answer_that_is_late_comes_nevertheless() {
    let service = start();
    let late = Fault::latency_ms(20).after().times(1);
    service.faults().set(vec![Fault::latency_ms(5), late]);
    let first = place(&service, "a", &order()).await;
    assert_eq!(first.status, 201);
    let applied: Vec<u64> = (service.faults().report().iter())
        .map(|report| report.applied)
        .collect();
    assert_eq!(applied, [1, 1]);
    assert_replays(&place(&service, "a", &order()).await, &first);
}

/// Also with more of a body than the server reads ahead, or would take.
#[actix_web::test]
async fn who_leaves_before_the_work_has_written_nothing() {
    let small = order().to_string();
    let large = format!("{small:65535}");
    let too_large = large.repeat(16);
    for order in [small, large, too_large] {
        for fault in [Fault::latency_ms(60_000), Fault::hang()] {
            let service = start();
            service.faults().set(vec![fault.clone()]);
            leave(begun(&service, "/orders", "a", &order).await).await;
            service.faults().set(vec![fault]);
            leave(begun(&service, "/orders/1/cancel", "b", "").await).await;
            service.faults().clear();
            assert_ne!(
                get(&service, "/orders/1").await.json()["status"],
                "cancelled"
            );
            assert_eq!(service.placed(), []);
            let answer = place(&service, "a", &self::order()).await;
            assert_eq!(answer.header("idempotency-replayed"), None);
            assert_eq!(answer.status, 201);
        }
    }
}

/// Stopping ends every wait, after which whoever still waits has its work done.
#[actix_web::test]
async fn who_has_left_is_not_served_by_a_stop() {
    let store = orders::Store::new();
    let options = Options {
        store: Some(store.clone()),
        ..Options::default()
    };
    let service = orders::start(&options).expect("a free port");
    service.faults().set(vec![Fault::latency_ms(60_000)]);
    leave(begun(&service, "/orders", "a", &order().to_string()).await).await;
    service.stop(true).await;
    assert_eq!(store.placed(), []);
}

/// What is sent while a latency is pending is an order like any other.
#[actix_web::test]
async fn a_body_is_read_whole_before_the_wait() {
    let service = start();
    service.faults().set(vec![Fault::latency_ms(1)]);
    assert_eq!(place(&service, "a", &order()).await.status, 201);
    let too_large = order().to_string() + &" ".repeat(65_536);
    post(service.addr(), "/orders", "b", &too_large)
        .await
        .problem(413);
    assert_eq!(
        get(&service, "/orders?limit=1").await.json()["items"][0]["id"],
        10_001
    );
}

async fn set_over_http(addr: SocketAddr, fault: &serde_json::Value) -> crate::http::Answer {
    let set = json!({ "faults": [fault] }).to_string();
    send(addr, "PUT", "/faults", &[], &set).await
}

#[actix_web::test]
async fn after_is_set_over_http_too() {
    let service = orders::start(&Options {
        faults: true,
        ..Options::default()
    })
    .expect("a free port");
    let fault = json!({ "status": { "code": 503 }, "after": true, "route": "/orders", "times": 1 });
    let answer = set_over_http(service.addr(), &fault).await;
    assert_eq!(answer.json()["faults"][0]["after"], true);
    let same = Fault::status(503).after().route("/orders").times(1);
    assert_eq!(service.faults().report()[0].fault, same);
    place(&service, "a", &order()).await.problem(503);
    assert_eq!(service.placed().len(), 1);

    let bad = json!({ "hang": true, "after": "yes" });
    let detail = set_over_http(service.addr(), &bad).await.problem(400);
    assert!(
        detail.contains("faults[0].after must be true or false"),
        "{detail}"
    );
    let plain = set_over_http(service.addr(), &json!({ "hang": true, "after": false })).await;
    assert_eq!(plain.json()["faults"][0].get("after"), None);
}
