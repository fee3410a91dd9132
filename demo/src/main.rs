//! The whole stack in one process: the order and the customer service, and both BFFs in front of them.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use bff_shared::domain::ServicesConfig;
use bff_shared::serve::{BindError, LogConfig, Server, Stop, stop_signal};
use bff_shared::upstream::Target;
use clap::Parser;
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
    /// What the made-up orders and customers depend on
    #[arg(long, value_name = "N", default_value_t = Options::default().seed)]
    seed: u64,
}

/// All that runs, ready to be served.
struct Stack {
    services: [Running; 2],
    web: Server,
    mobile: Server,
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
    stack.introduce();
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
    /// Takes all six ports, or says of each that cannot be had which option chooses another.
    fn start(arguments: &Arguments) -> Result<Self, Vec<String>> {
        let options = |listen| Options {
            listen,
            seed: arguments.seed,
            faults: true,
            ..Options::default()
        };
        let order_service = orders::start(&options(arguments.order_service));
        let customer_service = customers::start(&options(arguments.customer_service));
        let url = |service: &io::Result<Running>, asked: SocketAddr| {
            let addr = service.as_ref().map_or(asked, Running::addr);
            Target::parse(&format!("http://{addr}"))
                .map_err(|why| vec![format!("http://{addr} {why}")])
        };
        let services = ServicesConfig::new(
            url(&order_service, arguments.order_service)?,
            url(&customer_service, arguments.customer_service)?,
        );
        let mut config = bff_web::Config::new(services.clone());
        (config.server.listen, config.server.admin_listen) = (arguments.web, arguments.web_admin);
        config.server.workers = 1;
        let web = bff_web::bind(config);
        let mut config = bff_mobile::Config::new(services);
        (config.server.listen, config.server.admin_listen) =
            (arguments.mobile, arguments.mobile_admin);
        config.server.workers = 1;
        let mobile = bff_mobile::bind(config);

        match (order_service, customer_service, web, mobile) {
            (Ok(orders), Ok(customers), Ok(web), Ok(mobile)) => Ok(Self {
                services: [orders, customers],
                web,
                mobile,
            }),
            (orders, customers, web, mobile) => Err([
                orders
                    .err()
                    .map(|error| unusable(arguments.order_service, &error, "--order-service")),
                customers.err().map(|error| {
                    unusable(arguments.customer_service, &error, "--customer-service")
                }),
                web.err().map(|error| bff_unusable(&error, "--web")),
                mobile.err().map(|error| bff_unusable(&error, "--mobile")),
            ]
            .into_iter()
            .flatten()
            .collect()),
        }
    }

    fn introduce(&self) {
        let [orders, customers] = self.services.each_ref().map(Running::url);
        let (web, mobile) = (self.web.addr(), self.mobile.addr());
        eprintln!(
            "
  web BFF           http://{web}      its documentation: http://{web}/docs/
  mobile BFF        http://{mobile}      its documentation: http://{mobile}/docs/
  order service     {orders}
  customer service  {customers}
  for operators     http://{}/upstreams   http://{}/upstreams

Try, in another terminal:

  curl http://{web}/orders/1
  curl http://{mobile}/orders/1
  curl -X PUT {customers}/faults -H 'Content-Type: application/json' -d '{{\"faults\":[{{\"hang\":true}}]}}'

After the third the customer service hangs: ask for the order again and read its \"sources\".
`curl -X DELETE {customers}/faults` heals it. Ctrl-C stops everything.
",
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
        for service in self.services {
            service.stop(false).await;
        }
        Ok(())
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
