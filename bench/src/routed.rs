//! A request that is passed on: bff-web's router against nginx doing the same.

mod memory;

use std::net::SocketAddr;
use std::process::Stdio;

use tokio::process::Command;

use crate::Result;
use crate::overhead::check::get;
use crate::overhead::load::{self, Load};
use crate::overhead::report;
use crate::overhead::turns::Turns;
use crate::process::{Server, free_addresses};
use crate::programs::{Programs, Wanted};

/// Measure a routed request in bff-web against nginx doing the same: /services/orders/7 passed on as /orders/7; and how
/// much memory bff-web takes to pass on a gibibyte
///
/// nginx has to be installed (Debian: nginx-light). Both have one worker, connections that are kept on both sides, a log
/// line for each request that goes to /dev/null, and the same fields added. Progress goes to standard error.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds for each server
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Length of a round
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

const WANTED: [Wanted; 2] = [
    ("mock-services", &["order-service"]),
    ("bff-web", &["bff-web"]),
];

pub(crate) async fn run(options: &Options) -> Result<()> {
    load::version().await?;
    let programs = Programs::build("release", &WANTED).await?;
    let blobs = memory::service()?;
    let [orders, web, admin, proxy] = free_addresses()?;
    let mut command = programs.command("order-service")?;
    command.args(["--listen", &orders.to_string()]);
    // Nobody asks over gRPC, and the port might be taken.
    command.args(["--grpc-listen", "127.0.0.1:0"]);
    let _service = Server::start("order-service", orders, command, Stdio::inherit()).await?;
    let mut command = programs.command("bff-web")?;
    command
        .env("BFF__LISTEN", web.to_string())
        .env("BFF__ADMIN_LISTEN", admin.to_string())
        .env("BFF__WORKERS", "1")
        .env(
            "BFF__UPSTREAMS__ORDERS__ENDPOINTS",
            format!("http://{orders}"),
        )
        .env("BFF__ROUTES__ORDERS__PREFIX", "/services/orders/")
        .env("BFF__ROUTES__ORDERS__UPSTREAM", "orders")
        .env("BFF__ROUTES__ORDERS__TARGET_PREFIX", "/orders/")
        .env(
            "BFF__UPSTREAMS__CUSTOMERS__ENDPOINTS",
            format!("http://{blobs}"),
        )
        .env("BFF__ROUTES__BLOBS__PREFIX", "/services/blobs/")
        .env("BFF__ROUTES__BLOBS__UPSTREAM", "customers")
        .env("BFF__ROUTES__BLOBS__METHODS", "GET,PUT")
        .env("BFF__ROUTES__BLOBS__MAX_REQUEST_BYTES", "2000000000")
        .env("BFF__ROUTES__BLOBS__TIMEOUT", "60s");
    let web = Server::start("bff-web", web, command, Stdio::null()).await?;
    let folder = tempfile::tempdir()?;
    let settings = folder.path().join("nginx.conf");
    std::fs::write(&settings, nginx(proxy, orders))?;
    let mut command = Command::new("nginx");
    command
        .arg("-p")
        .arg(folder.path())
        .arg("-c")
        .arg(&settings)
        .args(["-e", "/dev/null"]);
    let nginx = Server::start("nginx", proxy, command, Stdio::inherit()).await?;
    let paths: Vec<_> = (1..=100)
        .map(|id| format!("/services/orders/{id}"))
        .collect();
    for path in &paths {
        let [ours, theirs] = [get(web.addr, path)?, get(nginx.addr, path)?];
        if ours != theirs || ours["id"].is_null() {
            return Err(format!("not the same at {path}: {ours} and {theirs}").into());
        }
    }

    let names = ["bff-web, routed", "nginx"];
    let turns = Turns {
        names: &names,
        servers: vec![&web, &nginx],
        log: None,
    };
    let load = Load {
        connections: 32,
        seconds: options.seconds,
        rate: None,
        paths,
    };
    let rounds = turns.rounds("Routed", options.rounds, &load).await?;
    print!(
        "{}",
        report::section("A routed request", &names, &rounds, &[(0, 1)])
    );
    print!("\n{}", memory::measure(&web, "/services/blobs/")?);
    Ok(())
}

/// One process, so that its time is all of nginx's.
fn nginx(listen: SocketAddr, orders: SocketAddr) -> String {
    format!(
        r#"daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log /dev/null;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000000;
  upstream orders {{ server {orders}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen {listen};
    location /services/orders/ {{
      limit_except GET {{ deny all; }}
      proxy_pass http://orders/orders/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host {orders};
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto http;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header Forwarded "for=$remote_addr;host=\"$http_host\";proto=http";
      proxy_set_header Via "1.1 nginx";
      add_header Via "1.1 nginx";
      add_header X-Request-Id $request_id;
      add_header X-Content-Type-Options nosniff;
    }}
  }}
}}
"#
    )
}
