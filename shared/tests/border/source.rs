//! Rust sources, taken apart just far enough to see what they name.

/// A source file.
pub(crate) struct Source {
    /// Its path inside the workspace.
    pub(crate) path: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) tokens: Vec<Token>,
}

/// What stands on one line, by kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) code: String,
    /// What string literals hold.
    pub(crate) literal: String,
    pub(crate) comment: String,
}

/// A name, `::`, or any other character of the code.
pub(crate) struct Token {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// A path in the code, groups written out: `a::{b, c}` is `a::b` and `a::c`.
pub(crate) struct CodePath {
    pub(crate) line: usize,
    pub(crate) names: Vec<String>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let lines = split(text);
        let tokens = (1..)
            .zip(&lines)
            .flat_map(|(number, line)| tokens(number, &line.code))
            .collect();
        Self {
            path: path.to_owned(),
            lines,
            tokens,
        }
    }

    /// Whether it is one of these files, or in one of these folders, which end in a slash.
    pub(crate) fn is_in(&self, places: &[&str]) -> bool {
        let inside = |place: &&str| {
            self.path == *place || (place.ends_with('/') && self.path.starts_with(*place))
        };
        places.iter().any(inside)
    }

    /// A fault as it is reported: where, and what.
    pub(crate) fn fault(&self, line: usize, what: impl std::fmt::Display) -> String {
        format!("{}:{line}: {what}", self.path)
    }

    pub(crate) fn paths(&self) -> Vec<CodePath> {
        let mut paths: Vec<CodePath> = Vec::new();
        let mut groups: Vec<Vec<String>> = Vec::new();
        let mut current: Vec<String> = Vec::new();
        let mut previous = "";
        for Token { line, text } in &self.tokens {
            match text.as_str() {
                "::" => {}
                "{" => {
                    groups.push(if previous == "::" {
                        std::mem::take(&mut current)
                    } else {
                        Vec::new()
                    });
                }
                "}" => {
                    groups.pop();
                    current.clear();
                }
                name if is_name(name) => {
                    if previous != "::" {
                        current = groups.last().cloned().unwrap_or_default();
                    }
                    current.push(name.to_owned());
                    if previous == "::"
                        && paths
                            .last()
                            .is_some_and(|path| path.names == current[..current.len() - 1])
                    {
                        // The path goes on.
                        paths.pop();
                    }
                    // A module's declaration and a member are no paths.
                    if !matches!(previous, "mod" | ".") {
                        paths.push(CodePath {
                            line: *line,
                            names: current.clone(),
                        });
                    }
                }
                _ => current.clear(),
            }
            previous = text;
        }
        paths
    }
}

pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn tokens(line: usize, code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(c) = rest.chars().next() {
        let length = if is_name(rest) {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            c.len_utf8()
        };
        tokens.push(Token {
            line,
            text: rest[..length].to_owned(),
        });
        rest = rest[length..].trim_start();
    }
    tokens
}

/// The names in a text of any kind.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|name| !name.is_empty())
}

/// The words that a name is made of, in lower case: `OrderDesk` is `order` and `desk`.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous = '_';
    for c in name.chars().filter(|c| c.is_alphanumeric() || *c == '_') {
        let is_first = previous == '_'
            || (c.is_uppercase() && !previous.is_uppercase())
            || c.is_numeric() != previous.is_numeric();
        match words.last_mut() {
            _ if c == '_' => {}
            Some(word) if !is_first => word.extend(c.to_lowercase()),
            _ => words.push(c.to_lowercase().collect()),
        }
        previous = c;
    }
    words
}

/// Takes Rust apart into code, literals and comments, line by line.
pub(crate) fn split(text: &str) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let before = lines.last().map_or("", |line| &line.code);
        let after_name = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let raw = rest
            .strip_prefix('b')
            .unwrap_or(rest)
            .strip_prefix('r')
            .filter(|_| !after_name);
        let hashes = raw.map_or(0, |raw| raw.len() - raw.trim_start_matches('#').len());
        let (length, kind): (usize, fn(&mut Line) -> &mut String) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), |line| {
                &mut line.comment
            })
        } else if rest.starts_with("/*") {
            (block_comment(rest), |line| &mut line.comment)
        } else if raw.is_some_and(|raw| raw[hashes..].starts_with('"')) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = rest.find('"').unwrap_or(0) + 1;
            (
                rest[start..]
                    .find(&end)
                    .map_or(rest.len(), |at| start + at + end.len()),
                |line| &mut line.literal,
            )
        } else if c == '"' {
            (string(rest), |line| &mut line.literal)
        } else if c == '\'' {
            // A character, or the tick of a lifetime.
            let mut after = rest[1..].char_indices();
            let length = match (after.next(), after.next()) {
                (Some((_, '\\')), Some((at, escaped))) => {
                    let from = 1 + at + escaped.len_utf8();
                    rest[from..].find('\'').map_or(1, |at| from + at + 1)
                }
                (Some(_), Some((at, '\''))) => at + 2,
                _ => 1,
            };
            (length, |line| &mut line.literal)
        } else {
            (c.len_utf8(), |line| &mut line.code)
        };
        for (i, piece) in rest[..length].split('\n').enumerate() {
            if i > 0 {
                lines.push(Line::default());
            }
            if let Some(line) = lines.last_mut() {
                kind(line).push_str(piece);
            }
        }
        rest = &rest[length..];
    }
    lines
}

/// The length of the block comment at the start of `text`; they nest.
fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if rest.starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            let Some(c) = rest.chars().next() else {
                return at;
            };
            at += c.len_utf8();
        }
    }
}

/// The length of the string literal at the start of `text`.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
