//! The same order composed of services that speak gRPC, and of services that speak HTTP.

use std::net::SocketAddr;
use std::process::Stdio;

use crate::Result;
use crate::overhead::check::{ORDERS, get};
use crate::overhead::load::{self, Load};
use crate::overhead::report;
use crate::overhead::turns::Turns;
use crate::process::{Server, free_addresses};
use crate::programs::{Programs, Wanted};

/// Measure bff-web over services that speak gRPC against bff-web over services that speak HTTP
///
/// The services are the same processes, the cache is off. Progress goes to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds for each server and kind of load
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Length of a round
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Requests a second of the rounds at a fixed rate
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

const WANTED: [Wanted; 2] = [
    ("mock-services", &["order-service", "customer-service"]),
    ("bff-web", &["bff-web"]),
];

pub(crate) async fn run(options: &Options) -> Result<()> {
    load::version().await?;
    let programs = Programs::build("release", &WANTED).await?;
    let [
        orders,
        customers,
        order_calls,
        customer_calls,
        over_http,
        http_admin,
        over_grpc,
        grpc_admin,
    ] = free_addresses()?;
    let mut services = Vec::new();
    for (name, addr, calls) in [
        ("order-service", orders, order_calls),
        ("customer-service", customers, customer_calls),
    ] {
        let mut command = programs.command(name)?;
        command
            .args(["--listen", &addr.to_string()])
            .args(["--grpc-listen", &calls.to_string()]);
        services.push(Server::start(name, addr, command, Stdio::inherit()).await?);
    }
    let cache_off = programs.cache_of(0).await?;
    let bff = async |name,
                     protocol,
                     [orders, customers]: [SocketAddr; 2],
                     addr: SocketAddr,
                     admin: SocketAddr| {
        let mut command = programs.command("bff-web")?;
        command
            .envs(cache_off.clone())
            .env("BFF__LISTEN", addr.to_string())
            .env("BFF__ADMIN_LISTEN", admin.to_string())
            .env("BFF__WORKERS", "1");
        for (upstream, service) in [("ORDERS", orders), ("CUSTOMERS", customers)] {
            command
                .env(format!("BFF__UPSTREAMS__{upstream}__PROTOCOL"), protocol)
                .env(
                    format!("BFF__UPSTREAMS__{upstream}__ENDPOINTS"),
                    format!("http://{service}"),
                );
        }
        Server::start(name, addr, command, Stdio::null()).await
    };
    let names = ["over gRPC", "over HTTP"];
    let grpc = bff(
        names[0],
        "grpc",
        [order_calls, customer_calls],
        over_grpc,
        grpc_admin,
    )
    .await?;
    let http = bff(names[1], "http", [orders, customers], over_http, http_admin).await?;
    let paths: Vec<_> = ORDERS.map(|id| format!("/orders/{id}")).collect();
    for path in &paths {
        let [one, other] = [get(grpc.addr, path)?, get(http.addr, path)?];
        if one != other || one["customer"]["name"].is_null() {
            return Err(format!("not the same at {path}: {one} and {other}").into());
        }
    }

    let turns = Turns {
        names: &names,
        servers: vec![&grpc, &http],
        log: None,
    };
    for (title, rate) in [
        ("An order over gRPC and over HTTP".to_owned(), None),
        (
            format!("The same at {} requests/s", options.rate),
            Some(options.rate),
        ),
    ] {
        let load = Load {
            connections: 32,
            seconds: options.seconds,
            rate,
            paths: paths.clone(),
            bodies: Vec::new(),
        };
        let rounds = turns.rounds(&title, options.rounds, &load).await?;
        println!("{}", report::section(&title, &names, &rounds, &[(0, 1)]));
    }
    Ok(())
}
