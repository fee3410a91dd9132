//! What bff-web costs over a bare hand-written handler that makes the same two calls.

pub(crate) mod check;
pub(crate) mod load;
mod measure;
pub(crate) mod report;
pub(crate) mod turns;

use clap::ValueEnum;

pub(crate) use self::measure::run;

/// Measure bff-web against a bare hand-written actix-web + awc handler that makes the same two calls
///
/// Builds all programs with the release profile, starts them on free ports of the loopback, checks their answers,
/// loads them in turns with oha, and writes the figures to standard output as Markdown. Progress goes to standard
/// error. A run with the defaults takes about eight minutes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds for each server and kind of load
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Length of a round; CPU time is known to 10 ms, so a short round is an inexact one
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Connections of the load generator
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Worker threads of each server under test
    ///
    /// One by default: on a machine of two cores the load generator and the two services need the other.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    workers: u32,
    /// Requests a second of the latency rounds [default: 40 % of what the slowest server answered]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Leave out the other kind of load
    #[arg(long, value_name = "KIND")]
    only: Option<Kind>,
}

/// A kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Each connection sends its next request as soon as it has the answer
    Throughput,
    /// Requests are sent at a fixed rate
    Latency,
}
