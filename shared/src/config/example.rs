//! The keys as a list and as a file to start from.

use std::fmt::Write as _;

use super::env;

/// One key a program asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The full path, such as `upstreams.stock.deadline`.
    pub path: String,
    /// The default as TOML, such as `"800ms"` in its quotes.
    pub default: String,
    /// What is allowed, as a phrase.
    pub allowed: String,
    /// What it means.
    pub about: &'static str,
    /// Whether it is one of a section that need not be there, and that may be there several times.
    pub optional: bool,
}

impl Key {
    /// The environment variable that sets it, such as `BFF__UPSTREAMS__STOCK__DEADLINE`.
    pub fn env(&self) -> String {
        env::variable(&self.path)
    }

    /// The section's path, empty for the top, and the name in it.
    fn split(&self) -> (&str, &str) {
        self.path.rsplit_once('.').unwrap_or(("", &self.path))
    }
}

/// A TOML file of `keys` that sets every one to its default, with a comment on each: what it means, what is allowed
/// and its environment variable. `header` comes first, as a comment. A section that need not be there is one itself.
pub fn example(header: &str, keys: &[Key]) -> String {
    // In TOML a key belongs to the header above it, so those without a section come first and the others together.
    let mut sections = vec![""];
    for (section, _) in keys.iter().map(Key::split) {
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    let mut out = String::new();
    comment(&mut out, header);
    for section in sections {
        let is_optional = keys
            .iter()
            .any(|key| key.optional && key.split().0 == section);
        let mark = if is_optional { "# " } else { "" };
        if !section.is_empty() {
            let _ = write!(out, "\n{mark}[{section}]\n");
        }
        for key in keys.iter().filter(|key| key.split().0 == section) {
            out.push('\n');
            comment(&mut out, key.about);
            comment(&mut out, &format!("Allowed: {}.", key.allowed));
            comment(&mut out, &format!("Environment: {}", key.env()));
            let _ = writeln!(out, "{mark}{} = {}", key.split().1, key.default);
        }
    }
    out
}

fn comment(out: &mut String, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "{}", format!("# {line}").trim_end());
    }
}

/// The text as a TOML string.
pub(super) fn toml_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The texts as a TOML array of strings.
pub(super) fn toml_list(texts: &[&str]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| toml_string(text)).collect();
    format!("[{}]", texts.join(", "))
}
