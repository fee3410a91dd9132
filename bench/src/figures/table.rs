//! Figures as Markdown.

use std::fmt::Write as _;

/// What a figure asks for, and what was measured.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) target: &'static str,
    pub(super) measured: String,
    pub(super) peer: &'static str,
    /// Whether the target was met; `None` where there is none.
    pub(super) is_met: Option<bool>,
}

/// A measured figure.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) number: u8,
    pub(super) title: &'static str,
    pub(super) rows: Vec<Row>,
    /// Further lines, each a list item.
    pub(super) details: Vec<String>,
}

impl Figure {
    pub(super) fn new(number: u8, title: &'static str) -> Self {
        Self {
            number,
            title,
            rows: Vec::new(),
            details: Vec::new(),
        }
    }

    pub(super) fn row(
        &mut self,
        what: impl Into<String>,
        target: &'static str,
        measured: impl Into<String>,
        peer: &'static str,
        is_met: bool,
    ) {
        self.push(what.into(), target, measured.into(), peer, Some(is_met));
    }

    /// Without a target.
    pub(super) fn note(
        &mut self,
        what: impl Into<String>,
        target: &'static str,
        measured: impl Into<String>,
    ) {
        self.push(what.into(), target, measured.into(), "–", None);
    }

    fn push(
        &mut self,
        what: String,
        target: &'static str,
        measured: String,
        peer: &'static str,
        is_met: Option<bool>,
    ) {
        let row = Row {
            what,
            target,
            measured,
            peer,
            is_met,
        };
        eprintln!(
            "  {}: {} (target {}): {}",
            row.what,
            row.measured,
            row.target,
            word(&row)
        );
        self.rows.push(row);
    }

    pub(super) fn detail(&mut self, text: impl Into<String>) {
        let text = text.into();
        eprintln!("  {text}");
        self.details.push(text);
    }
}

fn word(row: &Row) -> &'static str {
    match row.is_met {
        Some(true) => "met",
        Some(false) => "**missed**",
        None => "–",
    }
}

/// One table of all figures.
pub(super) fn table(figures: &[Figure]) -> String {
    let mut text =
        "| # | what happens | target | measured | best peer | |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for figure in figures {
        for row in &figure.rows {
            let Row {
                what,
                target,
                measured,
                peer,
                ..
            } = row;
            _ = writeln!(
                text,
                "| {} | {}: {what} | {target} | {measured} | {peer} | {} |",
                figure.number,
                figure.title,
                word(row)
            );
        }
    }
    text
}

/// What stands under the table.
pub(super) fn details(figures: &[Figure]) -> String {
    let mut text = String::new();
    for figure in figures.iter().filter(|figure| !figure.details.is_empty()) {
        _ = writeln!(text, "\n**{}, {}**\n", figure.number, figure.title);
        for detail in &figure.details {
            _ = writeln!(text, "- {detail}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_is_in_the_table() {
        let mut figure = Figure::new(6, "whatever the fault");
        figure.row("worst", "≤ 2050 ms", "2051 ms", "–", false);
        let text = table(&[figure]);
        assert!(
            text.ends_with(
                "| 6 | whatever the fault: worst | ≤ 2050 ms | 2051 ms | – | **missed** |\n"
            ),
            "{text}"
        );
    }
}
