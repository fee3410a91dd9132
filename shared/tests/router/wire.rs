//! One end of a connection, of a client or of a service: bytes as they are.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long a test waits for what has to come. Nothing is measured with it.
const GUARD: Duration = Duration::from_secs(30);

/// Waits for `what`, but not for ever.
pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(GUARD, what).await.expect("it comes in time")
}

/// A head as it stood on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head(pub(crate) String);

impl Head {
    /// Its first line.
    pub(crate) fn line(&self) -> &str {
        self.0.lines().next().unwrap()
    }

    pub(crate) fn status(&self) -> u16 {
        self.line().split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// The values of every field called `name`.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.0.lines().skip(1);
        let fields = fields.filter_map(|line| line.split_once(':'));
        fields
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// The value of the field `name`, which must not stand there twice.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(
            values.len() <= 1,
            "{name} stands there several times: {self:?}"
        );
        values.first().copied()
    }
}

/// How the other side ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    InOrder,
    Reset,
}

#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self::of(in_time(TcpStream::connect(addr)).await.unwrap())
    }

    /// One whose socket takes in little that was not read.
    pub(crate) async fn connect_with_little_room(addr: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        Self::of(in_time(socket.connect(addr)).await.unwrap())
    }

    pub(crate) fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.try_send(bytes).await, "the other side has closed");
    }

    /// Sends `bytes`; false when the other side has closed.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        in_time(self.stream.write_all(bytes.as_ref())).await.is_ok()
    }

    /// Sends as much as the other side takes, until it takes nothing for `pause`: how many bytes.
    pub(crate) async fn send_until_stuck(&mut self, pause: Duration) -> usize {
        let piece = vec![b'x'; 64 * 1024];
        let mut sent = 0;
        while let Ok(written) = timeout(pause, self.stream.write(&piece)).await {
            sent += written.unwrap();
            assert!(sent < 1 << 30, "there is no bound");
        }
        sent
    }

    /// Sends as much as the other side takes, until something comes from there.
    pub(crate) async fn send_until_answered(&mut self) {
        let piece = vec![b'x'; 64 * 1024];
        let either = Interest::READABLE | Interest::WRITABLE;
        let mut sent = 0;
        while !in_time(self.stream.ready(either))
            .await
            .unwrap()
            .is_readable()
        {
            // It may turn out not to be writable after all, and is waited for then.
            sent += self.stream.try_write(&piece).unwrap_or_default();
            assert!(sent < 1 << 30, "there is no bound");
        }
    }

    /// The next head.
    pub(crate) async fn head(&mut self) -> Head {
        self.next_head().await.expect("a head")
    }

    /// The next head; none when the other side has closed.
    pub(crate) async fn next_head(&mut self) -> Option<Head> {
        let head = self.until(b"\r\n\r\n").await?;
        Some(Head(String::from_utf8(head).unwrap()))
    }

    /// Reads `length` bytes and no more.
    pub(crate) async fn take(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length {
            let read = self.read().await;
            assert_eq!(
                read,
                None,
                "after {:?}",
                String::from_utf8_lossy(&self.unread)
            );
        }
        self.unread.drain(..length).collect()
    }

    pub(crate) async fn text(&mut self, length: usize) -> String {
        String::from_utf8(self.take(length).await).unwrap()
    }

    /// The next chunk's data; empty at the end of the body.
    pub(crate) async fn chunk(&mut self) -> String {
        let line = self.until(b"\r\n").await.expect("a chunk");
        let length = usize::from_str_radix(String::from_utf8(line).unwrap().trim_end(), 16);
        let data = self.text(length.unwrap()).await;
        assert_eq!(self.take(2).await, b"\r\n");
        data
    }

    /// The data of all chunks.
    pub(crate) async fn chunks(&mut self) -> String {
        let mut data = String::new();
        loop {
            match &*self.chunk().await {
                "" => return data,
                chunk => data.push_str(chunk),
            }
        }
    }

    /// A head and the body that it announces.
    pub(crate) async fn message(&mut self) -> (Head, String) {
        let head = self.head().await;
        let body = if head.field("transfer-encoding").is_some() {
            self.chunks().await
        } else {
            let length = head.field("content-length");
            self.text(length.map_or(0, |length| length.parse().unwrap()))
                .await
        };
        (head, body)
    }

    pub(crate) async fn exchange(&mut self, bytes: impl AsRef<[u8]>) -> (Head, String) {
        self.send(bytes).await;
        self.message().await
    }

    /// Reads until the other side closes: what came, and how it ended.
    pub(crate) async fn rest(&mut self) -> (Vec<u8>, Ended) {
        loop {
            if let Some(ended) = self.read().await {
                return (std::mem::take(&mut self.unread), ended);
            }
        }
    }

    /// Nothing is left to read, and the other side closes.
    pub(crate) async fn closed(&mut self) {
        let (rest, _) = self.rest().await;
        assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
    }

    /// Nothing comes for a while.
    pub(crate) async fn is_silent(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.unread);
        timeout(Duration::from_millis(100), read).await.is_err()
    }

    /// Closes its own side and goes on reading.
    pub(crate) async fn close_sending(&mut self) {
        in_time(self.stream.shutdown()).await.unwrap();
    }

    /// Closes with a reset.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    async fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            let found = self
                .unread
                .windows(end.len())
                .position(|window| window == end);
            if let Some(start) = found {
                return Some(self.unread.drain(..start + end.len()).collect());
            }
            if self.read().await.is_some() {
                assert!(
                    self.unread.is_empty(),
                    "{:?}",
                    String::from_utf8_lossy(&self.unread)
                );
                return None;
            }
        }
    }

    /// Reads once; how the other side has ended, if it has.
    async fn read(&mut self) -> Option<Ended> {
        match in_time(self.stream.read_buf(&mut self.unread)).await {
            Ok(0) => Some(Ended::InOrder),
            Ok(_) => None,
            Err(_) => Some(Ended::Reset),
        }
    }
}
