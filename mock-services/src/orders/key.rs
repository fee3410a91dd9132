//! The `Idempotency-Key` of a request, by draft-ietf-httpapi-idempotency-key-header-07, and in a message.

use actix_web::{HttpRequest, http::header::HeaderName};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MOST_CHARACTERS: usize = 255;

/// The request's key, if it has one, or what is wrong with it.
pub(super) fn of(req: &HttpRequest) -> Result<Option<String>, String> {
    let mut values = req.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err("Idempotency-Key must be given once".to_owned());
    }
    value.to_str().ok().and_then(read).map(Some).ok_or_else(|| {
        format!(
            "Idempotency-Key must be a string in quotes or visible ASCII characters without them, \
             of 1 to {MOST_CHARACTERS} characters, not {value:?}"
        )
    })
}

/// Whether a text may be a key.
pub(super) fn is_one(text: &str) -> bool {
    (1..=MOST_CHARACTERS).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// What a key in a message may be.
pub(super) fn allowed() -> String {
    format!("1 to {MOST_CHARACTERS} ASCII characters, none of them a control character")
}

/// What the field's value means. Without quotes it is no structured string, but many clients send
/// their UUID that way.
fn read(value: &str) -> Option<String> {
    let value = value.trim_matches(' ');
    let key = match value.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => value
            .bytes()
            .all(|byte| byte.is_ascii_graphic())
            .then(|| value.to_owned())?,
    };
    is_one(&key).then_some(key)
}

/// The rest of a structured field's string after its first quote (RFC 9651, section 4.2.5). No
/// parameters are defined for the field, so nothing may follow.
fn unquote(quoted: &str) -> Option<String> {
    let mut key = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return characters.as_str().is_empty().then_some(key),
            '\\' => key.push(
                characters
                    .next()
                    .filter(|next| matches!(next, '"' | '\\'))?,
            ),
            character @ ' '..='~' => key.push(character),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn quoted_and_bare_mean_the_same() {
        for (value, key) in [
            (r#""abc""#, "abc"),
            ("abc", "abc"),
            (r#" "abc" "#, "abc"),
            (r#""a b, c""#, "a b, c"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            (r#"a"b\c"#, r#"a"b\c"#),
        ] {
            assert_eq!(read(value).as_deref(), Some(key), "{value}");
        }
        let longest = "x".repeat(255);
        assert_eq!(read(&longest).as_ref(), Some(&longest));
        assert_eq!(read(&format!("\"{longest}\"")), Some(longest));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for value in [
            "",
            "\"\"",
            "\"",
            "\"abc",
            "\"abc\"d",
            "\"abc\";a=1",
            r#""a\b""#,
            r#""abc\""#,
            "a b",
            "\"a\tb\"",
            &"x".repeat(256),
            &format!("\"{}\"", "x".repeat(256)),
        ] {
            assert_eq!(read(value), None, "{value}");
        }
    }
}
