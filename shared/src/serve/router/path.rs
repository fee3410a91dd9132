//! Paths as they came: what two readers would understand in two ways is refused.

/// Why the path of a request cannot be passed on: its service may take it for another one than we do.
///
/// Refused are an encoded slash, backslash or control character, a segment that is `.` or `..` in whatever spelling,
/// an empty segment, a backslash, a percent sign that encodes nothing, and bytes that no UTF-8 has.
pub(super) fn fault(path: &str) -> Option<&'static str> {
    let bytes = path.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => return Some("a backslash"),
            0..=b' ' | 0x7f.. => return Some("a byte that has to be encoded"),
            b'%' => {
                let digit = |at| {
                    bytes
                        .get(at)
                        .and_then(|byte| char::from(*byte).to_digit(16))
                };
                match digit(at + 1)
                    .zip(digit(at + 2))
                    .map(|(high, low)| high * 16 + low)
                {
                    None => return Some("a percent sign that encodes nothing"),
                    Some(0x2f | 0x5c) => return Some("an encoded slash or backslash"),
                    Some(0..0x20 | 0x7f) => return Some("an encoded control character"),
                    // Only in an encoding of a character that is longer than it has to be.
                    Some(0xc0 | 0xc1 | 0xf5..) => return Some("an encoded byte that no UTF-8 has"),
                    Some(_) => at += 2,
                }
            }
            _ => {}
        }
        at += 1;
    }
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Some("an empty segment");
        }
        // What stands behind a semicolon is a parameter to some, who take `..;` for `..`.
        let name = segment.split(';').next().unwrap_or_default();
        if matches!(dots(name), Some(1 | 2)) {
            return Some("a segment of dots");
        }
    }
    None
}

/// How many dots `name` is, some of them encoded perhaps; `None` if it is anything else.
fn dots(name: &str) -> Option<usize> {
    let (mut rest, mut count) = (name, 0);
    while !rest.is_empty() {
        let encoded = rest
            .get(..3)
            .filter(|code| code.eq_ignore_ascii_case("%2e"));
        let length = encoded.map_or(1, str::len);
        if encoded.is_none() && !rest.starts_with('.') {
            return None;
        }
        rest = &rest[length..];
        count += 1;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn plain_paths_pass() {
        for path in [
            "/a/",
            "/a/7",
            "/a/7/",
            "/a/...",
            "/a/.hidden",
            "/a/x..y",
            "/a/..x",
            "/a/%20",
            "/a/%C3%A4",
            "/a/%252f",
            "/a/b;c=1",
            "/a/%2e%2e%2e",
            "/a/%2ex",
            "/a/b:c@d!$&'()*+,=",
            "/a/~x",
            "/a/\"",
            "/",
        ] {
            assert_eq!(fault(path), None, "{path}");
        }
    }

    #[test]
    fn tricks_are_refused() {
        for path in [
            "/a/%2f",
            "/a/%2F",
            "/a/b%5cc",
            "/a/b%5Cc",
            "/a/%00",
            "/a/%0d%0a",
            "/a/%0A",
            "/a/%1f",
            "/a/%7f",
            "/a/.",
            "/a/..",
            "/a/./b",
            "/a/../b",
            "/a/%2e",
            "/a/%2E%2e/b",
            "/a/.%2e/b",
            "/a/%2e./b",
            "/a/..;/b",
            "/a/.;x",
            "/a/..;",
            "/a/%2e%2e;x=1/b",
            "/a//b",
            "//a/",
            "/a/b//",
            "/a\\b",
            "/a/%",
            "/a/%2",
            "/a/%zz",
            "/a/%-1",
            "/a/\u{e4}",
            "/a/\u{1}",
            "/a/ b",
            "/a/%c0%ae%c0%ae/",
            "/a/%C1%9c",
            "/a/%f5",
        ] {
            assert!(fault(path).is_some(), "{path}");
        }
    }
}
