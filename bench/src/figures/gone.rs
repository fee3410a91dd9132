//! Figure 10: the client is gone, and nobody goes on working for it.

use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use super::Context;
use super::load::http::Connection;
use super::load::unused_id;
use super::one_of_two::LATENCY_MS;
use super::stack::Stack;
use super::table::Figure;
use crate::Result;
use crate::service::{Behaviour, Kind, customer_of, micros};

const CLIENTS: usize = 20;

/// Before the time-out of an attempt, which would close the socket too.
const PATIENCE: Duration = Duration::from_millis(100);

pub(super) async fn run(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(10, "client gone");
    for (kind, name) in [(Kind::Order, "order"), (Kind::Customer, "customer")] {
        let mut stack = Stack::start(context, &Behaviour::latency(LATENCY_MS)).await?;
        let instances = match kind {
            Kind::Order => &mut stack.services.orders,
            Kind::Customer => &mut stack.services.customers,
        };
        for instance in instances {
            let hanging = Behaviour {
                hang: true,
                ..instance.behaviour.clone()
            };
            instance.set(hanging).await?;
        }
        let mut times = Vec::new();
        for _ in 0..CLIENTS {
            times.push(one(&stack, kind).await?);
        }
        times.sort_by(f64::total_cmp);
        let (median, longest) = (times[CLIENTS / 2], times[CLIENTS - 1]);
        figure.row(
            format!("socket to the {name} service closed, longest of {CLIENTS}"),
            "≤ 5 ms",
            format!("{longest:.2} ms"),
            "0.2 ms",
            longest <= 5.0,
        );
        figure.detail(format!("{name} service: median {median:.2} ms"));
    }
    Ok(figure)
}

/// Milliseconds from the client's closing until the last service that worked for it saw its own socket closed.
async fn one(stack: &Stack, kind: Kind) -> Result<f64> {
    let order = unused_id();
    let mut connection = Connection::open(stack.bff.addr).await?;
    connection.send(&format!("/orders/{order}"), "gone").await?;
    sleep(PATIENCE).await;
    let closed = micros(SystemTime::now());
    drop(connection);
    // Longer than any time-out of bff-web's: what is not closed by now never will be.
    let mut seen = Vec::new();
    for _ in 0..25 {
        sleep(Duration::from_millis(100)).await;
        seen = closings(stack, kind, order).await?;
        if !seen.is_empty() {
            break;
        }
    }
    // A hedge may have a socket of its own.
    sleep(Duration::from_millis(50)).await;
    seen.extend(closings(stack, kind, order).await?);
    let last = seen.iter().max().ok_or("a service sees no end")?;
    if *last < closed {
        return Err("the call had ended before its client was gone".into());
    }
    Ok(Duration::from_micros(last - closed).as_secs_f64() * 1e3)
}

async fn closings(stack: &Stack, kind: Kind, order: u64) -> Result<Vec<u64>> {
    let (instances, wanted) = match kind {
        Kind::Order => (&stack.services.orders, order),
        Kind::Customer => (&stack.services.customers, customer_of(order)),
    };
    let mut seen = Vec::new();
    for instance in instances {
        let gone = instance.counts(true).await?.gone;
        let ours = gone.iter().filter(|(id, _)| *id == wanted);
        seen.extend(ours.map(|(_, at)| *at));
    }
    Ok(seen)
}
