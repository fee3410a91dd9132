//! A run: everything is started once, then loaded in turns.

use std::fs::File;
use std::net::SocketAddr;
use std::process::Stdio;

use super::check::{self, Shape};
use super::load::{self, Load};
use super::report::{self, Rounds};
use super::turns::Turns;
use super::{Kind, Options};
use crate::Result;
use crate::process::{Server, free_addresses};
use crate::programs::{Programs, Wanted};

/// The servers under test, in the order of the report.
const NAMES: [&str; 4] = ["bff-web", "bff-web, log to a file", "bare", "bare, tuned"];

/// What is divided by what, by index into [`NAMES`]. The first is the main figure.
const RATIOS: [(usize, usize); 4] = [(0, 2), (1, 2), (0, 3), (1, 3)];

const WANTED: [Wanted; 3] = [
    ("mock-services", &["order-service", "customer-service"]),
    ("bff-web", &["bff-web"]),
    ("bench", &["bare", "bare-tuned"]),
];

/// The share of the slowest server's throughput that latency is measured at.
const LATENCY_LOAD: f64 = 0.4;

/// Everything that runs. Dropping it ends it.
struct Setup {
    servers: [Server; 4],
    _services: [Server; 2],
    log: File,
}

/// Builds, checks, measures and reports.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let oha = load::version().await?;
    let programs = Programs::build("release", &WANTED).await?;
    let setup = Setup::start(&programs, options).await?;
    let turns = setup.turns();
    print!("{}", report::conditions(options, &oha)?);
    let mut rate = options.rate;
    if options.only != Some(Kind::Latency) {
        let load = load(options, None);
        let rounds = turns.rounds("Throughput", options.rounds, &load);
        let rounds = rounds.await?;
        rate = rate.or(Some(latency_rate(&rounds)));
        print!(
            "\n{}",
            report::section("Throughput", &NAMES, &rounds, &RATIOS)
        );
    }
    if options.only != Some(Kind::Throughput) {
        let rate = match rate {
            Some(rate) => rate,
            None => {
                let turn = turns.turn(&load(options, None), 0).await?;
                latency_rate(&turn.into_iter().map(|round| vec![round]).collect())
            }
        };
        let load = load(options, Some(rate));
        let rounds = turns.rounds("Latency", options.rounds, &load);
        let rounds = rounds.await?;
        print!(
            "\n{}",
            report::section(
                &format!("Latency at {rate} requests/s"),
                &NAMES,
                &rounds,
                &RATIOS
            )
        );
    }
    Ok(())
}

fn load(options: &Options, rate: Option<u32>) -> Load {
    Load {
        connections: options.connections,
        seconds: options.seconds,
        rate,
        paths: check::ORDERS.map(|id| format!("/orders/{id}")).collect(),
    }
}

/// The same rate for all, so that the slowest has no more to do than it can.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "far from both ends"
)]
fn latency_rate(rounds: &Rounds) -> u32 {
    let slowest = rounds
        .iter()
        .map(|rounds| report::median(rounds, |round| round.per_second))
        .fold(f64::MAX, f64::min);
    (slowest * LATENCY_LOAD / 100.0).round().max(1.0) as u32 * 100
}

impl Setup {
    async fn start(programs: &Programs, options: &Options) -> Result<Self> {
        let [
            orders,
            customers,
            web,
            web_admin,
            logging,
            logging_admin,
            bare,
            tuned,
        ] = free_addresses()?;
        let (order_url, customer_url) = (format!("http://{orders}"), format!("http://{customers}"));
        let workers = options.workers.to_string();
        // The bare handler has no cache: with one, bff-web would not make the calls that are compared.
        let cache_off = programs.cache_of(0).await?;
        let service = async |name, addr: SocketAddr| {
            let mut command = programs.command(name)?;
            command.args(["--listen", &addr.to_string()]);
            // Nobody asks over gRPC, and the port might be taken.
            command.args(["--grpc-listen", "127.0.0.1:0"]);
            Server::start(name, addr, command, Stdio::inherit()).await
        };
        let bff = async |name, addr: SocketAddr, admin: SocketAddr, log| {
            let mut command = programs.command("bff-web")?;
            command
                .envs(cache_off.clone())
                .env("BFF__LISTEN", addr.to_string())
                .env("BFF__ADMIN_LISTEN", admin.to_string())
                .env("BFF__WORKERS", &workers)
                .env("BFF__UPSTREAMS__ORDERS__ENDPOINTS", &order_url)
                .env("BFF__UPSTREAMS__CUSTOMERS__ENDPOINTS", &customer_url);
            Server::start(name, addr, command, log).await
        };
        let handler = async |name, program, addr: SocketAddr| {
            let mut command = programs.command(program)?;
            command.args([&addr.to_string(), &workers, &order_url, &customer_url]);
            Server::start(name, addr, command, Stdio::inherit()).await
        };
        let log = tempfile::tempfile()?;
        let services = [
            service("order-service", orders).await?,
            service("customer-service", customers).await?,
        ];
        let servers = [
            bff(NAMES[0], web, web_admin, Stdio::null()).await?,
            bff(NAMES[1], logging, logging_admin, log.try_clone()?.into()).await?,
            handler(NAMES[2], "bare", bare).await?,
            handler(NAMES[3], "bare-tuned", tuned).await?,
        ];
        let expected = check::expected(orders, customers)?;
        for (server, shape) in
            servers
                .iter()
                .zip([Shape::View, Shape::View, Shape::Merged, Shape::Merged])
        {
            check::check(server.addr, shape, &expected)?;
        }
        Ok(Self {
            servers,
            _services: services,
            log,
        })
    }

    fn turns(&self) -> Turns<'_> {
        Turns {
            names: &NAMES,
            servers: self.servers.iter().collect(),
            log: Some(&self.log),
        }
    }
}
