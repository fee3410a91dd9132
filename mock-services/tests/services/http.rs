//! Just enough of an HTTP client to see exactly what comes over the wire.

use std::net::SocketAddr;

use mock_services::Running;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The detail of a problem, after a look at everything else of it.
    pub(crate) fn problem(&self, status: u16) -> String {
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
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len(),
    );
    let mut connection = TcpStream::connect(addr).await.expect("connect");
    connection
        .write_all(request.as_bytes())
        .await
        .expect("send");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.expect("receive");
    parse(&String::from_utf8(answer).expect("UTF-8"), method)
}

fn parse(answer: &str, method: &str) -> Answer {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{answer:?}"));
    let mut lines = head.split("\r\n");
    let status_line = lines.next().expect("status line");
    let status = status_line
        .split(' ')
        .nth(1)
        .expect("status")
        .parse()
        .expect("number");
    let headers = lines
        .map(|line| line.split_once(": ").expect("header"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let answer = Answer {
        status,
        headers,
        body: body.to_owned(),
    };
    if method != "HEAD" && !matches!(status, 204 | 304) {
        let length = body.len().to_string();
        assert_eq!(
            answer.header("content-length"),
            Some(length.as_str()),
            "{answer:?}"
        );
    }
    answer
}
