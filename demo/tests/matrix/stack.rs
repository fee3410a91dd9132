//! A BFF with two instances of each service, each behind a proxy of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use actix_web::rt;
use bff_shared::domain::ServicesConfig;
use bff_shared::serve::Stop;
use bff_shared::upstream::{self, Protocol, Target};
use mock_services::proxy::{self, Proxy};
use mock_services::raw::{self, Answer};
use mock_services::{Options, Running, customers, orders};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::cell::{Cell, Client, Extent, Kept, Service};
use crate::table::{Inflict, Sign};

/// Far longer than anything here takes: what takes so long has failed.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// How many times the default times are where something old is at hand and nothing newer comes: the old answer comes
/// before the time of an attempt is over.
pub(crate) const PATIENT: u32 = 3;

/// When a hedge is sent where one is needed. An old answer is given after twice this long: a new one has as long to come,
/// once the hedge is sent.
const HEDGE: Duration = Duration::from_secs(2);

/// When it is sent where none is: never, but for a machine that stands still.
const NO_HEDGE: Duration = Duration::from_secs(8);

/// Any free port of this machine.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The pause between two looks at something that others bring about.
const LOOK: Duration = Duration::from_millis(20);

/// A service of two instances, each behind its proxy.
struct Instances([(Running, Proxy); 2]);

/// The stack under test.
pub(crate) struct Stack {
    client: Client,
    addr: SocketAddr,
    admin: SocketAddr,
    orders: Instances,
    customers: Instances,
    stop: oneshot::Sender<Stop>,
    server: JoinHandle<std::io::Result<()>>,
}

/// What the BFF sees of a service: counts since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Of each instance, in their order.
    pub(crate) attempts: [u64; 2],
    /// Attempts that were made beside a slow one.
    pub(crate) hedges: u64,
    in_flight: u64,
    closed: bool,
}

impl Seen {
    pub(crate) fn calls(&self) -> u64 {
        self.attempts.iter().sum()
    }
}

impl Instances {
    fn start(start: fn(&Options) -> std::io::Result<Running>, cell: &Cell) -> Self {
        let cache_control = match cell.kept {
            // Good for the whole of a cell: what is kept shows.
            Kept::Nothing => "max-age=600",
            Kept::Stale => "max-age=0, stale-if-error=600",
        };
        let options = Options {
            grpc: Some(ANY_PORT),
            cache_control: Some(cache_control.to_owned()),
            grpc_cache_control: Some(cache_control.to_owned()),
            // With a tag the answer would be a 304, which has no body that could be cut or spoilt.
            etag: false,
            ..Options::default()
        };
        Self([(); 2].map(|()| {
            let service = start(&options).unwrap();
            let addr = match cell.protocol {
                Protocol::Http => service.addr(),
                Protocol::Grpc => service.grpc_addr().unwrap(),
            };
            let proxy = proxy::start(&proxy::Options::to(addr)).unwrap();
            (service, proxy)
        }))
    }

    /// The addresses that the BFF is told.
    fn targets(&self) -> Vec<Target> {
        let urls = self.0.iter().map(|(_, proxy)| proxy.url());
        urls.map(|url| Target::parse(&url).unwrap()).collect()
    }

    async fn stop(self) {
        for (service, proxy) in self.0 {
            proxy.stop().await;
            service.stop(false).await;
        }
    }
}

impl Stack {
    /// A stack for this cell, at its beginning.
    pub(crate) fn start(cell: &Cell) -> Self {
        let orders = Instances::start(orders::start, cell);
        let customers = Instances::start(customers::start, cell);
        let any = || Target::parse("http://127.0.0.1:1").unwrap();
        let mut services = ServicesConfig::new(any(), any());
        services.orders.endpoints = orders.targets();
        services.customers.endpoints = customers.targets();
        for service in [Service::Order, Service::Customer] {
            let upstream = match service {
                Service::Order => &mut services.orders,
                Service::Customer => &mut services.customers,
            };
            upstream.protocol = cell.protocol;
            // What is asked for health is not asked for orders, and is not to be counted among that.
            upstream.grpc.health_interval = Duration::ZERO;
            let at_fault = service == cell.service;
            if at_fault && is_waited_for(cell) {
                // It takes the default times, or more where it shall show that an attempt's was not waited for.
                stretch(upstream, if cell.kept == Kept::Stale { PATIENT } else { 1 });
            } else {
                // So long that a busy machine looks like no fault, and makes no hedges where none are wanted.
                stretch(upstream, 10);
                let needs_hedge = at_fault && cell.fault.sign == Sign::Silent;
                let after = if needs_hedge { HEDGE } else { NO_HEDGE };
                upstream.hedge.after_at_least = after;
            }
        }
        let (stop, stopped) = oneshot::channel();
        let stopped = async { stopped.await.unwrap_or(Stop::Now) };
        macro_rules! bff {
            ($bff:ident) => {{
                let mut config = $bff::Config::new(services);
                (config.server.listen, config.server.admin_listen) = (ANY_PORT, ANY_PORT);
                config.server.workers = 1;
                config.server.deadline *= 10;
                let server = $bff::bind(config).unwrap();
                let addrs = (server.addr(), server.admin_addr());
                (addrs, rt::spawn(server.run(stopped)))
            }};
        }
        let ((addr, admin), server) = match cell.client {
            Client::Web => bff!(bff_web),
            Client::Mobile => bff!(bff_mobile),
        };
        Self {
            client: cell.client,
            addr,
            admin,
            orders,
            customers,
            stop,
            server,
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.client
    }

    pub(crate) async fn ask(&self, order: u64, headers: &[(&str, &str)]) -> Answer {
        let target = format!("/orders/{order}");
        raw::send(self.addr, "GET", &target, headers, "")
            .await
            .unwrap()
    }

    /// What the BFF sees of a service just now.
    pub(crate) async fn seen(&self, service: Service) -> Seen {
        let report = raw::get(self.admin, "/upstreams").await.unwrap().json();
        let clusters = report["upstreams"].as_array().unwrap();
        let named = |cluster: &&Value| cluster["name"] == service.upstream();
        let cluster = clusters.iter().find(named).unwrap();
        let endpoints = cluster["endpoints"].as_array().unwrap();
        let attempts = self.instances(service).0.each_ref().map(|(_, proxy)| {
            let at = |endpoint: &&Value| endpoint["address"] == proxy.url();
            let endpoint = endpoints.iter().find(at).unwrap();
            endpoint["attempts"].as_u64().unwrap()
        });
        Seen {
            attempts,
            hedges: cluster["hedges"].as_u64().unwrap(),
            in_flight: cluster["inFlight"].as_u64().unwrap(),
            closed: endpoints
                .iter()
                .all(|endpoint| endpoint["breaker"] == "closed"),
        }
    }

    /// The same when nothing is under way any more, and at least so many calls were made.
    pub(crate) async fn settled(&self, service: Service, least: u64) -> Result<Seen, String> {
        let still = async {
            let mut before = self.seen(service).await;
            loop {
                sleep(LOOK).await;
                let now = self.seen(service).await;
                // Twice, since between two attempts of a series there is a moment without any.
                if now == before && now.in_flight == 0 && now.calls() >= least {
                    return now;
                }
                before = now;
            }
        };
        timeout(GUARD / 4, still)
            .await
            .map_err(|_| format!("never {least} calls or more, and then none"))
    }

    /// Whether no instance is left alone.
    pub(crate) async fn is_closed(&self, service: Service) -> bool {
        self.seen(service).await.closed
    }

    /// Lets the fault of the cell fall on these instances.
    pub(crate) fn inflict(&self, cell: &Cell, on: [bool; 2]) {
        let instances = self.instances(cell.service).0.iter();
        for ((service, proxy), _) in instances.zip(on).filter(|(_, on)| *on) {
            match cell.fault.inflict {
                Inflict::Proxy(fault) => proxy.faults().set(vec![fault()]),
                Inflict::Service(fault) => service.faults().set(vec![fault()]),
            }
        }
    }

    /// Takes every fault away.
    pub(crate) fn heal(&self) {
        for (service, proxy) in self.orders.0.iter().chain(&self.customers.0) {
            service.faults().clear();
            proxy.faults().clear();
        }
    }

    /// How many requests came through to the proxies of a service.
    pub(crate) fn received(&self, service: Service) -> u64 {
        let instances = self.instances(service).0.iter();
        instances.map(|(_, proxy)| proxy.requests()).sum()
    }

    pub(crate) async fn stop(self) {
        // It has not ended by itself, or asking it would have failed.
        _ = self.stop.send(Stop::Now);
        self.server.await.unwrap().unwrap();
        self.orders.stop().await;
        self.customers.stop().await;
    }

    fn instances(&self, service: Service) -> &Instances {
        match service {
            Service::Order => &self.orders,
            Service::Customer => &self.customers,
        }
    }
}

/// Whether the time of an attempt has to pass before the cell is at its end.
pub(crate) fn is_waited_for(cell: &Cell) -> bool {
    cell.fault.sign == Sign::Silent && cell.extent == Extent::All
}

/// The default times in their proportions, but longer.
fn stretch(upstream: &mut upstream::Config, times: u32) {
    upstream.deadline *= times;
    upstream.attempt_timeout *= times;
    upstream.connect_timeout *= times;
}
