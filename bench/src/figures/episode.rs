//! A load over a stack that is healthy first, then has a fault, then has it no more.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Context;
use super::load::Load;
use super::load::records::{Part, Records};
use super::stack::Stack;
use crate::Result;

/// Requests a second where nothing else is said.
pub(super) const RATE: u32 = 200;

/// Counts for nothing: connections are opened, averages are learnt.
const WARM_UP: Duration = Duration::from_secs(3);

/// How long the load goes on after the fault.
const AFTER: Duration = Duration::from_secs(8);

/// What came of it.
pub(super) struct Episode {
    pub(super) records: Records,
    /// When it was healthy.
    healthy: (Instant, Instant),
    /// When the fault began, and when it ended.
    pub(super) fault: (Instant, Instant),
}

impl Episode {
    /// Runs one. `begin` and `end` make the fault and take it away. A stack that is not healthy to begin with is an
    /// error.
    pub(super) async fn run(
        context: &Context<'_>,
        name: &str,
        stack: &mut Stack,
        begin: impl AsyncFnOnce(&mut Stack) -> Result<()>,
        end: impl AsyncFnOnce(&mut Stack) -> Result<()>,
    ) -> Result<Self> {
        let (healthy, fault) = (context.healthy(), context.fault());
        // Whatever the signals take is time that the load goes on.
        let length = WARM_UP + healthy + fault + AFTER + Duration::from_secs(2);
        let load = Load::rates(stack.bff.addr, vec![(RATE, length)]).start();
        let healthy_from = load.begun + WARM_UP;
        let healthy_until = healthy_from + healthy;
        sleep_until(healthy_until).await;
        let fault_from = Instant::now();
        begin(stack).await?;
        sleep_until(fault_from + fault).await;
        let fault_until = Instant::now();
        end(stack).await?;
        sleep(AFTER).await;
        load.stop();
        let records = load.finish().await?;
        let episode = Self {
            records,
            healthy: (healthy_from, healthy_until),
            fault: (fault_from, fault_until),
        };
        let healthy = episode.healthy();
        if !healthy.are_all_complete() {
            return Err(format!("not healthy to begin with: {}", healthy.line()).into());
        }
        context.note_worst(name, episode.since_fault().worst());
        Ok(episode)
    }

    /// Answered before the fault.
    pub(super) fn healthy(&self) -> Part<'_> {
        self.records
            .due(self.healthy.0, self.healthy.1)
            .filter(|record| record.end < self.fault.0)
    }

    /// On their way when the fault began, or sent while it lasted.
    pub(super) fn faulty(&self) -> Part<'_> {
        self.since_fault()
            .filter(|record| record.due < self.fault.1)
    }

    /// All that the fault could have hurt, to the end of the load.
    pub(super) fn since_fault(&self) -> Part<'_> {
        self.records.filter(|record| record.end >= self.fault.0)
    }
}
