//! Traps 4 and 7: what a lost connection says about the request, and when a call may be made again.

use std::time::Duration;

use bff_shared::upstream::{BudgetConfig, Config, ErrorKind};
use http::Method;

use super::calls::{Upstream, invalid, within};
use super::server::{RawServer, Received, thing};

/// Answers the first request of the first connection, reads a second one there and closes without a byte. Later
/// connections are good ones.
fn server_closing_at_the_second_request() -> RawServer {
    RawServer::start(async |mut connection| {
        let mut answered = 0;
        while let Some(request) = connection.request().await {
            if connection.number == 0 && answered == 1 {
                return;
            }
            connection.write(thing(request.id())).await;
            answered += 1;
        }
    })
}

fn without_budget(config: &mut Config) {
    config.retry.budget = BudgetConfig {
        percent: 0,
        per_second: 0,
    };
}

/// Lets the end of a connection, already on its way, be noticed: by the time another call is through, it has been.
async fn notice_what_has_arrived() {
    let other = RawServer::answering(|request| thing(request.id()));
    assert_eq!(Upstream::of(&other).get(1).await, Ok(1));
}

#[actix_web::test]
async fn a_post_whose_connection_closes_after_it_was_read_was_maybe_processed_and_is_sent_once() {
    for reset in [false, true] {
        let server = RawServer::start(async move |mut connection| {
            connection.request().await;
            if reset {
                connection.reset();
            }
        });
        let error = Upstream::of(&server).post(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.maybe_processed(), "{error}");
        let requests = server.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].method(), "POST");
        assert_eq!(requests[0].body, b"{\"change\":true}");
        assert_eq!(server.connections(), 1);
    }
}

#[actix_web::test]
async fn a_get_on_a_fresh_connection_that_closes_is_not_repeated_either() {
    let server = RawServer::start(async |mut connection| {
        connection.request().await;
    });
    let error = Upstream::of(&server).get(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.maybe_processed(), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[actix_web::test]
async fn a_post_whose_answer_is_cut_short_was_maybe_processed_and_is_sent_once() {
    let server = RawServer::sending_and_closing("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{");
    invalid(Upstream::of(&server).post(1).await);
    assert_eq!(server.requests().len(), 1);
}

#[actix_web::test]
async fn a_refused_connection_has_processed_nothing() {
    // Bound, so that nobody else gets the port, and never listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    let endpoint = bff_shared::upstream::Target::parse(&address).unwrap();
    let upstream = Upstream::at(vec![endpoint], |_| {});
    for outcome in [upstream.get(1).await, upstream.post(1).await] {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(!error.maybe_processed(), "{error}");
    }
}

#[actix_web::test]
async fn a_connection_closed_between_two_calls_disturbs_neither() {
    let server = RawServer::start(async |mut connection| {
        let request = connection.request().await.unwrap();
        connection.write(thing(request.id())).await;
    });
    let upstream = Upstream::of(&server);
    for id in 1..=5 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    assert_eq!(server.connections(), 5);
}

#[actix_web::test]
async fn a_pooled_connection_known_as_closed_is_left_alone_without_a_repeat() {
    let server = RawServer::start(async |mut connection| {
        let request = connection.request().await.unwrap();
        connection.write(thing(request.id())).await;
    });
    let upstream = Upstream::with(&server, without_budget);
    assert_eq!(upstream.get(1).await, Ok(1));
    notice_what_has_arrived().await;
    assert_eq!(upstream.post(2).await, Ok(2));
    notice_what_has_arrived().await;
    assert_eq!(upstream.get(3).await, Ok(3));
    assert_eq!(server.requests().len(), 3);
}

#[actix_web::test]
async fn a_get_on_a_pooled_connection_that_closes_without_a_byte_is_repeated_once() {
    let server = server_closing_at_the_second_request();
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    assert_eq!(upstream.get(2).await, Ok(2));
    let requests = server.requests();
    let targets: Vec<&str> = requests.iter().map(Received::target).collect();
    assert_eq!(targets, ["/things/1", "/things/2", "/things/2"]);
    assert_eq!(server.connections(), 2);
}

#[actix_web::test]
async fn a_repeat_is_not_repeated_itself() {
    let server = RawServer::start(async |mut connection| {
        let request = connection.request().await.unwrap();
        if connection.number == 0 {
            connection.write(thing(request.id())).await;
            connection.request().await;
        }
    });
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    let error = upstream.get(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.maybe_processed(), "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[actix_web::test]
async fn without_a_budget_nothing_is_repeated() {
    let server = server_closing_at_the_second_request();
    let upstream = Upstream::with(&server, without_budget);
    assert_eq!(upstream.get(1).await, Ok(1));
    let error = upstream.get(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.maybe_processed(), "{error}");
    assert_eq!(server.requests().len(), 2);
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn a_post_on_a_pooled_connection_that_closes_is_not_repeated() {
    let server = server_closing_at_the_second_request();
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    let error = upstream.post(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.maybe_processed(), "{error}");
    assert_eq!(server.requests().len(), 2);
    assert_eq!(server.connections(), 1);
    assert_eq!(
        upstream.post(3).await,
        Ok(3),
        "the next one is not affected"
    );
}

#[actix_web::test]
async fn only_methods_that_may_be_done_twice_are_repeated() {
    for (method, repeated) in [
        (Method::PUT, true),
        (Method::DELETE, true),
        (Method::PATCH, false),
    ] {
        let server = server_closing_at_the_second_request();
        let upstream = Upstream::of(&server);
        assert_eq!(upstream.get(1).await, Ok(1));
        let request = bff_shared::upstream::Request::new(method.clone(), "/things/2");
        let outcome = upstream.ask(request).await;
        assert_eq!(outcome.is_ok(), repeated, "{method}: {outcome:?}");
        assert_eq!(
            server.requests().len(),
            if repeated { 3 } else { 2 },
            "{method}"
        );
    }
}

/// Whose first connection breaks off within its second answer.
fn server_cutting_the_second_answer() -> RawServer {
    RawServer::start(async |mut connection| {
        let request = connection.request().await.unwrap();
        connection.write(thing(request.id())).await;
        connection.request().await;
        connection.write("HTTP/1.1 200 O").await;
    })
}

#[actix_web::test]
async fn a_connection_that_breaks_off_within_an_answer_costs_a_repeat() {
    let server = server_cutting_the_second_answer();
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.requests().len(), 3);
}

#[actix_web::test]
async fn a_post_whose_answer_breaks_off_is_not_repeated() {
    let server = server_cutting_the_second_answer();
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    let detail = invalid(upstream.post(2).await);
    assert!(detail.ends_with("a head cut short"), "{detail}");
    assert_eq!(server.requests().len(), 2);
}

#[actix_web::test]
async fn one_connection_serves_one_call_after_another() {
    let server = RawServer::answering(|request| thing(request.id()));
    let upstream = Upstream::of(&server);
    for id in 1..=20 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    assert_eq!(upstream.post(21).await, Ok(21));
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn a_connection_idle_for_longer_than_the_idle_timeout_is_left_alone() {
    let server = RawServer::answering(|request| thing(request.id()));
    let upstream = Upstream::with(&server, |config| config.idle_timeout = Duration::ZERO);
    assert_eq!(upstream.get(1).await, Ok(1));
    notice_what_has_arrived().await;
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.connections(), 2);
    within(server.closed(1)).await;
}

#[actix_web::test]
async fn connection_close_is_obeyed() {
    let server = RawServer::start(async |mut connection| {
        let id = connection.request().await.unwrap().id();
        let answer = super::server::json(
            "HTTP/1.1 200 OK",
            "Connection: close\r\n",
            &super::server::thing_body(id),
        );
        connection.write(answer).await;
        connection.until_closed().await;
    });
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    within(server.closed(1)).await;
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.connections(), 2);
}
