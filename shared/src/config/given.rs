//! A value as a layer gave it, before anybody asked for it.

use std::collections::BTreeMap;

use super::fault::Origin;

/// One file or the environment: every table and every value in it, by its full path.
pub(super) type Layer = BTreeMap<String, Entry>;

#[derive(Debug)]
pub(super) struct Entry {
    /// The path of the table it stands in; empty for the top.
    pub(super) parent: String,
    /// Where the key stands; the value's own place is in `given`.
    pub(super) key_origin: Origin,
    pub(super) given: Given,
}

#[derive(Debug)]
pub(super) struct Given {
    pub(super) content: Content,
    /// As faults echo it.
    pub(super) shown: String,
    pub(super) origin: Origin,
}

#[derive(Debug)]
pub(super) enum Content {
    /// A variable's value, which has no type until a key asks for one.
    Bare(String),
    Text(String),
    /// `None` if too large for any key.
    Integer(Option<i128>),
    Flag(bool),
    Float,
    Date,
    List(Vec<Given>),
    Table,
    /// A syntax fault lies here and is reported as such; what is left of the value says nothing.
    Damaged,
}

impl Content {
    /// What it is, for a fault: "this is an array".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Bare(_) | Self::Text(_) => "a string",
            Self::Integer(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::Float => "a number with a fraction",
            Self::Date => "a date or time",
            Self::List(_) => "an array",
            Self::Table => "a table",
            Self::Damaged => "damaged",
        }
    }
}

/// The path of `name` in the table `parent`. A name TOML would need quotes for is quoted, so that `a."b.c"` and
/// `a.b.c` differ.
pub(super) fn join(parent: &str, name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let name = if bare {
        name.to_owned()
    } else {
        format!("{name:?}")
    };
    if parent.is_empty() {
        name
    } else {
        format!("{parent}.{name}")
    }
}

/// The text on one line: control and invisible characters escaped, and cut after `limit` characters.
pub(super) fn clip(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    for c in text.chars() {
        // `escape_debug` knows what cannot be seen; quotes and backslashes are seen and stay as written.
        let visible = matches!(c, '"' | '\'' | '\\');
        let piece: String = if visible {
            c.to_string()
        } else {
            c.escape_debug().collect()
        };
        length += piece.chars().count();
        if length > limit {
            out.push('…');
            break;
        }
        out.push_str(&piece);
    }
    out
}
