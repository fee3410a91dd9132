//! Servers loaded in turns, so that whatever slows the machine down for a while slows all of them.

use std::fs::File;

use super::load::Load;
use super::report::{Round, Rounds};
use crate::Result;
use crate::process::Server;

/// Load before each round that counts for nothing: connections are open then, and caches warm.
const WARM_UP_SECONDS: u32 = 1;

/// What is loaded, and with what.
pub(crate) struct Turns<'a> {
    pub(crate) names: &'a [&'a str],
    /// In the same sequence.
    pub(crate) servers: Vec<&'a Server>,
    /// Emptied after each round: the log of the next one shall not find a fuller disk.
    pub(crate) log: Option<&'a File>,
}

impl Turns<'_> {
    /// So many rounds of each server, all with the same load.
    pub(crate) async fn rounds(&self, title: &str, rounds: u32, load: &Load) -> Result<Rounds> {
        self.rounds_of(title, rounds, &vec![load; self.servers.len()])
            .await
    }

    /// So many rounds of each server, each with the load of its own.
    pub(crate) async fn rounds_of(
        &self,
        title: &str,
        rounds: u32,
        loads: &[&Load],
    ) -> Result<Rounds> {
        let mut all = vec![Vec::new(); self.servers.len()];
        for number in 0..rounds {
            eprintln!("{title}, round {} of {rounds}", number + 1);
            let turn = self.turn_of(loads, number).await?;
            for (all, round) in all.iter_mut().zip(turn) {
                all.push(round);
            }
        }
        Ok(all)
    }

    /// One round of each server; in every other turn the last goes first.
    pub(crate) async fn turn(&self, load: &Load, number: u32) -> Result<Vec<Round>> {
        self.turn_of(&vec![load; self.servers.len()], number).await
    }

    async fn turn_of(&self, loads: &[&Load], number: u32) -> Result<Vec<Round>> {
        let mut sequence: Vec<_> = (0..self.servers.len()).collect();
        if number % 2 == 1 {
            sequence.reverse();
        }
        let mut turn = vec![Round::default(); self.servers.len()];
        for index in sequence {
            let round = self.round(self.servers[index], loads[index]).await?;
            eprintln!("  {:24} {round}", self.names[index]);
            turn[index] = round;
        }
        Ok(turn)
    }

    async fn round(&self, server: &Server, load: &Load) -> Result<Round> {
        let warm_up = Load {
            seconds: WARM_UP_SECONDS,
            ..load.clone()
        };
        warm_up.run(server.addr).await?;
        let before = server.cpu_seconds()?;
        let seen = load.run(server.addr).await?;
        let cpu = server.cpu_seconds()? - before;
        if let Some(log) = self.log {
            log.set_len(0)?;
        }
        Ok(Round {
            cpu_micros: cpu * 1e6 / seen.requests,
            per_second: seen.per_second,
            p50_millis: seen.p50 * 1e3,
            p99_millis: seen.p99 * 1e3,
        })
    }
}
