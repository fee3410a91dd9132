//! A client that speaks bytes and reads answers one by one from a connection that it keeps.

use std::net::SocketAddr;
use std::time::Duration;

use mock_services::raw::Answer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long a test waits for what has to come. Nothing is measured with it.
pub(crate) const GUARD: Duration = Duration::from_secs(30);

/// Waits for `what`, but not for ever.
pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(GUARD, what).await.expect("it comes in time")
}

pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// A GET as a client sends it that keeps its connection.
pub(crate) fn get(target: &str) -> String {
    request("GET", target)
}

pub(crate) fn request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: test\r\n\r\n")
}

/// `request` with further header fields.
pub(crate) fn with(request: &str, fields: &[(&str, &str)]) -> String {
    let fields: String = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    request.replacen("\r\n\r\n", &format!("\r\n{fields}\r\n"), 1)
}

/// A POST with JSON, whose body is announced as `length` bytes.
pub(crate) fn post_head(target: &str, length: usize) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

pub(crate) fn post(target: &str, body: &str) -> String {
    post_head(target, body.len()) + body
}

pub(crate) fn post_chunked(target: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self::of(in_time(TcpStream::connect(addr)).await.unwrap())
    }

    /// A client whose socket takes in little that was not read.
    pub(crate) async fn connect_with_little_room(addr: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        Self::of(in_time(socket.connect(addr)).await.unwrap())
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        in_time(self.stream.write_all(bytes.as_ref()))
            .await
            .unwrap();
    }

    /// Sends `bytes`; false when the server has closed.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        in_time(self.stream.write_all(bytes.as_ref())).await.is_ok()
    }

    /// The next answer, with the body that its Content-Length or its chunks say.
    pub(crate) async fn answer(&mut self) -> Answer {
        let (mut answer, body) = self.answer_in_bytes().await;
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// The next answer's head, and its body, which need not be text.
    pub(crate) async fn answer_in_bytes(&mut self) -> (Answer, Vec<u8>) {
        let answer = self.answer_to_head().await;
        let body = if answer.header("transfer-encoding") == Some("chunked") {
            self.chunks().await
        } else {
            let length = answer
                .header("content-length")
                .map_or(0, |length| length.parse().unwrap());
            self.take(length).await
        };
        (answer, body)
    }

    /// The next answer, which has no body whatever its head says.
    pub(crate) async fn answer_to_head(&mut self) -> Answer {
        let head = self.until(b"\r\n\r\n").await;
        parse(&head)
    }

    pub(crate) async fn exchange(&mut self, bytes: impl AsRef<[u8]>) -> Answer {
        self.send(bytes).await;
        self.answer().await
    }

    /// What is left to read until the server closes, in order or with a reset.
    pub(crate) async fn closed(&mut self) -> Vec<u8> {
        while self.read().await {}
        std::mem::take(&mut self.unread)
    }

    /// Nothing is left to read, and the server closes.
    pub(crate) async fn closed_without_a_word(&mut self) {
        let rest = self.closed().await;
        assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    }

    /// Waits for `pause`, and sooner where the server closes: whether it did. Nothing is to come.
    pub(crate) async fn is_closed_within(&mut self, pause: Duration) -> bool {
        let mut byte = [0];
        match timeout(pause, self.stream.read(&mut byte)).await {
            // Without a pause this has not looked.
            Err(_) => matches!(self.stream.try_read(&mut byte), Ok(0)),
            Ok(read) => {
                assert_eq!(read.unwrap(), 0, "nobody asked");
                true
            }
        }
    }

    /// Sends `drip` again and again, with a pause before each, until the server closes.
    pub(crate) async fn drip_until_closed(&mut self, drip: &[u8], pause: Duration) -> Vec<u8> {
        let dripping = async {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {
                        if self.stream.write_all(drip).await.is_err() {
                            break;
                        }
                    }
                    read = self.stream.read_buf(&mut self.unread) => {
                        if !read.is_ok_and(|length| length > 0) {
                            break;
                        }
                    }
                }
            }
        };
        in_time(dripping).await;
        std::mem::take(&mut self.unread)
    }

    /// Reads `length` bytes and no more.
    pub(crate) async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length {
            self.more().await;
        }
        self.unread.drain(..length).collect()
    }

    /// Closes in order.
    pub(crate) fn close(self) {}

    /// Closes its own side and goes on reading.
    pub(crate) async fn close_sending(&mut self) {
        // An error means that the server has closed already.
        _ = self.stream.shutdown().await;
    }

    /// Closes with a reset.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = String::from_utf8(self.until(b"\r\n").await).unwrap();
            let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
            body.extend(self.take(length).await);
            self.take(2).await;
            if length == 0 {
                return body;
            }
        }
    }

    async fn until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            let found = self
                .unread
                .windows(end.len())
                .position(|window| window == end);
            if let Some(start) = found {
                return self.unread.drain(..start + end.len()).collect();
            }
            self.more().await;
        }
    }

    async fn more(&mut self) {
        let read = self.read().await;
        assert!(
            read,
            "closed after {:?}",
            String::from_utf8_lossy(&self.unread)
        );
    }

    async fn read(&mut self) -> bool {
        let read = in_time(self.stream.read_buf(&mut self.unread)).await;
        read.is_ok_and(|length| length > 0)
    }
}

/// An answer's head.
pub(crate) fn parse(head: &[u8]) -> Answer {
    let text = String::from_utf8(head.to_vec()).unwrap();
    let mut lines = text.trim_end().split("\r\n");
    let status_line = lines.next().unwrap();
    let status = status_line.strip_prefix("HTTP/1.").and_then(|rest| {
        let (_minor, rest) = rest.split_once(' ')?;
        rest.get(..3)?.parse().ok()
    });
    let fields = lines.map(|line| {
        let (name, value) = line.split_once(": ").expect(line);
        (name.to_owned(), value.to_owned())
    });
    Answer {
        status: status.unwrap_or_else(|| panic!("no status line: {text:?}")),
        headers: fields.collect(),
        body: String::new(),
    }
}
