//! The command line of the fault proxy.

use std::{error::Error, net::SocketAddr, process::ExitCode};

use actix_web::rt::System;
use clap::Parser;

use super::stop_signal;
use crate::proxy::{Options, Way, start};

/// Stands in front of a service and does to its clients what no well-built server does
#[derive(Debug, Parser)]
#[command(name = "fault-proxy", version, after_help = FAULTS)]
struct Cli {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Where GET, PUT and DELETE /faults are answered [default: nowhere]
    #[arg(long, value_name = "ADDR")]
    control: Option<SocketAddr>,
    /// Address and port of the service
    #[arg(long, value_name = "ADDR")]
    upstream: SocketAddr,
    /// Another address and port to listen on, with the same faults, as for the service's gRPC
    #[arg(long, value_name = "ADDR", requires = "second_upstream")]
    second_listen: Option<SocketAddr>,
    /// Address and port of the service behind that one
    #[arg(long, value_name = "ADDR", requires = "second_listen")]
    second_upstream: Option<SocketAddr>,
}

const FAULTS: &str = r#"Faults, one of them for each entry of {"faults":[...]} in PUT /faults:
  {"refuse":true}                       nobody listens; open connections are reset
  {"flap":{"upMs":900,"downMs":100}}    listens and refuses in turns
  {"blackHole":"answers"}               no bytes reach the client; or "requests": the service
  {"hang":true}                         takes the request and never answers
  {"reset":"midHead"}                   or "afterRequest", "beforeHead", "afterHead", "midBody"
  {"cut":"sized"}                       ends in the middle of the body; or "inChunk", "beforeLastChunk"
  {"drip":{"intervalMs":5}}             a byte of the answer at a time
  {"earlyHints":true}                   103 before the answer
  {"garbage":true}                      no HTTP
  {"announce":{"extraBytes":100}}       Content-Length exceeds the body, the connection stays open
  {"latency":{"fixedMs":100}}           or "uniformMs", "normalMs", "paretoMs", as with the services
HTTP/2 is hit by refuse, flap, blackHole, hang, reset, garbage and latency, the connection with all its streams.
Beside it may stand "share" (above 0, up to 1) and "times" (from 1), except with refuse:
  {"faults":[{"reset":"midHead","share":0.1,"times":3}]}"#;

/// Runs the command line of the fault proxy to its end.
#[must_use]
pub fn fault_proxy() -> ExitCode {
    match System::new().block_on(serve(&Cli::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fault-proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(cli: &Cli) -> Result<(), Box<dyn Error>> {
    let stop = stop_signal()?;
    let proxy = start(&Options {
        listen: cli.listen,
        control: cli.control,
        upstream: cli.upstream,
        second: (cli.second_listen.zip(cli.second_upstream))
            .map(|(listen, upstream)| Way { listen, upstream }),
    })
    .map_err(|error| {
        format!("{error}; --listen, --second-listen and --control choose other addresses")
    })?;
    println!("fault-proxy listens on {}", proxy.url());
    if let Some(control) = proxy.control() {
        println!("fault-proxy takes faults at http://{control}/faults");
    }
    stop.await;
    proxy.stop().await;
    Ok(())
}
