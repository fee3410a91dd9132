//! The command line that both services have, and that of the proxy.

mod proxy;

use std::{
    error::Error,
    io::{self, ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use actix_web::{http::header::HeaderValue, rt::System};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::{Options, Running, customers::NO_BATCH};
pub use proxy::fault_proxy;

/// What tells one binary from the other.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// The binary's name.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// Where it listens unless told otherwise.
    pub listen: &'static str,
    /// Where it listens for gRPC unless told otherwise.
    pub grpc_listen: &'static str,
    /// Starts it.
    pub start: fn(&Options) -> io::Result<Running>,
}

#[derive(Debug, Parser)]
#[command(version, after_help = FAULTS)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

const FAULTS: &str = r#"Faults, one of them for each entry of {"faults":[...]} in PUT /faults:
  {"latency":{"fixedMs":100}}           waits; or "uniformMs":[50,100], "normalMs":{"mean":50,"stddev":9},
                                        "paretoMs":{"min":50,"shape":2}
  {"status":{"code":503}}               429 or 500 to 599; "retryAfterSeconds" may stand beside "code"
  {"hang":true}                         takes the request and never answers
  {"body":"malformed"}                  or "wrongShape", "wrongId", "empty", "html"
These hit gRPC calls as well, where "status" is a page of a proxy with that status of HTTP. Of calls alone:
  {"grpcStatus":{"code":"UNAVAILABLE"}} any code but OK; "message" and "retryPushbackMs" (-1: no retry) may stand beside it
  {"grpcAnswer":"noTrailers"}           or "lateTrailers" (never), "noMessage", "twoMessages", "cutMessage", "compressed",
                                        "large" (5 MiB more)
  {"rstStream":"REFUSED_STREAM"}        or any other error code of HTTP/2
  {"goAway":"lost"}                     the connection ends unanswered; "refused": the call with REFUSED_STREAM;
                                        "answered": after the answer
Beside it may stand "route" (as in "/orders/{id}" or "GetOrder"), "share" (above 0, up to 1), "times" (from 1), and
"after":true: what was asked for is done first, so that an order is written and its answer late or lost.
Without it nothing is written, also when the client goes while a latency has it wait. "body" and "grpcAnswer" always come after:
  {"faults":[{"status":{"code":503},"after":true,"route":"/orders","times":1}]}"#;

#[derive(Debug, Args)]
struct Settings {
    /// Address and port to listen on
    #[arg(long, global = true, required = false, value_name = "ADDR")]
    listen: SocketAddr,
    /// Address and port to listen on for gRPC
    #[arg(long, required = false, value_name = "ADDR")]
    grpc_listen: SocketAddr,
    /// The same seed makes the same records
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Number of made-up orders; ids run from 1, and those of placed orders follow
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = count())]
    orders: u64,
    /// Number of customers; ids run from 1, and 56 is there in any case
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = count())]
    customers: u64,
    /// Threads that answer requests
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=512))]
    workers: u16,
    /// Make GET, PUT and DELETE /faults reachable; see below
    #[arg(long)]
    faults: bool,
    /// Cache-Control of all records in place of the service's own
    #[arg(long, value_name = "VALUE", value_parser = header_value)]
    cache_control: Option<String>,
    /// Send records without an entity tag
    #[arg(long)]
    no_etag: bool,
    /// Answer GET /customers?ids= with this status: 404 (also if none is given), 405 or 501
    #[arg(long, value_name = "STATUS", num_args = 0..=1, default_missing_value = "404", value_parser = no_batch)]
    no_batch: Option<u16>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask the service that listens there for its health; exit with 0 if it is well, else with 1
    Health,
}

fn count() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(..1 << 53)
}

fn header_value(text: &str) -> Result<String, String> {
    match HeaderValue::from_str(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("a header has visible ASCII characters and spaces only".to_owned()),
    }
}

fn no_batch(text: &str) -> Result<u16, String> {
    (text.parse().ok())
        .filter(|code| NO_BATCH.contains(code))
        .ok_or_else(|| "it must be 404, 405 or 501".to_owned())
}

/// Runs the command line of a service to its end.
#[must_use]
pub fn main(service: Service) -> ExitCode {
    let command = Cli::command()
        .name(service.name)
        .about(service.about)
        .mut_arg("listen", |listen| listen.default_value(service.listen))
        .mut_arg("grpc_listen", |listen| {
            listen.default_value(service.grpc_listen)
        });
    let cli = match Cli::from_arg_matches(&command.get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let done = match cli.command {
        None => System::new().block_on(serve(service, &cli.settings)),
        Some(Command::Health) => health(cli.settings.listen),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", service.name);
            ExitCode::FAILURE
        }
    }
}

async fn serve(service: Service, settings: &Settings) -> Result<(), Box<dyn Error>> {
    let stop = stop_signal()?;
    let options = Options {
        listen: settings.listen,
        grpc: Some(settings.grpc_listen),
        seed: settings.seed,
        orders: settings.orders,
        customers: settings.customers,
        workers: settings.workers.into(),
        faults: settings.faults,
        cache_control: settings.cache_control.clone(),
        grpc_cache_control: None,
        etag: !settings.no_etag,
        store: None,
        no_batch: settings.no_batch,
    };
    let running = (service.start)(&options).map_err(|error| {
        // That one says which address it is about.
        let (addr, option) = if error.to_string().contains("for gRPC") {
            (settings.grpc_listen, "--grpc-listen")
        } else {
            (settings.listen, "--listen")
        };
        match error.kind() {
            ErrorKind::AddrInUse => {
                format!("{addr} is in use; choose another address with {option}")
            }
            _ => format!("cannot listen on {addr} ({option}): {error}"),
        }
    })?;
    let (name, url, grpc) = (service.name, running.url(), running.grpc_url());
    let listens = format!("{name} listens on {url}\n{name} listens for gRPC on {grpc}\n");
    // In one piece: who starts it may read the first line alone.
    io::stdout().write_all(listens.as_bytes())?;
    stop.await;
    running.stop(true).await;
    Ok(())
}

/// Ends with the first SIGTERM or SIGINT that comes from now on.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn health(listen: SocketAddr) -> Result<(), Box<dyn Error>> {
    const PATIENCE: Duration = Duration::from_secs(2);
    const WELL: &[u8] = b"HTTP/1.1 200";
    let addr = reachable(listen);
    let ask = || -> io::Result<[u8; WELL.len()]> {
        let mut connection = TcpStream::connect_timeout(&addr, PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        write!(
            connection,
            "GET /healthz HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n"
        )?;
        let mut start = [0; WELL.len()];
        connection.read_exact(&mut start)?;
        Ok(start)
    };
    match ask() {
        Ok(start) if start == WELL => Ok(()),
        Ok(start) => Err(format!("{addr} answers {:?}", String::from_utf8_lossy(&start)).into()),
        Err(error) => Err(format!("{addr} does not answer: {error}").into()),
    }
}

/// A service told to listen everywhere is asked over the loopback.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        addr.set_ip(match addr.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    addr
}
