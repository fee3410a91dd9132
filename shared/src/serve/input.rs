//! What a client sends, read so that it learns all that is wrong with it at once: which field, and what is allowed.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::{FieldError, Problem};

/// How much of a name that is not known is said back, in characters.
const LONGEST_NAME: usize = 100;

/// The members of an object, or the parameters of a query. Each is read by name; what stays unread is not allowed.
#[derive(Debug)]
pub struct Fields<'a> {
    members: &'a Map<String, Value>,
    /// What stands before a name to tell where it is.
    path: String,
    /// Numbers come as texts.
    is_query: bool,
    known: Vec<&'static str>,
    errors: Rc<RefCell<Vec<FieldError>>>,
}

/// Reads the body of `request` as a JSON object. `read` takes it apart; it yields nothing where a field is wrong.
///
/// # Errors
/// 415 `unsupportedMediaType` for another `Content-Type` than JSON, 400 `invalidJson` for what is none, and 400
/// `invalidInput` with everything that is wrong.
pub fn read_json<T>(
    request: &HttpRequest,
    body: &[u8],
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Problem> {
    let media_type = request.headers().get(CONTENT_TYPE);
    let media_type = media_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(unsupported_media_type());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => read_all(&members, false, Vec::new(), read),
        Ok(_) => Err(invalid_json("the body is no object")),
        Err(error) => Err(invalid_json(error)),
    }
}

/// Reads the query of `request`.
///
/// # Errors
/// 400 `invalidInput` with everything that is wrong: also a parameter that is not known, or there twice.
pub fn read_query<T>(
    request: &HttpRequest,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Problem> {
    let mut members = Map::new();
    let mut twice: Vec<String> = Vec::new();
    for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
        let before = members.insert(name.clone().into_owned(), value.into_owned().into());
        if before.is_some() && !twice.iter().any(|known| *known == name) {
            twice.push(name.into_owned());
        }
    }
    let twice = twice.into_iter().map(|name| FieldError {
        field: name.chars().take(LONGEST_NAME).collect(),
        detail: "may be there once".to_owned(),
    });
    read_all(&members, true, twice.collect(), read)
}

fn read_all<T>(
    members: &Map<String, Value>,
    is_query: bool,
    errors: Vec<FieldError>,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Problem> {
    let errors = Rc::new(RefCell::new(errors));
    let mut fields = Fields {
        members,
        path: String::new(),
        is_query,
        known: Vec::new(),
        errors: Rc::clone(&errors),
    };
    let read = read(&mut fields);
    fields.finish();
    let errors = errors.take();
    match read {
        Some(read) if errors.is_empty() => Ok(read),
        _ => Err(Problem::invalid_input(errors)),
    }
}

impl<'a> Fields<'a> {
    /// A text of so many characters, none of them a control character.
    pub fn text(&mut self, name: &'static str, length: RangeInclusive<usize>) -> Option<String> {
        let allowed = format!(
            "a text of {} to {} characters without control characters",
            length.start(),
            length.end()
        );
        self.read(name, &allowed, |value, _| {
            let text = value.as_str()?;
            let fits = length.contains(&text.chars().count()) && !text.contains(char::is_control);
            fits.then(|| text.to_owned())
        })
    }

    /// A whole number in `range`.
    pub fn integer(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let allowed = whole(&range);
        self.read(name, &allowed, |value, is_query| {
            integer(value, is_query, &range)
        })
    }

    /// The same where it may be missing.
    pub fn optional_integer(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<Option<u64>> {
        let allowed = whole(&range);
        self.optional(name, &allowed, |value, is_query| {
            integer(value, is_query, &range)
        })
    }

    /// A text that `parse` takes; `allowed` says which it does.
    pub fn word<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.read(name, allowed, |value, _| value.as_str().and_then(parse))
    }

    /// The same where it may be missing.
    pub fn optional_word<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        self.optional(name, allowed, |value, _| value.as_str().and_then(parse))
    }

    /// A number, in digits as JSON writes it, that `parse` takes; `allowed` says which it does.
    pub fn number<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.read(name, allowed, |value, _| match value {
            Value::Number(number) => parse(&number.to_string()),
            _ => None,
        })
    }

    /// A list of so many objects, each read by `read`.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        count: RangeInclusive<usize>,
        mut read: impl FnMut(&mut Fields<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let allowed = format!("a list of {} to {} objects", count.start(), count.end());
        let items = self.value(name, &allowed)?.as_array();
        let Some(items) = items.filter(|items| count.contains(&items.len())) else {
            return self.wrong(name, &allowed);
        };
        let read = items.iter().enumerate().map(|(index, item)| {
            let path = format!("{}{name}[{index}]", self.path);
            let Value::Object(members) = item else {
                self.fault(path, "must be an object".to_owned());
                return None;
            };
            let mut fields = Fields {
                members,
                path: format!("{path}."),
                is_query: self.is_query,
                known: Vec::new(),
                errors: Rc::clone(&self.errors),
            };
            let item = read(&mut fields);
            fields.finish();
            item
        });
        // All of them, so that every fault is found.
        let read: Vec<_> = read.collect();
        read.into_iter().collect()
    }

    fn read<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&Value, bool) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(name, allowed)?;
        let parsed = parse(value, self.is_query);
        parsed.or_else(|| self.wrong(name, allowed))
    }

    /// `None` for what is wrong, `Some(None)` for what is missing. A member that is null is missing too.
    fn optional<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&Value, bool) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.members.get(name) {
            None | Some(Value::Null) => {
                self.known.push(name);
                Some(None)
            }
            Some(_) => self.read(name, allowed, parse).map(Some),
        }
    }

    fn value(&mut self, name: &'static str, allowed: &str) -> Option<&'a Value> {
        self.known.push(name);
        let members = self.members;
        let value = members.get(name);
        if value.is_none() {
            let detail = format!("is missing: it must be {allowed}");
            self.fault(format!("{}{name}", self.path), detail);
        }
        value
    }

    fn wrong<T>(&self, name: &str, allowed: &str) -> Option<T> {
        self.fault(format!("{}{name}", self.path), format!("must be {allowed}"));
        None
    }

    fn fault(&self, field: String, detail: String) {
        self.errors.borrow_mut().push(FieldError { field, detail });
    }

    /// What was not read is not known.
    fn finish(&self) {
        let unknown = self
            .members
            .keys()
            .filter(|name| !self.known.contains(&&***name));
        for name in unknown {
            let name: String = name.chars().take(LONGEST_NAME).collect();
            let detail = format!("is not known: known are {}", self.known.join(", "));
            self.fault(format!("{}{name}", self.path), detail);
        }
    }
}

fn whole(range: &RangeInclusive<u64>) -> String {
    format!("a whole number from {} to {}", range.start(), range.end())
}

fn integer(value: &Value, is_query: bool, range: &RangeInclusive<u64>) -> Option<u64> {
    let number = match value {
        Value::String(digits) if is_query => {
            // "+1" and "01" would be second names of the same number.
            let is_canonical = digits == "0" || !digits.starts_with(['0', '+']);
            is_canonical.then(|| digits.parse().ok())??
        }
        Value::Number(number) => number.as_u64().or_else(|| whole_float(number.as_f64()?))?,
        _ => return None,
    };
    range.contains(&number).then_some(number)
}

/// 1.0 is the number 1 (JSON Schema, section 6.1.1 of its validation part). Above what an id can be floats skip numbers.
fn whole_float(number: f64) -> Option<u64> {
    const MOST: f64 = ((1_u64 << 53) - 1) as f64;
    let fits = (0.0..=MOST).contains(&number) && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole and in range"
    )]
    fits.then_some(number as u64)
}

/// The problems of every route that takes a body; for its documentation.
#[must_use]
pub fn problems_of_bodies() -> Vec<Problem> {
    [StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE]
        .map(Problem::of_status)
        .into()
}

/// The problem of a body that is no JSON; for a route's documentation too.
#[must_use]
pub fn invalid_json(why: impl Display) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalidJson",
        "The body is not the JSON that is asked for",
        format!("The body has to be one JSON object: {why}."),
    )
}

/// The problem of a body of another type; for a route's documentation too.
#[must_use]
pub fn unsupported_media_type() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupportedMediaType",
        "The body is of a type that is not read",
        "Send JSON, with Content-Type: application/json.",
    )
}
