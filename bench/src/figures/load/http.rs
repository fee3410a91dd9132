//! As much of an HTTP/1.1 client as the figures need: it sees what came and when, and repeats nothing by itself.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection that is kept alive.
pub(crate) struct Connection {
    addr: SocketAddr,
    stream: TcpStream,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The header fields as they came, without the status line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Whether the server closes the connection after it.
    pub(crate) closes: bool,
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { addr, stream })
    }

    /// Whether the server has closed it, or has sent what nobody asked for.
    pub(crate) fn is_closed(&self) -> bool {
        let nothing = self.stream.try_read(&mut [0]);
        !nothing.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Sends a GET.
    pub(crate) async fn send(&mut self, path: &str, request_id: &str) -> io::Result<()> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nX-Request-Id: {request_id}\r\n\r\n",
            self.addr
        );
        self.stream.write_all(request.as_bytes()).await
    }

    /// Sends a GET and reads its answer.
    pub(crate) async fn get(&mut self, path: &str, request_id: &str) -> io::Result<Answer> {
        self.send(path, request_id).await?;
        self.read().await
    }

    /// Reads an answer.
    pub(crate) async fn read(&mut self) -> io::Result<Answer> {
        let mut buffer = Vec::with_capacity(2048);
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            self.more(&mut buffer).await?;
        };
        let text = String::from_utf8_lossy(&buffer[..end]);
        let (line, head) = text.split_once("\r\n").unwrap_or((&text, ""));
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3));
        let status = status.and_then(|code| code.parse::<u16>().ok());
        let status = status.filter(|code| *code >= 200).ok_or_else(unexpected)?;
        let mut answer = Answer {
            status,
            head: head.to_owned(),
            body: buffer.split_off(end + 4),
            closes: false,
        };
        answer.closes = answer
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let length = answer.header("content-length");
        let length = length.and_then(|value| value.parse::<usize>().ok());
        let length = length.ok_or_else(unexpected)?;
        while answer.body.len() < length {
            self.more(&mut answer.body).await?;
        }
        if answer.body.len() > length {
            return Err(unexpected());
        }
        Ok(answer)
    }

    async fn more(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        match self.stream.read_buf(buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Answer {
    /// The first field of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.split("\r\n");
        let mut fields = fields.filter_map(|line| line.split_once(':'));
        let (_, value) = fields.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }
}

fn unexpected() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "no answer as a server should give")
}
