//! What the tests of the services ask, and what they expect of every problem.

use std::net::SocketAddr;

use mock_services::Running;
use mock_services::raw;
pub(crate) use mock_services::raw::Answer;

/// What an answer of the services must be when it is a problem.
pub(crate) trait Problem {
    /// The detail of a problem, after a look at everything else of it.
    fn problem(&self, status: u16) -> String;
}

impl Problem for Answer {
    fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        assert!(problem["title"].is_string());
        problem["detail"].as_str().expect("detail").to_owned()
    }
}

pub(crate) async fn get(service: &Running, target: &str) -> Answer {
    send(service.addr(), "GET", target, &[], "").await
}

pub(crate) async fn get_with(service: &Running, target: &str, headers: &[(&str, &str)]) -> Answer {
    send(service.addr(), "GET", target, headers, "").await
}

pub(crate) async fn send(
    addr: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let answer = raw::send(addr, method, target, headers, body)
        .await
        .expect("an answer");
    if method != "HEAD" && !matches!(answer.status, 204 | 304) {
        assert_eq!(
            answer.header("content-length"),
            Some(answer.body.len().to_string().as_str()),
            "{answer:?}"
        );
    }
    answer
}

/// A POST of JSON, with this `Idempotency-Key` unless it is empty.
pub(crate) async fn post(addr: SocketAddr, target: &str, key: &str, body: &str) -> Answer {
    let headers = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", key),
    ];
    let headers = &headers[..if key.is_empty() { 1 } else { 2 }];
    send(addr, "POST", target, headers, body).await
}
