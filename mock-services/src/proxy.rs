//! A proxy that stands in front of a service and does to its clients what no well-built server does:
//! it refuses, resets, cuts short, drips, goes silent.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use mock_services::{orders, proxy::{self, ProxyFault}};
//!
//! let service = orders::start(&mock_services::Options::default())?;
//! let proxy = proxy::start(&proxy::Options::to(service.addr()))?;
//! proxy.faults().set(vec![ProxyFault::reset_mid_head().times(3)]);
//! println!("{}/orders/1 is reset three times, then answered", proxy.url());
//! proxy.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! HTTP/2, and so gRPC, goes through frame by frame; there a request is a stream that the client opens, and what
//! fits on frames hits it: latencies, silence, resets, garbage and black holes. A connection is one for all of
//! its streams, and so is what happens to it.
//!
//! It knows of HTTP/1.1 no more than where requests and answers begin and end, and passes everything
//! on byte for byte, over one connection to the service for each connection of a client. A request is
//! passed on once its head is whole. Clients must not pipeline.

mod answer;
mod check;
mod connection;
mod door;
mod fault;
mod faults;
mod framing;
mod gate;
mod http2;
mod upload;
mod wire;

use std::{
    future::poll_fn,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::ServerHandle,
    web::{self, ThinData},
};
use tokio::{
    net::TcpStream,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

use crate::answer as problem;
use door::Door;
pub use fault::{Announce, BlackHole, Cut, Drip, Effect, Flap, ProxyFault, Reset};
pub use faults::{ProxyFaults, ProxyReport};

/// How long to wait when no connection can be accepted, as when there are too many.
const RESPITE: Duration = Duration::from_millis(20);

/// What a proxy is started with.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where clients connect; port 0 takes any free one, see [`Proxy::addr`].
    pub listen: SocketAddr,
    /// Where `GET`, `PUT` and `DELETE /faults` are answered, if anywhere.
    pub control: Option<SocketAddr>,
    /// Where the service listens.
    pub upstream: SocketAddr,
    /// Another address of the same service, as that for gRPC. It has the same faults.
    pub second: Option<Way>,
}

/// From clients to a service.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// Where clients connect; port 0 takes any free one, see [`Proxy::second_addr`].
    pub listen: SocketAddr,
    /// Where the service listens.
    pub upstream: SocketAddr,
}

impl Options {
    /// On any free port of the loopback, in front of `upstream`, without a control address.
    #[must_use]
    pub fn to(upstream: SocketAddr) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            control: None,
            upstream,
            second: None,
        }
    }
}

/// What the connections of a proxy share.
#[derive(Debug)]
struct Common {
    faults: ProxyFaults,
    requests: AtomicU64,
    connections: AtomicU64,
}

/// A started proxy. Dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    doors: Doors,
    common: Arc<Common>,
    control: Option<Control>,
    stopping: watch::Sender<bool>,
    /// Taken by [`Proxy::stop`].
    task: Option<JoinHandle<()>>,
}

/// Each door, and what is behind it. There is one at least.
type Doors = Arc<[(Door, SocketAddr)]>;

#[derive(Debug)]
struct Control {
    addr: SocketAddr,
    handle: ServerHandle,
    task: Option<JoinHandle<io::Result<()>>>,
}

impl Proxy {
    /// Where clients connect.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.doors[0].0.addr()
    }

    /// Where clients of the second address connect, if there is one.
    #[must_use]
    pub fn second_addr(&self) -> Option<SocketAddr> {
        self.doors.get(1).map(|(door, _)| door.addr())
    }

    /// The base of its URLs, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// Where `/faults` is answered, if anywhere.
    #[must_use]
    pub fn control(&self) -> Option<SocketAddr> {
        self.control.as_ref().map(|control| control.addr)
    }

    /// Its faults, to set and to clear.
    #[must_use]
    pub fn faults(&self) -> &ProxyFaults {
        &self.common.faults
    }

    /// How many requests came whose head was whole.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.common.requests.load(Ordering::Relaxed)
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.common.connections.load(Ordering::Relaxed)
    }

    /// Stops listening and ends, and with it every connection.
    pub async fn stop(mut self) {
        self.doors.iter().for_each(|(door, _)| door.shut());
        self.stopping.send_replace(true);
        if let Some(task) = self.task.take() {
            // It ends by itself, and a panic was reported where it happened.
            let _ = task.await;
        }
        if let Some(control) = &mut self.control {
            control.handle.stop(false).await;
            if let Some(task) = control.task.take() {
                // An error means that it could not start, and then nothing is left to stop.
                let _ = task.await;
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.doors.iter().for_each(|(door, _)| door.shut());
        self.stopping.send_replace(true);
        if let Some(control) = &self.control {
            // The order to stop is given by the call; what is left undone is to wait.
            drop(control.handle.stop(false));
        }
    }
}

/// Starts a proxy inside the runtime of the caller.
///
/// # Errors
/// When one of the addresses cannot be listened on; the error says which.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn start(options: &Options) -> io::Result<Proxy> {
    let first = Way {
        listen: options.listen,
        upstream: options.upstream,
    };
    let doors = [first].into_iter().chain(options.second).map(|way| {
        let door = Door::open_at(way.listen).map_err(|error| naming(way.listen, &error))?;
        Ok((door, way.upstream))
    });
    let doors: Doors = doors.collect::<io::Result<Vec<_>>>()?.into();
    let faults = ProxyFaults::new(Arc::clone(&doors));
    let control = options
        .control
        .map(|addr| control(addr, faults.clone()).map_err(|error| naming(addr, &error)))
        .transpose()?;
    let common = Arc::new(Common {
        faults,
        requests: AtomicU64::new(0),
        connections: AtomicU64::new(0),
    });
    let (stopping, stop) = watch::channel(false);
    Ok(Proxy {
        task: Some(tokio::spawn(accept(
            Arc::clone(&doors),
            Arc::clone(&common),
            stop,
        ))),
        doors,
        common,
        control,
        stopping,
    })
}

/// There are several addresses that an error can be about.
fn naming(addr: SocketAddr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}"))
}

async fn accept(doors: Doors, common: Arc<Common>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            // An error means that the proxy is gone.
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = poll_fn(|cx| poll_accept(&doors, cx)) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((connection, closings, upstream)) => {
                common.connections.fetch_add(1, Ordering::Relaxed);
                let common = Arc::clone(&common);
                connections.spawn(connection::serve(connection, closings, upstream, common));
            }
            Err(_) => sleep(RESPITE).await,
        }
    }
    connections.shutdown().await;
}

/// The next connection, the number of closings before it, and where it leads to.
fn poll_accept(
    doors: &Doors,
    cx: &mut Context<'_>,
) -> Poll<io::Result<(TcpStream, u64, SocketAddr)>> {
    for (door, upstream) in doors.iter() {
        if let Poll::Ready(accepted) = door.poll_accept(cx) {
            let accepted = accepted.map(|(stream, closings)| (stream, closings, *upstream));
            return Poll::Ready(accepted);
        }
    }
    Poll::Pending
}

fn control(addr: SocketAddr, faults: ProxyFaults) -> io::Result<Control> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(ThinData(faults.clone()))
            .configure(crate::fault::endpoint::<ProxyFaults>)
            .default_service(web::to(async || {
                problem::not_found("there is nothing at this path; faults are at /faults")
            }))
    })
    .workers(1)
    .tcp_nodelay(true)
    .disable_signals()
    .bind(addr)?;
    let addr = server.addrs()[0];
    let server = server.run();
    Ok(Control {
        addr,
        handle: server.handle(),
        task: Some(tokio::spawn(server)),
    })
}
