//! The life of a connection from a client.
//!
//! actix's time-outs cover the first head of a connection and its idle time. They do not cover a second head that
//! drips in, an unfinished body behind an answer already given, or a client that does not read its answer: each
//! holds its connection for ever. So each connection is watched, and shut down when nothing of it is in work and
//! nothing has happened for longer than an idle connection is kept.

use std::any::Any;
use std::cell::{Cell, OnceCell};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::rc::{Rc, Weak};
use std::time::Duration;

use actix_web::dev::Extensions;
use tokio::task::AbortHandle;
use tokio::time::sleep_until;

use crate::upstream::Instant;

/// What is known of one connection, on its worker thread.
#[derive(Debug)]
pub(super) struct Life {
    /// The connection's socket a second time. It lives in the connection's own data and so never outlives it.
    socket: TcpStream,
    last_activity: Cell<Instant>,
    in_work: Cell<u32>,
    watch: OnceCell<AbortHandle>,
}

/// A request in work on a connection; over when dropped.
#[derive(Debug)]
pub(super) struct InWork(Rc<Life>);

impl Life {
    /// Begins to watch the connection whose stream is `io`, as `HttpServer::on_connect` hands it out.
    pub(super) fn begin(io: &dyn Any, data: &mut Extensions, quiet: Duration) {
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
            watch: OnceCell::new(),
        });
        let task = actix_web::rt::spawn(watch(Rc::downgrade(&life), quiet));
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
}

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.in_work.set(self.0.in_work.get() - 1);
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

async fn watch(life: Weak<Life>, quiet: Duration) {
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
