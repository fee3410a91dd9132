//! The orderly end of a server.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::exit;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::net::TcpSocket;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::lifecycle::{Connections, Phase};

/// Connections that the operating system holds until they are accepted.
const BACKLOG: u32 = 1024;

/// The time for actix's accepting thread to take in what waits, and to look away from its listener.
const LAST_ACCEPT: Duration = Duration::from_millis(2);

/// The time for worker threads to begin with the connections that were accepted.
const HAND_OVER: Duration = Duration::from_millis(20);

/// How a server is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Tell balancers first, and give them the drain delay to look elsewhere.
    Drain,
    /// Finish what is in flight and no more.
    Now,
}

/// A listener's socket a second time, to close it while its server goes on.
#[derive(Debug)]
pub(super) struct Door(TcpListener);

impl Door {
    /// Listens at `addr`. Has to run inside a Tokio runtime.
    pub(super) fn open(addr: SocketAddr) -> io::Result<(TcpListener, Self)> {
        let socket = match addr {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // Connections of an earlier server that linger hinder no new one.
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        let listener = socket.listen(BACKLOG)?.into_std()?;
        let door = Self(listener.try_clone()?);
        Ok((listener, door))
    }

    /// Refuses every further connection, whoever else has the socket.
    fn close(self) {
        let socket = TcpStream::from(OwnedFd::from(self.0));
        // Where this does not work, outside of Linux, the end of the server closes it.
        _ = socket.shutdown(Shutdown::Both);
    }
}

/// What has to end, and in what time.
#[derive(Debug)]
pub(super) struct End {
    pub(super) phase: watch::Sender<Phase>,
    pub(super) connections: Connections,
    pub(super) door: Door,
    pub(super) drain_delay: Duration,
    pub(super) stop_timeout: Duration,
}

impl End {
    /// Ends both servers once `stop` says so, such that no client has to repeat a request:
    ///
    /// 1. *Draining*, for the drain delay: readiness is 503, everything is served, and every answer announces
    ///    `Connection: close` (RFC 9112, section 9.6), after which actix closes that connection. Balancers look
    ///    elsewhere, clients let go of the connections that they use.
    /// 2. *Stopping*: nobody listens any more, so that a new connection is refused before anything was sent on it.
    ///    Requests in flight are finished, large answers included. A request that still comes on a kept connection,
    ///    or the rest of one, is answered as before. A connection that stays idle for a second is closed, which its
    ///    client sees while it waits for nothing.
    /// 3. When no connection is left, or the stop timeout is over, actix ends, and what is left with it. The
    ///    operators' listener is the last.
    ///
    /// What remains:
    ///
    /// - A connection that was idle during the whole of it is closed at last, and its client may send a request at
    ///   that very moment: for as long as the close is on its way to the client. HTTP/1.1 knows no remedy; RFC 9112,
    ///   section 9.3.1, has clients repeat what is idempotent.
    /// - Connections that the operating system has accepted and actix has not are reset when nobody listens any more:
    ///   those of the last two milliseconds, and all that wait while every worker has `max_connections`. A client
    ///   that goes by readiness makes none by then.
    /// - A head that takes longer than a second to arrive once the server stops is not answered.
    /// - Of pipelined requests, those that actix had read before an answer announced the close are answered behind it,
    ///   although RFC 9112, section 9.6, wants none processed; the others are not, and section 9.3.2 has their client
    ///   send them again.
    /// - A connection that could not be watched, for want of file descriptors, is closed by actix as soon as it has no
    ///   request in work.
    /// - With [`Stop::Now`] there is no draining, and the same holds for whoever is connecting at that moment.
    /// - What takes longer than the stop timeout is cut off. Its access line says 499, as if the client had gone, and may
    ///   be lost with the process.
    pub(super) async fn run(
        self,
        stop: impl Future<Output = Stop>,
        [public, admin]: [ServerHandle; 2],
    ) {
        let Self {
            phase,
            connections,
            door,
            drain_delay,
            stop_timeout,
        } = self;
        if stop.await == Stop::Drain && !drain_delay.is_zero() {
            log::info!("draining: not ready any more, still serving for {drain_delay:?}");
            phase.send_replace(Phase::Draining);
            sleep(drain_delay).await;
        }
        log::info!("stopping: finishing what is in flight");
        phase.send_replace(Phase::Stopping);
        // Else actix complains of a listener that does not listen.
        public.pause().await;
        sleep(LAST_ACCEPT).await;
        door.close();
        sleep(HAND_OVER).await;
        let all_closed = timeout(stop_timeout, connections.closed()).await.is_ok();
        if !all_closed {
            log::warn!("stopping: not everything was finished within {stop_timeout:?}");
        }
        public.stop(all_closed).await;
        admin.stop(false).await;
    }
}

/// Waits for a signal to stop: SIGTERM drains, SIGINT (Ctrl-C) does not. A second signal ends the process at once.
///
/// Signals count from the call on, not only once the future is awaited.
///
/// # Errors
/// The operating system refuses to listen for signals.
pub fn stop_signal() -> impl Future<Output = io::Result<Stop>> {
    let signals = signal(SignalKind::terminate())
        .and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
    async move {
        let (mut terminate, mut interrupt) = signals?;
        let (stop, code) = tokio::select! {
            _ = terminate.recv() => (Stop::Drain, 143),
            _ = interrupt.recv() => (Stop::Now, 130),
        };
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            exit(code);
        });
        Ok(stop)
    }
}
