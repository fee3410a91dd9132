//! The command line that every BFF has.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use utoipa::openapi::OpenApi;

use super::{BindError, Config, Server, Stop, openapi, stop_signal};
use crate::config::{Section, Settings, describe, example};
use crate::upstream;

/// The exit code for settings that cannot be used, as for a wrong command line.
const WRONG_SETTINGS: u8 = 2;

/// A BFF as its command line sees it. `C` is all of its settings.
#[derive(Debug)]
pub struct Program<C> {
    /// The binary's name.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Reads its settings.
    pub read: fn(&mut Section<'_>) -> C,
    /// Among its settings, those of the server.
    pub server: fn(&C) -> &Config,
    /// Its `OpenAPI` document.
    pub document: fn() -> OpenApi,
    /// Further documents that it prints.
    pub prints: &'static [Print],
    /// Takes its ports.
    pub bind: fn(C) -> Result<Server, BindError>,
}

/// A document that a BFF prints by a command of its own.
#[derive(Debug)]
pub struct Print {
    /// The command.
    pub command: &'static str,
    /// What it prints, in a few words.
    pub about: &'static str,
    /// Makes it.
    pub text: fn() -> String,
}

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        help = "A TOML file with settings; the environment (BFF__LISTEN, ...) goes over it"
    )]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C (the default)
    Serve,
    /// Read the settings, report every fault in them, and do nothing else
    CheckConfig,
    /// Print a settings file with every key, its meaning and its default
    ExampleConfig,
    #[command(about = "Print the OpenAPI document")]
    Openapi,
    /// Ask the running server, on its admin listener, whether it is ready
    Health,
}

impl<C> Program<C> {
    /// Does what the process's arguments say. Exit codes: 0 done, 1 failed, 2 wrong settings or arguments.
    pub async fn run(&self) -> ExitCode {
        let command = Arguments::command()
            .name(self.name)
            .about(self.about)
            .version(env!("CARGO_PKG_VERSION"))
            .subcommands(
                self.prints
                    .iter()
                    .map(|print| clap::Command::new(print.command).about(print.about)),
            );
        let matches = command.get_matches();
        let name = matches.subcommand_name();
        if let Some(asked) = self.prints.iter().find(|print| name == Some(print.command)) {
            return print(&(asked.text)());
        }
        let arguments = match Arguments::from_arg_matches(&matches) {
            Ok(arguments) => arguments,
            Err(error) => error.exit(),
        };
        match arguments.command.unwrap_or(Command::Serve) {
            Command::Openapi => return print(&openapi::text(&(self.document)())),
            Command::ExampleConfig => return print(&self.example()),
            Command::Serve | Command::CheckConfig | Command::Health => {}
        }
        let config = match Settings::load(arguments.config.as_deref()).read(self.read) {
            Ok(config) => config,
            Err(faults) => return fail(WRONG_SETTINGS, &faults.to_string()),
        };
        match arguments.command {
            Some(Command::CheckConfig) => print("The settings are fine.\n"),
            Some(Command::Health) => health((self.server)(&config).admin_listen).await,
            _ => self.serve(config).await,
        }
    }

    /// The settings file with every key and its default, as it is committed.
    #[must_use]
    pub fn example(&self) -> String {
        example(
            &format!("Settings of {}: every key with its default.", self.name),
            &describe(self.read),
        )
    }

    async fn serve(&self, config: C) -> ExitCode {
        let _log = (self.server)(&config).log.start();
        let server = match (self.bind)(config) {
            Ok(server) => server,
            Err(error) => return fail(1, &error.to_string()),
        };
        // First, since whoever reads the next line may send one at once.
        let signal = stop_signal();
        log::info!(
            "{} serves on http://{}, for operators on http://{}",
            self.name,
            server.addr(),
            server.admin_addr()
        );
        let stop = async {
            signal.await.unwrap_or_else(|error| {
                log::error!("signals cannot be received: {error}");
                Stop::Now
            })
        };
        match server.run(stop).await {
            Ok(()) => {
                log::info!("stopped");
                ExitCode::SUCCESS
            }
            Err(error) => fail(1, &format!("the server ended by itself: {error}")),
        }
    }
}

/// Asks `/readyz` on the admin listener of the server that runs with the same settings.
async fn health(admin: SocketAddr) -> ExitCode {
    let ip = match admin.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let url = format!("http://{}", SocketAddr::new(ip, admin.port()));
    let endpoint = match upstream::EndpointAddress::parse(&url) {
        Ok(endpoint) => endpoint,
        Err(why) => return fail(1, &format!("{url} {why}")),
    };
    let cluster = upstream::Cluster::new(
        "admin listener",
        upstream::Config::new(vec![upstream::Target::Address(endpoint)]),
    );
    let deadline = upstream::Deadline::after(upstream::Instant::now(), Duration::from_secs(2));
    let request = upstream::Request::get("/readyz");
    match upstream::Client::new(cluster)
        .call(&upstream::Context::new(deadline), request, |_| Ok(()))
        .await
    {
        Ok(_) => print("ready\n"),
        Err(error) => fail(1, &format!("not ready: {}", error.detail())),
    }
}

fn print(text: &str) -> ExitCode {
    // A reader that has seen enough, such as `head`, is no failure.
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(1, &error.to_string()),
        _ => ExitCode::SUCCESS,
    }
}

fn fail(code: u8, why: &str) -> ExitCode {
    eprintln!("{}", why.trim_end());
    ExitCode::from(code)
}
