//! Reading ids and query parameters. An error is the text to answer a 400 with.

use std::str::FromStr;

use actix_web::{HttpRequest, web};

/// The largest integer that JSON readers in every language keep exact: 2^53 - 1.
pub(crate) const MAX_ID: u64 = (1 << 53) - 1;

/// What an id may be, to end an error message with.
pub(crate) const ID: &str = "a whole number from 1 to 9007199254740991";

/// An id has one spelling: digits, without a sign or leading zeros.
pub(crate) fn id(text: &str) -> Option<u64> {
    number(text).filter(|id| *id <= MAX_ID)
}

/// An id in a message.
pub(crate) fn id_of(number: i64) -> Option<u64> {
    let id = u64::try_from(number).ok()?;
    (1..=MAX_ID).contains(&id).then_some(id)
}

/// The id in the request's path.
pub(crate) fn path_id(req: &HttpRequest) -> Result<u64, String> {
    let text = req.match_info().get("id").unwrap_or_default();
    id(text).ok_or_else(|| format!("id must be {ID}, not {text:?}"))
}

/// A number above 0, which must be all digits: the standard library also takes a plus.
pub(crate) fn number<T: FromStr>(text: &str) -> Option<T> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if digits { text.parse().ok() } else { None }
}

/// The query's parameters; those a service does not know are nobody's business, as in most services.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn of(req: &HttpRequest) -> Result<Self, String> {
        match web::Query::<Vec<(String, String)>>::from_query(req.query_string()) {
            Ok(pairs) => Ok(Self(pairs.into_inner())),
            Err(error) => Err(format!("the query cannot be read: {error}")),
        }
    }

    /// The value of a parameter, which may be given once.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        let mut values = self
            .0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str());
        let value = values.next();
        if values.next().is_some() {
            return Err(format!("{name} must be given once"));
        }
        Ok(value)
    }

    /// The value of a parameter that is `allowed` as far as `read` can make something of it.
    pub(crate) fn read<T>(
        &self,
        name: &str,
        allowed: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        match read(text) {
            Some(value) => Ok(Some(value)),
            None => Err(format!("{name} must be {allowed}, not {text:?}")),
        }
    }
}
