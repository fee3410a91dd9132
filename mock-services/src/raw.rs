//! A client for tests that shows exactly what came over the wire, and sends exactly what it is told.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header fields in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The first header field of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The seconds for which `Cache-Control` lets the client keep it, and the client alone: `private, max-age=…`.
    #[must_use]
    pub fn kept_privately(&self) -> Option<u64> {
        let seconds = self.header("cache-control")?;
        seconds.strip_prefix("private, max-age=")?.parse().ok()
    }

    /// Whether the client, and it alone, may keep it for `seconds`, less the time that asking for it `took`. By a date in
    /// whole seconds it may look a second older than it is, and `max-age` leaves out what is less than a second.
    #[must_use]
    pub fn is_kept_for(&self, seconds: u64, took: Duration) -> bool {
        const HIDDEN: u64 = 2;
        let kept = self.kept_privately().unwrap_or_default();
        kept <= seconds && Duration::from_secs(kept + HIDDEN) + took > Duration::from_secs(seconds)
    }

    /// The body read as JSON.
    ///
    /// # Panics
    /// The body is no JSON: for a test that is its failure.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let fields = lines.map(|line| {
            line.split_once(": ")
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        });
        Some(Self {
            status,
            headers: fields.collect::<Option<_>>()?,
            body: body.to_owned(),
        })
    }
}

/// A GET.
///
/// # Errors
/// As for [`exchange`].
pub async fn get(addr: SocketAddr, target: &str) -> io::Result<Answer> {
    send(addr, "GET", target, &[], "").await
}

/// A request of any method, with further header fields and a body.
///
/// # Errors
/// As for [`exchange`].
pub async fn send(
    addr: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let fields: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n"
    );
    exchange(addr, format!("{head}{fields}\r\n{body}").as_bytes()).await
}

/// Sends these bytes on a connection of their own and reads the answer until the other side closes.
///
/// # Errors
/// The connection fails, or what came is no answer in HTTP/1.1.
pub async fn exchange(addr: SocketAddr, bytes: &[u8]) -> io::Result<Answer> {
    let mut connection = TcpStream::connect(addr).await?;
    connection.write_all(bytes).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    Answer::parse(&answer).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("no HTTP answer: {:?}", String::from_utf8_lossy(&answer)),
        )
    })
}
