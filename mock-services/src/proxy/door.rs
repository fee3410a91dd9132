//! The listening socket, which can be closed and opened again at the same port.

use std::{
    fmt, io, mem,
    net::{self, Shutdown, SocketAddr},
    os::fd::OwnedFd,
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
        let mut socket = bound(addr)?;
        if addr.port() == 0 {
            // Linux keeps a port beyond the end of listening only if it was asked for by number.
            socket = bound(socket.local_addr()?).unwrap_or(socket);
        }
        let listener = socket.listen(BACKLOG)?;
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
        match mem::replace(&mut inner.socket, Socket::Shut) {
            Socket::Open(listener) => {
                let socket = deafened(listener).or_else(|_| bound(self.addr));
                let socket = socket.expect("the port was this proxy's a moment ago");
                inner.socket = Socket::Closed(socket);
                inner.closings += 1;
            }
            other => inner.socket = other,
        }
        inner.closings
    }

    /// Listens again.
    pub(super) fn open(&self) {
        let _inside = self.runtime.enter();
        let mut inner = self.lock();
        match mem::replace(&mut inner.socket, Socket::Shut) {
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
        if let Socket::Open(listener) = mem::replace(&mut self.lock().socket, Socket::Shut) {
            // An error means that to drop it must do.
            let _ = deafened(listener);
        }
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

/// Ends the listening, and keeps the socket and its port. To close the socket would not be enough: a
/// child process that is just being started has it, too, and would go on listening for a moment.
fn deafened(listener: TcpListener) -> io::Result<TcpSocket> {
    let socket = net::TcpStream::from(OwnedFd::from(listener.into_std()?));
    socket.shutdown(Shutdown::Read)?;
    Ok(TcpSocket::from_std_stream(socket))
}
