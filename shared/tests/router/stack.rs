//! A server with a route, and services behind it that do what a test wrote.

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use bff_shared::serve::{Bff, Config, RouteConfig, Stop};
use bff_shared::upstream::{self, Cluster, Target};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use utoipa::openapi::OpenApiBuilder;

use crate::wire::{Head, Wire, in_time};

/// A service: each of its connections does what a script says, and closes when the script lets go of it.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) addr: SocketAddr,
    connections: watch::Sender<usize>,
    accepting: JoinHandle<()>,
}

impl Service {
    /// `script` gets each connection with its number, counted from zero.
    pub(crate) fn start(script: impl AsyncFn(Wire, usize) + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let connections = watch::Sender::new(0);
        let (script, counter) = (Rc::new(script), connections.clone());
        let accepting = actix_rt::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, number) = (Rc::clone(&script), *counter.borrow());
                counter.send_modify(|count| *count += 1);
                actix_rt::spawn(async move { script(Wire::of(stream), number).await });
            }
        });
        Self {
            addr,
            connections,
            accepting,
        }
    }

    /// One that answers each request with the same bytes, and keeps its connections.
    pub(crate) fn answering(answer: &'static str) -> Self {
        Self::start(
            async move |mut wire: Wire, _| {
                while wire.next_head().await.is_some() && wire.try_send(answer).await {}
            },
        )
    }

    /// One that tells in its body what head it got, and reads no body.
    pub(crate) fn mirror() -> Self {
        Self::start(async |mut wire: Wire, _| {
            while let Some(Head(head)) = wire.next_head().await {
                let length = head.len();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{head}");
                wire.send(answer).await;
            }
        })
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.borrow()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Where nobody listens, at another address each time: port 1 is given to nobody who asks for any.
pub(crate) fn nobody() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let host = NEXT.fetch_add(1, Relaxed).max(1);
    SocketAddr::from(([127, 0, 0, host], 1))
}

/// The prefix of the route that a test has.
pub(crate) const PREFIX: &str = "/services/things/";

/// A server with one route.
pub(crate) struct Stack {
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
    stop: Option<oneshot::Sender<Stop>>,
    running: JoinHandle<std::io::Result<()>>,
}

/// What a test may set.
pub(crate) struct Setup {
    pub(crate) server: Config,
    pub(crate) route: RouteConfig,
    pub(crate) upstream: upstream::Config,
}

/// A server that passes everything on to these services.
pub(crate) fn stack(services: &[SocketAddr]) -> Stack {
    stack_with(services, |_| {})
}

/// The same with other settings.
pub(crate) fn stack_with(services: &[SocketAddr], change: impl FnOnce(&mut Setup)) -> Stack {
    let target = |addr| Target::parse(&format!("http://{addr}")).unwrap();
    let upstream = upstream::Config::new(services.iter().map(target).collect());
    let mut route = RouteConfig::new("things", PREFIX, "things");
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE"];
    route.methods = methods.map(|method| method.parse().unwrap()).into();
    let minute = Duration::from_secs(60);
    (route.timeout, route.idle_timeout) = (minute, minute);
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut server = Config::new(0, 0);
    (server.listen, server.admin_listen) = (any_port, any_port);
    (server.keep_alive, server.head_timeout) = (minute, minute);
    server.workers = 1;
    let mut setup = Setup {
        server,
        route,
        upstream,
    };
    change(&mut setup);
    setup.server.routes.push(setup.route);
    let bff = Bff {
        config: setup.server,
        clusters: vec![Cluster::new("things", setup.upstream)],
        document: OpenApiBuilder::new().build(),
        routes: |_| {},
        per_worker: Arc::new(|_| {}),
    };
    let server = bff.bind().unwrap();
    let (addr, admin) = (server.addr(), server.admin_addr());
    let (stop, stopped) = oneshot::channel();
    let running = actix_rt::spawn(server.run(async { stopped.await.unwrap_or(Stop::Now) }));
    Stack {
        addr,
        admin,
        stop: Some(stop),
        running,
    }
}

impl Stack {
    pub(crate) async fn connect(&self) -> Wire {
        Wire::connect(self.addr).await
    }

    /// The answer to one GET on a connection of its own.
    pub(crate) async fn get(&self, rest: &str) -> (Head, String) {
        self.connect().await.exchange(get(rest)).await
    }

    /// The answer to these bytes on a connection of its own.
    pub(crate) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> (Head, String) {
        self.connect().await.exchange(bytes).await
    }

    /// What operators see of the upstream.
    pub(crate) async fn report(&self) -> Value {
        let mut wire = Wire::connect(self.admin).await;
        let request = "GET /upstreams HTTP/1.1\r\nHost: test\r\n\r\n";
        let (_, body) = wire.exchange(request).await;
        let report: Value = serde_json::from_str(&body).unwrap();
        report
            .as_array()
            .or(report["upstreams"].as_array())
            .unwrap()[0]
            .clone()
    }

    /// Waits until no request is in flight to the upstream.
    pub(crate) async fn is_idle(&self) {
        in_time(async {
            while self.report().await["inFlight"] != 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    pub(crate) fn stop(&mut self, how: Stop) {
        self.stop.take().expect("stopped once").send(how).unwrap();
    }

    /// Waits until the server has ended.
    pub(crate) async fn ended(self) {
        in_time(self.running).await.unwrap().unwrap();
    }
}

/// A GET of what is called `rest` below the prefix.
pub(crate) fn get(rest: &str) -> String {
    request("GET", rest, "")
}

/// A request whose further fields are whole lines.
pub(crate) fn request(method: &str, rest: &str, fields: &str) -> String {
    format!("{method} {PREFIX}{rest} HTTP/1.1\r\nHost: public.example\r\n{fields}\r\n")
}

/// A problem with that code, and nothing of the service in it.
pub(crate) fn problem((head, body): &(Head, String), status: u16, code: &str) {
    assert_eq!(head.status(), status, "{head:?} {body}");
    assert_eq!(
        head.field("content-type"),
        Some("application/problem+json"),
        "{head:?}"
    );
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (&body["status"], &body["code"]),
        (&status.into(), &code.into())
    );
    assert_eq!(body["requestId"].as_str(), head.field("x-request-id"));
    assert!(head.field("x-content-type-options").is_some(), "{head:?}");
    assert!(!body.to_string().contains("127.0.0.1"), "{body}");
}
