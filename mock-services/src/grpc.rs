//! The services over gRPC: HTTP/2 by `h2`, and above it no more than unary calls need, so that a fault has
//! every frame in its hands.

mod answer;
mod call;
mod connection;
mod health;
mod mounted;
mod spoil;

use std::{
    fmt,
    future::pending,
    io::{self, ErrorKind},
    net::{self, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper::header::HeaderValue;
use prost::Message;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tonic::{Status, metadata::MetadataValue};

use crate::{contract, fault::Faults, server::Counts};
use health::Serving;
use mounted::Mounted;

/// How long to wait when no connection can be accepted, as when there are too many.
const RESPITE: Duration = Duration::from_millis(20);

/// Until when a call may not be made again, as gRPC's own retries have it (gRFC A6).
const PUSHBACK: &str = "grpc-retry-pushback-ms";

type Handler = dyn Fn(&str, &[u8]) -> Result<Reply, Status> + Send + Sync;

/// What a service does over gRPC.
#[derive(Clone)]
pub(crate) struct Contract {
    name: &'static str,
    /// The paths of its methods.
    pub(crate) methods: &'static [&'static str],
    /// Takes the method's name and the message.
    handler: Arc<Handler>,
}

impl Contract {
    pub(crate) fn new(
        name: &'static str,
        methods: &'static [&'static str],
        handler: impl Fn(&str, &[u8]) -> Result<Reply, Status> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            methods,
            handler: Arc::new(handler),
        }
    }
}

/// The name at the end of a method's path.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What a method answers with.
pub(crate) struct Reply {
    message: Vec<u8>,
    /// Whether it may be kept, and what is said of that.
    is_record: bool,
    cache_control: Option<HeaderValue>,
    replayed: bool,
    /// What is dropped once the answer is made.
    _held: Option<Box<dyn Send + Sync>>,
}

impl Reply {
    /// What was asked for.
    pub(crate) fn record(message: &impl Message) -> Self {
        Self {
            message: message.encode_to_vec(),
            is_record: true,
            cache_control: None,
            replayed: false,
            _held: None,
        }
    }

    /// The outcome of a write, now or when its key came first.
    pub(crate) fn written(message: &impl Message, replayed: bool) -> Self {
        Self {
            is_record: false,
            replayed,
            ..Self::record(message)
        }
    }

    /// Keeps this until the answer is made.
    pub(crate) fn holding(self, held: impl Send + Sync + 'static) -> Self {
        Self {
            _held: Some(Box::new(held)),
            ..self
        }
    }
}

pub(crate) fn decode<M: Message + Default>(message: &[u8]) -> Result<M, Status> {
    M::decode(message)
        .map_err(|error| Status::internal(format!("the message cannot be read: {error}")))
}

pub(crate) fn invalid(field: &str, allowed: &str) -> Status {
    Status::invalid_argument(format!("{field} must be {allowed}"))
}

pub(crate) fn not_found(detail: String) -> Status {
    Status::not_found(detail)
}

pub(crate) fn push_back(status: &mut Status, milliseconds: i32) {
    let value = MetadataValue::from(milliseconds);
    status.metadata_mut().insert(PUSHBACK, value);
}

/// What all connections share.
pub(crate) struct Shared {
    contract: Contract,
    faults: Faults,
    counts: Arc<Counts>,
    cache_control: Option<HeaderValue>,
    health: Mounted,
    reflection: Mounted,
}

/// A server that listens for gRPC.
pub(crate) struct Listening {
    addr: SocketAddr,
    serving: watch::Sender<Serving>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

impl Listening {
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn set_serving(&self, serving: bool) {
        self.serving
            .send_replace(if serving { Serving::Yes } else { Serving::No });
    }

    /// Takes no further calls, and ends when those in flight have or `within` is over; at once if it is zero.
    pub(crate) async fn stop(self, within: Duration) {
        self.serving.send_replace(Serving::Ended);
        self.stop.send_replace(true);
        let mut task = self.task;
        if timeout(within, &mut task).await.is_err() {
            task.abort();
            // It was told to end, and a panic was reported where it happened.
            let _ = task.await;
        }
    }
}

/// Starts the server inside the runtime of the caller.
pub(crate) fn start(
    addr: SocketAddr,
    contract: Contract,
    faults: Faults,
    counts: Arc<Counts>,
    cache_control: Option<&str>,
) -> io::Result<Listening> {
    let invalid =
        |error: &dyn fmt::Display| io::Error::new(ErrorKind::InvalidInput, error.to_string());
    let cache_control = cache_control
        .map(|text| HeaderValue::from_str(text).map_err(|error| invalid(&error)))
        .transpose()?;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(contract::FILES)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| invalid(&error))?;
    // There is another address that an error can be about.
    let naming = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on {addr} for gRPC: {error}"),
        )
    };
    let listener = net::TcpListener::bind(addr).map_err(naming)?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let (serving, watched) = watch::channel(Serving::Yes);
    let shared = Arc::new(Shared {
        health: mounted::mount(health::service(contract.name, watched)),
        reflection: mounted::mount(reflection),
        contract,
        faults,
        counts,
        cache_control,
    });
    let (stop, stopped) = watch::channel(false);
    Ok(Listening {
        addr: listener.local_addr()?,
        serving,
        stop,
        task: tokio::spawn(accept(listener, shared, stopped)),
    })
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = told(&mut stop) => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection::serve(stream, Arc::clone(&shared), stop.clone()));
            }
            Err(_) => sleep(RESPITE).await,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Returns when it is to stop. Who drops a service leaves it running, so that nobody is left to tell.
async fn told(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        pending::<()>().await;
    }
}
