//! Figure 8: more is asked than the services can do.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::Context;
use super::load::records::{Part, Record, Records};
use super::load::verdict::{Check, Verdict};
use super::load::{Ids, Load, Pace, targets};
use super::stack::Stack;
use super::table::Figure;
use crate::Result;
use crate::service::Behaviour;

/// What two instances, each working on four at once for 20 ms, could do at best.
const NOMINAL: u32 = 400;

const BEFORE: Duration = Duration::from_secs(5);
const AFTER: Duration = Duration::from_secs(8);

/// Normal or not is told for each stretch of this length.
const STRETCH: Duration = Duration::from_millis(250);

pub(super) async fn run(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(8, "overload");
    let behaviour = Behaviour {
        slots: 4,
        ..Behaviour::latency(20)
    };
    let capacity = capacity(context, &behaviour).await?;
    figure.detail(format!(
        "capacity: {capacity:.0} answers a second, the lower of both services under 32 callers without bff-web \
         (at best {NOMINAL}; timers and scheduling take the rest)"
    ));
    for times in [2, 5, 10] {
        one(context, &mut figure, &behaviour, times, capacity).await?;
    }
    Ok(figure)
}

/// What the slower of both services answers in a second when there is always more to do.
async fn capacity(context: &Context<'_>, behaviour: &Behaviour) -> Result<f64> {
    let stack = Stack::start(context, behaviour).await?;
    let mut capacity = f64::MAX;
    for (instances, check) in [
        (&stack.services.orders, Check::Orders),
        (&stack.services.customers, Check::Customers),
    ] {
        let addrs: Vec<SocketAddr> = instances.iter().map(|instance| instance.addr).collect();
        let load = Load {
            targets: targets(&addrs),
            ids: Ids::Unused,
            pace: Pace::Closed {
                connections: 32,
                requests: u64::from(5 * NOMINAL),
            },
            most: 32,
            repeats: false,
            check,
        };
        let load = load.start();
        let begun = Instant::now();
        let records = load.finish().await?;
        let all = records.all();
        if !all.are_all_complete() {
            return Err(format!("a service fails by itself: {}", all.line()).into());
        }
        capacity = capacity.min(all.len() as f64 / begun.elapsed().as_secs_f64());
    }
    Ok(capacity)
}

async fn one(
    context: &Context<'_>,
    figure: &mut Figure,
    behaviour: &Behaviour,
    times: u32,
    capacity: f64,
) -> Result<()> {
    let stack = Stack::start(context, behaviour).await?;
    let length = Duration::from_secs(context.options.overload_seconds);
    let normal = NOMINAL / 2;
    let rates = vec![(normal, BEFORE), (times * NOMINAL, length), (normal, AFTER)];
    let load = Load::rates(stack.bff.addr, rates).start();
    let (from, until) = (load.begun + BEFORE, load.begun + BEFORE + length);
    let records = load.finish().await?;
    let before = records.filter(|record| record.due >= from - BEFORE / 2 && record.end < from);
    if !before.are_all_complete() {
        return Err(format!("not healthy to begin with: {}", before.line()).into());
    }
    let good = |record: &Record| {
        record.verdict == Verdict::Complete && record.latency() <= Duration::from_secs(1)
    };
    let answered = records.filter(|record| good(record) && (from..until).contains(&record.end));
    let goodput = 100.0 * answered.len() as f64 / (capacity * length.as_secs_f64());
    figure.row(
        format!("{times} ×, goodput"),
        "≥ 97 % of capacity",
        format!("{goodput:.1} %"),
        "a hand-picked limit 98 to 100 %, Envoy's adaptive 53 %, no limit 17 to 21 %",
        goodput >= 97.0,
    );
    let offered = records.due(from, until);
    let p99 = offered.filter(good).percentile(99.0);
    figure.row(
        format!("{times} ×, p99 of good answers"),
        "≤ 150 ms",
        format!("{p99:.0} ms"),
        "a hand-picked limit 57 ms",
        p99 <= 150.0 && answered.len() > 0,
    );
    let refused = offered.of(Verdict::Refused);
    let p99 = refused.percentile(99.0);
    let measured = match refused.len() {
        0 => "none was refused".to_owned(),
        _ => format!("{p99:.1} ms"),
    };
    figure.row(
        format!("{times} ×, p99 of refused ones"),
        "≤ 10 ms",
        measured,
        "a hand-picked limit 7 ms",
        p99 <= 10.0 && refused.len() > 0,
    );
    let again = normal_again(&records, &before, until);
    figure.row(
        format!("{times} ×, normal again after"),
        "≤ 1 s",
        again.map_or("not within 8 s".to_owned(), |again| {
            format!("{:.2} s", again.as_secs_f64())
        }),
        "no limit: never",
        again.is_some_and(|again| again <= Duration::from_secs(1)),
    );
    context.note_worst(&format!("overload {times} ×"), offered.worst());
    for (name, part) in [
        ("before", &before),
        ("offered", &offered),
        ("refused", &refused),
        ("degraded", &offered.of(Verdict::Degraded)),
    ] {
        figure.detail(format!("{times} ×, {name}: {}", part.line()));
    }
    figure.detail(format!(
        "{times} ×, sent later than due: p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms",
        offered.lateness(50.0),
        offered.lateness(99.0),
        offered.lateness(100.0)
    ));
    Ok(())
}

/// The end of the last stretch after the overload in which anything was out of the ordinary.
fn normal_again(records: &Records, before: &Part<'_>, until: Instant) -> Option<Duration> {
    // A median moves a little from stretch to stretch even when nothing is wrong.
    let most = 1.5 * before.percentile(50.0);
    let mut again = Duration::ZERO;
    let mut at = Duration::ZERO;
    while at < AFTER {
        let part = records.due(until + at, until + at + STRETCH);
        at += STRETCH;
        if !part.are_all_complete() || part.percentile(50.0) > most {
            again = at;
        }
    }
    (again < AFTER).then_some(again)
}
