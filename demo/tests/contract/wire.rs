//! Requests and answers as they go over the wire: an answer may be compressed, and then it is no text.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a str,
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In no order: that of the server's means nothing.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |(key, _): &&(String, String)| key == name;
        let (_, value) = self.headers.iter().find(named)?;
        Some(value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        });
        let mut headers = fields.collect::<Option<Vec<_>>>()?;
        headers.sort();
        Some(Self {
            status,
            headers,
            body: bytes[end + 4..].to_vec(),
        })
    }
}

/// Asks on a connection of its own.
pub(crate) async fn exchange(addr: SocketAddr, id: &str, ask: Ask<'_>) -> io::Result<Answer> {
    let Ask {
        method,
        target,
        headers,
        body,
    } = ask;
    let fields = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let fields: String = fields.collect();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nX-Request-Id: {id}\r\n\
         Content-Length: {length}\r\n{fields}\r\n{body}"
    );
    let mut connection = TcpStream::connect(addr).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    Answer::parse(&answer).ok_or_else(|| {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        io::Error::other(format!("no HTTP answer: {shown:?}"))
    })
}
