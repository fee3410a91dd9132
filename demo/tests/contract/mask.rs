//! What of two answers to the same request cannot be equal, taken out of them.

use crate::wire::Answer;

/// What goes on between two questions, taken out of an answer.
#[derive(Debug, Default)]
pub(crate) struct Passing {
    /// The ages that it tells, in seconds.
    pub(crate) ages: Vec<i64>,
    /// How long it is, in bytes, where ages are part of that: they have more digits later on.
    pub(crate) length: Option<u64>,
}

/// An answer without what may differ.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Masked {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// Text where it is text.
    pub(crate) body: Result<String, Vec<u8>>,
}

impl Masked {
    /// What is here and not in the other one.
    pub(crate) fn beside(&self, other: &Self) -> String {
        let mut parts = vec![format!("status {}", self.status)];
        let own = self.headers.iter();
        let own = own.filter(|header| !other.headers.contains(header));
        parts.extend(own.map(|(name, value)| format!("{name}: {value}")));
        if self.body != other.body {
            parts.push(format!("{:?}", self.body));
        }
        parts.join("\n  ")
    }
}

/// Made-up orders were placed before this, and orders of today after it.
const PLACED_TODAY: &str = "2025";

/// The answer without the time of day and durations, and what of it goes on between two questions.
///
/// What is compressed is compared where nothing is kept, and so no age is in it.
pub(crate) fn masked(answer: &Answer, keeps: bool) -> (Masked, Passing) {
    let mut ages = Vec::new();
    let mut length = None;
    // HEAD tells the length of what it does not show, and there may be ages in that.
    let mut other_length = keeps && answer.body.is_empty();
    let body = match String::from_utf8(answer.body.clone()) {
        Ok(text) => {
            let masked = without_numbers(&without_times(&text), "\"ageSeconds\":", &mut ages);
            other_length |= masked != text;
            Ok(masked)
        }
        Err(_) if keeps => {
            other_length = true;
            Err(Vec::new())
        }
        Err(error) => Err(error.into_bytes()),
    };
    let headers = answer.headers.iter().map(|(name, value)| {
        let value = match name.as_str() {
            "date" => String::new(),
            "server-timing" => without_numbers(value, ";dur=", &mut Vec::new()),
            "cache-status" => without_numbers(value, "; ttl=", &mut ages),
            "cache-control" => without_numbers(value, "max-age=", &mut ages),
            // It is made of what the services sent, and that is JSON here and a message there.
            "etag" => kind_of_tag(value),
            "content-length" if other_length => {
                length = value.parse().ok();
                String::new()
            }
            _ => value.clone(),
        };
        (name.clone(), value)
    });
    let masked = Masked {
        status: answer.status,
        headers: headers.collect(),
        body,
    };
    (masked, Passing { ages, length })
}

/// The text without the numbers behind `mark`, which are put into `taken` if they are whole.
fn without_numbers(text: &str, mark: &str, taken: &mut Vec<i64>) -> String {
    let mut parts = text.split(mark);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_number = |each: char| each.is_ascii_digit() || matches!(each, '.' | '-');
        let rest = part.trim_start_matches(is_number);
        taken.extend(part[..part.len() - rest.len()].parse::<i64>());
        masked.push_str(mark);
        masked.push('#');
        masked.push_str(rest);
    }
    masked
}

/// The text without the times at which orders were placed just now.
fn without_times(text: &str) -> String {
    const MARK: &str = "\"placedAt\":\"";
    let mut parts = text.split(MARK);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        masked.push_str(MARK);
        let (time, rest) = part.split_once('"').unwrap_or((part, ""));
        masked.push_str(if time > PLACED_TODAY { "now" } else { time });
        masked.push('"');
        masked.push_str(rest);
    }
    masked
}

/// Whether it is weak, and how long it is.
fn kind_of_tag(tag: &str) -> String {
    let kind = |each: char| match each {
        '/' | '"' | 'W' => each,
        _ => '#',
    };
    tag.chars().map(kind).collect()
}
