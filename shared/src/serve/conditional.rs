//! Conditional requests (RFC 9110, section 13): whoever has the answer already is told so instead of getting it again.

use actix_web::HttpResponse;
use actix_web::body::{self, BoxBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH, LAST_MODIFIED,
};

/// Metadata of a representation that a 304 leaves out: only that by which a stored answer is found and renewed stays
/// (RFC 9110, section 15.4.5).
const OF_THE_BODY: [HeaderName; 7] = [
    CONTENT_DISPOSITION,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    LAST_MODIFIED,
];

/// Turns the 200 of a GET or HEAD into a 304 where `request`, its header fields, has an `If-None-Match` that matches
/// the `ETag` of `response`.
pub(super) fn settle(request: &HeaderMap, response: HttpResponse) -> HttpResponse {
    if is_known(request, &response) {
        not_modified(response)
    } else {
        response
    }
}

fn is_known(request: &HeaderMap, response: &HttpResponse) -> bool {
    if !request.contains_key(IF_NONE_MATCH) || response.status() != StatusCode::OK {
        return false;
    }
    let tag = response.headers().get(ETAG);
    let Some(opaque) = tag.and_then(|tag| opaque(tag.as_bytes())) else {
        return false;
    };
    let mut fields = request.get_all(IF_NONE_MATCH);
    match (fields.next(), fields.next()) {
        // Whatever the client has. It stands alone: in a list it is malformed.
        (Some(only), None) if only.as_bytes().trim_ascii() == b"*" => true,
        _ => request
            .get_all(IF_NONE_MATCH)
            .any(|field| lists(field.as_bytes(), opaque)),
    }
}

fn not_modified(mut response: HttpResponse) -> HttpResponse {
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    for name in OF_THE_BODY {
        headers.remove(name);
    }
    response.map_body(|_, _| BoxBody::new(body::None::new()))
}

/// Whether `field`, a list of entity tags, has one with this opaque part: the weak comparison of RFC 9110, section
/// 8.8.3.2, which section 13.1.2 asks for. What is no entity tag matches nothing.
fn lists(field: &[u8], tag: &[u8]) -> bool {
    let mut is_quoted = false;
    field
        .split(|byte| {
            is_quoted ^= *byte == b'"';
            *byte == b',' && !is_quoted
        })
        .any(|member| opaque(member.trim_ascii()) == Some(tag))
}

/// What stands between the quotes of an entity tag (RFC 9110, section 8.8.3), be it weak or strong.
fn opaque(tag: &[u8]) -> Option<&[u8]> {
    let opaque = tag
        .strip_prefix(b"W/")
        .unwrap_or(tag)
        .strip_prefix(b"\"")?
        .strip_suffix(b"\"")?;
    opaque
        .iter()
        .all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..))
        .then_some(opaque)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn answer(tag: &[u8]) -> HttpResponse {
        let tag = HeaderValue::from_bytes(tag).unwrap();
        HttpResponse::Ok().insert_header((ETAG, tag)).body("text")
    }

    fn request(fields: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(IF_NONE_MATCH, HeaderValue::from_bytes(field).unwrap());
        }
        headers
    }

    #[test]
    fn tags_are_compared_weakly_and_what_is_none_matches_nothing() {
        for (tag, field, expected) in [
            (r#""a""#, r#""a""#, true),
            (r#""a""#, r#"W/"a""#, true),
            (r#"W/"a""#, r#""a""#, true),
            (r#"W/"a""#, r#"W/"a""#, true),
            (r#""a""#, r#""b""#, false),
            (r#""a""#, r#""A""#, false),
            (r#""a""#, r#""b", "a""#, true),
            (r#""a""#, "\"b\"\t ,\t\"a\"", true),
            (r#""a""#, r#",, "a",,"#, true),
            (r#""a,b""#, r#""a,b""#, true),
            (r#""a""#, r#""a,b", "b,a""#, false),
            (r#""a""#, r#""b,"a","c""#, false),
            (r#""""#, r#""""#, true),
            (r#""""#, "", false),
            (r#""a""#, "*", true),
            (r#""a""#, " * ", true),
            (r#""a""#, r#"*, "b""#, false),
            (r#""*""#, r#""*""#, true),
            (r#""a""#, "a", false),
            (r#""a""#, r#""a"#, false),
            (r#""a""#, r#"a""#, false),
            (r#""a""#, r#"w/"a""#, false),
            (r#""a""#, r#"W/ "a""#, false),
            (r#""a""#, r#""a"b"#, false),
            (r#""a""#, r#""a" "b""#, false),
            (r#""a""#, r#"b, "a""#, true),
            (r#""a b""#, r#""a b""#, false),
            // An answer whose own tag is none.
            ("a", "a", false),
            ("a", "*", false),
        ] {
            let headers = request(&[field.as_bytes()]);
            let known = is_known(&headers, &answer(tag.as_bytes()));
            assert_eq!(known, expected, "{tag} in {field}");
        }
    }

    #[test]
    fn several_fields_are_one_list() {
        let answer = answer(br#""a""#);
        assert!(is_known(&request(&[br#""b""#, br#""c", "a""#]), &answer));
        assert!(!is_known(&request(&[br#""b""#, br#""c""#]), &answer));
        assert!(!is_known(&request(&[b"*", br#""c""#]), &answer));
        assert!(!is_known(&request(&[b"\"a", b"\""]), &answer));
        assert!(!is_known(&request(&[]), &answer));
    }

    #[test]
    fn only_a_200_with_a_tag_is_replaced() {
        let all = request(&[b"*"]);
        assert!(!is_known(&all, &HttpResponse::Ok().finish()));
        for status in [201, 204, 206, 301, 404, 412, 500] {
            let mut answer = answer(br#""a""#);
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            assert!(!is_known(&all, &answer), "{status}");
        }
    }

    /// The same question answered in another way: character by character, as the grammar of RFC 9110 has it.
    fn reference(fields: &[Vec<u8>], tag: &str) -> bool {
        let trimmed = |text: &str| text.trim_matches([' ', '\t']).to_owned();
        // Each byte one character, so that text is easily taken apart.
        let fields: Vec<String> = fields
            .iter()
            .map(|field| field.iter().copied().map(char::from).collect())
            .collect();
        if let [only] = &*fields
            && trimmed(only) == "*"
        {
            return true;
        }
        let mut members = vec![];
        for field in &fields {
            let mut member = String::new();
            for character in field.chars() {
                let is_open = member.matches('"').count() % 2 == 1;
                if character == ',' && !is_open {
                    members.push(std::mem::take(&mut member));
                } else {
                    member.push(character);
                }
            }
            members.push(member);
        }
        members.iter().any(|member| {
            let member = trimmed(member);
            let strong = format!("\"{tag}\"");
            member == strong || member == format!("W/{strong}")
        })
    }

    /// Bytes that may stand in a field's value, those that matter here more often.
    fn value() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => prop::sample::select(vec!["\"", ",", " ", "\t", "W/", "w/", "*", "a", "b", "\"a\"", "W/\"a\"", "\"a,b\"", "\"b\""])
                .prop_map(|text| text.as_bytes().to_vec()),
            1 => prop_oneof![0x20..0x7f_u8, 0x80..=0xff_u8].prop_map(|byte| vec![byte]),
        ];
        prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn whatever_the_fields_say_the_answer_is_that_of_the_reference(
            fields in prop::collection::vec(value(), 0..4),
            tag in prop::sample::select(vec!["a", "b", "a,b", "", ","]),
            is_weak in any::<bool>(),
        ) {
            let weak = if is_weak { "W/" } else { "" };
            let own = format!("{weak}\"{tag}\"");
            let slices: Vec<_> = fields.iter().map(Vec::as_slice).collect();

            let known = is_known(&request(&slices), &answer(own.as_bytes()));

            prop_assert_eq!(known, reference(&fields, tag));
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(field in prop::collection::vec(any::<u8>(), 0..200), tag in prop::collection::vec(any::<u8>(), 0..20)) {
            lists(&field, &tag);
            if let Some(inner) = opaque(&field) {
                prop_assert!(field.ends_with(b"\"") && inner.len() + 2 <= field.len());
            }
        }
    }

    #[test]
    fn a_304_has_no_body_and_keeps_what_a_cache_needs() {
        let mut full = answer(br#"W/"a""#);
        for (name, value) in [
            ("cache-control", "private, max-age=1"),
            ("vary", "accept"),
            ("server-timing", "quick;dur=1"),
            ("content-type", "application/json"),
            ("content-language", "en"),
            ("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            let value = HeaderValue::from_static(value);
            full.headers_mut()
                .insert(HeaderName::from_static(name), value);
        }

        // What the access line tells of: its sources.
        full.extensions_mut().insert("sources");

        let answer = settle(&request(&[b"*"]), full);

        assert!(answer.extensions().contains::<&str>());
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(body::MessageBody::size(answer.body()), body::BodySize::None);
        let mut left: Vec<_> = answer.headers().keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["cache-control", "etag", "server-timing", "vary"]);
    }
}
