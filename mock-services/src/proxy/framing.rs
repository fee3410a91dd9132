//! Where requests and answers in HTTP/1.1 begin and end.

/// A head that is longer than this is taken for something else than HTTP, in bytes.
pub(super) const MOST_HEAD: usize = 256 * 1024;

const END: &[u8] = b"\r\n\r\n";

/// The length of the head at the beginning of `bytes`, the empty line included.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    let start = bytes.windows(END.len()).position(|window| window == END)?;
    Some(start + END.len())
}

/// What the head of a request says.
#[derive(Debug)]
pub(super) struct Request {
    /// Whether it is a HEAD, the answer to which has no body.
    pub(super) head_only: bool,
    pub(super) body: Body,
}

impl Request {
    /// `None` if what follows cannot be told: it is no HTTP/1, a CONNECT, or badly framed.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let (line, _) = lines(head)?;
        let (method, version) = (
            line.split(|byte| *byte == b' ').next()?,
            line.rsplitn(2, |byte| *byte == b' ').next()?,
        );
        if !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") || method == b"CONNECT" {
            return None;
        }
        let body = match framing(head)? {
            Framing::None => Body::Length(0),
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked => Body::chunked(),
            Framing::Other => return None,
        };
        Some(Self {
            head_only: method == b"HEAD",
            body,
        })
    }
}

/// What the head of an answer says.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whether it can have a body, be it an empty one.
    pub(super) has_body: bool,
    pub(super) body: Body,
}

impl Answer {
    /// `None` if it is none in HTTP/1.
    pub(super) fn of(head: &[u8], head_only: bool) -> Option<Self> {
        let (line, _) = lines(head)?;
        let status = line.strip_prefix(b"HTTP/1.")?.get(2..5)?;
        let status: u16 = str::from_utf8(status).ok()?.parse().ok()?;
        let has_body = !head_only && !matches!(status, 100..=199 | 204 | 304);
        let body = match framing(head)? {
            _ if !has_body => Body::Length(0),
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked => Body::chunked(),
            Framing::None | Framing::Other => Body::UntilClose,
        };
        Some(Self {
            status,
            has_body,
            body,
        })
    }
}

/// A head of an answer in which `field` says where the body ends, and nothing else does.
pub(super) fn reframed(head: &[u8], field: &str) -> Vec<u8> {
    let mut reframed = Vec::with_capacity(head.len() + field.len());
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let framing = name_and_value(line).is_some_and(|(name, _)| {
            ["content-length", "transfer-encoding", "trailer"]
                .iter()
                .any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
        });
        if line == b"\r\n" {
            reframed.extend_from_slice(field.as_bytes());
            reframed.extend_from_slice(b"\r\n");
        }
        if !framing {
            reframed.extend_from_slice(line);
        }
    }
    reframed
}

enum Framing {
    None,
    Length(u64),
    Chunked,
    Other,
}

/// `None` if it contradicts itself.
fn framing(head: &[u8]) -> Option<Framing> {
    let (_, fields) = lines(head)?;
    let mut length = None;
    let mut encoding = None;
    for (name, value) in fields
        .split(|byte| *byte == b'\n')
        .filter_map(name_and_value)
    {
        if name.eq_ignore_ascii_case(b"content-length") {
            let value: u64 = str::from_utf8(value).ok()?.parse().ok()?;
            if length.is_some_and(|length| length != value) {
                return None;
            }
            length = Some(value);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            encoding = Some(value);
        }
    }
    Some(match (encoding, length) {
        (Some(encoding), _) => {
            let last = encoding.rsplitn(2, |byte| *byte == b',').next()?;
            if last.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                Framing::Chunked
            } else {
                Framing::Other
            }
        }
        (None, Some(length)) => Framing::Length(length),
        (None, None) => Framing::None,
    })
}

/// The first line, without its end, and the rest.
fn lines(head: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = head.iter().position(|byte| *byte == b'\n')?;
    Some((head[..end].trim_ascii_end(), &head[end + 1..]))
}

fn name_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// Chunks, from this place on.
    Chunked(Place),
    /// Everything until the connection ends.
    UntilClose,
}

/// A place inside a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the digits before a chunk.
    Size(u64),
    /// Behind them in the same line.
    Extension(u64),
    /// In a chunk that has so many bytes left, the end of the line behind it not counted.
    Data(u64),
    /// In the end of that line.
    DataEnd,
    /// In the lines after the last chunk; whether this one is empty so far.
    Trailer { empty: bool },
    /// Behind everything.
    End,
}

impl Body {
    fn chunked() -> Self {
        Self::Chunked(Place::Size(0))
    }

    /// Whether it is whole. One that ends with the connection never is.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Place::End))
    }

    /// How many of these bytes, which come next, are the body's. What they carry, framing taken off,
    /// is added to `data`. A body that turns out to be badly chunked lasts until the connection ends.
    pub(super) fn take(&mut self, bytes: &[u8], mut data: Option<&mut Vec<u8>>) -> usize {
        let mut carry = |bytes: &[u8]| {
            if let Some(data) = &mut data {
                data.extend_from_slice(bytes);
            }
        };
        let mut taken = 0;
        while taken < bytes.len() && !self.is_done() {
            let rest = &bytes[taken..];
            taken += match self {
                Self::Length(left) | Self::Chunked(Place::Data(left)) if *left > 0 => {
                    let count =
                        usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    carry(&rest[..count]);
                    *left -= count as u64;
                    count
                }
                Self::Chunked(place) => {
                    match place.after(rest[0]) {
                        Some(next) => *place = next,
                        None => *self = Self::UntilClose,
                    }
                    1
                }
                Self::Length(_) => 0,
                Self::UntilClose => {
                    carry(rest);
                    rest.len()
                }
            };
        }
        taken
    }
}

impl Place {
    /// The place behind this byte, which is none of a chunk's data.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Size(0) | Self::Extension(0), b'\n') => Self::Trailer { empty: true },
            (Self::Size(size) | Self::Extension(size), b'\n') => Self::Data(size),
            (Self::Size(size), byte) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16)?;
                Self::Size(size.checked_mul(16)?.checked_add(digit.into())?)
            }
            (Self::Size(size), b';' | b' ' | b'\t' | b'\r') | (Self::Extension(size), _) => {
                Self::Extension(size)
            }
            (Self::Data(_) | Self::DataEnd, b'\r') => Self::DataEnd,
            (Self::Data(_) | Self::DataEnd, b'\n') => Self::Size(0),
            (Self::Trailer { empty: true }, b'\n') => Self::End,
            (Self::Trailer { empty }, b'\r') => Self::Trailer { empty },
            (Self::Trailer { .. }, b'\n') => Self::Trailer { empty: true },
            (Self::Trailer { .. }, _) => Self::Trailer { empty: false },
            (Self::Size(_) | Self::Data(_) | Self::DataEnd | Self::End, _) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &[u8] = b"4;a=b\r\nwiki\r\nA\r\n0123456789\r\n0\r\nX-A: b\r\n\r\n";

    fn head(fields: &str) -> Vec<u8> {
        format!("HTTP/1.1 200 OK\r\n{fields}\r\n").into_bytes()
    }

    #[test]
    fn a_body_ends_where_it_says_however_it_is_cut() {
        for (fields, wire, data) in [
            ("Content-Length: 4\r\n", &b"wiki"[..], &b"wiki"[..]),
            ("content-length:0\r\n", b"", b""),
            (
                "Transfer-Encoding: gzip, Chunked\r\nContent-Length: 3\r\n",
                CHUNKED,
                b"wiki0123456789",
            ),
        ] {
            let answer = Answer::of(&head(fields), false).expect("an answer");
            let sent = [wire, b"HTTP/1.1"].concat();
            for piece in 1..=sent.len() {
                let (mut body, mut taken, mut seen) = (answer.body, 0, Vec::new());
                for bytes in sent.chunks(piece) {
                    taken += body.take(bytes, Some(&mut seen));
                }
                assert_eq!(
                    (taken, seen.as_slice()),
                    (wire.len(), data),
                    "{fields} {piece}"
                );
                assert!(body.is_done());
            }
        }
    }

    #[test]
    fn bodies_that_are_not_framed_or_badly_last_until_the_connection_ends() {
        for fields in ["", "Transfer-Encoding: gzip\r\n"] {
            let answer = Answer::of(&head(fields), false).expect("an answer");
            assert_eq!(answer.body, Body::UntilClose);
        }
        let mut body = Body::chunked();
        assert_eq!(body.take(b"2\r\nabc\r\n", None), 8);
        assert_eq!(body, Body::UntilClose);
        for fields in [
            "Content-Length: x\r\n",
            "Content-Length: 1\r\nContent-Length: 2\r\n",
        ] {
            assert!(Answer::of(&head(fields), false).is_none());
        }
    }

    #[test]
    fn some_answers_have_no_body_whatever_they_say() {
        let answer = Answer::of(&head("Content-Length: 4\r\n"), true).expect("an answer");
        assert!(answer.body.is_done() && !answer.has_body);
        let answer = Answer::of(b"HTTP/1.1 304 Not Modified\r\n\r\n", false).expect("an answer");
        assert!(answer.body.is_done() && answer.status == 304);
    }

    #[test]
    fn requests_are_told_from_what_is_none() {
        let request = Request::of(b"POST / HTTP/1.1\r\nContent-Length: 7\r\n\r\n");
        assert_eq!(request.expect("a request").body, Body::Length(7));
        let request = Request::of(b"HEAD / HTTP/1.0\r\n\r\n").expect("a request");
        assert!(request.head_only && request.body.is_done());
        for other in [
            "PRI * HTTP/2.0\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\n\r\n",
            "hello\r\n\r\n",
        ] {
            assert!(Request::of(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn a_head_is_reframed_and_else_left_as_it_is() {
        let head =
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nETag: \"a\"\r\nTransfer-Encoding: x\r\n\r\n";
        let expected = b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 7\r\n\r\n";
        assert_eq!(reframed(head, "Content-Length: 7"), expected);
    }
}
