//! Figure 13: what it costs when nothing fails. The half with the cache off is the command `overhead`.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::Context;
use super::episode::RATE;
use super::load::Load;
use super::load::http::{Answer, Connection};
use super::load::verdict::sources;
use super::one_of_two::LATENCY_MS;
use super::stack::{Bff, Services, Stack};
use super::table::Figure;
use crate::Result;
use crate::overhead::load::Load as Oha;
use crate::process::{Server, lasting_addresses};
use crate::service::{Behaviour, Kind};

/// The order that is asked for again and again: one of four lines.
const ORDER: u32 = 7;

pub(super) async fn run(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(13, "all policies on, nothing failing");
    figure.note(
        "cache off: CPU per request of bff-web / bare",
        "≤ 1.15",
        "see the command `overhead`",
    );
    warm(context, &mut figure).await?;
    hedges(context, &mut figure).await?;
    Ok(figure)
}

/// A warm cache beside a server that knows nothing but the same bytes.
async fn warm(context: &Context<'_>, figure: &mut Figure) -> Result<()> {
    let behaviour = Behaviour {
        cache_control: "max-age=3600".to_owned(),
        ..Behaviour::default()
    };
    let services = Services::start(&behaviour, &behaviour).await?;
    let bff = Bff::start(context, lasting_addresses()?, &services, 1).await?;
    let mut connection = Connection::open(bff.addr).await?;
    let path = format!("/orders/{ORDER}");
    connection.get(&path, "warm-up").await?;
    let answer = connection.get(&path, "warm-up").await?;
    let state = sources(ORDER.into(), &answer).map_err(|(_, why)| why)?;
    if state.order.state != "cached" || state.customer.state != "cached" {
        return Err(format!("the cache is not warm: {}", state.text()).into());
    }
    let file = saved(&answer)?;
    let [addr] = lasting_addresses()?;
    let mut command = context.programs.command("static")?;
    command.arg(addr.to_string()).arg("1").arg(file.path());
    let fixed = Server::start("static", addr, command, Stdio::inherit()).await?;
    let mut connection = Connection::open(addr).await?;
    let same = connection.get(&path, "warm-up").await?;
    let count = |answer: &Answer| answer.head.split("\r\n").count();
    if same.body != answer.body || count(&same) != count(&answer) {
        return Err(format!(
            "the yardstick answers something else: {} instead of {}",
            same.head, answer.head
        )
        .into());
    }
    let mut rounds: Vec<[f64; 2]> = Vec::new();
    for round in 0..context.options.rounds {
        let mut micros = [0.0; 2];
        // In every other round the last goes first.
        for turn in 0..2 {
            let index = (turn + usize::from(round % 2 == 1)) % 2;
            let server = if index == 0 { &bff.server } else { &fixed };
            micros[index] = cpu_micros(context, server).await?;
        }
        figure.detail(format!(
            "round {}: bff-web {:.1} µs, static {:.1} µs",
            round + 1,
            micros[0],
            micros[1]
        ));
        rounds.push(micros);
    }
    let mut ratios: Vec<f64> = rounds.iter().map(|[ours, fixed]| ours / fixed).collect();
    ratios.sort_by(f64::total_cmp);
    let (median, least, most) = (
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1],
    );
    figure.row(
        "warm cache: CPU per request of bff-web / static answer",
        "≤ 1.6",
        format!("{median:.2} ({least:.2}–{most:.2})"),
        "Envoy 1.14 for one hop",
        median <= 1.6,
    );
    Ok(())
}

async fn cpu_micros(context: &Context<'_>, server: &Server) -> Result<f64> {
    let load = |seconds| Oha {
        connections: 32,
        seconds,
        rate: None,
        paths: vec![format!("/orders/{ORDER}")],
        bodies: Vec::new(),
    };
    load(1).run(server.addr).await?;
    let before = server.cpu_seconds()?;
    let seen = load(context.options.round_seconds).run(server.addr).await?;
    Ok((server.cpu_seconds()? - before) * 1e6 / seen.requests)
}

/// The answer as the yardstick reads it.
fn saved(answer: &Answer) -> Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    write!(file, "{}\r\n\r\n", answer.head)?;
    file.write_all(&answer.body)?;
    file.flush()?;
    Ok(file)
}

/// Calls beyond the two that each answer needs.
async fn hedges(context: &Context<'_>, figure: &mut Figure) -> Result<()> {
    let stack = Stack::start(context, &Behaviour::latency(LATENCY_MS)).await?;
    let rates = vec![(RATE, Duration::from_secs(20))];
    let records = Load::rates(stack.bff.addr, rates).start().finish().await?;
    let all = records.all();
    if !all.are_all_complete() {
        return Err(format!("something fails: {}", all.line()).into());
    }
    let services = &stack.services;
    let calls = services.requests(Kind::Order).await? + services.requests(Kind::Customer).await?;
    let needed = 2 * all.len();
    let more = 100.0 * (calls as f64 - needed as f64) / needed as f64;
    figure.row(
        "hedging adds",
        "≤ 1 % of calls",
        format!("{more:.2} %"),
        "–",
        more <= 1.0,
    );
    figure.detail(format!("hedging: {calls} calls for {}", all.line()));
    Ok(())
}
