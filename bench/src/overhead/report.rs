//! Figures as Markdown.

use std::fmt::{self, Write as _};
use std::fs;
use std::process::Command;

use jiff::Timestamp;

use super::Options;
use crate::Result;

/// The figures of one round of one server.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Round {
    /// CPU time of the server for each request, in microseconds.
    pub(crate) cpu_micros: f64,
    /// Answers a second.
    pub(crate) per_second: f64,
    /// The median latency in milliseconds.
    pub(crate) p50_millis: f64,
    /// The 99th percentile of latency in milliseconds.
    pub(crate) p99_millis: f64,
}

/// The rounds of each server. Those with the same number were measured next to each other.
pub(crate) type Rounds = Vec<Vec<Round>>;

/// A column: its head, the number of decimals, and where it comes from.
type Figure = (&'static str, usize, fn(&Round) -> f64);

const FIGURES: [Figure; 4] = [
    ("CPU per request, µs", 1, |round| round.cpu_micros),
    ("requests/s", 0, |round| round.per_second),
    ("p50, ms", 2, |round| round.p50_millis),
    ("p99, ms", 2, |round| round.p99_millis),
];

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cpu_micros,
            per_second,
            p50_millis,
            p99_millis,
        } = self;
        write!(
            f,
            "{cpu_micros:.1} µs CPU, {per_second:.0} requests/s, p50 {p50_millis:.2} ms, p99 {p99_millis:.2} ms"
        )
    }
}

/// Where and how the run takes place.
pub(crate) fn conditions(options: &Options, oha: &str) -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let rustc = Command::new("rustc").arg("--version").output()?.stdout;
    let Options {
        rounds,
        seconds,
        connections,
        workers,
        ..
    } = options;
    Ok(format!(
        "{}; {cores} cores, Linux {}, {}, {oha}; load average at the start {}. \
         {rounds} rounds of {seconds} s each, {connections} connections, {workers} worker(s) a server.\n",
        Timestamp::now().strftime("%Y-%m-%d"),
        // What follows the number is the distribution's own.
        kernel.trim().split('-').next().unwrap_or_default(),
        String::from_utf8_lossy(&rustc).trim(),
        load.split(' ').next().unwrap_or_default(),
    ))
}

/// Figures of one kind of load for the servers with these names, and the ratios of those pairs of them.
pub(crate) fn section(
    title: &str,
    names: &[&str],
    rounds: &Rounds,
    ratios: &[(usize, usize)],
) -> String {
    let mut text = format!("### {title}\n\n{}", head("server"));
    for (name, rounds) in names.iter().zip(rounds) {
        let cells = FIGURES
            .map(|(_, decimals, figure)| cell(rounds.iter().map(figure).collect(), decimals));
        _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text += &format!("\n{}", head("ratio"));
    for (over, under) in ratios.iter().copied() {
        let cells = FIGURES.map(|(_, _, figure)| {
            let pairs = rounds[over].iter().zip(&rounds[under]);
            cell(
                pairs
                    .map(|(over, under)| figure(over) / figure(under))
                    .collect(),
                2,
            )
        });
        _ = writeln!(
            text,
            "| {} / {} | {} |",
            names[over],
            names[under],
            cells.join(" | ")
        );
    }
    text
}

fn head(first: &str) -> String {
    format!(
        "| {first} | {} |\n|---|{}\n",
        FIGURES.map(|(name, _, _)| name).join(" | "),
        "---|".repeat(FIGURES.len())
    )
}

/// The median, and in parentheses the smallest and the largest.
fn cell(mut values: Vec<f64>, decimals: usize) -> String {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[0], values[values.len() - 1]);
    format!(
        "{:.decimals$} ({low:.decimals$}–{high:.decimals$})",
        middle(&values)
    )
}

/// The median of one figure.
pub(crate) fn median(rounds: &[Round], figure: fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(figure).collect();
    values.sort_by(f64::total_cmp);
    middle(&values)
}

fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[half]
    } else {
        f64::midpoint(sorted[half - 1], sorted[half])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_median_and_range() {
        assert_eq!(cell(vec![3.0, 1.0, 2.04], 1), "2.0 (1.0–3.0)");
        assert_eq!(cell(vec![4.0, 1.0, 2.0, 3.0], 1), "2.5 (1.0–4.0)");
        assert_eq!(cell(vec![7.0], 0), "7 (7–7)");
    }

    #[test]
    fn ratios_are_those_of_rounds_measured_together() {
        let round = |cpu_micros| Round {
            cpu_micros,
            per_second: 1.0,
            p50_millis: 1.0,
            p99_millis: 1.0,
        };
        let rounds = vec![vec![round(2.0), round(40.0)], vec![round(1.0), round(20.0)]];
        let text = section("t", &["one", "other"], &rounds, &[(0, 1)]);
        assert!(
            text.contains("| one / other | 2.00 (2.00–2.00) |"),
            "{text}"
        );
    }
}
