//! The whole stack in one process: the order and the customer service over HTTP and gRPC, a fault proxy before each,
//! and both BFFs.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use bff_shared::domain::ServicesConfig;
use bff_shared::serve::{BindError, LogConfig, RouteConfig, Server, Stop, stop_signal};
use bff_shared::upstream::Target;
use clap::Parser;
use mock_services::proxy::{self, Proxy, Way};
use mock_services::{Options, Running, customers, orders};
use tokio::sync::watch;

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// The whole stack in one process: an order and a customer service, and a BFF each for web and mobile
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo demo", version)]
struct Arguments {
    /// Where the web BFF listens
    #[arg(long, value_name = "ADDR", default_value_t = local(8080))]
    web: SocketAddr,
    /// Where the mobile BFF listens
    #[arg(long, value_name = "ADDR", default_value_t = local(8083))]
    mobile: SocketAddr,
    /// Where the web BFF listens for operators
    #[arg(long, value_name = "ADDR", default_value_t = local(9080))]
    web_admin: SocketAddr,
    /// Where the mobile BFF listens for operators
    #[arg(long, value_name = "ADDR", default_value_t = local(9083))]
    mobile_admin: SocketAddr,
    /// Where the order service listens
    #[arg(long, value_name = "ADDR", default_value_t = local(8081))]
    order_service: SocketAddr,
    /// Where the customer service listens
    #[arg(long, value_name = "ADDR", default_value_t = local(8082))]
    customer_service: SocketAddr,
    /// Where the order service listens for gRPC
    #[arg(long, value_name = "ADDR", default_value_t = local(8091))]
    order_grpc: SocketAddr,
    /// Where the customer service listens for gRPC
    #[arg(long, value_name = "ADDR", default_value_t = local(8092))]
    customer_grpc: SocketAddr,
    /// Where the faults of the order service are set
    #[arg(long, value_name = "ADDR", default_value_t = local(9081))]
    order_faults: SocketAddr,
    /// Where the faults of the customer service are set
    #[arg(long, value_name = "ADDR", default_value_t = local(9082))]
    customer_faults: SocketAddr,
    /// How long the services say that their answers are fresh, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    fresh_for: u32,
    /// What the made-up orders and customers depend on
    #[arg(long, value_name = "N", default_value_t = Options::default().seed)]
    seed: u64,
}

/// All that runs, ready to be served.
struct Stack {
    orders: Service,
    customers: Service,
    web: Server,
    mobile: Server,
}

/// A service behind the address that everybody knows, where a fault proxy listens.
struct Service {
    running: Running,
    proxy: Proxy,
}

#[actix_web::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let log = LogConfig::default().start();
    eprintln!("Starting two services and two BFFs ...");
    let stack = match Stack::start(&arguments) {
        Ok(stack) => stack,
        Err(faults) => {
            for fault in faults {
                eprintln!("{fault}");
            }
            return ExitCode::FAILURE;
        }
    };
    stack.introduce(arguments.fresh_for);
    let outcome = stack.run().await;
    // What it still has to say comes first.
    drop(log);
    match outcome {
        Ok(()) => {
            eprintln!("Stopped.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("A server ended by itself: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Stack {
    /// Takes all ten ports, or says of each that cannot be had which option chooses another.
    fn start(arguments: &Arguments) -> Result<Self, Vec<String>> {
        let options = Options {
            seed: arguments.seed,
            cache_control: Some(format!("max-age={}", arguments.fresh_for)),
            grpc: Some(local(0)),
            faults: true,
            ..Options::default()
        };
        let orders = Service::start(
            orders::start(&options),
            (arguments.order_service, "--order-service"),
            (arguments.order_grpc, "--order-grpc"),
            (arguments.order_faults, "--order-faults"),
        );
        let customers = Service::start(
            customers::start(&options),
            (arguments.customer_service, "--customer-service"),
            (arguments.customer_grpc, "--customer-grpc"),
            (arguments.customer_faults, "--customer-faults"),
        );
        let url = |service: &Result<Service, String>| {
            // Without the service nothing is served, but what else is wrong is to be found out.
            let addr = service
                .as_ref()
                .map_or(local(1), |service| service.proxy.addr());
            Target::parse(&format!("http://{addr}"))
                .map_err(|why| vec![format!("http://{addr} {why}")])
        };
        let services = ServicesConfig::new(url(&orders)?, url(&customers)?);
        let mut config = bff_web::Config::new(services.clone());
        (config.server.listen, config.server.admin_listen) = (arguments.web, arguments.web_admin);
        config.server.workers = 1;
        config.server.routes = vec![passed_on()];
        let web = bff_web::bind(config);
        let mut config = bff_mobile::Config::new(services);
        (config.server.listen, config.server.admin_listen) =
            (arguments.mobile, arguments.mobile_admin);
        config.server.workers = 1;
        config.server.routes = vec![passed_on()];
        let mobile = bff_mobile::bind(config);

        match (orders, customers, web, mobile) {
            (Ok(orders), Ok(customers), Ok(web), Ok(mobile)) => Ok(Self {
                orders,
                customers,
                web,
                mobile,
            }),
            (orders, customers, web, mobile) => Err([
                orders.err(),
                customers.err(),
                web.err().map(|error| bff_unusable(&error, "--web")),
                mobile.err().map(|error| bff_unusable(&error, "--mobile")),
            ]
            .into_iter()
            .flatten()
            .collect()),
        }
    }

    fn introduce(&self, fresh: u32) {
        let (web, mobile) = (self.web.addr(), self.mobile.addr());
        let [orders, customers] = [&self.orders, &self.customers].map(|service| &service.proxy);
        let [order_faults, faults] = [orders, customers].map(Service::faults);
        let [orders_grpc, customers_grpc] = [orders, customers].map(Service::grpc);
        eprintln!(
            "
  web BFF           http://{web}      its documentation: http://{web}/docs/
  mobile BFF        http://{mobile}      its documentation: http://{mobile}/docs/
  order service     {}      its faults: {order_faults}
  customer service  {}      its faults: {faults}
  both over gRPC    http://{orders_grpc}      http://{customers_grpc}
  for operators     http://{}/upstreams   http://{}/upstreams

Try, in another terminal:

  curl http://{web}/orders/1
  curl http://{mobile}/orders/1
  curl http://{web}/services/orders/1
  curl -X PUT {faults} -H 'Content-Type: application/json' -d '{{\"faults\":[{{\"refuse\":true}}]}}'

and, with a client of gRPC, since both services tell what they are by reflection:

  grpcurl -plaintext -d '{{\"id\":1}}' {orders_grpc} orders.v1.OrderService/GetOrder

Ask the first again: its \"sources\" are cached for {fresh} seconds. The third is a route: the order service's own answer,
as it is. After the fourth nobody can reach the customer service: what was cached becomes stale, the customer of an order not asked for before (2, 3, ...) is left out, and
\"sources\" says why.
In place of {{\"refuse\":true}}: {{\"hang\":true}}, {{\"reset\":\"midBody\"}}, {{\"cut\":\"sized\"}}, {{\"latency\":{{\"fixedMs\":300}}}}.
`curl -X DELETE {faults}` heals it. Ctrl-C stops everything.
",
            orders.url(),
            customers.url(),
            self.web.admin_addr(),
            self.mobile.admin_addr(),
        );
    }

    /// Serves until Ctrl-C or SIGTERM: the BFFs end first, so that nobody asks a service that is gone.
    async fn run(self) -> io::Result<()> {
        let (stop, stopped) = watch::channel(false);
        let told = || {
            let mut stopped = stopped.clone();
            async move {
                // Without its sender there is nobody left to wait for.
                _ = stopped.wait_for(|stopped| *stopped).await;
                Stop::Now
            }
        };
        let signal = async {
            stop_signal().await?;
            eprintln!("Stopping ...");
            stop.send_replace(true);
            Ok(())
        };
        tokio::try_join!(self.web.run(told()), self.mobile.run(told()), signal)?;
        for Service { running, proxy } in [self.orders, self.customers] {
            proxy.stop().await;
            running.stop(false).await;
        }
        Ok(())
    }
}

/// A route to the order service as it is, to read.
fn passed_on() -> RouteConfig {
    let [orders, _] = ServicesConfig::NAMES;
    RouteConfig {
        target_prefix: "/orders/".to_owned(),
        ..RouteConfig::new("orders", "/services/orders/", orders)
    }
}

impl Service {
    /// Puts a fault proxy before a service, and before its gRPC. Each address comes with the option that chooses
    /// another.
    fn start(
        running: io::Result<Running>,
        listen: (SocketAddr, &str),
        grpc: (SocketAddr, &str),
        control: (SocketAddr, &str),
    ) -> Result<Self, String> {
        let running = running.map_err(|error| format!("a service cannot be started: {error}"))?;
        let options = proxy::Options {
            listen: listen.0,
            control: Some(control.0),
            upstream: running.addr(),
            second: running.grpc_addr().map(|upstream| Way {
                listen: grpc.0,
                upstream,
            }),
        };
        match proxy::start(&options) {
            Ok(proxy) => Ok(Self { running, proxy }),
            Err(error) => {
                let message = error.to_string();
                // It names the address that it is about.
                let is_named = |(addr, _): &&(_, _)| message.contains(&format!("{addr}:"));
                let named = [&control, &grpc].into_iter().find(is_named);
                let (addr, option) = named.unwrap_or(&listen);
                Err(unusable(*addr, &error, option))
            }
        }
    }

    fn faults(proxy: &Proxy) -> String {
        let control = proxy.control();
        control.map_or_else(String::new, |addr| format!("http://{addr}/faults"))
    }

    fn grpc(proxy: &Proxy) -> String {
        let addr = proxy.second_addr();
        addr.map_or_else(String::new, |addr| addr.to_string())
    }
}

fn bff_unusable(error: &BindError, option: &str) -> String {
    let option = if error.key() == "admin_listen" {
        format!("{option}-admin")
    } else {
        option.to_owned()
    };
    unusable(error.addr(), error.io(), &option)
}

fn unusable(addr: SocketAddr, error: &io::Error, option: &str) -> String {
    let why: &dyn Display = if error.kind() == io::ErrorKind::AddrInUse {
        &"is in use"
    } else {
        error
    };
    format!("{addr} {why}: {option} ADDR chooses another address (--help lists them all)")
}
