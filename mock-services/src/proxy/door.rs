//! The listening socket, which can be closed and opened again at the same port.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Handle,
};

/// As most servers have it.
const BACKLOG: u32 = 1024;

/// Closing and opening take effect before they return, so that whoever sets a fault can count on it.
pub(super) struct Door {
    addr: SocketAddr,
    /// Whoever closes and opens need not be inside of the runtime.
    runtime: Handle,
    inner: Mutex<Inner>,
}

struct Inner {
    socket: Socket,
    closings: u64,
    waker: Option<Waker>,
}

enum Socket {
    Open(TcpListener),
    /// Bound without listening: connections are refused, and nobody else gets the port.
    Closed(TcpSocket),
    /// Given away.
    Shut,
}

impl Door {
    pub(super) fn open_at(addr: SocketAddr) -> io::Result<Self> {
        let listener = bound(addr)?.listen(BACKLOG)?;
        Ok(Self {
            addr: listener.local_addr()?,
            runtime: Handle::current(),
            inner: Mutex::new(Inner {
                socket: Socket::Open(listener),
                closings: 0,
                waker: None,
            }),
        })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Refuses from now on. The number of closings so far is returned: connections of an earlier
    /// number are those to reset.
    pub(super) fn close(&self) -> u64 {
        let mut inner = self.lock();
        if matches!(inner.socket, Socket::Open(_)) {
            inner.socket = Socket::Shut;
            let socket = bound(self.addr).expect("the port was this proxy's a moment ago");
            inner.socket = Socket::Closed(socket);
            inner.closings += 1;
        }
        inner.closings
    }

    /// Listens again.
    pub(super) fn open(&self) {
        let _inside = self.runtime.enter();
        let mut inner = self.lock();
        match std::mem::replace(&mut inner.socket, Socket::Shut) {
            Socket::Closed(socket) => {
                let listener = socket.listen(BACKLOG);
                inner.socket = Socket::Open(listener.expect("the port is held for this proxy"));
            }
            other => inner.socket = other,
        }
        if let Some(waker) = inner.waker.take() {
            waker.wake();
        }
    }

    /// Gives the port away for good.
    pub(super) fn shut(&self) {
        self.lock().socket = Socket::Shut;
    }

    /// The next connection, and the number of closings before it.
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, u64)>> {
        let mut inner = self.lock();
        if let Socket::Open(listener) = &inner.socket {
            let accepted = listener.poll_accept(cx);
            if accepted.is_ready() {
                return accepted.map_ok(|(connection, _)| (connection, inner.closings));
            }
        }
        // Also while it is open: a listener that is closed wakes nobody.
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

fn bound(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // Connections of an earlier opening linger.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}
