//! What a client sends, read so that it learns all that is wrong with it at once: which field, and what is allowed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::{FieldError, Problem};

#[cfg(test)]
mod tests;

/// How much of a name that is not known is said back, in characters.
const LONGEST_NAME: usize = 100;

/// The members of an object, or the parameters of a query. Each is read by name; what stays unread is not allowed.
#[derive(Debug)]
pub struct Fields<'a> {
    members: Members<'a>,
    /// What stands before a name to tell where it is.
    path: String,
    known: Vec<&'static str>,
    errors: Rc<RefCell<Vec<FieldError>>>,
}

/// In the sequence in which they came.
type Members<'a> = Vec<(Cow<'a, str>, Given<'a>)>;

/// What was sent under a name.
#[derive(Debug, Clone)]
enum Given<'a> {
    /// JSON, as it was written: the digits of a number pass through no float.
    Json(&'a RawValue),
    /// A parameter, all of which are texts.
    Parameter(Cow<'a, str>),
}

/// As many faults are said at once as anybody would read.
const MOST_ERRORS: usize = 100;

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
    read_object(body, read)
}

/// Reads `json`, an object, as [`read_json`] reads the body of a request.
///
/// # Errors
/// 400 `invalidJson` for what is none, and 400 `invalidInput` with everything that is wrong.
pub fn read_object<T>(
    json: &[u8],
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Problem> {
    let whole: &RawValue = serde_json::from_slice(json).map_err(invalid_json)?;
    if !whole.get().starts_with('{') {
        return Err(invalid_json("the body is no object"));
    }
    let members = members_of(whole).map_err(invalid_json)?;
    read_all(members, read)
}

/// Reads the query of `request`.
///
/// # Errors
/// 400 `invalidInput` with everything that is wrong: also a parameter that is not known, or there twice.
pub fn read_query<T>(
    request: &HttpRequest,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Problem> {
    let parameters = form_urlencoded::parse(request.query_string().as_bytes());
    let members = parameters.map(|(name, value)| (name, Given::Parameter(value)));
    read_all(members.collect(), read)
}

fn read_all<'a, T>(
    members: Members<'a>,
    read: impl FnOnce(&mut Fields<'a>) -> Option<T>,
) -> Result<T, Problem> {
    let errors = Rc::default();
    let read = read_members(members, String::new(), &errors, read);
    let errors = errors.take();
    match read {
        Some(read) if errors.is_empty() => Ok(read),
        _ => Err(Problem::invalid_input(errors)),
    }
}

/// Reads one object, or a query; what is wrong with it is added to `errors`.
fn read_members<'a, T>(
    members: Members<'a>,
    path: String,
    errors: &Rc<RefCell<Vec<FieldError>>>,
    read: impl FnOnce(&mut Fields<'a>) -> Option<T>,
) -> Option<T> {
    let mut fields = Fields {
        members,
        path,
        known: Vec::new(),
        errors: Rc::clone(errors),
    };
    fields.doubled();
    let read = read(&mut fields);
    fields.finish();
    read
}

/// The members of an object as they stand there, also those that are there twice.
fn members_of(object: &RawValue) -> Result<Members<'_>, serde_json::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = Members<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                members.push((Cow::Owned(name), Given::Json(value)));
            }
            Ok(members)
        }
    }
    serde_json::Deserializer::from_str(object.get()).deserialize_map(Visitor)
}

impl<'a> Given<'a> {
    fn json<T: Deserialize<'a>>(&self) -> Option<T> {
        match self {
            Self::Json(raw) => serde_json::from_str(raw.get()).ok(),
            Self::Parameter(_) => None,
        }
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Json(_) => self.json().map(Cow::Owned),
            Self::Parameter(text) => Some(Cow::Borrowed(text)),
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Json(raw) if raw.get() == "null")
    }

    /// The digits of a number, as they were written.
    fn number(&self) -> Option<&'a str> {
        match self {
            Self::Json(raw) => Some(raw.get()).filter(|text| {
                text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
            }),
            Self::Parameter(_) => None,
        }
    }

    fn integer(&self, range: &RangeInclusive<u64>) -> Option<u64> {
        let number = match self {
            Self::Parameter(text) => {
                // 1.0 is a whole number too, as JSON Schema has it.
                let (digits, fraction) = text.split_once('.').unwrap_or((text, "0"));
                if fraction.is_empty() || fraction.bytes().any(|byte| byte != b'0') {
                    return None;
                }
                // "+1" and "01" would be second names of the same number.
                let is_canonical = digits == "0" || !digits.starts_with(['0', '+']);
                is_canonical.then(|| digits.parse().ok())??
            }
            Self::Json(_) => {
                let digits = self.number()?;
                let whole = digits.parse().ok();
                whole.or_else(|| whole_float(digits.parse().ok()?))?
            }
        };
        range.contains(&number).then_some(number)
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
        self.read(name, &allowed, |given| {
            let text = given.text()?;
            let fits = length.contains(&text.chars().count()) && !text.contains(char::is_control);
            fits.then(|| text.into_owned())
        })
    }

    /// A whole number in `range`.
    pub fn integer(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let allowed = whole(&range);
        self.read(name, &allowed, |given| given.integer(&range))
    }

    /// The same where it may be missing.
    pub fn optional_integer(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<Option<u64>> {
        let allowed = whole(&range);
        self.optional(name, &allowed, |given| given.integer(&range))
    }

    /// A text that `parse` takes; `allowed` says which it does.
    pub fn word<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.read(name, allowed, |given| parse(&given.text()?))
    }

    /// The same where it may be missing.
    pub fn optional_word<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        self.optional(name, allowed, |given| parse(&given.text()?))
    }

    /// A number, in digits as JSON writes it, that `parse` takes; `allowed` says which it does.
    pub fn number<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.read(name, allowed, |given| parse(given.number()?))
    }

    /// A list of so many objects, each read by `read`.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        count: RangeInclusive<usize>,
        mut read: impl FnMut(&mut Fields<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let allowed = format!("a list of {} to {} objects", count.start(), count.end());
        let items: Option<Vec<&RawValue>> = self.value(name, &allowed)?.json();
        let Some(items) = items.filter(|items| count.contains(&items.len())) else {
            return self.wrong(name, &allowed);
        };
        let read = items.into_iter().enumerate().map(|(index, item)| {
            let path = format!("{}{name}[{index}]", self.path);
            match members_of(item) {
                Ok(members) => read_members(members, format!("{path}."), &self.errors, &mut read),
                Err(_) => {
                    self.fault(path, "must be an object".to_owned());
                    None
                }
            }
        });
        // All of them, so that every fault is found.
        let read: Vec<_> = read.collect();
        read.into_iter().collect()
    }

    fn read<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&Given<'a>) -> Option<T>,
    ) -> Option<T> {
        let given = self.value(name, allowed)?;
        parse(&given).or_else(|| self.wrong(name, allowed))
    }

    /// `None` for what is wrong, `Some(None)` for what is missing. A member that is null is missing too.
    fn optional<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&Given<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.given(name).is_none_or(|given| given.is_null()) {
            self.known.push(name);
            return Some(None);
        }
        self.read(name, allowed, parse).map(Some)
    }

    fn value(&mut self, name: &'static str, allowed: &str) -> Option<Given<'a>> {
        self.known.push(name);
        let given = self.given(name);
        if given.is_none() {
            let detail = format!("is missing: it must be {allowed}");
            self.fault(format!("{}{name}", self.path), detail);
        }
        given
    }

    fn given(&self, name: &str) -> Option<Given<'a>> {
        let mut members = self.members.iter();
        let (_, given) = members.find(|(known, _)| known == name)?;
        Some(given.clone())
    }

    fn wrong<T>(&self, name: &str, allowed: &str) -> Option<T> {
        self.fault(format!("{}{name}", self.path), format!("must be {allowed}"));
        None
    }

    fn fault(&self, field: String, detail: String) {
        let mut errors = self.errors.borrow_mut();
        // An answer is not to be many times as long as what was sent.
        if errors.len() < MOST_ERRORS {
            errors.push(FieldError { field, detail });
        }
    }

    /// What is there twice says two things at once.
    fn doubled(&self) {
        let mut times = HashMap::with_capacity(self.members.len());
        for (name, _) in &self.members {
            let times = times.entry(name).or_insert(0_u32);
            *times += 1;
            if *times == 2 {
                self.fault(self.place_of(name), "may be there once".to_owned());
            }
        }
    }

    /// What was not read is not known.
    fn finish(&self) {
        let mut seen = HashSet::new();
        let known = if self.known.is_empty() {
            "is not known".to_owned()
        } else {
            format!("is not known: known are {}", self.known.join(", "))
        };
        for (name, _) in &self.members {
            if !self.known.contains(&&**name) && seen.insert(name) {
                self.fault(self.place_of(name), known.clone());
            }
        }
    }

    /// Where the member `name` is, which may be any text.
    fn place_of(&self, name: &str) -> String {
        let name = name.chars().take(LONGEST_NAME);
        self.path.chars().chain(name).collect()
    }
}

fn whole(range: &RangeInclusive<u64>) -> String {
    format!("a whole number from {} to {}", range.start(), range.end())
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
