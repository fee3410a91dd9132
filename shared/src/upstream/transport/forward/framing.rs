//! How the length of an answer's body is known (RFC 9112, section 6.3).

use bytes::BytesMut;

use super::chunked::{Chunked, Found};
use super::{RequestHead, ResponseHead};

/// An answer's body as it stands on its connection.
#[derive(Debug)]
pub(super) enum Framing {
    /// So many bytes are to come.
    Length(u64),
    Chunked(Chunked),
    /// All that comes until the connection ends.
    UntilClose,
}

impl Framing {
    /// The framing that `answer` to `request` announces.
    pub(super) fn of(answer: &ResponseHead, request: &RequestHead) -> Result<Self, String> {
        let length = announced(answer)?;
        let mut codings = answer.values("transfer-encoding");
        let coding = codings.next();
        if request.bodiless || matches!(answer.status, 204 | 304) {
            return Ok(Self::Length(0));
        }
        match (coding, length) {
            (None, Some(length)) => Ok(Self::Length(length)),
            (None, None) => Ok(Self::UntilClose),
            // Section 6.1: this may be an attempt at smuggling.
            (Some(_), Some(_)) => Err("announced its length in two ways".to_owned()),
            (Some(coding), None) => {
                let is_chunked = coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
                if is_chunked && codings.next().is_none() && !answer.is_old {
                    Ok(Self::Chunked(Chunked::new()))
                } else {
                    Err("answered with a transfer coding that is not understood".to_owned())
                }
            }
        }
    }

    /// The length of the whole body, asked before anything of it is read.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(*length),
            Self::Chunked(_) | Self::UntilClose => None,
        }
    }

    /// What is found in `buffer`, which loses it.
    pub(super) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Found, &'static str> {
        match self {
            Self::Length(0) => Ok(Found::End),
            Self::Chunked(chunked) => chunked.decode(buffer),
            _ if buffer.is_empty() => Ok(Found::Nothing),
            Self::UntilClose => Ok(Found::Data(buffer.split().freeze())),
            Self::Length(left) => {
                let length =
                    usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
                *left -= length as u64;
                Ok(Found::Data(buffer.split_to(length).freeze()))
            }
        }
    }
}

/// The length that the head announces, once or several times alike.
fn announced(answer: &ResponseHead) -> Result<Option<u64>, String> {
    let mut length = None;
    let values = answer.values("content-length");
    for value in values.flat_map(|value| value.split(|byte| *byte == b',')) {
        let digits = value.trim_ascii();
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(digits)
            .ok()
            .and_then(|text| text.parse().ok());
        let number: u64 = number
            .filter(|_| is_number)
            .ok_or("announced a length that is no number")?;
        if length.is_some_and(|length| length != number) {
            return Err("announced two different lengths".to_owned());
        }
        length = Some(number);
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(method: &str, head: &str) -> String {
        let mut buffer = BytesMut::from(format!("HTTP/1.{head}\r\n\r\n").as_bytes());
        let answer = ResponseHead::take(&mut buffer).unwrap().unwrap();
        match Framing::of(&answer, &RequestHead::new(method, "/")) {
            Ok(Framing::Length(length)) => length.to_string(),
            Ok(Framing::Chunked(_)) => "chunked".to_owned(),
            Ok(Framing::UntilClose) => "close".to_owned(),
            Err(_) => "refused".to_owned(),
        }
    }

    #[test]
    fn the_length_is_what_the_head_says_or_the_answer_is_refused() {
        for (method, head, expected) in [
            ("GET", "1 200 OK\r\ncontent-length: 5", "5"),
            (
                "GET",
                "1 200 OK\r\ncontent-length: 5\r\nContent-Length: 5",
                "5",
            ),
            ("GET", "1 200 OK\r\ncontent-length: 5, 5", "5"),
            ("GET", "1 200 OK\r\ncontent-length: 5, 6", "refused"),
            (
                "GET",
                "1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6",
                "refused",
            ),
            ("GET", "1 200 OK\r\ncontent-length: -5", "refused"),
            ("GET", "1 200 OK\r\ncontent-length: +5", "refused"),
            ("GET", "1 200 OK\r\ncontent-length: 5 5", "refused"),
            ("GET", "1 200 OK\r\ncontent-length:", "refused"),
            (
                "GET",
                "1 200 OK\r\ncontent-length: 99999999999999999999",
                "refused",
            ),
            ("GET", "1 200 OK\r\nTransfer-Encoding: Chunked", "chunked"),
            ("GET", "0 200 OK\r\ntransfer-encoding: chunked", "refused"),
            (
                "GET",
                "1 200 OK\r\ntransfer-encoding: gzip, chunked",
                "refused",
            ),
            ("GET", "1 200 OK\r\ntransfer-encoding: identity", "refused"),
            (
                "GET",
                "1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
                "refused",
            ),
            (
                "GET",
                "1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5",
                "refused",
            ),
            ("GET", "1 200 OK", "close"),
            ("HEAD", "1 200 OK\r\ncontent-length: 5", "0"),
            ("HEAD", "1 200 OK\r\ntransfer-encoding: chunked", "0"),
            ("GET", "1 204 No Content\r\ncontent-length: 5", "0"),
            ("GET", "1 304 Not Modified\r\ncontent-length: 5", "0"),
        ] {
            assert_eq!(framing(method, head), expected, "{method} {head}");
        }
    }
}
