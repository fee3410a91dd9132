//! A list of twenty orders with their customers: two calls, against one and twenty by hand.

use std::process::Stdio;

use crate::Result;
use crate::overhead::check::get;
use crate::overhead::load::{self, Load};
use crate::overhead::report;
use crate::overhead::turns::Turns;
use crate::process::{Server, free_addresses};
use crate::programs::{Programs, Wanted};

/// Measure a list of 20 orders in bff-web against the same list by 20 + 1 calls in the bare handler
///
/// Both without a cache; the bare handler asks for all customers at once. Progress goes to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds for each server
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Length of a round
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

const WANTED: [Wanted; 3] = [
    ("mock-services", &["order-service", "customer-service"]),
    ("bff-web", &["bff-web"]),
    ("bench", &["bare"]),
];

const LIST: &str = "/orders?limit=20";

pub(crate) async fn run(options: &Options) -> Result<()> {
    load::version().await?;
    let programs = Programs::build("release", &WANTED).await?;
    let [orders, customers, web, admin, bare] = free_addresses()?;
    let (order_url, customer_url) = (format!("http://{orders}"), format!("http://{customers}"));
    let mut services = Vec::new();
    for (name, addr) in [("order-service", orders), ("customer-service", customers)] {
        let mut command = programs.command(name)?;
        command.args(["--listen", &addr.to_string()]);
        // Nobody asks over gRPC, and the port might be taken.
        command.args(["--grpc-listen", "127.0.0.1:0"]);
        services.push(Server::start(name, addr, command, Stdio::inherit()).await?);
    }
    let mut command = programs.command("bff-web")?;
    command
        .envs(programs.cache_of(0).await?)
        .env("BFF__LISTEN", web.to_string())
        .env("BFF__ADMIN_LISTEN", admin.to_string())
        .env("BFF__WORKERS", "1")
        .env("BFF__UPSTREAMS__ORDERS__ENDPOINTS", &order_url)
        .env("BFF__UPSTREAMS__CUSTOMERS__ENDPOINTS", &customer_url);
    let web = Server::start("bff-web", web, command, Stdio::null()).await?;
    let mut command = programs.command("bare")?;
    command.args([&bare.to_string(), "1", &order_url, &customer_url]);
    let bare = Server::start("bare", bare, command, Stdio::inherit()).await?;
    check(&web, &bare)?;

    let names = ["bff-web, 2 calls", "bare, 21 calls"];
    let turns = Turns {
        names: &names,
        servers: vec![&web, &bare],
        log: None,
    };
    let load = Load {
        connections: 32,
        seconds: options.seconds,
        rate: None,
        paths: vec![LIST.to_owned()],
    };
    let rounds = turns.rounds("Lists", options.rounds, &load).await?;
    let title = "A list of 20 orders with 20 customers";
    print!("{}", report::section(title, &names, &rounds, &[(0, 1)]));
    Ok(())
}

/// That both have the same twenty orders, of twenty customers.
fn check(web: &Server, bare: &Server) -> Result<()> {
    let [web, bare] = [web, bare].map(|server| get(server.addr, LIST));
    let names = |list: &serde_json::Value| -> Vec<_> {
        let items = list["items"].as_array().into_iter().flatten();
        items
            .map(|item| (item["id"].clone(), item["customer"]["name"].clone()))
            .collect()
    };
    let (web, bare) = (names(&web?), names(&bare?));
    if web != bare || web.len() != 20 {
        return Err(format!("not the same list: {web:?} and {bare:?}").into());
    }
    Ok(())
}
