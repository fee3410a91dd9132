//! Both BFFs over both services, which speak the one protocol or the other.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use actix_web::rt;
use bff_shared::domain::ServicesConfig;
use bff_shared::serve::{self, Origin, Server, Stop};
use bff_shared::upstream::{self, Protocol, RetryConfig, Target};
use mock_services::fault::Fault;
use mock_services::orders::Store;
use mock_services::{Options, Running, customers, orders};

/// Far longer than anything here takes.
const GUARD: Duration = Duration::from_secs(60);

/// Any free port of this machine.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// From where browsers may ask.
pub(crate) const ORIGIN: &str = "https://shop.example";

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Web,
    Mobile,
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Orders,
    Customers,
}

/// What each of the services speaks: orders, customers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaks(pub(crate) Protocol, pub(crate) Protocol);

/// What the stacks have in common.
pub(crate) struct Setup {
    /// What services say of how long their answers are good, in either protocol.
    pub(crate) cache_control: Option<&'static str>,
    /// How long answers are good of which nothing is said.
    pub(crate) default_ttl: Duration,
    /// How many customers the customer service knows; orders are of the thousand that there are by default.
    pub(crate) customers: u64,
    /// The status to batches of customers, if they are not offered.
    pub(crate) no_batch: Option<u16>,
    /// A service that nobody listens for.
    pub(crate) down: Option<(Service, SocketAddr)>,
    /// A service that has no more than this time for an answer.
    pub(crate) hurried: Option<(Service, Duration)>,
    /// How often an attempt is repeated.
    pub(crate) repeats: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            cache_control: None,
            default_ttl: Duration::ZERO,
            customers: Options::default().customers,
            no_batch: None,
            down: None,
            hurried: None,
            repeats: RetryConfig::default().repeats,
        }
    }
}

/// A stack under test.
pub(crate) struct Stack {
    pub(crate) speaks: Speaks,
    pub(crate) web: SocketAddr,
    pub(crate) mobile: SocketAddr,
    orders: Running,
    customers: Running,
}

/// What counts as the same operation: of which service, and its route and method of HTTP and of gRPC.
const OPERATIONS: [(Service, (&str, &str), &str); 6] = [
    (Service::Orders, ("GET", "/orders/{id}"), "GetOrder"),
    (Service::Orders, ("GET", "/orders"), "ListOrders"),
    (Service::Orders, ("POST", "/orders"), "PlaceOrder"),
    (
        Service::Orders,
        ("POST", "/orders/{id}/cancel"),
        "CancelOrder",
    ),
    (
        Service::Customers,
        ("GET", "/customers/{id}"),
        "GetCustomer",
    ),
    (
        Service::Customers,
        ("GET", "/customers"),
        "BatchGetCustomers",
    ),
];

impl Stack {
    pub(crate) fn start(speaks: Speaks, setup: &Setup) -> Self {
        let options = Options {
            grpc: Some(ANY_PORT),
            // Without anything said nothing is said by HTTP either.
            cache_control: Some(setup.cache_control.unwrap_or_default().to_owned()),
            grpc_cache_control: setup.cache_control.map(str::to_owned),
            // gRPC has no way to ask for what is newer: a tag would be of use to the one protocol alone, and show in
            // `Cache-Status` as a 304.
            etag: false,
            // Each stack has orders of its own, which begin alike.
            store: Some(Store::new()),
            no_batch: setup.no_batch,
            ..Options::default()
        };
        let orders = orders::start(&options).unwrap();
        let customers = customers::start(&Options {
            customers: setup.customers,
            ..options
        });
        let customers = customers.unwrap();
        let any = || Target::parse("http://127.0.0.1:1").unwrap();
        let mut services = ServicesConfig::new(any(), any());
        for (service, config, protocol, running) in [
            (Service::Orders, &mut services.orders, speaks.0, &orders),
            (
                Service::Customers,
                &mut services.customers,
                speaks.1,
                &customers,
            ),
        ] {
            let url = match (setup.down, protocol) {
                (Some((down, addr)), _) if down == service => format!("http://{addr}"),
                (_, Protocol::Http) => running.url(),
                (_, Protocol::Grpc) => running.grpc_url(),
            };
            config.protocol = protocol;
            config.endpoints = vec![Target::parse(&url).unwrap()];
            config.retry.repeats = setup.repeats;
            config.cache.default_ttl = setup.default_ttl;
            let time = match setup.hurried {
                Some((hurried, time)) if hurried == service => time,
                _ => GUARD / 2,
            };
            as_patient_as(config, time);
        }
        macro_rules! bff {
            ($bff:ident) => {{
                let mut config = $bff::Config::new(services.clone());
                serve_alike(&mut config.server);
                run($bff::bind(config).unwrap())
            }};
        }
        Self {
            speaks,
            web: bff!(bff_web),
            mobile: bff!(bff_mobile),
            orders,
            customers,
        }
    }

    pub(crate) fn addr(&self, client: Client) -> SocketAddr {
        match client {
            Client::Web => self.web,
            Client::Mobile => self.mobile,
        }
    }

    /// How often each operation was asked for, of this protocol and of the other one.
    pub(crate) fn asked(&self) -> [u64; OPERATIONS.len()] {
        OPERATIONS.map(|(service, (method, route), call)| {
            let running = self.running(service);
            let (own, other) = (running.calls_of(call), running.requests_of(method, route));
            match self.protocol(service) {
                Protocol::Grpc => {
                    assert_eq!(other, 0, "{self} asks {service:?} for {route}");
                    own
                }
                Protocol::Http => {
                    assert_eq!(own, 0, "{self} asks {service:?} for {call}");
                    other
                }
            }
        })
    }

    /// Lets a fault fall on a service: the first of these by HTTP, the other one by gRPC.
    pub(crate) fn inflict(&self, service: Service, faults: &[Fault; 2]) {
        let fault = match self.protocol(service) {
            Protocol::Http => &faults[0],
            Protocol::Grpc => &faults[1],
        };
        self.running(service).faults().set(vec![fault.clone()]);
    }

    pub(crate) fn heal(&self) {
        self.orders.faults().clear();
        self.customers.faults().clear();
    }

    fn protocol(&self, service: Service) -> Protocol {
        match service {
            Service::Orders => self.speaks.0,
            Service::Customers => self.speaks.1,
        }
    }

    fn running(&self, service: Service) -> &Running {
        match service {
            Service::Orders => &self.orders,
            Service::Customers => &self.customers,
        }
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Speaks(orders, customers) = self.speaks;
        write!(f, "orders by {orders:?}, customers by {customers:?}")
    }
}

/// The default policies, but for what would make a busy machine's answers differ from one stack to the next.
fn as_patient_as(config: &mut upstream::Config, time: Duration) {
    (config.deadline, config.attempt_timeout) = (time, time);
    config.connect_timeout = time;
    // Nor is an old answer given because a new one takes its time.
    (config.hedge.enabled, config.hedge.after_at_least) = (false, time);
    config.breaker.consecutive_failures = u32::MAX;
    config.breaker.minimum_calls = u32::MAX;
    (config.limit.initial, config.limit.min) = (1000, 1000);
}

fn serve_alike(config: &mut serve::Config) {
    (config.listen, config.admin_listen) = (ANY_PORT, ANY_PORT);
    config.workers = 1;
    config.deadline = GUARD / 2;
    // With the same secret the same cursors have the same seals.
    config.cursor_secret = Some("the same secret in every stack, long enough".to_owned());
    config.cors.allowed_origins = vec![Origin::parse(ORIGIN).unwrap()];
}

fn run(server: Server) -> SocketAddr {
    let addr = server.addr();
    rt::spawn(server.run(std::future::pending::<Stop>()));
    addr
}
