//! Measures bff-web: what it costs over a bare handler, and what it keeps up when services fail.

mod figures;
mod graphql;
mod lists;
mod overhead;
mod process;
mod programs;
mod protocols;
mod routed;
mod service;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Whatever ends the run early, in words for whoever started it.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Measure bff-web: what it costs, and what it keeps up when services fail
///
/// Without a command: overhead, with the options below.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    overhead: overhead::Options,
}

// Each says in its options what it is.
#[derive(Debug, Subcommand)]
enum Command {
    Overhead(overhead::Options),
    Figures(figures::Options),
    Lists(lists::Options),
    Protocols(protocols::Options),
    Graphql(graphql::Options),
    Routed(routed::Options),
    #[command(name = "__service", hide = true)]
    Service(service::Options),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let command = arguments
        .command
        .unwrap_or(Command::Overhead(arguments.overhead));
    // Whichever way this ends, what was started is killed when its handle is dropped.
    let done = tokio::select! {
        done = run(&command) => done,
        stopped = stopped() => stopped,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &Command) -> Result<()> {
    match command {
        Command::Overhead(options) => overhead::run(options).await,
        Command::Figures(options) => figures::run(options).await,
        Command::Lists(options) => lists::run(options).await,
        Command::Protocols(options) => protocols::run(options).await,
        Command::Graphql(options) => graphql::run(options).await,
        Command::Routed(options) => routed::run(options).await,
        Command::Service(options) => service::run(options).await,
    }
}

async fn stopped() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Err("stopped before the end".into())
}
