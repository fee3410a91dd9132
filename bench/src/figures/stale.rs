//! Figure 9: the services are down, and the cache has an answer that is stale.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::Context;
use super::load::http::{Answer, Connection};
use super::load::unused_id;
use super::load::verdict::{Sources, sources};
use super::one_of_two::LATENCY_MS;
use super::stack::Stack;
use super::table::Figure;
use crate::Result;
use crate::service::Behaviour;

/// Answers that are asked for one after the other, each for the first time since it is stale.
const ANSWERS: usize = 20;

pub(super) async fn run(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(9, "services down, answer stale in the cache");
    for (name, cache_control) in [
        (
            "stale-while-revalidate",
            "max-age=1, stale-while-revalidate=60, stale-if-error=600",
        ),
        ("stale-if-error only", "max-age=1, stale-if-error=600"),
    ] {
        for fault in ["killed", "black-holed", "500"] {
            one(context, &mut figure, name, cache_control, fault).await?;
        }
    }
    Ok(figure)
}

async fn one(
    context: &Context<'_>,
    figure: &mut Figure,
    name: &str,
    cache_control: &str,
    fault: &str,
) -> Result<()> {
    let behaviour = Behaviour {
        cache_control: cache_control.to_owned(),
        ..Behaviour::latency(LATENCY_MS)
    };
    let mut stack = Stack::start(context, &behaviour).await?;
    let ids: Vec<u64> = (0..ANSWERS).map(|_| unused_id()).collect();
    for &id in &ids {
        let (answer, sources) = ask(stack.bff.addr, id).await?.1;
        if sources.is_none_or(|sources| sources.order.state != "fresh") {
            return Err(format!("not healthy to begin with: {}", answer.status).into());
        }
    }
    sleep(Duration::from_millis(2500)).await;
    for instance in stack.services.all() {
        match fault {
            "killed" => instance.kill().await?,
            "black-holed" => instance.stop().await?,
            _ => {
                let fail_one_in = 1;
                let behaviour = Behaviour {
                    fail_one_in,
                    ..behaviour.clone()
                };
                instance.set(behaviour).await?;
            }
        }
    }
    sleep(Duration::from_millis(100)).await;
    let (mut times, mut stale, mut in_header, mut said) = (Vec::new(), 0, 0, String::new());
    for &id in &ids {
        let (time, (answer, sources)) = ask(stack.bff.addr, id).await?;
        times.push(time.as_secs_f64() * 1e3);
        let is_stale = |sources: &Sources| {
            [&sources.order, &sources.customer].map(|source| source.state.as_str()) == ["stale"; 2]
        };
        stale += usize::from(sources.as_ref().is_some_and(is_stale));
        in_header += usize::from(answer.header("cache-status").is_some());
        if said.is_empty() {
            said = match sources {
                Some(sources) => format!("{} with {}", answer.status, sources.text()),
                None => answer.status.to_string(),
            };
        }
    }
    let slowest = times.iter().copied().fold(0.0, f64::max);
    let first = times[0];
    figure.row(
        format!("{name}, {fault}, first answer"),
        "≤ 3 ms, and says so",
        format!("{first:.1} ms, {said}"),
        "1 ms, none says so in a standard header",
        first <= 3.0 && stale == ANSWERS && in_header == ANSWERS,
    );
    figure.detail(format!(
        "{name}, {fault}: {stale} of {ANSWERS} stale as `sources` says, {in_header} with `Cache-Status`; slowest {slowest:.1} ms"
    ));
    context.note_worst(&format!("stale, {name}, {fault}"), slowest);
    Ok(())
}

/// The time of an answer, and what it says if it is a 200.
async fn ask(addr: SocketAddr, id: u64) -> Result<(Duration, (Answer, Option<Sources>))> {
    let mut connection = Connection::open(addr).await?;
    let begun = Instant::now();
    let path = format!("/orders/{id}");
    let answer = connection.get(&path, "stale");
    let answer = timeout(Duration::from_secs(10), answer).await??;
    let time = begun.elapsed();
    let sources = match answer.status {
        200 => Some(sources(id, &answer).map_err(|(_, why)| why)?),
        _ => None,
    };
    Ok((time, (answer, sources)))
}
