//! Figure 5: everything fails, and bff-web does not make it worse.

use std::fs;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Context;
use super::episode::RATE;
use super::load::Load;
use super::one_of_two::LATENCY_MS;
use super::stack::Stack;
use super::table::Figure;
use crate::Result;
use crate::service::{Behaviour, Kind};

const HEALTHY: Duration = Duration::from_secs(5);
const FAILING: u64 = 10;

/// How everything fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    Failing,
    Hanging,
}

pub(super) async fn run(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(5, "everything failing");
    for (fault, name) in [
        (Fault::Killed, "refused"),
        (Fault::Failing, "500"),
        (Fault::Hanging, "hanging"),
    ] {
        one(context, &mut figure, fault, name).await?;
    }
    figure.detail(
        "attempts are requests that the four instances have seen; of those that are refused, the connects that the \
         kernel counts as failed on the whole machine (a background connect counts as well, and so does any by others)",
    );
    Ok(figure)
}

async fn one(context: &Context<'_>, figure: &mut Figure, fault: Fault, name: &str) -> Result<()> {
    let mut stack = Stack::start(context, &Behaviour::latency(LATENCY_MS)).await?;
    let length = HEALTHY + Duration::from_secs(FAILING + 2);
    let load = Load::rates(stack.bff.addr, vec![(RATE, length)]).start();
    let healthy_from = load.begun + Duration::from_secs(2);
    sleep_until(load.begun + HEALTHY).await;
    let failing_from = Instant::now();
    match fault {
        Fault::Killed => {
            for instance in stack.services.all() {
                instance.kill().await?;
            }
        }
        Fault::Failing => stack.services.set_all(|told| told.fail_one_in = 1).await?,
        Fault::Hanging => stack.services.set_all(|told| told.hang = true).await?,
    }
    // Attempts until the end of each second.
    let mut attempts = vec![seen(&stack, fault).await?];
    for second in 1..=FAILING {
        sleep_until(failing_from + Duration::from_secs(second)).await;
        attempts.push(seen(&stack, fault).await?);
    }
    load.stop();
    let failing_until = failing_from + Duration::from_secs(FAILING);
    let records = load.finish().await?;
    let healthy = records.filter(|record| record.due >= healthy_from && record.end < failing_from);
    if !healthy.are_all_complete() {
        return Err(format!("not healthy to begin with: {}", healthy.line()).into());
    }
    let by_second: Vec<u64> = attempts.windows(2).map(|two| two[1] - two[0]).collect();
    let most = by_second.iter().copied().max().unwrap_or_default();
    let allowed = 1.2 * f64::from(RATE) + 10.0;
    figure.row(
        format!("{name}, most attempts in a second of {RATE} requests"),
        "≤ 1.2 × requests + 10",
        most.to_string(),
        "–",
        most as f64 <= allowed,
    );
    let later = records.due(failing_from + Duration::from_secs(1), failing_until);
    let later_attempts: u64 = by_second[1..].iter().sum();
    let each = later_attempts as f64 / later.len() as f64;
    figure.row(
        format!("{name}, attempts a request after the first second"),
        "≤ 0.05",
        format!("{each:.3}"),
        "nginx 0.01, Envoy 1.6, HAProxy 3.0",
        each <= 0.05,
    );
    let p50 = later.percentile(50.0);
    figure.row(
        format!("{name}, p50 after the first second"),
        "≤ 2 ms",
        format!("{p50:.2} ms"),
        "–",
        p50 <= 2.0,
    );
    let failing = records.filter(|record| record.end >= failing_from);
    context.note_worst(&format!("everything {name}"), failing.worst());
    figure.detail(format!("{name}, attempts by second: {by_second:?}"));
    figure.detail(format!("{name}: {}", failing.line()));
    Ok(())
}

async fn seen(stack: &Stack, fault: Fault) -> Result<u64> {
    if fault == Fault::Killed {
        return failed_connects();
    }
    let services = &stack.services;
    Ok(services.requests(Kind::Order).await? + services.requests(Kind::Customer).await?)
}

/// Nobody is left to count who is refused, but the kernel does.
fn failed_connects() -> Result<u64> {
    let counters = fs::read_to_string("/proc/net/snmp")?;
    let mut lines = counters.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (lines.next(), lines.next());
    let names = names.unwrap_or_default().split_whitespace();
    let mut both = names.zip(values.unwrap_or_default().split_whitespace());
    let count = both.find(|(name, _)| *name == "AttemptFails");
    let count = count.and_then(|(_, value)| value.parse().ok());
    count.ok_or_else(|| "/proc/net/snmp is not as expected".into())
}
