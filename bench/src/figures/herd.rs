//! Figure 7: a thousand callers at once ask for what is in no cache.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, timeout};

use super::Context;
use super::load::http::Connection;
use super::load::unused_id;
use super::load::verdict::{Check, Verdict};
use super::stack::Stack;
use super::table::Figure;
use crate::Result;
use crate::service::{Behaviour, Kind};

const CALLERS: usize = 1000;
const ROUNDS: usize = 5;

pub(super) async fn run(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(7, "cold key, 1,000 callers at once");
    let behaviour = Behaviour {
        cache_control: "max-age=60".to_owned(),
        ..Behaviour::latency(50)
    };
    let stack = Stack::start(context, &behaviour).await?;
    let (mut calls, mut right, mut slowest) = ([0, 0], CALLERS, 0.0_f64);
    for round in 1..=ROUNDS {
        let before = requests(&stack).await?;
        let (complete, worst, shortfall) = herd(stack.bff.addr).await?;
        let after = requests(&stack).await?;
        let made = [after[0] - before[0], after[1] - before[1]];
        figure.detail(format!(
            "round {round}: {} and {} calls, {complete} of {CALLERS} complete, slowest {worst:.0} ms{shortfall}",
            made[0], made[1]
        ));
        calls = [calls[0].max(made[0]), calls[1].max(made[1])];
        right = right.min(complete);
        slowest = slowest.max(worst);
    }
    figure.row(
        "most calls to the order and the customer service",
        "1 and 1",
        format!("{} and {}", calls[0], calls[1]),
        "Varnish 1",
        calls == [1, 1],
    );
    figure.row(
        "right answers",
        "1,000",
        right.to_string(),
        "–",
        right == CALLERS,
    );
    figure.row(
        format!("slowest of {ROUNDS} rounds"),
        "≤ 300 ms",
        format!("{slowest:.0} ms"),
        "Varnish 183 ms (one hop), Node 342 ms",
        slowest <= 300.0,
    );
    Ok(figure)
}

async fn requests(stack: &Stack) -> Result<[u64; 2]> {
    let services = &stack.services;
    Ok([
        services.requests(Kind::Order).await?,
        services.requests(Kind::Customer).await?,
    ])
}

/// All connections are open before the first request is sent, and have been used: the server spreads them over its
/// workers as they come.
pub(super) async fn herd(addr: SocketAddr) -> Result<(usize, f64, String)> {
    let id = unused_id();
    let (go, gone) = watch::channel(None::<Instant>);
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let mut connection = Connection::open(addr).await?;
        connection.get("/nothing", "warm-up").await?;
        let mut gone = gone.clone();
        callers.spawn(async move {
            let begun = gone.wait_for(Option::is_some).await;
            let begun = begun.ok().and_then(|begun| *begun);
            let begun = begun.unwrap_or_else(Instant::now);
            let request_id = format!("herd-{number}");
            let path = format!("/orders/{id}");
            let answer = connection.get(&path, &request_id);
            let (verdict, note) = match timeout(Duration::from_secs(10), answer).await {
                Ok(Ok(answer)) => Check::Web.judge(id, &request_id, &answer),
                Ok(Err(error)) => (Verdict::Broken, error.to_string()),
                Err(_) => (Verdict::Broken, "no answer after 10 s".to_owned()),
            };
            (verdict, note, begun.elapsed())
        });
    }
    yield_now().await;
    _ = go.send(Some(Instant::now()));
    let (mut complete, mut worst, mut shortfall) = (0, Duration::ZERO, String::new());
    while let Some(done) = callers.join_next().await {
        let (verdict, note, latency) = done?;
        worst = worst.max(latency);
        if verdict == Verdict::Complete {
            complete += 1;
        } else {
            shortfall = format!("; one was: {note}");
        }
    }
    Ok((complete, worst.as_secs_f64() * 1e3, shortfall))
}
