//! Figure 11: answers that are cut short or follow a 103, among those of many users.

use super::Context;
use super::load::verdict::Check;
use super::load::verdict::Verdict;
use super::load::{Ids, Load, Pace, targets};
use super::stack::Stack;
use super::table::Figure;
use crate::Result;
use crate::service::Behaviour;

const USERS: u64 = 1000;
const CONNECTIONS: usize = 96;

pub(super) async fn run(context: &Context<'_>) -> Result<Figure> {
    let mut figure = Figure::new(11, "5 % of bodies cut, 5 % after a 103");
    let behaviour = Behaviour {
        cut_percent: 5,
        hints_percent: 5,
        ..Behaviour::default()
    };
    let mut stack = Stack::start(context, &behaviour).await?;
    let requests = context.options.mixed_requests;
    let load = Load {
        targets: targets(&[stack.bff.addr]),
        ids: Ids::Among(USERS),
        pace: Pace::Closed {
            connections: CONNECTIONS,
            requests,
        },
        most: CONNECTIONS,
        repeats: false,
        check: Check::Web,
    };
    let records = load.start().finish().await?;
    let all = records.all();
    let (mut cut, mut hinted) = (0, 0);
    for instance in stack.services.all() {
        let counts = instance.counts(false).await?;
        cut += counts.cut;
        hinted += counts.hinted;
    }
    if cut == 0 || hinted == 0 {
        return Err("no service did what it was told".into());
    }
    for (verdict, what) in [
        (Verdict::Foreign, "answers that belong to another"),
        (Verdict::Torn, "cut ones passed on"),
    ] {
        let count = all.of(verdict).len();
        figure.row(
            what,
            "0",
            count.to_string(),
            "0; proxies break cut ones off",
            count == 0,
        );
    }
    let incomplete = all.len() - all.of(Verdict::Complete).len();
    let in_ten_thousand = 1e4 * incomplete as f64 / all.len() as f64;
    figure.row(
        "not complete",
        "≤ 1 in 10⁴",
        format!("{in_ten_thousand:.2} in 10⁴"),
        "Node 1 in 10⁴",
        in_ten_thousand <= 1.0,
    );
    figure.detail(format!(
        "{cut} bodies cut and {hinted} answers after a 103, over {CONNECTIONS} connections: {}",
        all.line()
    ));
    context.note_worst("cut bodies and 103s", all.worst());
    Ok(figure)
}
