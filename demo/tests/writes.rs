//! A thousand orders placed through both BFFs while everything on the way to the order service fails now and then:
//! before it has done its work, in the middle of its answer, and after.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use actix_web::rt;
use bff_shared::domain::ServicesConfig;
use bff_shared::serve::{Server, Stop};
use bff_shared::upstream::Target;
use futures_util::future::join_all;
use mock_services::fault::Fault;
use mock_services::orders::Store;
use mock_services::proxy::{self, Cut, Proxy, ProxyFault};
use mock_services::raw::{self, Answer};
use mock_services::{Options, Running, customers, orders};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const ORDERS: usize = 1000;
/// Clients at once, half of them of each BFF.
const CLIENTS: usize = 20;
/// Far longer than anything here takes.
const GUARD: Duration = Duration::from_secs(300);
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// One of the BFFs, as its clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Web,
    Mobile,
}

/// An order that a client was told it has placed.
#[derive(Debug)]
struct Placed {
    client: Client,
    key: String,
    id: u64,
    title: String,
}

/// Two instances of the order service over one store, each behind a proxy, and what stands before them.
struct Stack {
    store: Store,
    instances: Vec<(Running, Proxy)>,
    customers: Running,
    web: SocketAddr,
    mobile: SocketAddr,
}

impl Stack {
    fn start() -> Self {
        let store = Store::new();
        let instances: Vec<_> = (0..2)
            .map(|_| {
                let options = Options {
                    store: Some(store.clone()),
                    ..Options::default()
                };
                let service = orders::start(&options).unwrap();
                let proxy = proxy::start(&proxy::Options::to(service.addr())).unwrap();
                (service, proxy)
            })
            .collect();
        let customers = customers::start(&Options::default()).unwrap();
        let target = |url: &str| Target::parse(url).unwrap();
        let mut services = ServicesConfig::new(target("http://a"), target(&customers.url()));
        services.orders.endpoints = instances
            .iter()
            .map(|(_, proxy)| target(&proxy.url()))
            .collect();
        // Short, so that what hangs costs little; the rest as it comes.
        services.orders.attempt_timeout = Duration::from_millis(300);
        let mut config = bff_web::Config::new(services.clone());
        (config.server.listen, config.server.admin_listen) = (ANY_PORT, ANY_PORT);
        config.server.workers = 1;
        let web = run(bff_web::bind(config).unwrap());
        let mut config = bff_mobile::Config::new(services);
        (config.server.listen, config.server.admin_listen) = (ANY_PORT, ANY_PORT);
        config.server.workers = 1;
        let mobile = run(bff_mobile::bind(config).unwrap());
        Self {
            store,
            instances,
            customers,
            web,
            mobile,
        }
    }

    /// Each of them at one request in some.
    fn fail(&self) {
        for (service, proxy) in &self.instances {
            service.faults().set(vec![
                Fault::status(503).share(0.05),
                Fault::status(503).after().share(0.05),
                Fault::status(429).share(0.02),
                Fault::hang().share(0.01),
            ]);
            proxy.faults().set(vec![
                ProxyFault::reset_after_request().share(0.03),
                ProxyFault::reset_before_head().share(0.05),
                ProxyFault::reset_mid_head().share(0.03),
                ProxyFault::reset_mid_body().share(0.03),
                ProxyFault::cut(Cut::Sized).share(0.05),
                ProxyFault::hang().share(0.01),
                ProxyFault::black_hole_answers().share(0.01),
            ]);
        }
    }

    fn heal(&self) {
        for (service, proxy) in &self.instances {
            service.faults().clear();
            proxy.faults().clear();
        }
    }

    fn addr(&self, client: Client) -> SocketAddr {
        match client {
            Client::Web => self.web,
            Client::Mobile => self.mobile,
        }
    }

    /// Places one order, asking again with the same key until it is told that it is placed; and reads it.
    async fn place(&self, client: Client, number: usize) -> Placed {
        let key = format!("key-{client:?}-{number}");
        let title = format!("order number {number}");
        let body = match client {
            Client::Web => json!({
                "customerId": 1 + number % 50, "description": title, "currency": "EUR",
                "lines": [{"description": "thing", "quantity": 2, "price": 1.25}],
            }),
            Client::Mobile => json!({
                "customerId": 1 + number % 50, "title": title, "currency": "EUR",
                "items": [{"name": "thing", "count": 2, "price": 1.25}],
            }),
        };
        let headers = [
            ("Idempotency-Key", key.as_str()),
            ("Content-Type", "application/json"),
        ];
        let addr = self.addr(client);
        let body = body.to_string();
        let answer = until(201, || raw::send(addr, "POST", "/orders", &headers, &body)).await;
        let order = answer.json();
        let id = order["id"].as_u64().unwrap();
        let location = format!("/orders/{id}");
        assert_eq!(answer.header("location"), Some(&*location), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(titled(client, &order), title);
        let read = until(200, || raw::get(addr, &location)).await;
        assert_eq!(titled(client, &read.json()), title);
        Placed {
            client,
            key,
            id,
            title,
        }
    }
}

fn run(server: Server) -> SocketAddr {
    let addr = server.addr();
    rt::spawn(server.run(std::future::pending::<Stop>()));
    addr
}

fn titled(client: Client, order: &Value) -> &str {
    let member = match client {
        Client::Web => "description",
        Client::Mobile => "title",
    };
    order[member].as_str().unwrap()
}

/// Asks until the status is `wanted`. Anything else has to be one of what a client is told to ask again for.
async fn until<F>(wanted: u16, ask: impl Fn() -> F) -> Answer
where
    F: Future<Output = std::io::Result<Answer>>,
{
    loop {
        let answer = ask().await.unwrap();
        if answer.status == wanted {
            return answer;
        }
        assert!(matches!(answer.status, 409 | 502 | 503 | 504), "{answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        // A client does not ask again at once.
        sleep(Duration::from_millis(20)).await;
    }
}

#[actix_web::test]
async fn of_a_thousand_orders_each_is_placed_once_and_none_is_lost() {
    let stack = Stack::start();
    stack.fail();
    let clients = (0..CLIENTS).map(async |client| {
        let kind = [Client::Web, Client::Mobile][client % 2];
        let mut placed = Vec::new();
        for number in (client..ORDERS).step_by(CLIENTS) {
            placed.push(stack.place(kind, number).await);
        }
        placed
    });
    let placed = timeout(GUARD, join_all(clients)).await.unwrap();
    let placed: Vec<_> = placed.into_iter().flatten().collect();
    stack.heal();

    assert_eq!(placed.len(), ORDERS);
    let kept: Vec<(String, u64)> = stack.store.placed();
    assert_eq!(kept.len(), ORDERS, "not one order for each key");
    let kept: HashMap<_, _> = kept.into_iter().collect();
    assert_eq!(kept.len(), ORDERS, "a key has several orders");
    let ids: HashSet<_> = placed.iter().map(|placed| placed.id).collect();
    assert_eq!(ids.len(), ORDERS, "two keys have the same order");
    for placed in &placed {
        assert_eq!(kept.get(&placed.key), Some(&placed.id), "{placed:?}");
        let location = format!("/orders/{}", placed.id);
        let read = until(200, || raw::get(stack.addr(placed.client), &location)).await;
        assert_eq!(titled(placed.client, &read.json()), placed.title);
    }
    // The faults were met: without them there would be nothing to this.
    let asked: u64 = stack
        .instances
        .iter()
        .map(|(_, proxy)| proxy.requests())
        .sum();
    // Placed and read, and some of it more than once.
    assert!(asked > 2_100, "{asked}");
    stack.customers.stop(false).await;
    for (service, proxy) in stack.instances {
        proxy.stop().await;
        service.stop(false).await;
    }
}
