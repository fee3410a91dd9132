//! A server that speaks bytes: each connection does what a test wrote, and the test can wait for what was seen.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use bff_shared::upstream::Target;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a server has seen since it began.
#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    /// Connections of which the client's end was seen closed.
    closed: usize,
    requests: Vec<Received>,
}

/// A listener on a free port of 127.0.0.1.
#[derive(Debug)]
pub(crate) struct RawServer {
    address: SocketAddr,
    seen: watch::Sender<Seen>,
    accepting: JoinHandle<()>,
}

impl RawServer {
    /// Lets `script` drive each connection; the connection closes when the script lets go of it.
    pub(crate) fn start(script: impl AsyncFn(Connection) + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let seen = watch::Sender::new(Seen::default());
        let accepting = actix_rt::spawn(accept(listener, seen.clone(), Rc::new(script)));
        Self {
            address,
            seen,
            accepting,
        }
    }

    /// A server that keeps its connections and answers each request with the bytes that `answer` makes of it.
    pub(crate) fn answering<B: AsRef<[u8]>>(answer: impl Fn(&Received) -> B + 'static) -> Self {
        Self::start(async move |mut connection| {
            while let Some(request) = connection.request().await {
                connection.write(answer(&request)).await;
            }
        })
    }

    /// A server that reads one request of each connection, sends `bytes` and closes.
    pub(crate) fn sending_and_closing(bytes: impl AsRef<[u8]> + 'static) -> Self {
        Self::start(async move |mut connection| {
            connection.request().await;
            connection.write(&bytes).await;
        })
    }

    pub(crate) fn endpoint(&self) -> Target {
        Target::parse(&format!("http://{}", self.address)).unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.borrow().connections
    }

    /// The requests read so far, over all connections.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.seen.borrow().requests.clone()
    }

    /// Waits until `count` requests were read.
    pub(crate) async fn read(&self, count: usize) {
        self.wait(|seen| seen.requests.len() >= count).await;
    }

    /// Waits until `count` connections were seen closed by the client.
    pub(crate) async fn closed(&self, count: usize) {
        self.wait(|seen| seen.closed >= count).await;
    }

    async fn wait(&self, until: impl FnMut(&Seen) -> bool) {
        self.seen.subscribe().wait_for(until).await.unwrap();
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    seen: watch::Sender<Seen>,
    script: Rc<impl AsyncFn(Connection) + 'static>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        // Bytes leave when they are written, so that "later" is a packet of its own.
        stream.set_nodelay(true).unwrap();
        let number = seen.borrow().connections;
        seen.send_modify(|seen| seen.connections += 1);
        let connection = Connection {
            number,
            stream,
            unread: Vec::new(),
            seen: seen.clone(),
            closed: RefCell::new(false),
        };
        let script = Rc::clone(&script);
        actix_rt::spawn(async move { script(connection).await });
    }
}

/// One connection, in the hands of a script. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Which one it is, counted from zero.
    pub(crate) number: usize,
    stream: TcpStream,
    unread: Vec<u8>,
    seen: watch::Sender<Seen>,
    closed: RefCell<bool>,
}

impl Connection {
    /// The next request, body included; `None` once the client has closed.
    pub(crate) async fn request(&mut self) -> Option<Received> {
        loop {
            if let Some((request, length)) = Received::parse(&self.unread) {
                self.unread.drain(..length);
                self.seen
                    .send_modify(|seen| seen.requests.push(request.clone()));
                return Some(request);
            }
            if !self.read_more().await {
                return None;
            }
        }
    }

    /// Sends `bytes`; false when the client is gone.
    pub(crate) async fn write(&self, bytes: impl AsRef<[u8]>) -> bool {
        let mut bytes = bytes.as_ref();
        while !bytes.is_empty() {
            if self.stream.writable().await.is_err() {
                return false;
            }
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Waits until the client has closed, whatever it sends before.
    pub(crate) async fn until_closed(&mut self) {
        while self.read_more().await {}
    }

    /// Closes with a reset in place of an orderly end.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    async fn read_more(&mut self) -> bool {
        let mut piece = [0; 4096];
        loop {
            let read = match self.stream.readable().await {
                Ok(()) => self.stream.try_read(&mut piece),
                Err(error) => Err(error),
            };
            match read {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => {
                    if !self.closed.replace(true) {
                        self.seen.send_modify(|seen| seen.closed += 1);
                    }
                    return false;
                }
                Ok(length) => {
                    self.unread.extend_from_slice(&piece[..length]);
                    return true;
                }
            }
        }
    }
}

/// A request as it stood on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let mut request = Self {
            head: String::from_utf8(bytes[..end].to_vec()).unwrap(),
            body: Vec::new(),
        };
        let length: usize = request
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        request.body = bytes.get(end..end + length)?.to_vec();
        Some((request, end + length))
    }

    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap()
    }

    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    /// The number at the end of the target: which thing is asked for.
    pub(crate) fn id(&self) -> u32 {
        self.target().rsplit('/').next().unwrap().parse().unwrap()
    }

    /// The values of every field called `name`, in order.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let fields = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'));
        fields
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// The value of the field `name`, which must not stand there twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers(name);
        assert!(values.len() <= 1, "{name} is there {} times", values.len());
        values.first().copied()
    }
}

/// A whole answer with the thing `id`.
pub(crate) fn thing(id: u32) -> String {
    json("HTTP/1.1 200 OK", "", &thing_body(id))
}

/// The thing `id` as JSON.
pub(crate) fn thing_body(id: u32) -> String {
    format!("{{\"id\":{id}}}")
}

/// An answer of announced length. `fields` are whole lines.
pub(crate) fn json(status_line: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("{status_line}\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
}

/// An answer in chunks, one for each of `pieces`.
pub(crate) fn chunked(pieces: &[&str]) -> String {
    let chunks: String = pieces
        .iter()
        .map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()))
        .collect();
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
}
