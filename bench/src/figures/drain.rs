//! Figure 12: SIGTERM under load, while a second bff-web takes over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::Context;
use super::load::http::Connection;
use super::load::verdict::Verdict;
use super::load::{Load, Target, targets};
use super::one_of_two::LATENCY_MS;
use super::stack::{Bff, Services};
use super::table::Figure;
use crate::Result;
use crate::process::lasting_addresses;
use crate::service::Behaviour;

const RATE: u32 = 300;
const REQUESTS: u64 = 10_000;
const TIMES: usize = 3;

/// How often a client looks at readiness.
const POLL: Duration = Duration::from_millis(50);

pub(super) async fn run(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(12, "SIGTERM under load, a second takes over, three times");
    let behaviour = Behaviour::latency(LATENCY_MS);
    let services = Services::start(&behaviour, &behaviour).await?;
    let mut bffs = [
        Bff::start(context, lasting_addresses()?, &services, 2).await?,
        Bff::start(context, lasting_addresses()?, &services, 2).await?,
    ];
    let targets = targets(&[bffs[0].addr, bffs[1].addr]);
    let load = Load {
        targets: Arc::clone(&targets),
        repeats: true,
        // Enough for the restarts however long they take; it is stopped when all is done.
        ..Load::rates(bffs[0].addr, vec![(RATE, Duration::from_secs(300))])
    };
    let admins = [bffs[0].admin, bffs[1].admin];
    let load = load.start();
    let restarts = async {
        sleep(Duration::from_secs(2)).await;
        let mut took = Vec::new();
        for time in 0..TIMES {
            let addrs = [bffs[time % 2].addr, bffs[time % 2].admin];
            let begun = Instant::now();
            bffs[time % 2].server.signal("TERM").await?;
            bffs[time % 2].server.ended(Duration::from_secs(30)).await?;
            took.push(format!("{:.1} s", begun.elapsed().as_secs_f64()));
            bffs[time % 2] = Bff::start(context, addrs, &services, 2).await?;
            sleep(Duration::from_secs(3)).await;
        }
        while load.sent() < REQUESTS {
            sleep(POLL).await;
        }
        load.stop();
        Ok::<_, Box<dyn std::error::Error>>(took)
    };
    let took = tokio::select! {
        took = restarts => took?,
        () = async { tokio::join!(follow(admins[0], &targets[0]), follow(admins[1], &targets[1])); } => {
            return Err("readiness is no longer looked at".into());
        }
    };
    let records = load.finish().await?;
    let all = records.all();
    let failed = all.len() - all.of(Verdict::Complete).len();
    figure.row(
        "failed",
        "0 of 10⁴",
        format!("{failed} of {}", all.len()),
        "Envoy, HAProxy 0",
        failed == 0,
    );
    figure.row(
        "repeated by the client",
        "0",
        all.repeats().to_string(),
        "Envoy, HAProxy 0",
        all.repeats() == 0,
    );
    figure.detail(all.line());
    figure.detail(format!(
        "from SIGTERM to the end of the process: {}",
        took.join(", ")
    ));
    Ok(figure)
}

/// Sends requests to a server for as long as it says that it is ready. A server that is started again is so only when it
/// has said so.
async fn follow(admin: SocketAddr, target: &Target) {
    loop {
        let ask = async {
            let mut connection = Connection::open(admin).await?;
            connection.get("/readyz", "ready").await
        };
        let answer = timeout(Duration::from_secs(1), ask).await;
        let is_ready = matches!(answer, Ok(Ok(answer)) if answer.status == 200);
        target.is_ready.store(is_ready, Relaxed);
        sleep(POLL).await;
    }
}
