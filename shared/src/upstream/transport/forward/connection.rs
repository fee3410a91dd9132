//! Connections to endpoints, and those that are kept for the next request.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep_until, timeout};

use super::PIECE;
use crate::upstream::Instant;
use crate::upstream::transport::TransportError;

/// A connection to an endpoint.
#[derive(Debug)]
pub(in crate::upstream) struct Connection {
    pub(super) address: SocketAddr,
    pub(super) read: OwnedReadHalf,
    pub(super) write: OwnedWriteHalf,
    /// What was read and not used.
    pub(super) buffer: BytesMut,
    /// Whether it has carried an earlier request.
    pub(super) reused: bool,
}

impl Connection {
    /// Opens a connection to `address` within `time`.
    pub(in crate::upstream) async fn open(
        address: SocketAddr,
        time: Duration,
    ) -> Result<Self, TransportError> {
        let open = async {
            let stream = TcpStream::connect(address).await?;
            // Without it a request in two segments waits for the delayed acknowledgement of its first.
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let opened: Result<io::Result<TcpStream>, _> = timeout(time, open).await;
        let stream = opened
            .map_err(|_| TransportError::ConnectTimeout)?
            .map_err(|error| TransportError::Connect(error.to_string()))?;
        let (read, write) = stream.into_split();
        Ok(Self {
            address,
            read,
            write,
            buffer: BytesMut::new(),
            reused: false,
        })
    }

    /// Whether the service has neither closed it nor said anything that nobody asked for.
    fn is_quiet(&self) -> bool {
        let read = self.read.try_read(&mut [0]);
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// Reads once, as much as there is and fits in `most` bytes: how many bytes came, none where the connection has ended.
pub(super) fn poll_read(
    read: &OwnedReadHalf,
    buffer: &mut BytesMut,
    most: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    // As large as what was found useful before, so that a small answer costs no large buffer.
    let room = if buffer.capacity() == 0 {
        most.min(4 * 1024)
    } else {
        most.min(PIECE)
    };
    buffer.reserve(room);
    loop {
        match read.try_read_buf(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(read.as_ref().poll_read_ready(cx))?;
            }
            read => return Poll::Ready(read),
        }
    }
}

/// The connections of one worker thread to one upstream that carry nothing just now.
#[derive(Debug)]
pub(in crate::upstream) struct Pool {
    idle: RefCell<Vec<(Connection, Instant)>>,
    /// How long one is kept.
    time: Duration,
    is_swept: Cell<bool>,
}

impl Pool {
    pub(in crate::upstream) fn new(time: Duration) -> Rc<Self> {
        Rc::new(Self {
            idle: RefCell::default(),
            time,
            is_swept: Cell::new(false),
        })
    }

    /// The connection to `address` that was used last, if it still is one.
    pub(in crate::upstream) fn take(
        &self,
        address: SocketAddr,
        now: Instant,
    ) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        loop {
            let found = idle.iter().rposition(|(kept, _)| kept.address == address)?;
            let (connection, since) = idle.remove(found);
            if since + self.time > now && connection.is_quiet() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection whose last answer was read to its end, and on which nothing is to come.
    pub(super) fn keep(self: &Rc<Self>, connection: Connection) {
        if self.time.is_zero() {
            return;
        }
        let connection = Connection {
            reused: true,
            ..connection
        };
        self.idle.borrow_mut().push((connection, Instant::now()));
        if !self.is_swept.replace(true) {
            actix_rt::spawn(sweep(Rc::downgrade(self)));
        }
    }
}

/// Closes what was idle for too long, until nothing is left.
async fn sweep(pool: Weak<Pool>) {
    loop {
        let Some(next) = pool.upgrade().and_then(|pool| sweep_once(&pool)) else {
            return;
        };
        sleep_until(next).await;
    }
}

/// When to come again; the oldest connections stand first.
fn sweep_once(pool: &Pool) -> Option<Instant> {
    let mut idle = pool.idle.borrow_mut();
    let now = Instant::now();
    idle.retain(|(_, since)| *since + pool.time > now);
    let next = idle.first().map(|(_, since)| *since + pool.time);
    pool.is_swept.set(next.is_some());
    next
}
