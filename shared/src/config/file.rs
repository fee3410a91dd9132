//! A TOML file as a layer.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Origin};
use super::given::{Content, Entry, Given, Layer, join};

/// Reads the file at `path`; one that cannot be read is a fault and an empty layer.
pub(super) fn open(path: &Path, faults: &mut Vec<Fault>) -> Layer {
    let name = path.display().to_string();
    let whole = Origin::File {
        name: name.clone(),
        line: 0,
        column: 0,
    };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            faults.push(Fault::new(
                "",
                None,
                &format!("the file cannot be read: {error}"),
                &whole,
            ));
            return Layer::new();
        }
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => read(&name, text, faults),
        Err(error) => {
            let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let origin = Text::new(&name, valid).origin(valid.len());
            faults.push(Fault::new(
                "",
                None,
                "the file is not UTF-8 from here on",
                &origin,
            ));
            Layer::new()
        }
    }
}

/// Reads a file's text. Syntax faults are reported, and what could be read around them is kept.
pub(super) fn read(name: &str, text: &str, faults: &mut Vec<Fault>) -> Layer {
    // A byte order mark is no character anybody sees, so it counts for no column.
    let text = Text::new(name, text.strip_prefix('\u{feff}').unwrap_or(text));
    let (table, errors) = DeTable::parse_recoverable(text.text);
    let mut damage = Vec::new();
    for error in errors {
        let at = error.span().unwrap_or(text.text.len()..text.text.len());
        faults.push(Fault::new(
            "",
            None,
            &format!("TOML syntax: {}", error.message()),
            &text.origin(at.start),
        ));
        damage.push(text.damaged_by(at));
    }
    let mut layer = Layer::new();
    text.flatten(table.get_ref(), "", &damage, &mut layer);
    layer
}

/// A file's text, and where its lines begin.
struct Text<'t> {
    name: &'t str,
    text: &'t str,
    lines: Vec<usize>,
}

impl<'t> Text<'t> {
    fn new(name: &'t str, text: &'t str) -> Self {
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { name, text, lines }
    }

    /// The line, from 0, that the byte at `at` is in.
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|&start| start <= at) - 1
    }

    fn origin(&self, at: usize) -> Origin {
        let line = self.line(at);
        let before = self.text.get(self.lines[line]..at).unwrap_or_default();
        Origin::File {
            name: self.name.to_owned(),
            line: line + 1,
            column: before.chars().count() + 1,
        }
    }

    /// What a syntax fault makes unreliable: its line and, if that is a table's header, the keys below, for they may
    /// have landed in another table.
    fn damaged_by(&self, at: Range<usize>) -> Range<usize> {
        let header = |line: &&usize| {
            self.text[**line..]
                .trim_start_matches([' ', '\t'])
                .starts_with('[')
        };
        let first = self.lines[self.line(at.start)];
        let mut following = self.lines[self.line(at.end) + 1..].iter();
        let end = if header(&&first) {
            following.find(header)
        } else {
            following.next()
        };
        first..end.copied().unwrap_or(self.text.len() + 1)
    }

    fn flatten(
        &self,
        table: &DeTable<'_>,
        parent: &str,
        damage: &[Range<usize>],
        layer: &mut Layer,
    ) {
        for (key, value) in table {
            let at = key.span().start;
            if damage.iter().any(|damage| damage.contains(&at))
                && !matches!(value.get_ref(), DeValue::Table(_))
            {
                continue;
            }
            let path = join(parent, key.get_ref());
            if let DeValue::Table(table) = value.get_ref() {
                self.flatten(table, &path, damage, layer);
            }
            let given = self.given(value, at, damage);
            layer.insert(
                path,
                Entry {
                    parent: parent.to_owned(),
                    key_origin: self.origin(at),
                    given,
                },
            );
        }
    }

    fn given(&self, value: &Spanned<DeValue<'_>>, key: usize, damage: &[Range<usize>]) -> Given {
        let span = value.span();
        let content = match value.get_ref() {
            DeValue::Table(_) => Content::Table,
            _ if span.is_empty()
                || damage
                    .iter()
                    .any(|d| d.start < span.end && span.start < d.end) =>
            {
                Content::Damaged
            }
            DeValue::String(text) => Content::Text(text.clone().into_owned()),
            DeValue::Integer(number) => {
                Content::Integer(i128::from_str_radix(number.as_str(), number.radix()).ok())
            }
            DeValue::Float(_) => Content::Float,
            DeValue::Boolean(flag) => Content::Flag(*flag),
            DeValue::Datetime(_) => Content::Date,
            DeValue::Array(list) => Content::List(
                list.iter()
                    .map(|entry| self.given(entry, entry.span().start, damage))
                    .collect(),
            ),
        };
        let written = self.text.get(span.clone()).unwrap_or_default();
        // A table under a header has no value that could be echoed; its name is where it is.
        let headed = matches!(content, Content::Table) && !written.starts_with('{');
        let (shown, at) = if headed {
            ("{…}", key)
        } else {
            (written, span.start)
        };
        Given {
            content,
            shown: shown.to_owned(),
            origin: self.origin(at),
        }
    }
}
