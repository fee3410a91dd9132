//! Figures 1 to 4: something is wrong with one of two order instances, and nobody should notice.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Context;
use super::episode::Episode;
use super::load::records::Part;
use super::stack::Stack;
use super::table::Figure;
use crate::Result;
use crate::service::{Behaviour, Counts};

/// What an order instance takes where nothing else is said.
pub(super) const LATENCY_MS: u64 = 4;

/// From when on a fault should have been dealt with; what comes later is its probes.
const LATER: Duration = Duration::from_secs(2);

/// The requests that each order instance has seen.
struct Shares([u64; 2]);

impl Shares {
    async fn of(stack: &Stack) -> Result<Self> {
        let mut requests = [0; 2];
        for (requests, instance) in requests.iter_mut().zip(&stack.services.orders) {
            *requests = instance.counts(false).await?.requests;
        }
        Ok(Self(requests))
    }

    /// The first one's share of those since then, in percent.
    fn percent_since(&self, before: &Self) -> f64 {
        let [first, second] = [0, 1].map(|index| self.0[index] - before.0[index]);
        100.0 * first as f64 / (first + second) as f64
    }
}

pub(super) async fn killed(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(1, "one of two killed, then restarted");
    let mut stack = Stack::start(context, &Behaviour::latency(LATENCY_MS)).await?;
    let mut listening = 0;
    let episode = Episode::run(
        context,
        "one killed",
        &mut stack,
        async |stack| stack.services.orders[0].kill().await,
        async |stack| {
            listening = stack.services.orders[0].start().await?;
            Ok(())
        },
    )
    .await?;
    let [back, other] = &stack.services.orders;
    let again = share_again(
        listening,
        &back.counts(true).await?,
        &other.counts(true).await?,
    );
    let (healthy, since) = (episode.healthy(), episode.since_fault());
    complete(&mut figure, "complete", &since, "HAProxy 100 %");
    let over = since.worst() - healthy.percentile(50.0);
    figure.row(
        "worst over the healthy median",
        "≤ 30 ms",
        format!("{over:.1} ms"),
        "HAProxy 23 ms",
        over <= 30.0,
    );
    figure.row(
        "half its share again after",
        "≤ 2 s",
        again.map_or("not within 8 s".to_owned(), |again| format!("{again:.2} s")),
        "HAProxy 0.3 s, Envoy 0.8 to 12.8 s",
        again.is_some_and(|again| again <= 2.0),
    );
    phases(&mut figure, "", &episode);
    Ok(figure)
}

pub(super) async fn black_holed(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(2, "one of two black-holed");
    let mut stack = Stack::start(context, &Behaviour::latency(LATENCY_MS)).await?;
    let episode = Episode::run(
        context,
        "one black-holed",
        &mut stack,
        async |stack| stack.services.orders[0].stop().await,
        async |stack| stack.services.orders[0].resume().await,
    )
    .await?;
    let (faulty, since) = (episode.faulty(), episode.since_fault());
    complete(&mut figure, "complete", &since, "nginx 100 %");
    p99(&mut figure, "p99", &episode, "nginx 9 ms");
    figure.row(
        "worst",
        "≤ 150 ms",
        format!("{:.1} ms", faulty.worst()),
        "nginx 806 ms",
        faulty.worst() <= 150.0,
    );
    let later = episode
        .records
        .due(episode.fault.0 + LATER, episode.fault.1);
    let slow = later.filter(|record| record.latency() > Duration::from_millis(100));
    figure.row(
        "answers over 100 ms after the first 2 s",
        "0",
        format!("{} of {}", slow.len(), later.len()),
        "–",
        slow.len() == 0,
    );
    phases(&mut figure, "", &episode);
    figure.detail(format!("after the first 2 s: {}", later.line()));
    Ok(figure)
}

pub(super) async fn failing(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(3, "one of two answers 500");
    let cases = [
        (1, "always", "≤ 0.5 %", 0.5, "nginx 0.2 %, Envoy 0.5 %"),
        (
            10,
            "one time in ten",
            "≤ 10 %",
            10.0,
            "nginx 3 %, Envoy 48 %",
        ),
    ];
    for (one_in, name, target, most, peer) in cases {
        let faulty = Behaviour {
            fail_one_in: one_in,
            ..Behaviour::latency(LATENCY_MS)
        };
        let (episode, share) = with_first(context, name, faulty).await?;
        complete(
            &mut figure,
            &format!("{name}, complete"),
            &episode.since_fault(),
            "100 %",
        );
        figure.row(
            format!("{name}, share of the attempts"),
            target,
            format!("{share:.2} %"),
            peer,
            share <= most,
        );
        phases(&mut figure, name, &episode);
    }
    Ok(figure)
}

pub(super) async fn slow(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(4, "one of two 50 × slower");
    let slow = Behaviour::latency(50 * LATENCY_MS);
    let (episode, share) = with_first(context, "one slow", slow).await?;
    p99(&mut figure, "p99", &episode, "202 ms for all");
    figure.row(
        "share of the attempts",
        "≤ 1 %",
        format!("{share:.2} %"),
        "4.8 %",
        share <= 1.0,
    );
    phases(&mut figure, "", &episode);
    Ok(figure)
}

/// The first order instance behaves so for a while; also gives its share of the attempts.
async fn with_first(
    context: &Context<'_>,
    name: &str,
    behaviour: Behaviour,
) -> Result<(Episode, f64)> {
    let healthy = Behaviour::latency(LATENCY_MS);
    let mut stack = Stack::start(context, &healthy).await?;
    let (mut before, mut after) = (Shares([0; 2]), Shares([0; 2]));
    let episode = Episode::run(
        context,
        &format!("one of two: {name}"),
        &mut stack,
        async |stack| {
            before = Shares::of(stack).await?;
            stack.services.orders[0].set(behaviour).await
        },
        async |stack| {
            after = Shares::of(stack).await?;
            stack.services.orders[0].set(healthy.clone()).await
        },
    )
    .await?;
    Ok((episode, after.percent_since(&before)))
}

fn complete(figure: &mut Figure, what: &str, part: &Part<'_>, peer: &'static str) {
    figure.row(
        what,
        "100 %",
        format!("{:.2} %", part.complete_percent()),
        peer,
        part.are_all_complete(),
    );
}

fn p99(figure: &mut Figure, what: &str, episode: &Episode, peer: &'static str) {
    let (healthy, faulty) = (
        episode.healthy().percentile(99.0),
        episode.faulty().percentile(99.0),
    );
    figure.row(
        what,
        "≤ 2 × healthy",
        format!("{faulty:.1} ms, {:.2} × {healthy:.1} ms", faulty / healthy),
        peer,
        faulty <= 2.0 * healthy,
    );
}

fn phases(figure: &mut Figure, name: &str, episode: &Episode) {
    let name = if name.is_empty() {
        String::new()
    } else {
        format!("{name}, ")
    };
    let after = episode
        .records
        .filter(|record| record.due >= episode.fault.1);
    for (phase, part) in [
        ("healthy", episode.healthy()),
        ("fault", episode.faulty()),
        ("after", after),
    ] {
        figure.detail(format!("{name}{phase}: {}", part.line()));
    }
}

/// How many seconds after it listened an instance had half of its equal share over 250 ms: the end of the first such
/// stretch, so that its length counts.
fn share_again(listening: u64, back: &Counts, other: &Counts) -> Option<f64> {
    const STRETCH: u64 = 25;
    let by_bucket = |counts: &Counts| counts.arrivals.iter().copied().collect::<BTreeMap<_, _>>();
    let (back, other) = (by_bucket(back), by_bucket(other));
    let first = listening / 10_000 + 1;
    let last = *other.keys().last()?;
    let in_stretch = |counts: &BTreeMap<u64, u64>, from: u64| -> u64 {
        counts
            .range(from..from + STRETCH)
            .map(|(_, count)| count)
            .sum()
    };
    let from = (first..last).find(|&from| {
        let (ours, theirs) = (in_stretch(&back, from), in_stretch(&other, from));
        // Half of an equal share of two is a quarter of all.
        ours + theirs > 0 && 4 * ours >= ours + theirs
    })?;
    let micros = ((from + STRETCH) * 10_000).saturating_sub(listening);
    Some(Duration::from_micros(micros).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_there_again_at_the_end_of_the_first_stretch_that_has_it() {
        let counts = |from: u64, every: usize| Counts {
            arrivals: (from..400)
                .step_by(every)
                .map(|bucket| (bucket, 1))
                .collect(),
            ..Counts::default()
        };
        // Listens at 1 s, is called as often as the other from 2 s on: six of 250 ms do for a quarter of 25.
        let again = share_again(1_000_000, &counts(200, 1), &counts(0, 1)).unwrap();
        assert!((1.05..=1.11).contains(&again), "{again}");
        assert_eq!(
            share_again(1_000_000, &counts(200, 20), &counts(0, 1)),
            None
        );
    }
}
