//! HTTP/2 connections, one to each endpoint, opened when one is needed and given up when it is dead.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, WeakShared};
use http::Uri;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::body::Body;

use super::ByEndpoint;
use crate::upstream::transport::TransportError;
use crate::upstream::{Config, Endpoint, Instant};

/// A connection that calls can be sent on.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) sender: SendRequest<Body>,
    /// `http://` and what the endpoint is called.
    pub(super) origin: Uri,
    pub(super) state: Arc<State>,
}

/// What is known of a connection.
#[derive(Debug)]
pub(super) struct State {
    /// Counts the reads that brought something.
    received: AtomicU64,
    /// What `received` was when a caller left without a sign of life.
    doubted: AtomicU64,
    /// Whether a call on it was answered.
    used: AtomicBool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            received: AtomicU64::new(0),
            doubted: AtomicU64::new(u64::MAX),
            used: AtomicBool::new(false),
        }
    }
}

impl State {
    /// Whether calls were answered on it before: that it ends now says nothing about the service.
    pub(super) fn was_used(&self) -> bool {
        self.used.load(Relaxed)
    }
}

type Opening = LocalBoxFuture<'static, Result<Live, TransportError>>;

#[derive(Debug)]
enum Slot {
    /// Whoever waits for it also drives it: with the last of them it ends.
    Opening(WeakShared<Opening>),
    Live(Live),
}

/// The connections of one worker thread to the endpoints of a cluster.
#[derive(Debug, Default)]
pub(super) struct Connections(RefCell<ByEndpoint<Slot>>);

impl Connections {
    /// The connection to `endpoint`, which is opened if there is none.
    pub(super) async fn to(
        self: &Rc<Self>,
        endpoint: &Endpoint,
        config: &Config,
    ) -> Result<Live, TransportError> {
        let opening = {
            let mut slots = self.0.borrow_mut();
            match slots.get(&endpoint.id()) {
                Some(Slot::Live(live)) if !live.sender.is_closed() => return Ok(live.clone()),
                Some(Slot::Opening(opening)) => opening.upgrade(),
                Some(Slot::Live(_)) | None => None,
            }
            .unwrap_or_else(|| {
                // Those of endpoints that are gone have been closed by these.
                slots
                    .retain(|_, slot| matches!(slot, Slot::Live(live) if !live.sender.is_closed()));
                let opening = open(endpoint, config).boxed_local().shared();
                if let Some(weak) = opening.downgrade() {
                    slots.insert(endpoint.id(), Slot::Opening(weak));
                }
                opening
            })
        };
        let outcome = opening.await;
        let mut slots = self.0.borrow_mut();
        match (&outcome, slots.get(&endpoint.id())) {
            (Ok(live), Some(Slot::Opening(_)) | None) => {
                slots.insert(endpoint.id(), Slot::Live(live.clone()));
            }
            (Err(_), Some(Slot::Opening(_))) => {
                slots.remove(&endpoint.id());
            }
            _ => {}
        }
        outcome
    }

    /// Looks after the connection that `endpoint` is asked on.
    pub(super) fn watch(
        self: &Rc<Self>,
        endpoint: &Endpoint,
        live: &Live,
        config: &Config,
    ) -> Watch {
        let received = live.state.received.load(Relaxed);
        Watch {
            connections: Rc::clone(self),
            endpoint: endpoint.id(),
            state: Arc::clone(&live.state),
            received,
            doubted: live.state.doubted.load(Relaxed) == received,
            patience: config.attempt_timeout / 2,
            since: Instant::now(),
            ended: false,
        }
    }

    /// Takes the connection out of use. Calls that are under way on it go on.
    pub(super) fn give_up(&self, endpoint: u64, state: &Arc<State>) {
        let mut slots = self.0.borrow_mut();
        let is_it = slots.get(&endpoint).is_some_and(
            |slot| matches!(slot, Slot::Live(live) if Arc::ptr_eq(&live.state, state)),
        );
        if is_it {
            slots.remove(&endpoint);
        }
    }
}

/// Gives a connection up if its call is dropped and nothing at all has come on it meanwhile: it may lead nowhere any
/// more, and without this every further call would go the same way. A caller who leaves soon is no such sign, but for the
/// second time.
#[derive(Debug)]
pub(super) struct Watch {
    connections: Rc<Connections>,
    endpoint: u64,
    state: Arc<State>,
    received: u64,
    /// Whether a call before this one was left without a sign of life, and nothing came since.
    doubted: bool,
    patience: Duration,
    since: Instant,
    ended: bool,
}

impl Watch {
    /// The call ended by itself, with an answer or not.
    pub(super) fn ended(&mut self, is_answered: bool) {
        self.ended = true;
        self.state.used.fetch_or(is_answered, Relaxed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.ended || self.state.received.load(Relaxed) != self.received {
            return;
        }
        if self.doubted || self.since.elapsed() >= self.patience {
            self.connections.give_up(self.endpoint, &self.state);
        } else {
            self.state.doubted.store(self.received, Relaxed);
        }
    }
}

fn open(
    endpoint: &Endpoint,
    config: &Config,
) -> impl Future<Output = Result<Live, TransportError>> + 'static {
    let (socket, authority) = (endpoint.socket(), endpoint.authority().to_owned());
    let (connect_timeout, grpc) = (config.connect_timeout, config.grpc);
    async move {
        let failed = |error: io::Error| TransportError::Connect(error.to_string());
        let connected = timeout(connect_timeout, TcpStream::connect(socket)).await;
        let tcp = connected
            .map_err(|_| TransportError::ConnectTimeout)?
            .map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        let origin = Uri::try_from(format!("http://{authority}"))
            .map_err(|error| TransportError::Connect(format!("no valid authority: {error}")))?;
        let state = Arc::<State>::default();
        let observed = Observed {
            tcp,
            state: Arc::clone(&state),
        };
        let mut builder = Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        // Until the service has said how many calls it takes at once: one too many is refused.
        builder.initial_max_send_streams(1);
        if !grpc.keep_alive.is_zero() {
            builder
                .keep_alive_interval(grpc.keep_alive)
                .keep_alive_timeout(grpc.keep_alive_timeout)
                .keep_alive_while_idle(true);
        }
        let (sender, connection) = builder
            .handshake(TokioIo::new(observed))
            .await
            .map_err(|error| TransportError::Connect(error.to_string()))?;
        // Ends when the service closes it, or when nobody can ask on it any more.
        tokio::spawn(connection.map(drop));
        Ok(Live {
            sender,
            origin,
            state,
        })
    }
}

/// A socket, and whether something comes in on it.
#[derive(Debug)]
struct Observed {
    tcp: TcpStream,
    state: Arc<State>,
}

impl AsyncRead for Observed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.state.received.fetch_add(1, Relaxed);
        }
        read
    }
}

impl AsyncWrite for Observed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
