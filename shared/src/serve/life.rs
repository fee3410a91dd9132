//! The life of a connection from a client.
//!
//! actix's time-outs cover the first head of a connection and its idle time. They do not cover a second head that
//! drips in, an unfinished body behind an answer already given, or a client that does not read its answer: each
//! holds its connection for ever. So each connection is watched, and shut down when nothing of it is in work and
//! nothing has happened for longer than an idle connection is kept.
//!
//! When the server stops, actix would close each connection without work there and then, and with it a request that
//! has just arrived. So they are closed here before, one by one, after they had some time to say something.

use std::any::Any;
use std::cell::{Cell, OnceCell};
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::rc::{Rc, Weak};
use std::time::Duration;

use actix_web::dev::Extensions;
use futures_util::future;
use tokio::task::AbortHandle;
use tokio::time::sleep_until;

use super::lifecycle::{Connection, Connections, Lifecycle};
use crate::upstream::Instant;

/// How long a connection is idle, once the server stops, until it is closed: the time in which a request that was on
/// its way arrives, or the rest of one.
const LAST_CALL: Duration = Duration::from_secs(1);

/// What is known of one connection, on its worker thread.
#[derive(Debug)]
pub(super) struct Life {
    /// The connection's socket a second time. It lives in the connection's own data and so never outlives it.
    socket: TcpStream,
    last_activity: Cell<Instant>,
    /// Requests whose route is at work.
    in_work: Cell<u32>,
    /// Answers whose body is not handed over in full.
    answering: Cell<u32>,
    watch: OnceCell<AbortHandle>,
    _open: Option<Connection>,
}

/// A request in work on a connection; over when dropped.
#[derive(Debug)]
pub(super) struct InWork(Rc<Life>);

/// An answer on its way to a connection; over when dropped.
#[derive(Debug)]
pub(super) struct Answering(Rc<Life>);

/// How connections end with their server.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    pub(super) lifecycle: Lifecycle,
    pub(super) connections: Connections,
}

impl Life {
    /// Begins to watch the connection whose stream is `io`, as `HttpServer::on_connect` hands it out. Without
    /// `ending` it lives until the server has gone.
    pub(super) fn begin(
        io: &dyn Any,
        data: &mut Extensions,
        quiet: Duration,
        ending: Option<&Ending>,
    ) {
        let socket = io.downcast_ref::<actix_web::rt::net::TcpStream>();
        let Some(Ok(socket)) = socket.map(|io| io.as_fd().try_clone_to_owned()) else {
            // Out of file descriptors, most likely: the connection is served unwatched.
            log::warn!("a connection cannot be watched");
            return;
        };
        let life = Rc::new(Self {
            socket: socket.into(),
            last_activity: Cell::new(Instant::now()),
            in_work: Cell::new(0),
            answering: Cell::new(0),
            watch: OnceCell::new(),
            _open: ending.map(|ending| ending.connections.open()),
        });
        let lifecycle = ending.map(|ending| ending.lifecycle.clone());
        let task = actix_web::rt::spawn(watch(Rc::downgrade(&life), quiet, lifecycle));
        _ = life.watch.set(task.abort_handle());
        data.insert(life);
    }

    /// Marks that something went on.
    pub(super) fn moved(&self) {
        self.last_activity.set(Instant::now());
    }

    /// Marks a request as in work.
    pub(super) fn work(self: &Rc<Self>) -> InWork {
        self.in_work.set(self.in_work.get() + 1);
        InWork(Rc::clone(self))
    }

    /// Marks an answer as on its way.
    pub(super) fn answer(self: &Rc<Self>) -> Answering {
        self.answering.set(self.answering.get() + 1);
        Answering(Rc::clone(self))
    }

    /// Whether nothing is under way, as far as the server can know.
    fn is_idle(&self) -> bool {
        self.in_work.get() == 0 && self.answering.get() == 0 && self.has_nothing_to_read()
    }

    /// Whether actix has taken in all that has come.
    fn has_nothing_to_read(&self) -> bool {
        // The socket is actix's too, and does not block.
        let unread = self.socket.peek(&mut [0]);
        unread.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl Answering {
    /// Marks that the client reads.
    pub(super) fn moved(&self) {
        self.0.moved();
    }
}

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.in_work.set(self.0.in_work.get() - 1);
        self.0.moved();
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.set(self.0.answering.get() - 1);
        self.0.moved();
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.get() {
            watch.abort();
        }
    }
}

async fn watch(life: Weak<Life>, quiet: Duration, lifecycle: Option<Lifecycle>) {
    let end = async {
        if let Some(mut lifecycle) = lifecycle {
            lifecycle.stopping().await;
            let_go(&life).await;
        }
    };
    future::join(cut_off(&life, quiet), end).await;
}

/// Shuts the connection down when it has been quiet for too long.
async fn cut_off(life: &Weak<Life>, quiet: Duration) {
    loop {
        let wake = {
            let Some(life) = life.upgrade() else { return };
            let now = Instant::now();
            let due = life.last_activity.get() + quiet;
            match life.in_work.get() {
                0 if due <= now => {
                    // An error means that it is closed already.
                    _ = life.socket.shutdown(Shutdown::Both);
                    return;
                }
                0 => due,
                _ => now + quiet,
            }
        };
        sleep_until(wake).await;
    }
}

/// Has the connection closed in order when it has been idle for long enough.
async fn let_go(life: &Weak<Life>) {
    let begin = Instant::now();
    loop {
        let wake = {
            let Some(life) = life.upgrade() else { return };
            let now = Instant::now();
            let due = begin.max(life.last_activity.get()) + LAST_CALL;
            if due > now {
                due
            } else if life.is_idle() {
                // For actix it looks as if the client had closed: it writes what it has left to write, and closes.
                _ = life.socket.shutdown(Shutdown::Read);
                return;
            } else {
                now + LAST_CALL
            }
        };
        sleep_until(wake).await;
    }
}
