//! What a status means: for whoever asked, for a repeat, for the endpoint.

use std::cell::Cell;
use std::time::Duration;

use bff_shared::upstream::{Config, ErrorKind, Instant};

use super::calls::{Upstream, failed};
use super::server::{Answer, Server};

fn repeating(config: &mut Config) {
    config.retry.repeats = 1;
    config.retry.backoff = Duration::from_millis(1);
    config.retry.backoff_at_most = Duration::from_millis(1);
}

/// A server that gives `first` once and answers well from then on.
fn recovering(first: Answer) -> Server {
    let first = Cell::new(Some(first));
    Server::answering(move |received| first.take().unwrap_or(Answer::thing(received.id())))
}

/// Both forms that a status comes in.
fn forms(code: &'static str) -> [Answer; 2] {
    [Answer::only(code), Answer::code(code)]
}

#[actix_web::test]
async fn each_status_has_its_meaning() {
    use ErrorKind::{InvalidResponse, NotFound, Overloaded, Timeout, Unavailable};
    for (code, kind, is_repeated) in [
        ("1", Unavailable, true),
        ("2", Unavailable, true),
        ("3", InvalidResponse, false),
        ("4", Timeout, true),
        ("5", NotFound, false),
        ("6", InvalidResponse, false),
        ("7", InvalidResponse, false),
        ("8", Overloaded, true),
        ("9", InvalidResponse, false),
        ("10", InvalidResponse, false),
        ("11", InvalidResponse, false),
        ("12", InvalidResponse, false),
        ("13", Unavailable, true),
        ("14", Unavailable, true),
        ("15", Unavailable, true),
        ("16", InvalidResponse, false),
        // No code of today's: as UNKNOWN.
        ("17", Unavailable, true),
        ("4711", Unavailable, true),
    ] {
        for answer in forms(code) {
            let given = answer.clone();
            let server = Server::answering(move |_| given.clone());
            let upstream = Upstream::of(&server);
            let error = failed(upstream.get(1).await, kind);
            if kind != NotFound {
                assert!(error.maybe_processed(), "{code}");
            }
            failed(upstream.change(1).await, kind);
            assert_eq!(server.count(), 2);
            assert_eq!(server.connections(), 1, "{code}: the connection is good");

            let server = recovering(answer.clone());
            let upstream = Upstream::with(&server, repeating);
            let outcome = upstream.get(1).await;
            assert_eq!(outcome.is_ok(), is_repeated, "{code}: {outcome:?}");
            assert_eq!(server.count(), if is_repeated { 2 } else { 1 }, "{code}");

            let server = recovering(answer);
            let upstream = Upstream::with(&server, repeating);
            failed(upstream.change(1).await, kind);
            assert_eq!(server.count(), 1, "{code}: what writes is sent once");
        }
    }
}

#[actix_web::test]
async fn a_write_with_a_key_inside_is_repeated() {
    let server = recovering(Answer::only("14"));
    let upstream = Upstream::with(&server, repeating);
    let request = super::calls::change(1).with_key_inside();
    assert_eq!(upstream.ask(request).await, Ok(1));
    assert_eq!(server.count(), 2);
}

#[actix_web::test]
async fn what_says_nothing_against_the_endpoint_is_not_counted_against_it() {
    let breaking = |config: &mut Config| config.breaker.consecutive_failures = 1;
    for (code, state) in [
        ("3", "closed"),
        ("5", "closed"),
        ("6", "closed"),
        ("8", "closed"),
        ("10", "closed"),
        ("12", "closed"),
        ("2", "open"),
        ("13", "open"),
        ("14", "open"),
    ] {
        for answer in forms(code) {
            let server = Server::answering(move |_| answer.clone());
            let upstream = Upstream::with(&server, breaking);
            assert!(upstream.get(1).await.is_err());
            assert_eq!(upstream.endpoint()["breaker"], state, "{code}");
            if code == "5" {
                assert_eq!(upstream.endpoint()["failures"], 0);
            }
        }
    }
}

#[actix_web::test]
async fn a_pushback_is_waited_for() {
    let pushback = Duration::from_millis(150);
    for answer in forms("8").into_iter().chain(forms("14")) {
        let server = recovering(answer.with_last("grpc-retry-pushback-ms", "150"));
        let upstream = Upstream::with(&server, repeating);
        let began = Instant::now();
        assert_eq!(upstream.get(1).await, Ok(1));
        assert!(began.elapsed() >= pushback);
        assert_eq!(server.count(), 2);
    }
}

#[actix_web::test]
async fn a_pushback_is_told_to_whoever_asked() {
    for answer in forms("8") {
        let answer = answer.with_last("grpc-retry-pushback-ms", "2500");
        let server = Server::answering(move |_| answer.clone());
        let error = failed(Upstream::of(&server).get(1).await, ErrorKind::Overloaded);
        assert_eq!(error.retry_after(), Some(Duration::from_millis(2500)));
    }
}

#[actix_web::test]
async fn a_pushback_beyond_the_deadline_is_not_waited_for() {
    let server = recovering(Answer::only("8").with("grpc-retry-pushback-ms", "3600000"));
    let upstream = Upstream::with(&server, repeating);
    failed(upstream.get(1).await, ErrorKind::Overloaded);
    assert_eq!(server.count(), 1);
}

#[actix_web::test]
async fn a_pushback_that_is_none_forbids_a_repeat() {
    for pushback in ["-1", "-9999", "soon", "", "1.5", "99999999999999999999"] {
        for answer in forms("14") {
            let server = recovering(answer.with_last("grpc-retry-pushback-ms", pushback));
            let upstream = Upstream::with(&server, repeating);
            failed(upstream.get(1).await, ErrorKind::Unavailable);
            assert_eq!(server.count(), 1, "{pushback}");
        }
    }
}

#[actix_web::test]
async fn who_is_unavailable_is_not_asked_a_second_time_while_another_can_be() {
    let bad = Server::answering(|_| Answer::only("14"));
    let good = Server::good();
    let upstream = Upstream::at(vec![bad.endpoint(), good.endpoint()], repeating);
    for id in 1..=20 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    assert_eq!(good.count(), 20);
}

/// The text of a status is the service's, and may hold what is nobody's business.
#[actix_web::test]
async fn nothing_of_a_status_but_its_code_is_told() {
    for code in ["2", "3", "5", "8", "13", "14", "16", "99", "no number"] {
        for answer in forms(code) {
            let answer = answer
                .with_last("grpc-message", "secret%20of%20bob%40example.org")
                .with_last("grpc-status-details-bin", "c2VjcmV0")
                .with_last("x-secret", "secret");
            let server = Server::answering(move |_| answer.clone());
            let error = Upstream::of(&server).get(1).await.unwrap_err();
            for told in [
                error.to_string(),
                error.detail().into(),
                format!("{error:?}"),
            ] {
                assert!(!told.contains("secret") && !told.contains("bob"), "{told}");
                assert!(!told.contains("c2Vj"), "{told}");
            }
        }
    }
}

#[actix_web::test]
async fn what_stands_beside_a_code_does_not_change_it() {
    for (name, value) in [
        ("grpc-message", "%ff%fe"),
        ("grpc-message", "%"),
        ("grpc-message", "\u{e4}"),
        ("grpc-status-details-bin", "no base64!"),
        ("grpc-status-details-bin", "\u{e4}"),
        ("x-other-bin", "no base64!"),
    ] {
        for answer in forms("5") {
            let answer = answer.with_last(name, value);
            let server = Server::answering(move |_| answer.clone());
            let upstream = Upstream::of(&server);
            failed(upstream.get(1).await, ErrorKind::NotFound);
        }
        // Nor do they spoil what went well.
        let server =
            Server::answering(move |received| Answer::thing(received.id()).with_last(name, value));
        assert_eq!(Upstream::of(&server).get(1).await, Ok(1));
    }
}
