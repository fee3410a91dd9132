//! A BFF with both services behind it, on ports of its own.

pub(crate) mod binary;
pub(crate) mod recorder;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bff_shared::domain::ServicesConfig;
use bff_shared::serve::Stop;
use bff_shared::upstream::{self, Target};
use bff_web::Config;
use mock_services::raw::{self, Answer};
use mock_services::{Options, Running, customers, orders};
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Far longer than anything here takes: a test that waits so long has failed.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// Any free port of this machine.
pub(crate) const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The stack under test. The services' faults and counts are at hand.
pub(crate) struct TestApp {
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) orders: Running,
    pub(crate) customers: Running,
    /// Says how to stop.
    pub(crate) stop: Option<oneshot::Sender<Stop>>,
    pub(crate) server: JoinHandle<std::io::Result<()>>,
}

/// A BFF with its defaults, but patient: what a busy machine delays is not to look like a fault.
pub(crate) async fn spawn_app() -> TestApp {
    spawn_with(|_| {}).await
}

/// A BFF whose settings `change` has the last word on.
pub(crate) async fn spawn_with(change: impl FnOnce(&mut Config)) -> TestApp {
    spawn_of(&Options::default(), &Options::default(), change).await
}

/// The same over services with these records.
pub(crate) async fn spawn_of(
    orders: &Options,
    customers: &Options,
    change: impl FnOnce(&mut Config),
) -> TestApp {
    let orders = orders::start(orders).unwrap();
    let customers = customers::start(customers).unwrap();
    let bff = spawn_over(&[&orders.url()], &[&customers.url()], |config| {
        plain(&mut config.services.orders);
        plain(&mut config.services.customers);
        change(config);
    });
    TestApp {
        addr: bff.addr,
        admin: bff.admin,
        orders,
        customers,
        stop: Some(bff.stop),
        server: bff.server,
    }
}

/// A BFF alone. It ends when it is dropped.
pub(crate) struct Bff {
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
    stop: oneshot::Sender<Stop>,
    server: JoinHandle<std::io::Result<()>>,
}

/// A BFF over instances of both services at these addresses, with its policies as they are by default, but patient.
/// `change` has the last word on its settings.
pub(crate) fn spawn_over(
    orders: &[&str],
    customers: &[&str],
    change: impl FnOnce(&mut Config),
) -> Bff {
    let mut config = Config::new(ServicesConfig::new(
        endpoint(orders[0]),
        endpoint(customers[0]),
    ));
    let services = &mut config.services;
    for (upstream, urls) in [
        (&mut services.orders, orders),
        (&mut services.customers, customers),
    ] {
        upstream.endpoints = urls.iter().map(|url| endpoint(url)).collect();
        (
            upstream.deadline,
            upstream.attempt_timeout,
            upstream.connect_timeout,
        ) = (GUARD / 2, GUARD / 2, GUARD / 2);
    }
    (config.server.listen, config.server.admin_listen) = (ANY_PORT, ANY_PORT);
    config.server.workers = 1;
    config.server.deadline = GUARD / 2;
    change(&mut config);
    let server = bff_web::bind(config).unwrap();
    let (addr, admin) = (server.addr(), server.admin_addr());
    let (stop, stopped) = oneshot::channel();
    let server = actix_web::rt::spawn(server.run(async { stopped.await.unwrap_or(Stop::Now) }));
    Bff {
        addr,
        admin,
        stop,
        server,
    }
}

/// Without the policies above one attempt: a test that sets a fault sees what comes of it, and each request is a call.
fn plain(upstream: &mut upstream::Config) {
    upstream.cache.max_bytes = 0;
    upstream.retry.repeats = 0;
    upstream.hedge.enabled = false;
    upstream.breaker.consecutive_failures = u32::MAX;
    upstream.breaker.minimum_calls = u32::MAX;
    (upstream.limit.initial, upstream.limit.min) = (1000, 1000);
}

/// Gives the caches back that a plain upstream is without.
pub(crate) fn with_caches(config: &mut Config) {
    for upstream in [&mut config.services.orders, &mut config.services.customers] {
        upstream.cache = upstream::Config::new(Vec::new()).cache;
    }
}

pub(crate) fn endpoint(url: &str) -> Target {
    Target::parse(url).unwrap()
}

impl TestApp {
    pub(crate) async fn get(&self, target: &str) -> Answer {
        raw::get(self.addr, target).await.unwrap()
    }

    pub(crate) async fn get_with(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        raw::send(self.addr, "GET", target, headers, "")
            .await
            .unwrap()
    }

    pub(crate) async fn post(&self, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        raw::send(self.addr, "POST", target, headers, body)
            .await
            .unwrap()
    }

    /// What `/upstreams` says of the cluster with this name.
    pub(crate) async fn upstream(&self, name: &str) -> Value {
        upstream(self.admin, name).await
    }

    /// How many requests the services got.
    pub(crate) fn asked(&self) -> (u64, u64) {
        (self.orders.requests(), self.customers.requests())
    }
}

impl Bff {
    pub(crate) async fn get(&self, target: &str) -> Answer {
        raw::get(self.addr, target).await.unwrap()
    }

    pub(crate) async fn get_with(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        raw::send(self.addr, "GET", target, headers, "")
            .await
            .unwrap()
    }

    /// What `/upstreams` says of the cluster with this name.
    pub(crate) async fn upstream(&self, name: &str) -> Value {
        upstream(self.admin, name).await
    }
}

async fn upstream(admin: SocketAddr, name: &str) -> Value {
    let report = raw::get(admin, "/upstreams").await.unwrap().json();
    let clusters = report["upstreams"].as_array().unwrap();
    clusters
        .iter()
        .find(|cluster| cluster["name"] == name)
        .unwrap()
        .clone()
}

/// Ends a service at once. For as long as what is returned lives nobody gets its port: or a service of another test
/// might turn up there.
pub(crate) async fn kill(service: Running) -> TcpSocket {
    let addr = service.addr();
    service.stop(false).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(addr).unwrap();
    socket
}

/// Waits until `condition` holds, which something else brings about.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let holds = async {
        while !condition().await {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(GUARD, holds)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// What every answer carries, whatever its status.
pub(crate) fn assert_common_headers(answer: &Answer) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    for name in ["content-security-policy", "x-request-id"] {
        assert!(
            answer.header(name).is_some_and(|value| !value.is_empty()),
            "{name}: {answer:?}"
        );
    }
}

/// The body of a problem, after a look at everything that each problem has.
pub(crate) fn problem(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_common_headers(answer);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(body["status"], status);
    assert_eq!(body["code"], code);
    assert_eq!(body["type"], format!("urn:bff:problem:{code}"));
    assert_eq!(body["requestId"].as_str(), answer.header("x-request-id"));
    for member in ["title", "detail"] {
        assert!(
            body[member].as_str().is_some_and(|text| !text.is_empty()),
            "{body}"
        );
    }
    body
}
