//! Services that fail: what the client is told, who else is asked, and that nothing is asked twice that must not be.

use std::time::Duration;

use bff_shared::upstream::BreakerConfig;
use serde_json::json;

use crate::stack::{Service, get, nobody, problem, request, stack, stack_with};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[actix_web::test]
async fn nobody_there_is_a_503() {
    let stack = stack(&[nobody()]);
    problem(&stack.get("7").await, 503, "upstreamUnavailable");
    stack.is_idle().await;
}

#[actix_web::test]
async fn silence_is_a_504() {
    let service = Service::start(async |mut wire, _| {
        wire.rest().await;
    });
    let stack = stack_with(&[service.addr], |setup| {
        setup.route.timeout = Duration::from_millis(100);
    });
    problem(&stack.get("7").await, 504, "upstreamTimeout");
    let post = request("POST", "7", "Content-Length: 2\r\n") + "ab";
    problem(&stack.exchange(post).await, 504, "upstreamTimeout");
    assert_eq!(service.connections(), 2, "nobody was asked twice");
    stack.is_idle().await;
}

#[actix_web::test]
async fn a_caller_in_a_hurry_is_answered_in_its_own_time() {
    let service = Service::start(async |mut wire, _| {
        wire.rest().await;
    });
    let stack = stack(&[service.addr]);
    let hurry = request("GET", "7", "X-Envoy-Expected-Rq-Timeout-Ms: 50\r\n");
    problem(&stack.exchange(hurry).await, 504, "upstreamTimeout");
}

#[actix_web::test]
async fn a_service_that_takes_no_body_is_a_504() {
    let service = Service::start(async |wire, _| {
        std::future::pending::<()>().await;
        drop(wire);
    });
    let stack = stack_with(&[service.addr], |setup| {
        setup.route.max_request_bytes = u32::MAX;
        setup.route.idle_timeout = Duration::from_millis(300);
    });
    let mut client = stack.connect().await;
    client
        .send(request("POST", "", "Content-Length: 1000000000\r\n"))
        .await;
    client.send_until_answered().await;
    problem(&client.message().await, 504, "upstreamTimeout");
    stack.is_idle().await;
}

#[actix_web::test]
async fn a_connection_that_ends_before_an_answer_is_a_503_and_not_asked_again() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
    });
    let stack = stack(&[service.addr]);
    problem(&stack.get("7").await, 503, "upstreamUnavailable");
    assert_eq!(service.connections(), 1);
}

#[actix_web::test]
async fn a_head_cut_short_is_a_502() {
    for head in [
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let service = Service::start(async move |mut wire, _| {
            wire.head().await;
            wire.send(head).await;
        });
        let stack = stack(&[service.addr]);
        problem(&stack.get("7").await, 502, "upstreamInvalidResponse");
    }
}

#[actix_web::test]
async fn a_head_or_interim_answers_without_end_are_a_502() {
    for (begin, piece) in [
        ("HTTP/1.1 200 OK\r\n", "x: y\r\n"),
        ("HTTP/1.1 200 OK\r\nx: ", "yyyyyyyyyy"),
        ("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
    ] {
        let service = Service::start(async move |mut wire, _| {
            wire.head().await;
            wire.send(begin).await;
            let many = piece.repeat(200);
            while wire.try_send(&many).await {}
        });
        let stack = stack(&[service.addr]);
        problem(&stack.get("7").await, 502, "upstreamInvalidResponse");
        stack.is_idle().await;
    }
}

#[actix_web::test]
async fn an_answer_that_breaks_off_breaks_the_clients_connection() {
    for (answer, rest) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", "half"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "4\r\nhalf\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
            "4\r\nhalf\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz",
            "4\r\nhalf\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf",
            "4\r\nhalf\r\n",
        ),
    ] {
        let service = Service::start(async move |mut wire, _| {
            wire.head().await;
            wire.send(answer).await;
        });
        let stack = stack(&[service.addr]);
        let mut client = stack.connect().await;
        client.send(get("7")).await;
        assert_eq!(client.head().await.status(), 200);
        let (body, _) = client.rest().await;
        assert_eq!(
            String::from_utf8(body).unwrap(),
            rest,
            "no end that looks like one"
        );
        let report = stack.report().await;
        assert_eq!(report["endpoints"][0]["failures"], 1, "{report}");
        stack.is_idle().await;
    }
}

#[actix_web::test]
async fn an_answer_that_is_reset_until_its_end_is_not_whole() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\n\r\nhalf").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        wire.reset();
    });
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    client.send(get("7")).await;
    client.head().await;
    let (body, _) = client.rest().await;
    assert_eq!(String::from_utf8(body).unwrap(), "4\r\nhalf\r\n");
}

#[actix_web::test]
async fn a_service_that_falls_silent_in_its_answer_breaks_it_off() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            .await;
        wire.rest().await;
    });
    let stack = stack_with(&[service.addr], |setup| {
        setup.route.idle_timeout = Duration::from_millis(100);
    });
    let mut client = stack.connect().await;
    client.send(get("7")).await;
    client.head().await;
    assert_eq!(client.rest().await.0, b"half");
    stack.is_idle().await;
}

#[actix_web::test]
async fn who_cannot_be_connected_to_is_passed_by() {
    let service = Service::answering(OK);
    let stack = stack(&[nobody(), service.addr, nobody()]);
    for method in ["GET", "POST"] {
        for _ in 0..10 {
            let (head, body) = stack
                .exchange(request(method, "7", "Content-Length: 0\r\n"))
                .await;
            assert_eq!((head.status(), &*body), (200, "ok"), "{method}");
        }
    }
}

#[actix_web::test]
async fn a_body_that_was_not_touched_goes_to_another_endpoint() {
    let service = Service::start(async |mut wire, _| {
        while wire.next_head().await.is_some() {
            let body = wire.text(5).await;
            wire.send(format!(
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{body}"
            ))
            .await;
        }
    });
    let stack = stack(&[nobody(), service.addr]);
    for _ in 0..10 {
        let post = request("POST", "7", "Content-Length: 5\r\n") + "hello";
        let (head, body) = stack.exchange(post).await;
        assert_eq!((head.status(), &*body), (200, "hello"));
    }
}

#[actix_web::test]
async fn without_a_budget_nobody_else_is_asked() {
    let service = Service::answering(OK);
    let stack = stack_with(&[nobody(), service.addr], |setup| {
        setup.upstream.retry.budget.per_second = 0;
        setup.upstream.retry.budget.percent = 0;
    });
    let mut failed = 0;
    for _ in 0..40 {
        failed += usize::from(stack.get("7").await.0.status() == 503);
    }
    assert!(failed > 0);
}

#[actix_web::test]
async fn an_endpoint_that_fails_is_left_alone() {
    let bad = Service::answering("HTTP/1.1 500 Oops\r\ncontent-length: 3\r\n\r\nbad");
    let stack = stack_with(&[bad.addr], |setup| {
        setup.upstream.breaker = BreakerConfig {
            minimum_calls: 3,
            open: Duration::from_secs(60),
            open_at_most: Duration::from_secs(60),
            ..setup.upstream.breaker
        };
    });
    for _ in 0..3 {
        assert_eq!(stack.get("7").await.0.status(), 500);
    }
    let refused = stack.get("7").await;
    problem(&refused, 503, "upstreamUnavailable");
    assert!(refused.0.field("retry-after").is_some(), "{refused:?}");
    assert_eq!(
        stack.report().await["endpoints"][0]["breaker"],
        json!("open")
    );
}

#[actix_web::test]
async fn beside_one_that_is_left_alone_the_other_answers() {
    let bad = Service::answering("HTTP/1.1 503 Oops\r\ncontent-length: 0\r\n\r\n");
    let good = Service::answering(OK);
    let stack = stack_with(&[bad.addr, good.addr], |setup| {
        setup.upstream.breaker = BreakerConfig {
            minimum_calls: 2,
            open: Duration::from_secs(60),
            open_at_most: Duration::from_secs(60),
            ..setup.upstream.breaker
        };
    });
    let mut failed = 0;
    for _ in 0..100 {
        failed += usize::from(stack.get("7").await.0.status() == 503);
    }
    assert!(failed <= 2, "{failed}");
}

#[actix_web::test]
async fn a_kept_connection_that_was_closed_disturbs_nobody() {
    for method in ["GET", "POST"] {
        // Each connection is good for one answer, whatever it says.
        let service = Service::start(async |mut wire, _| {
            wire.head().await;
            wire.send(OK).await;
        });
        let stack = stack(&[service.addr]);
        for _ in 0..5 {
            let (head, _) = stack
                .exchange(request(method, "7", "Content-Length: 0\r\n"))
                .await;
            assert_eq!(head.status(), 200);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(service.connections(), 5);
    }
}

#[actix_web::test]
async fn a_kept_connection_that_closes_on_the_request_is_replaced_once_for_what_may_be_asked_twice()
{
    for (bytes, status, connections) in [
        (get("7"), 200, 2),
        (request("DELETE", "7", ""), 200, 2),
        (request("POST", "7", "Content-Length: 0\r\n"), 503, 1),
        (request("PUT", "7", "Content-Length: 2\r\n") + "ab", 503, 1),
    ] {
        // The first connection reads a second request, body included, and closes.
        let service = Service::start(async |mut wire, number| {
            wire.head().await;
            wire.send(OK).await;
            if number == 0 {
                let head = wire.head().await;
                let length = head.field("content-length").unwrap_or("0");
                wire.take(length.parse().unwrap()).await;
            } else {
                wire.rest().await;
            }
        });
        let stack = stack(&[service.addr]);
        assert_eq!(stack.get("7").await.0.status(), 200);
        let (head, _) = stack.exchange(&bytes).await;
        assert_eq!(
            (head.status(), service.connections()),
            (status, connections),
            "{bytes:?}"
        );
        let report = stack.report().await;
        assert_eq!(report["endpoints"][0]["breaker"], json!("closed"));
    }
}

#[actix_web::test]
async fn after_a_byte_of_the_body_there_is_no_second_attempt() {
    let service = Service::start(async |mut wire, number| {
        wire.head().await;
        if number == 0 {
            wire.send(OK).await;
            wire.head().await;
        }
        wire.take(1).await;
    });
    let stack = stack(&[service.addr]);
    assert_eq!(stack.get("7").await.0.status(), 200);
    let put = request("PUT", "7", "Content-Length: 5\r\n") + "hello";
    problem(&stack.exchange(put).await, 503, "upstreamUnavailable");
    assert_eq!(service.connections(), 1);
}

#[actix_web::test]
async fn more_than_are_allowed_at_once_are_refused() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\n\r\n").await;
        wire.rest().await;
    });
    let stack = stack_with(&[service.addr], |setup| setup.upstream.max_in_flight = 1);
    let mut first = stack.connect().await;
    first.send(get("7")).await;
    assert_eq!(first.head().await.status(), 200);
    problem(&stack.get("7").await, 503, "upstreamOverloaded");
    drop(first);
    stack.is_idle().await;
}

#[actix_web::test]
async fn the_servers_own_limit_holds_until_the_body_has_ended() {
    let service = Service::start(async |mut wire, _| {
        wire.head().await;
        wire.send("HTTP/1.1 200 OK\r\n\r\n").await;
        wire.rest().await;
    });
    let stack = stack_with(&[service.addr], |setup| setup.server.max_requests = 1);
    let mut first = stack.connect().await;
    first.send(get("7")).await;
    assert_eq!(first.head().await.status(), 200);
    problem(&stack.get("7").await, 503, "overloaded");
}
