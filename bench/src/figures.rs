//! The figures of resilience: bff-web before instances of services that die, hang, fail, lag and drown.

mod all_failing;
mod cost;
mod deadline;
mod drain;
mod episode;
mod gone;
mod herd;
mod load;
mod mixed;
mod one_of_two;
mod overload;
mod soak;
mod stack;
mod stale;
mod table;

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

use self::table::Figure;
use crate::Result;
use crate::programs::{Programs, Wanted};

const WANTED: [Wanted; 2] = [("bff-web", &["bff-web"]), ("bench", &["static"])];

/// Measure what bff-web keeps up when services fail: figures 1 to 14
///
/// Builds what it needs with the release profile, starts it on free ports of the loopback and writes one table, and
/// what is behind it, to standard output as Markdown. Progress goes to standard error. A target that is missed is
/// reported as missed; a figure that could not be measured ends the command with an error after the others. All of them
/// take about a quarter of an hour, of which 14 has three minutes; 13 needs oha.
#[derive(Debug, clap::Args)]
#[command(after_help = FIGURES)]
pub(crate) struct Options {
    /// Which figures; all if none is named
    #[arg(value_name = "FIGURE", value_parser = clap::value_parser!(u8).range(1..=14))]
    figures: Vec<u8>,
    /// Length of the healthy load before each fault of 1 to 4, which latencies are compared with
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    healthy_seconds: u64,
    /// Length of the faults of 1 to 4
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(4..))]
    fault_seconds: u64,
    /// Length of each overload of 8
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..))]
    overload_seconds: u64,
    /// Requests of 11
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    mixed_requests: u64,
    /// Rounds of 13 for each server
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Length of a round of 13
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    round_seconds: u32,
    /// Length of 14, 3 or more
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(3..))]
    soak_minutes: u64,
    /// Profile of the programs under test; figures of any but the default are worth nothing
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
    /// A file that bff-web's log is appended to, for looking into a figure [default: none]
    #[arg(long, value_name = "FILE")]
    bff_log: Option<PathBuf>,
}

const FIGURES: &str = "\
Figures:
   1  one of two order instances killed, then started again
   2  one of two order instances black-holed
   3  one of two order instances answers 500 always, or one time in ten
   4  one of two order instances 50 times slower
   5  everything failing: refusing, answering 500, hanging
   6  the longest answer of all faults measured in the same run, and of two of its own
   7  a thousand callers at once for a cold key
   8  overload: 2, 5 and 10 times what the services can do
   9  services down, the answer stale in the cache
  10  the client is gone: when the services see it
  11  cut bodies and 103s among the requests of 1,000 users
  12  SIGTERM under load with a second bff-web taking over
  13  CPU time with a warm cache, and what hedging adds (cache off: the command overhead)
  14  mixed load and faults: memory and descriptors";

/// What all figures of a run share.
struct Context<'a> {
    options: &'a Options,
    programs: Programs,
    /// The longest answer under each fault, in milliseconds.
    worst: RefCell<Vec<(String, f64)>>,
}

impl Context<'_> {
    fn healthy(&self) -> Duration {
        Duration::from_secs(self.options.healthy_seconds)
    }

    fn fault(&self) -> Duration {
        Duration::from_secs(self.options.fault_seconds)
    }

    /// Longer than any figure takes.
    fn patience(&self) -> Duration {
        Duration::from_secs(60 * (20 + self.options.soak_minutes))
    }

    fn note_worst(&self, fault: &str, milliseconds: f64) {
        self.worst
            .borrow_mut()
            .push((fault.to_owned(), milliseconds));
    }

    async fn measure(&self, number: u8) -> Result<Figure> {
        match number {
            1 => one_of_two::killed(self).await,
            2 => one_of_two::black_holed(self).await,
            3 => one_of_two::failing(self).await,
            4 => one_of_two::slow(self).await,
            5 => all_failing::run(self).await,
            6 => deadline::run(self).await,
            7 => herd::run(self).await,
            8 => overload::run(self).await,
            9 => stale::run(self).await,
            10 => gone::run(self).await,
            11 => mixed::run(self).await,
            12 => drain::run(self).await,
            13 => cost::run(self).await,
            _ => soak::run(self).await,
        }
    }
}

/// Measures and reports.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let mut numbers = options.figures.clone();
    if numbers.is_empty() {
        numbers = (1..=14).collect();
    }
    // The sixth is of all others that have faults.
    numbers.sort_unstable_by_key(|number| (*number == 6, *number));
    numbers.dedup();
    let context = Context {
        options,
        programs: Programs::build(&options.profile, &WANTED).await?,
        worst: RefCell::default(),
    };
    let conditions = conditions(&options.profile)?;
    let (mut figures, mut failed) = (Vec::new(), Vec::new());
    for number in numbers {
        eprintln!("figure {number}");
        let measured = timeout(context.patience(), context.measure(number)).await;
        match measured.unwrap_or_else(|_| Err("it does not come to an end".into())) {
            Ok(figure) => figures.push(figure),
            Err(error) => {
                eprintln!("figure {number} could not be measured: {error}");
                failed.push(format!("figure {number} could not be measured: {error}"));
            }
        }
    }
    figures.sort_by_key(|figure| figure.number);
    println!("{conditions}\n");
    println!("{}", table::table(&figures));
    print!("{}", table::details(&figures));
    if failed.is_empty() {
        return Ok(());
    }
    Err(failed.join("; ").into())
}

fn conditions(profile: &str) -> Result<String> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let profile = match profile {
        "release" => String::new(),
        other => format!("; **profile {other}: these figures are worth nothing**"),
    };
    Ok(format!(
        "{}; {} cores, Linux {}; load average at the start {}{profile}.",
        jiff::Timestamp::now().strftime("%Y-%m-%d"),
        std::thread::available_parallelism()?,
        // What follows the number is the distribution's own.
        kernel.trim().split('-').next().unwrap_or_default(),
        load.split(' ').next().unwrap_or_default(),
    ))
}
