//! From what was given to what a key asks for. An error is why the value is refused; it is empty where naming what is
//! allowed says enough.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::fmt::friendly::{SpanParser, SpanPrinter};

use super::fault::Origin;
use super::given::{Content, Given};

static PRINTER: SpanPrinter = SpanPrinter::new();
static PARSER: SpanParser = SpanParser::new();

/// A value refused, or one entry of a list.
pub(super) struct Refusal {
    pub(super) shown: String,
    pub(super) origin: Origin,
    /// Why, and what is allowed.
    pub(super) text: String,
}

impl Refusal {
    pub(super) fn new(given: &Given, why: &str, allowed: &str) -> Self {
        let text = match why {
            "" => allowed.to_owned(),
            why => format!("{why}; allowed: {allowed}"),
        };
        Self {
            shown: given.shown.clone(),
            origin: given.origin.clone(),
            text,
        }
    }
}

/// A duration as users write it: "1s 500ms".
pub(super) fn print_duration(duration: Duration) -> String {
    PRINTER.unsigned_duration_to_string(&duration)
}

fn wrong_kind(content: &Content) -> String {
    format!("this is {}", content.kind())
}

pub(super) fn text(content: &Content) -> Result<&str, String> {
    match content {
        Content::Text(text) | Content::Bare(text) => Ok(text),
        other => Err(wrong_kind(other)),
    }
}

pub(super) fn duration(
    content: &Content,
    allowed: &RangeInclusive<Duration>,
) -> Result<Duration, String> {
    let text = match content {
        Content::Integer(number) => number.map_or(String::new(), |number| number.to_string()),
        other => text(other)?.to_owned(),
    };
    if !text.is_empty() && text.len() < 20 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!(
            "a number alone has no unit: write \"{text}s\" or \"{text}ms\""
        ));
    }
    let duration = PARSER
        .parse_unsigned_duration(&text)
        .map_err(|_| String::new())?;
    if allowed.contains(&duration) {
        Ok(duration)
    } else {
        Err(String::new())
    }
}

pub(super) fn integer(content: &Content, allowed: &RangeInclusive<u32>) -> Result<u32, String> {
    let number = match content {
        Content::Integer(number) => number.and_then(|number| u32::try_from(number).ok()),
        Content::Bare(text) => text.parse().ok(),
        other => return Err(wrong_kind(other)),
    };
    number
        .filter(|number| allowed.contains(number))
        .ok_or_else(String::new)
}

pub(super) fn flag(content: &Content) -> Result<bool, String> {
    match content {
        Content::Flag(flag) => Ok(*flag),
        Content::Bare(text) => text.parse().map_err(|_| String::new()),
        other => Err(wrong_kind(other)),
    }
}

pub(super) fn address(content: &Content) -> Result<SocketAddr, String> {
    let text = text(content)?;
    text.parse().map_err(|_| match text.rsplit_once(':') {
        Some(("", _)) => "the IP address is missing: 0.0.0.0 stands for every interface".to_owned(),
        Some((host, port))
            if port.parse::<u16>().is_ok() && host.contains(|c: char| c.is_ascii_alphabetic()) =>
        {
            "names are not looked up here: write the IP address".to_owned()
        }
        None => "the port is missing".to_owned(),
        Some(_) => String::new(),
    })
}

/// An array without entries, or a variable's value without text.
pub(super) fn is_empty_list(given: &Given) -> bool {
    match &given.content {
        Content::List(entries) => entries.is_empty(),
        Content::Bare(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// Every entry in turn: strings of an array, or a variable's value between its commas. `allowed` is for the list as a
/// whole, `each` for an entry.
pub(super) fn list<T>(
    given: &Given,
    allowed: &str,
    each: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Vec<Refusal>> {
    let whole = |why: &str| Err(vec![Refusal::new(given, why, allowed)]);
    let split;
    let entries = match &given.content {
        Content::List(entries) => entries,
        Content::Bare(text) if text.trim().is_empty() => return whole("there is no entry"),
        Content::Bare(text) => {
            split = text
                .split(',')
                .map(|entry| bare_entry(entry.trim(), given))
                .collect();
            &split
        }
        other => return whole(&wrong_kind(other)),
    };
    if entries.is_empty() {
        return whole("there is no entry");
    }
    let mut seen = BTreeSet::new();
    let mut values = Vec::new();
    let mut refusals = Vec::new();
    for entry in entries {
        let text = match text(&entry.content) {
            Ok(text) => text,
            Err(why) => {
                refusals.push(Refusal::new(entry, &why, allowed));
                continue;
            }
        };
        let parsed = if text.is_empty() {
            Err("an entry is empty".to_owned())
        } else if !seen.insert(text) {
            Err("this entry is here twice".to_owned())
        } else {
            parse(text)
        };
        match parsed {
            Ok(value) => values.push(value),
            Err(why) => refusals.push(Refusal::new(entry, &why, each)),
        }
    }
    if refusals.is_empty() {
        Ok(values)
    } else {
        Err(refusals)
    }
}

fn bare_entry(entry: &str, whole: &Given) -> Given {
    Given {
        content: Content::Bare(entry.to_owned()),
        shown: format!("{entry:?}"),
        origin: whole.origin.clone(),
    }
}
