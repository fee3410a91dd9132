//! The whole stack against simulated services, in virtual time: what a change of a number does, in seconds.
//!
//! It is the real [`Client`](super::Client) over a simulated network, on tokio's paused clock. A run draws everything
//! from one seed, so that it can be repeated; each figure is taken over many. With a thousand of them:
//!
//! ```text
//! cargo test --release -p bff-shared --lib simulation -- --ignored --nocapture
//! ```
//!
//! Time passes in whole milliseconds, as tokio's timers do, and the BFF itself takes none of it.

mod faults;
mod innocent;
mod instance;
mod load;
mod overload;
mod table;

use self::table::{Scenario, run, tabulate};

fn all() -> Vec<Scenario> {
    [&faults::ALL[..], &overload::ALL, &innocent::ALL].concat()
}

fn check(scenarios: &[Scenario], seeds: u64) {
    println!(
        "{:<54} {:>9} {:>9}",
        "over the seeds: bound", "median", "worst"
    );
    let mut missed = Vec::new();
    for scenario in scenarios {
        let (table, lines) = tabulate(*scenario, seeds);
        print!("{table}");
        missed.extend(lines);
    }
    assert!(missed.is_empty(), "missed:\n{}", missed.join("\n"));
}

#[test]
#[ignore = "takes minutes"]
fn every_figure_with_a_thousand_seeds() {
    check(&all(), 1000);
}

#[test]
fn figures_of_faults() {
    check(&faults::ALL, 2);
}

#[test]
fn figures_of_overload() {
    check(&overload::ALL, 2);
}

#[test]
fn what_is_no_overload() {
    check(&innocent::ALL, 2);
}

#[test]
fn the_same_seed_measures_the_same() {
    for scenario in [faults::ALL[0], overload::ALL[0]] {
        assert_eq!(run(scenario, 7), run(scenario, 7));
    }
}
