//! An order with its customer by GraphQL: against REST in the same server, and against Tailcall.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::Result;
use crate::overhead::check::ORDERS;
use crate::overhead::load::{self, Load};
use crate::overhead::report;
use crate::overhead::turns::Turns;
use crate::process::{Server, free_addresses};
use crate::programs::{Programs, Wanted};

/// Measure an order with its customer by GraphQL in bff-web against the same by REST, and against Tailcall
///
/// Nobody caches, and nobody shares calls. Tailcall's log is off, bff-web's goes to /dev/null. Progress goes to standard
/// error.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds for each server
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Length of a round
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Tailcall's program, as in the npm package @tailcallhq/core-linux-x64-gnu 1.0.0; left out without it
    #[arg(long, value_name = "FILE")]
    tailcall: Option<PathBuf>,
}

const WANTED: [Wanted; 2] = [
    ("mock-services", &["order-service", "customer-service"]),
    ("bff-web", &["bff-web"]),
];

/// What all are asked for. `ID` is the type that the server has for an id.
const QUERY: &str = "query Order($id: ID!) { order(id: $id) { id description status placedAt currency total \
    lines { description quantity price } customer { id name email phone } } }";

pub(crate) async fn run(options: &Options) -> Result<()> {
    load::version().await?;
    let programs = Programs::build("release", &WANTED).await?;
    let [orders, customers, web, admin, tailcall] = free_addresses()?;
    let mut services = Vec::new();
    for (name, addr) in [("order-service", orders), ("customer-service", customers)] {
        let mut command = programs.command(name)?;
        command.args(["--listen", &addr.to_string()]);
        services.push(Server::start(name, addr, command, Stdio::inherit()).await?);
    }
    let mut command = programs.command("bff-web")?;
    command
        .envs(programs.cache_of(0).await?)
        .env("BFF__LISTEN", web.to_string())
        .env("BFF__ADMIN_LISTEN", admin.to_string())
        .env("BFF__WORKERS", "1")
        .env(
            "BFF__UPSTREAMS__ORDERS__ENDPOINTS",
            format!("http://{orders}"),
        )
        .env(
            "BFF__UPSTREAMS__CUSTOMERS__ENDPOINTS",
            format!("http://{customers}"),
        );
    let web = Server::start("bff-web", web, command, Stdio::null()).await?;

    let rest = Load {
        connections: 32,
        seconds: options.seconds,
        rate: None,
        paths: ORDERS.map(|id| format!("/orders/{id}")).collect(),
        bodies: Vec::new(),
    };
    let graphql = Load {
        paths: vec!["/graphql".to_owned()],
        bodies: bodies(QUERY),
        ..rest.clone()
    };
    let names = ["by GraphQL", "by REST"];
    let turns = Turns {
        names: &names,
        servers: vec![&web, &web],
        log: None,
    };
    let title = "An order with its customer, by GraphQL and by REST";
    let loads = [&graphql, &rest];
    let rounds = turns.rounds_of(title, options.rounds, &loads).await?;
    println!("{}", report::section(title, &names, &rounds, &[(0, 1)]));

    let Some(program) = &options.tailcall else {
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let schema = folder.path().join("orders.graphql");
    fs::write(&schema, tailcall_schema(tailcall, orders, customers))?;
    let mut command = Command::new(program);
    command
        .arg("start")
        .arg(&schema)
        .env_clear()
        .env("TAILCALL_TRACKER", "false")
        .env("TAILCALL_LOG_LEVEL", "error");
    let theirs = Server::start("tailcall", tailcall, command, Stdio::null()).await?;
    // Its ids are numbers.
    let their_query = QUERY.replace("ID!", "Int!");
    let their_load = Load {
        bodies: bodies(&their_query),
        ..graphql.clone()
    };
    for (ours, their) in graphql.bodies.iter().zip(&their_load.bodies) {
        let [one, other] = [post(web.addr, ours)?, post(theirs.addr, their)?];
        if shown(&one) != shown(&other) || one["data"]["order"]["customer"]["name"].is_null() {
            return Err(format!("not the same: {one} and {other}").into());
        }
    }
    let names = ["bff-web", "Tailcall 1.0.0"];
    let turns = Turns {
        names: &names,
        servers: vec![&web, &theirs],
        log: None,
    };
    let title = "The same query in bff-web and in Tailcall";
    let loads = [&graphql, &their_load];
    let rounds = turns.rounds_of(title, options.rounds, &loads).await?;
    println!("{}", report::section(title, &names, &rounds, &[(0, 1)]));
    Ok(())
}

fn bodies(query: &str) -> Vec<String> {
    ORDERS
        .map(|id| json!({ "query": query, "variables": { "id": id } }).to_string())
        .collect()
}

/// What is to be the same: ids are numbers here and strings there, and a status is written in the manner of each.
fn shown(answer: &Value) -> [Value; 5] {
    let order = &answer["data"]["order"];
    [
        order["description"].clone(),
        order["total"].as_f64().into(),
        order["lines"].as_array().map(Vec::len).into(),
        order["lines"][0]["description"].clone(),
        order["customer"]["email"].clone(),
    ]
}

fn post(addr: SocketAddr, body: &str) -> Result<Value> {
    let mut connection = TcpStream::connect(addr)?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    let length = body.len();
    write!(
        connection,
        "POST /graphql HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let json = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    serde_json::from_str(json.unwrap_or_default())
        .map_err(|error| format!("http://{addr}/graphql: {error} in {answer}").into())
}

fn tailcall_schema(listen: SocketAddr, orders: SocketAddr, customers: SocketAddr) -> String {
    let (host, port) = (listen.ip(), listen.port());
    format!(
        r#"schema @server(hostname: "{host}", port: {port}, workers: 1) {{ query: Query }}
type Query {{
  order(id: Int!): Order @http(url: "http://{orders}/orders/{{{{.args.id}}}}", dedupe: false)
}}
type Order {{
  id: Int!
  description: String
  status: String
  placedAt: String
  currency: String
  total: Float
  customerId: Int!
  lines: [Line]
  customer: Customer @http(url: "http://{customers}/customers/{{{{.value.customerId}}}}", dedupe: false)
}}
type Line {{ description: String quantity: Int price: Float }}
type Customer {{ id: Int! name: String email: String phone: String }}
"#
    )
}
