//! A BFF with both services behind it, on ports of its own.

use std::future::ready;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bff_mobile::Config;
use bff_shared::domain::ServicesConfig;
use bff_shared::serve::Stop;
use bff_shared::upstream::{self, Target};
use mock_services::raw::{self, Answer};
use mock_services::{Options, Running, customers, orders};
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// Any free port of this machine.
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Far longer than anything here takes: a test that waits so long has failed.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// The stack under test. The services' faults and counts are at hand.
pub(crate) struct TestApp {
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) orders: Running,
    pub(crate) customers: Running,
    /// Says how to stop.
    pub(crate) stop: oneshot::Sender<Stop>,
}

/// A BFF with its defaults, but patient: what a busy machine delays is not to look like a fault.
pub(crate) async fn spawn_app() -> TestApp {
    spawn_with(|_| {}).await
}

/// A BFF whose settings `change` has the last word on.
pub(crate) async fn spawn_with(change: impl FnOnce(&mut Config)) -> TestApp {
    let options = Options::default();
    spawn_over([&options; 2], |config| {
        plain(&mut config.services.orders);
        plain(&mut config.services.customers);
        change(config);
    })
}

/// A BFF with its policies as they are by default, but patient, over an order and a customer service with these options.
/// `change` has the last word on its settings.
pub(crate) fn spawn_over(
    [order_options, customer_options]: [&Options; 2],
    change: impl FnOnce(&mut Config),
) -> TestApp {
    let orders = orders::start(order_options).unwrap();
    let customers = customers::start(customer_options).unwrap();
    let mut config = Config::new(ServicesConfig::new(
        endpoint(&orders.url()),
        endpoint(&customers.url()),
    ));
    (config.server.listen, config.server.admin_listen) = (ANY_PORT, ANY_PORT);
    config.server.workers = 1;
    config.server.deadline = GUARD / 2;
    for upstream in [&mut config.services.orders, &mut config.services.customers] {
        (
            upstream.deadline,
            upstream.attempt_timeout,
            upstream.connect_timeout,
        ) = (GUARD / 2, GUARD / 2, GUARD / 2);
    }
    change(&mut config);
    let server = bff_mobile::bind(config).unwrap();
    let (addr, admin) = (server.addr(), server.admin_addr());
    let (stop, stopped) = oneshot::channel();
    actix_web::rt::spawn(server.run(async { stopped.await.unwrap_or(Stop::Now) }));
    TestApp {
        addr,
        admin,
        orders,
        customers,
        stop,
    }
}

/// A BFF over services whose answers are stale at once, and better than nothing.
pub(crate) fn spawn_stale() -> TestApp {
    let options = Options {
        cache_control: Some("max-age=0, stale-if-error=600".to_owned()),
        ..Options::default()
    };
    spawn_over([&options; 2], |config| {
        // Whoever has a stale answer waits twice this long for a newer one.
        config.services.orders.hedge.after_at_least = GUARD / 2;
        config.services.customers.hedge.after_at_least = GUARD / 2;
    })
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

    /// A POST with an `Idempotency-Key`, if there is one, and a body of JSON.
    pub(crate) async fn post(&self, target: &str, key: Option<&str>, body: &Value) -> Answer {
        let key = key.map(|key| ("Idempotency-Key", key));
        let json = ("Content-Type", "application/json");
        let headers: Vec<_> = [json].into_iter().chain(key).collect();
        self.post_with(target, &headers, &body.to_string()).await
    }

    pub(crate) async fn post_with(
        &self,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        raw::send(self.addr, "POST", target, headers, body)
            .await
            .unwrap()
    }

    /// A POST without a body.
    pub(crate) async fn cancel(&self, id: u64, key: Option<&str>) -> Answer {
        let headers: Vec<_> = key
            .map(|key| ("Idempotency-Key", key))
            .into_iter()
            .collect();
        self.post_with(&format!("/orders/{id}/cancel"), &headers, "")
            .await
    }

    /// How many requests the services got.
    pub(crate) fn asked(&self) -> (u64, u64) {
        (self.orders.requests(), self.customers.requests())
    }
}

/// A service that answers everything as `answer` says.
pub(crate) fn service(
    answer: impl Fn(HttpRequest) -> HttpResponse + Clone + Send + 'static,
) -> Target {
    let server = HttpServer::new(move || {
        let answer = answer.clone();
        App::new().default_service(web::to(move |request| ready(answer(request))))
    });
    let server = server.workers(1).disable_signals().bind(ANY_PORT).unwrap();
    let addr = server.addrs()[0];
    actix_web::rt::spawn(server.run());
    endpoint(&format!("http://{addr}"))
}

/// The fields that are blamed, in their sequence.
pub(crate) fn blamed(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors
        .map(|error| {
            assert!(
                error["detail"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty())
            );
            error["field"].as_str().unwrap()
        })
        .collect()
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

/// The body of a problem, after a look at everything that each problem has.
pub(crate) fn problem(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
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
