//! The tokens of a document (GraphQL specification, section 2.1), counted before anything reads it: in one pass, and with
//! nothing kept, so that a document that is too large costs next to nothing.

/// How large a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// How many tokens it has. What is no token counts too: the parser tells where it is.
    pub(super) tokens: u32,
    /// How deep its brackets are nested.
    pub(super) nesting: u32,
}

/// Measures `document`.
pub(super) fn measure(document: &str) -> Size {
    let mut rest = document.as_bytes();
    let (mut tokens, mut open, mut nesting) = (0, 0_u32, 0);
    while let Some(first) = rest.first() {
        let length = match first {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                rest = &rest[1..];
                continue;
            }
            b'#' => {
                rest = &rest[until(rest, |byte| matches!(byte, b'\n' | b'\r'))..];
                continue;
            }
            _ if rest.starts_with(BYTE_ORDER_MARK) => {
                rest = &rest[BYTE_ORDER_MARK.len()..];
                continue;
            }
            b'"' => string(rest),
            b'.' if rest.starts_with(b"...") => 3,
            byte if is_word(*byte) || *byte == b'-' => word(rest),
            _ => 1,
        };
        match first {
            b'{' | b'[' | b'(' => {
                open += 1;
                nesting = nesting.max(open);
            }
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            _ => {}
        }
        tokens += 1;
        rest = &rest[length..];
    }
    Size { tokens, nesting }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How many bytes come before the first that `ends`.
fn until(text: &[u8], ends: impl Fn(u8) -> bool) -> usize {
    text.iter()
        .position(|byte| ends(*byte))
        .unwrap_or(text.len())
}

/// The length of a name or a number.
fn word(text: &[u8]) -> usize {
    let is_number = !text[0].is_ascii_alphabetic() && text[0] != b'_';
    let belongs = |byte: u8, before: u8| {
        is_word(byte)
            || (is_number && byte == b'.')
            || (is_number && matches!(byte, b'+' | b'-') && matches!(before, b'e' | b'E'))
    };
    let more = text.windows(2).take_while(|pair| belongs(pair[1], pair[0]));
    1 + more.count()
}

/// The length of a string, with its quotes; up to the end where it has none.
fn string(text: &[u8]) -> usize {
    let (quotes, is_block) = if text.starts_with(b"\"\"\"") {
        (3, true)
    } else {
        (1, false)
    };
    let mut at = quotes;
    while at < text.len() {
        let rest = &text[at..];
        if is_block && rest.starts_with(b"\\\"\"\"") {
            at += 4;
        } else if rest.starts_with(&b"\"\"\""[..quotes]) {
            return at + quotes;
        } else if !is_block && matches!(rest[0], b'\n' | b'\r') {
            return at;
        } else if !is_block && rest[0] == b'\\' {
            at += 2;
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_are_those_of_the_specification() {
        for (document, tokens) in [
            ("", 0),
            ("  ,, \u{feff}\n# a comment { \" \n", 0),
            ("{a}", 3),
            ("{ order ( id : 1 ) { id } }", 11),
            ("query($a:[ID!]!=[\"1\"]){...f@skip(if:$a)}", 27),
            ("-1.5e-3", 1),
            ("1.5E+3 -2 0", 3),
            ("a-b", 2),
            (r#""a \" b" c"#, 2),
            (r#""""a "" \""" b""" c"#, 2),
            (r#""" c"#, 2),
            ("\"open\nnext", 2),
            ("\"open", 1),
            ("\"\\", 1),
            ("é", 2),
            ("&|", 2),
        ] {
            assert_eq!(measure(document).tokens, tokens, "{document}");
        }
    }

    #[test]
    fn brackets_of_any_kind_are_nested() {
        for (document, nesting) in [
            ("", 0),
            ("{}{}", 1),
            ("{a(b:[{c:1}])}", 4),
            ("}}{", 1),
            ("\"{{\"", 0),
        ] {
            assert_eq!(measure(document).nesting, nesting, "{document}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_an_end(text in "\\PC{0,200}|[{}\"\\\\. \n-]{0,200}") {
            let size = measure(&text);
            prop_assert!(size.tokens as usize <= text.len());
            prop_assert!(size.nesting <= size.tokens);
        }
    }
}
