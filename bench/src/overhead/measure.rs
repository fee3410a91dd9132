//! A run: everything is started once, then loaded in turns.

use std::fs::File;
use std::net::SocketAddr;
use std::process::Stdio;

use super::check::{self, Shape};
use super::load::{self, Load};
use super::report::{self, Round, Rounds};
use super::{Kind, Options};
use crate::Result;
use crate::process::{Server, free_addresses};
use crate::programs::{Programs, Wanted};

/// The servers under test, in the order of the report.
pub(crate) const NAMES: [&str; 4] = ["bff-web", "bff-web, log to a file", "bare", "bare, tuned"];

const WANTED: [Wanted; 3] = [
    ("mock-services", &["order-service", "customer-service"]),
    ("bff-web", &["bff-web"]),
    ("bench", &["bare", "bare-tuned"]),
];

/// The share of the slowest server's throughput that latency is measured at.
const LATENCY_LOAD: f64 = 0.4;

/// Load before each round that counts for nothing: connections are open then, and caches warm.
const WARM_UP_SECONDS: u32 = 1;

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
    print!("{}", report::conditions(options, &oha)?);
    let mut rate = options.rate;
    if options.only != Some(Kind::Latency) {
        let rounds = setup.measure(options, Kind::Throughput, None).await?;
        rate = rate.or(Some(latency_rate(&rounds)));
        print!("\n{}", report::section("Throughput", &rounds));
    }
    if options.only != Some(Kind::Throughput) {
        let rate = match rate {
            Some(rate) => rate,
            None => latency_rate(
                &setup
                    .turn(&load(options, None), 0)
                    .await?
                    .map(|round| vec![round]),
            ),
        };
        let rounds = setup.measure(options, Kind::Latency, Some(rate)).await?;
        print!(
            "\n{}",
            report::section(&format!("Latency at {rate} requests/s"), &rounds)
        );
    }
    Ok(())
}

fn load(options: &Options, rate: Option<u32>) -> Load {
    Load {
        connections: options.connections,
        seconds: options.seconds,
        rate,
        orders: check::ORDERS,
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

    async fn measure(&self, options: &Options, kind: Kind, rate: Option<u32>) -> Result<Rounds> {
        let load = load(options, rate);
        let mut rounds = Rounds::default();
        for number in 0..options.rounds {
            eprintln!("{kind:?}, round {} of {}", number + 1, options.rounds);
            let turn = self.turn(&load, number).await?;
            for (rounds, round) in rounds.iter_mut().zip(turn) {
                rounds.push(round);
            }
        }
        Ok(rounds)
    }

    /// One round of each server; in every other turn the last goes first.
    async fn turn(&self, load: &Load, number: u32) -> Result<[Round; 4]> {
        let mut order = [0, 1, 2, 3];
        if number % 2 == 1 {
            order.reverse();
        }
        let mut turn = [Round::default(); 4];
        for index in order {
            let round = self.round(&self.servers[index], load).await?;
            eprintln!("  {:24} {round}", NAMES[index]);
            turn[index] = round;
        }
        Ok(turn)
    }

    async fn round(&self, server: &Server, load: &Load) -> Result<Round> {
        let warm_up = Load {
            seconds: WARM_UP_SECONDS,
            ..load.clone()
        };
        warm_up.run(server.addr).await?;
        let before = server.cpu_seconds()?;
        let seen = load.run(server.addr).await?;
        let cpu = server.cpu_seconds()? - before;
        // The log of the next round shall not find a fuller disk.
        self.log.set_len(0)?;
        Ok(Round {
            cpu_micros: cpu * 1e6 / seen.requests,
            per_second: seen.per_second,
            p50_millis: seen.p50 * 1e3,
            p99_millis: seen.p99 * 1e3,
        })
    }
}
