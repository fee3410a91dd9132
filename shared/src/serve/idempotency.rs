//! `Idempotency-Key` of requests that must act once however often they are sent
//! (draft-ietf-httpapi-idempotency-key-header-07).

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use http::HeaderValue;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{Object, Required, Type};

use super::Problem;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a key is made of, as a regular expression: visible ASCII characters other than ", comma and \.
const CHARACTER: &str = r"[!#-+\x2d-\x5b\x5d-~]";

/// The longest key: what services commonly keep.
const LONGEST: usize = 255;

/// The key of `request`, as it is passed on.
///
/// # Errors
/// 400 `idempotencyKeyMissing` where there is none, and `invalidIdempotencyKey` for what is no key, or more than one.
pub fn idempotency_key(request: &HttpRequest) -> Result<HeaderValue, Problem> {
    optional_idempotency_key(request)?.ok_or_else(missing_key)
}

/// The key of `request`, if it has one, as it is passed on.
///
/// # Errors
/// 400 `invalidIdempotencyKey` for what is no key, or more than one.
pub fn optional_idempotency_key(request: &HttpRequest) -> Result<Option<HeaderValue>, Problem> {
    let mut keys = request.headers().get_all(IDEMPOTENCY_KEY);
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(key), None) => read(key.as_bytes()).map(Some).ok_or_else(invalid_key),
        (Some(_), Some(_)) => Err(invalid_key()),
    }
}

/// The key that a request names in another place than its head, as it is passed on.
///
/// # Errors
/// 400 `invalidIdempotencyKey` for what is no key.
pub fn key_of(text: &str) -> Result<HeaderValue, Problem> {
    read(text.as_bytes()).ok_or_else(invalid_key)
}

/// The draft's form is a string in quotes; a bare word is what most clients send, and means the same.
fn read(key: &[u8]) -> Option<HeaderValue> {
    let key = key.trim_ascii();
    let inner = match key.strip_prefix(b"\"") {
        Some(rest) => rest.strip_suffix(b"\"")?,
        None => key,
    };
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b',');
    let fits = (1..=LONGEST).contains(&inner.len()) && inner.iter().all(is_plain);
    fits.then(|| HeaderValue::from_bytes(&[b"\"", inner, b"\""].concat()).ok())?
}

fn parameter(required: Required) -> Parameter {
    let pattern = format!("^({CHARACTER}{{1,{LONGEST}}}|\"{CHARACTER}{{1,{LONGEST}}}\")$");
    let schema = Object::builder()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(LONGEST + 2))
        .pattern(Some(pattern));
    Parameter::builder()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(
            "A new one for each thing to be done, such as a UUID; the same one when it is asked for again: then it is not \
             done again, and the answer is that of the first request. In quotes or without.",
        ))
        .schema(Some(schema))
        .example(Some("8e03978e-40d5-43e8-bc93-6894a57f9324".into()))
        .build()
}

/// The problem of a request without a key; for a route's documentation too.
#[must_use]
pub fn missing_key() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "idempotencyKeyMissing",
        "An idempotency key is needed",
        "Send an Idempotency-Key: a new one for each thing to be done, the same one when it is asked for again.",
    )
}

/// The problem of a key that is none; for a route's documentation too.
#[must_use]
pub fn invalid_key() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalidIdempotencyKey",
        "The idempotency key is not valid",
        format!(
            "An Idempotency-Key is 1 to {LONGEST} visible ASCII characters other than \", \\ and commas, in quotes or \
             without, and there is only one."
        ),
    )
}

/// The problem of a key whose first request is still being worked on (409).
#[must_use]
pub fn key_in_use() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "idempotencyKeyInUse",
        "The first request with this key is not over",
        "What was asked for with this Idempotency-Key is being worked on. Ask again with the same key.",
    )
    .retry_after(std::time::Duration::from_secs(1))
}

/// The problem of a key that was used for something else (422).
#[must_use]
pub fn key_reused() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotencyKeyReused",
        "The key was used for something else",
        "This Idempotency-Key came with another request before. Use a new key for each thing to be done.",
    )
}

/// The key where it has to be there, for a route's documentation.
#[derive(Debug)]
pub struct Key;

/// The key where it may be missing, for a route's documentation.
#[derive(Debug)]
pub struct OptionalKey;

impl IntoParams for Key {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter(Required::True)]
    }
}

impl IntoParams for OptionalKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter(Required::False)]
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn with(keys: &[&[u8]]) -> HttpRequest {
        let request = keys.iter().fold(TestRequest::default(), |request, key| {
            let value = actix_web::http::header::HeaderValue::from_bytes(key);
            request.append_header((IDEMPOTENCY_KEY, value.unwrap()))
        });
        request.to_http_request()
    }

    #[test]
    fn a_key_is_missing_or_not_needed() {
        assert_eq!(optional_idempotency_key(&with(&[])).unwrap(), None);
        let problem = idempotency_key(&with(&[])).unwrap_err();
        assert_eq!(
            (problem.status().as_u16(), problem.code()),
            (400, "idempotencyKeyMissing")
        );
        assert_eq!(idempotency_key(&with(&[b"k"])).unwrap(), "\"k\"");
    }

    #[test]
    fn of_several_nobody_knows_which_is_meant() {
        for keys in [
            &[&b"a"[..], b"b"][..],
            &[b"a", b"a"],
            &[b"a,b"],
            &[b""],
            &[b"\xff"],
        ] {
            for outcome in [
                idempotency_key(&with(keys)).map(Some),
                optional_idempotency_key(&with(keys)),
            ] {
                let problem = outcome.unwrap_err();
                let told = (problem.status().as_u16(), problem.code());
                assert_eq!(told, (400, "invalidIdempotencyKey"), "{keys:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_passed_on_is_a_key_that_means_the_same(key in "[ -~]{0,12}") {
            if let Some(passed) = read(key.as_bytes()) {
                // Passed on again, it stays as it is.
                prop_assert_eq!(read(passed.as_bytes()), Some(passed.clone()));
                let bare = passed.to_str().unwrap().trim_matches('"').to_owned();
                prop_assert_eq!(key.trim().trim_matches('"'), &bare);
                prop_assert!(!bare.is_empty() && !bare.contains(['"', '\\', ',', ' ']));
            }
        }

        #[test]
        fn of_any_bytes_only_visible_ones_are_passed_on(
            key in prop::collection::vec(prop_oneof![any::<u8>(), 33..127_u8], 0..300),
        ) {
            let passed = read(&key);
            let is_visible = |value: &HeaderValue| value.as_bytes().iter().all(u8::is_ascii_graphic);
            prop_assert!(passed.as_ref().is_none_or(is_visible));
            prop_assert!(key.len() <= LONGEST + 2 || passed.is_none() || key.trim_ascii().len() < key.len());
        }
    }

    #[test]
    fn a_key_is_passed_on_in_quotes_however_it_was_sent() {
        for (sent, passed) in [
            ("abc", "\"abc\""),
            ("\"abc\"", "\"abc\""),
            (" a-b_c.d:e/1 ", "\"a-b_c.d:e/1\""),
            (
                "8e03978e-40d5-43e8-bc93-6894a57f9324",
                "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"",
            ),
        ] {
            assert_eq!(read(sent.as_bytes()).unwrap(), passed, "{sent}");
        }
        assert!(read("x".repeat(LONGEST).as_bytes()).is_some());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = "x".repeat(LONGEST + 1);
        for sent in [
            "", "\"\"", "\"", "a b", "\"a", "a\"", "a\"b", "a\\b", "a,b", "ü", &long,
        ] {
            assert!(read(sent.as_bytes()).is_none(), "{sent}");
        }
    }
}
