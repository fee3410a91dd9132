//! Figure 6: whatever the fault, every answer comes within the deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Context;
use super::episode::RATE;
use super::load::Load;
use super::one_of_two::LATENCY_MS;
use super::stack::Stack;
use super::table::Figure;
use crate::Result;
use crate::service::Behaviour;

/// bff-web's own default is 2 s.
const MOST_MS: f64 = 2050.0;

pub(super) async fn run(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(6, "whatever the fault");
    // A body that is always on its way is the one that a time-out for silence would never end.
    fault(context, "all hang", |told| told.hang = true).await?;
    fault(context, "all drip, a byte each 50 ms", |told| {
        told.drip_ms = 50;
    })
    .await?;
    let worst = context.worst.borrow();
    let longest = worst.iter().map(|(_, worst)| *worst).fold(0.0, f64::max);
    figure.row(
        format!("longest answer of {} runs with faults", worst.len()),
        "≤ deadline + 50 ms = 2050 ms",
        format!("{longest:.0} ms"),
        "–",
        longest <= MOST_MS,
    );
    for (name, worst) in worst.iter() {
        figure.detail(format!("{name}: {worst:.0} ms"));
    }
    Ok(figure)
}

async fn fault(context: &Context<'_>, name: &str, change: fn(&mut Behaviour)) -> Result<()> {
    let mut stack = Stack::start(context, &Behaviour::latency(LATENCY_MS)).await?;
    let load = Load::rates(stack.bff.addr, vec![(RATE, Duration::from_secs(13))]).start();
    sleep_until(load.begun + Duration::from_secs(3)).await;
    let from = Instant::now();
    stack.services.set_all(change).await?;
    let records = load.finish().await?;
    let healthy = records.filter(|record| record.end < from);
    if !healthy.are_all_complete() {
        return Err(format!("not healthy to begin with: {}", healthy.line()).into());
    }
    context.note_worst(name, records.filter(|record| record.end >= from).worst());
    Ok(())
}
