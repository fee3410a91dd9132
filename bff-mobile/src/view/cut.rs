//! Texts that must not become too long in JSON.

use std::borrow::Cow;

const ELLIPSIS: &str = "…";

/// `text` if its JSON has at most `most` bytes without the quotes; else as much of it as fits with "…" behind it. `most` is
/// at least the length of that.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let (mut length, mut kept) = (0, 0);
    for (at, character) in text.char_indices() {
        length += json_length(character);
        if length > most {
            return Cow::Owned(format!("{}{ELLIPSIS}", &text[..kept]));
        }
        if length + ELLIPSIS.len() <= most {
            kept = at + character.len_utf8();
        }
    }
    Cow::Borrowed(text)
}

/// How many bytes a character has in a string as `serde_json` writes it.
fn json_length(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_json(text: &str) -> usize {
        serde_json::to_string(text).unwrap().len() - 2
    }

    /// Every character, and those more often that JSON writes in another way or in more bytes.
    fn text() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            any::<char>(),
            proptest::char::range('\0', '\u{7f}'),
            proptest::char::range('\u{1f300}', '\u{1faff}'),
        ];
        prop::collection::vec(character, 0..80).prop_map(String::from_iter)
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis() {
        for (text, most, expected) in [
            ("", 3, ""),
            ("abcdef", 6, "abcdef"),
            ("abcdef", 5, "ab…"),
            ("abcdef", 3, "…"),
            ("ab\u{1}\u{1}", 9, "ab…"),
            ("ab\u{1}\u{1}", 14, "ab\u{1}\u{1}"),
            ("😀😀😀", 12, "😀😀😀"),
            ("😀😀😀", 11, "😀😀…"),
            ("\"\"\"", 5, "\"…"),
        ] {
            assert_eq!(cut(text, most), expected, "{text:?} in {most}");
        }
    }

    proptest! {
        #[test]
        fn it_fits_whatever_it_is(text in text(), most in 3..300_usize) {
            let shown = cut(&text, most);
            prop_assert!(in_json(&shown) <= most, "{shown:?}");
            if in_json(&text) <= most {
                prop_assert_eq!(shown, &*text);
            } else {
                let kept = shown.strip_suffix(ELLIPSIS).unwrap();
                prop_assert!(text.starts_with(kept));
                // The next character would not fit, or the ellipsis with it.
                let next = text[kept.len()..].chars().next().unwrap();
                prop_assert!(in_json(&shown) + in_json(&next.to_string()) > most);
            }
        }
    }
}
