//! docs/compose.md, held to the example.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// A block of code, with what stands above it.
struct Block {
    language: String,
    /// Whether it is said to be what a third service adds.
    is_added: bool,
    lines: Vec<String>,
}

fn text() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compose.md");
    fs::read_to_string(page).unwrap()
}

fn blocks() -> Vec<Block> {
    let text = text();
    let mut blocks = Vec::new();
    let mut is_added = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        match line.strip_prefix("```") {
            Some(language) => blocks.push(Block {
                language: language.to_owned(),
                is_added: std::mem::take(&mut is_added),
                lines: lines
                    .by_ref()
                    .take_while(|line| *line != "```")
                    .map(str::to_owned)
                    .collect(),
            }),
            None => is_added |= line == "<!-- added -->",
        }
    }
    blocks
}

/// The answers that the page shows.
pub(crate) fn answers() -> Vec<Value> {
    let shown = blocks()
        .into_iter()
        .filter(|block| block.language == "json");
    shown
        .map(|block| serde_json::from_str(&block.lines.join("\n")).unwrap())
        .collect()
}

#[test]
fn all_code_on_the_page_stands_in_the_example_line_by_line() {
    let example: Vec<_> = include_str!("shipments.rs").lines().collect();
    let blocks = blocks();
    let code: Vec<_> = blocks
        .iter()
        .filter(|block| block.language == "rust")
        .collect();
    assert!(code.len() > 3, "there is code to look at");
    for block in code {
        let is_there = example
            .windows(block.lines.len())
            .any(|lines| lines == block.lines);
        assert!(is_there, "not in the example:\n{}", block.lines.join("\n"));
    }
}

#[test]
fn the_page_counts_the_added_lines_right() {
    let is_code = |line: &&String| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("//")
    };
    let blocks = blocks();
    let added = blocks.iter().filter(|block| block.is_added);
    let count = added.flat_map(|block| &block.lines).filter(is_code).count();
    assert!(count < 30, "{count}");
    let stated = format!("{count} lines");
    assert!(text().contains(&stated), "the page has to say {stated}");
}
