//! How a log line looks.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use env_logger::fmt::Formatter;
use jiff::Timestamp;
use log::Record;
use log::kv::{self, Key, Value, VisitSource};

/// For people: time, level, target, message, and `key=value` for each of the rest.
pub(super) fn text(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let mut line = String::with_capacity(512);
    let (time, level, target) = (Timestamp::now(), record.level(), record.target());
    // Writing to a String cannot fail.
    _ = write!(line, "{time:.3} {level:5} {target} ");
    _ = write!(OneLine(&mut line), "{}", record.args());
    _ = record.key_values().visit(&mut Pairs(&mut line));
    line.push('\n');
    out.write_all(line.as_bytes())
}

struct Pairs<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        self.0.push(' ');
        self.0.push_str(key.as_str());
        self.0.push('=');
        match value.to_borrowed_str() {
            Some(text) => OneLine(self.0).write_str(text)?,
            None => write!(OneLine(self.0), "{value}")?,
        }
        Ok(())
    }
}

/// Takes text without its control characters, so that no value can begin a line of its own.
struct OneLine<'a>(&'a mut String);

impl fmt::Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.0.push_str(text);
            return Ok(());
        }
        for c in text.chars() {
            if c.is_control() {
                self.0.extend(c.escape_default());
            } else {
                self.0.push(c);
            }
        }
        Ok(())
    }
}

/// For machines: one JSON object.
pub(super) fn json(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let mut line = serde_json::Map::new();
    line.insert("time".to_owned(), format!("{:.3}", Timestamp::now()).into());
    line.insert("level".to_owned(), record.level().as_str().into());
    line.insert("target".to_owned(), record.target().into());
    line.insert("message".to_owned(), record.args().to_string().into());
    _ = record.key_values().visit(&mut Fields(&mut line));
    let mut line = serde_json::to_vec(&line)?;
    line.push(b'\n');
    out.write_all(&line)
}

struct Fields<'a>(&'a mut serde_json::Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let number = value
            .to_u64()
            .map(serde_json::Value::from)
            .or_else(|| value.to_f64().map(Into::into));
        self.0.insert(
            key.to_string(),
            number.unwrap_or_else(|| value.to_string().into()),
        );
        Ok(())
    }
}
