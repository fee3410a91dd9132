//! Figure 14: mixed load and faults for a long time; memory and descriptors level off.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Context;
use super::herd::herd;
use super::load::http::Connection;
use super::load::verdict::Verdict;
use super::load::{Ids, Load, unused_id};
use super::one_of_two::LATENCY_MS;
use super::stack::{Bff, Services};
use super::table::Figure;
use crate::Result;
use crate::process::lasting_addresses;
use crate::service::Behaviour;

const RATE: u32 = 150;
const SAMPLE: Duration = Duration::from_secs(5);

/// How long each fault lasts, and the health after it: each third of the shortest run has all faults once.
const FAULT: Duration = Duration::from_secs(3);
const HEALTH: Duration = Duration::from_secs(2);

/// So many orders are asked for again and again.
const ORDERS: u64 = 3000;

/// So little that the cache is full before the first third is over: what it takes until then is no leak.
const CACHE_BYTES: u64 = 2 * 1024 * 1024;

/// How much more the last third may have than the middle one and be level: the noise of an allocator, and a few
/// connections.
const LEVEL_MEMORY: f64 = 1.05;
const LEVEL_DESCRIPTORS: f64 = 1.2;

/// Memory in MiB and descriptors, at the same time.
type Sample = (f64, f64);

pub(super) async fn run(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(14, "mixed load and faults");
    let behaviour = Behaviour {
        cache_control: "max-age=2, stale-while-revalidate=2, stale-if-error=10".to_owned(),
        ..Behaviour::latency(LATENCY_MS)
    };
    let mut services = Services::start(&behaviour, &behaviour).await?;
    let settings = context.programs.cache_of(CACHE_BYTES).await?;
    let addrs = lasting_addresses()?;
    let bff = Bff::start_with(context, addrs, &services, 2, settings).await?;
    let length = Duration::from_secs(60 * context.options.soak_minutes);
    let known = Load {
        ids: Ids::Among(ORDERS),
        ..Load::rates(bff.addr, vec![(RATE, length)])
    };
    // Beside orders that are asked for again and again, some that are not.
    let new = Load::rates(bff.addr, vec![(RATE / 10, length)]);
    let loads = [known.start(), new.start()];
    let until = loads[0].begun + length;
    let faults = async {
        let mut number = 0;
        while Instant::now() + FAULT + HEALTH < until {
            fault(&mut services, &behaviour, &bff, number).await?;
            sleep(HEALTH).await;
            number += 1;
        }
        sleep(until.saturating_duration_since(Instant::now())).await;
        Ok::<_, Box<dyn std::error::Error>>(number)
    };
    let mut samples = Vec::new();
    let sampling = async {
        loop {
            sleep(SAMPLE).await;
            let memory = bff.server.memory_kib()? as f64 / 1024.0;
            let descriptors = bff.server.descriptors()? as f64;
            eprintln!("  {memory:.1} MiB, {descriptors} descriptors");
            samples.push((memory, descriptors));
        }
    };
    let faults = tokio::select! {
        faults = faults => faults?,
        failed = sampling => return failed,
    };
    let [known, new] = loads;
    for (name, load) in [("known orders", known), ("new orders", new)] {
        let records = load.finish().await?;
        let all = records.all();
        if all.of(Verdict::Complete).len() == 0 {
            return Err(format!("nothing works: {}", all.line()).into());
        }
        let wrong = all.of(Verdict::Foreign).len() + all.of(Verdict::Torn).len();
        let right = format!("{name}: wrong answers");
        figure.row(right, "0", wrong.to_string(), "–", wrong == 0);
        figure.detail(format!("{name}: {}", all.line()));
        context.note_worst(&format!("soak, {name}"), all.worst());
    }
    let minutes = context.options.soak_minutes;
    figure.detail(format!("{minutes} minutes, {faults} faults"));
    level(&mut figure, &samples);
    Ok(figure)
}

/// The faults go round.
async fn fault(
    services: &mut Services,
    healthy: &Behaviour,
    bff: &Bff,
    number: usize,
) -> Result<()> {
    let with = |change: fn(&mut Behaviour)| {
        let mut behaviour = healthy.clone();
        change(&mut behaviour);
        behaviour
    };
    let side = number / 2 % 2;
    match number % 10 {
        0 => {
            services.orders[side].kill().await?;
            sleep(FAULT).await;
            services.orders[side].start().await?;
        }
        1 => {
            services.customers[side].stop().await?;
            sleep(FAULT).await;
            services.customers[side].resume().await?;
        }
        2 => {
            let faulty = with(|told| told.fail_one_in = 1);
            services.orders[side].set(faulty).await?;
        }
        3 => {
            let faulty = with(|told| told.latency_ms *= 50);
            services.customers[side].set(faulty).await?;
        }
        4 => services.set_all(|told| told.hints_percent = 5).await?,
        5 => services.set_all(|told| told.cut_percent = 5).await?,
        6 => {
            herd(bff.addr).await?;
            services.set_all(|told| told.slots = 1).await?;
        }
        7 => services.set_all(|told| told.hang = true).await?,
        8 => {
            leave(bff).await?;
            services.set_all(|told| told.drip_ms = 20).await?;
        }
        _ => services.set_all(|told| told.fail_one_in = 2).await?,
    }
    if number % 10 > 1 {
        sleep(FAULT).await;
    }
    let all_well = |told: &mut Behaviour| *told = healthy.clone();
    services.set_all(all_well).await
}

/// Clients that ask and go.
async fn leave(bff: &Bff) -> Result<()> {
    for _ in 0..200 {
        let mut connection = Connection::open(bff.addr).await?;
        connection
            .send(&format!("/orders/{}", unused_id()), "leave")
            .await?;
        sleep(Duration::from_millis(3)).await;
    }
    Ok(())
}

fn level(figure: &mut Figure, samples: &[Sample]) {
    let third = samples.len() / 3;
    // The median, since a herd is in some samples by chance; what is never given back is in all.
    let middle = |of: fn(&Sample) -> f64, number: usize| {
        let part = &samples[number * third..(number + 1) * third];
        let mut values: Vec<f64> = part.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(third / 2).copied().unwrap_or_default()
    };
    let memory = [0, 1, 2].map(|number| middle(|(memory, _)| *memory, number));
    let descriptors = [0, 1, 2].map(|number| middle(|(_, descriptors)| *descriptors, number));
    figure.row(
        "memory, median of each third",
        "last ≤ 1.05 × middle",
        format!("{:.1}, {:.1}, {:.1} MiB", memory[0], memory[1], memory[2]),
        "–",
        memory[2] <= LEVEL_MEMORY * memory[1],
    );
    figure.row(
        "descriptors, median of each third",
        "last ≤ 1.2 × middle",
        descriptors.map(|number| number.to_string()).join(", "),
        "–",
        descriptors[2] <= LEVEL_DESCRIPTORS * descriptors[1],
    );
    let step = samples.len().div_ceil(24).max(1);
    let some = samples.iter().step_by(step);
    let some = some.map(|(memory, descriptors)| format!("{memory:.1} MiB/{descriptors}"));
    figure.detail(format!(
        "a sample each {} s: {}",
        step as u64 * SAMPLE.as_secs(),
        some.collect::<Vec<_>>().join(", ")
    ));
}
