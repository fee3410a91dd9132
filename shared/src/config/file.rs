//! A TOML file as a layer.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Origin};
use super::given::{Content, Entry, Given, Layer, join};

/// Reads the file at `path`; one that cannot be read is a fault and an empty layer.
pub(super) fn open(path: &Path, faults: &mut Vec<Fault>) -> Layer {
    let name = path.display().to_string();
    let whole = Origin::file(&name);
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
    let (mut table, mut errors) = DeTable::parse_recoverable(text.text);
    // At a key without a value the parser leaves the rest of the file unread; without those lines it goes on.
    let stops: Vec<usize> = errors
        .iter()
        .filter(|error| stops(error))
        .map(|error| text.start(error))
        .collect();
    let without = text.without(&stops);
    if !stops.is_empty() {
        let (rest, more) = DeTable::parse_recoverable(&without);
        table = rest;
        let known: Vec<_> = errors.iter().map(toml::de::Error::span).collect();
        errors.extend(
            more.into_iter()
                .filter(|error| !known.contains(&error.span())),
        );
    }
    errors.sort_by_key(|error| text.start(error));
    let mut spans = Vec::new();
    text.value_spans(table.get_ref(), &mut spans);
    let mut damage: Vec<Range<usize>> = Vec::new();
    // Where a fault within a value was reported last; an array left open swallows the lines below it.
    let mut reported = 0..0;
    for error in &errors {
        let at = text.start(error);
        let follows = reported.contains(&at)
            || damage
                .last()
                .is_some_and(|last| text.line(last.start) == text.line(at));
        if !follows {
            let why = format!("TOML syntax: {}", error.message());
            faults.push(Fault::new("", None, &why, &text.origin(at)));
        }
        if let Some(span) = spans.iter().find(|span| span.contains(&at)) {
            reported = span.clone();
        }
        damage.push(text.damaged_by(at..error.span().map_or(at, |span| span.end)));
    }
    let mut layer = Layer::new();
    text.flatten(table.get_ref(), "", &damage, &mut layer);
    layer
}

fn stops(error: &toml::de::Error) -> bool {
    error.message().starts_with("key with no value")
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
        Origin::at(self.name, line + 1, before.chars().count() + 1)
    }

    fn start(&self, error: &toml::de::Error) -> usize {
        error.span().map_or(self.text.len(), |span| span.start)
    }

    /// The text with the lines blank that hold one of these bytes; every other byte keeps its place.
    fn without(&self, bytes: &[usize]) -> String {
        let lines: BTreeSet<usize> = bytes.iter().map(|&at| self.line(at)).collect();
        let blank = |line: &str| {
            line.bytes()
                .map(|b| if b == b'\n' { '\n' } else { ' ' })
                .collect()
        };
        let kept = self.text.split_inclusive('\n').enumerate();
        kept.map(|(at, line)| {
            if lines.contains(&at) {
                blank(line)
            } else {
                line.to_owned()
            }
        })
        .collect()
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

    /// Where the values under the table's headers lie, tables within braces being values too.
    fn value_spans(&self, table: &DeTable<'_>, spans: &mut Vec<Range<usize>>) {
        for value in table.values() {
            match value.get_ref() {
                DeValue::Table(table) if self.is_headed(value) => {
                    self.value_spans(table, spans);
                }
                _ => spans.push(value.span()),
            }
        }
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
            let path = join(parent, key.get_ref());
            if let DeValue::Table(table) = value.get_ref() {
                // A table may go on elsewhere, under headers that are sound.
                self.flatten(table, &path, damage, layer);
            }
            if damage.iter().any(|damage| damage.contains(&at)) {
                continue;
            }
            let entry = Entry {
                parent: parent.to_owned(),
                key_origin: self.origin(at),
                given: self.given(value, at, damage),
            };
            layer.insert(path, entry);
        }
    }

    fn given(&self, value: &Spanned<DeValue<'_>>, key: usize, damage: &[Range<usize>]) -> Given {
        let span = value.span();
        if self.is_headed(value) {
            // It has no value that could be echoed; its name is where it is.
            return Given {
                content: Content::Table,
                shown: "{…}".to_owned(),
                origin: self.origin(key),
            };
        }
        // Ends included: a string left open runs into the line that is damaged.
        let damaged = |d: &Range<usize>| d.start <= span.end && span.start < d.end;
        let content = match value.get_ref() {
            _ if span.is_empty() || damage.iter().any(damaged) => Content::Damaged,
            DeValue::Table(_) => Content::Table,
            DeValue::String(text) => Content::Text(text.clone().into_owned()),
            DeValue::Integer(number) => {
                Content::Integer(i128::from_str_radix(number.as_str(), number.radix()).ok())
            }
            DeValue::Float(_) => Content::Float,
            DeValue::Boolean(flag) => Content::Flag(*flag),
            DeValue::Datetime(_) => Content::Date,
            DeValue::Array(list) => {
                let entry =
                    |entry: &Spanned<DeValue<'_>>| self.given(entry, entry.span().start, damage);
                Content::List(list.iter().map(entry).collect())
            }
        };
        Given {
            content,
            shown: self.text.get(span.clone()).unwrap_or_default().to_owned(),
            origin: self.origin(span.start),
        }
    }

    /// Whether it is a table under a header or of dotted keys, and not one in braces.
    fn is_headed(&self, value: &Spanned<DeValue<'_>>) -> bool {
        let braced = self
            .text
            .get(value.span())
            .is_some_and(|text| text.starts_with('{'));
        matches!(value.get_ref(), DeValue::Table(_)) && !braced
    }
}
