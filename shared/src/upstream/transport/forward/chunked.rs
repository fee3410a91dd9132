//! The chunked transfer coding (RFC 9112, section 7.1), read strictly: what two readers may understand in two ways
//! ends the connection.

use bytes::{Buf as _, Bytes, BytesMut};

/// The longest line of a chunk's size with its extensions, in bytes.
const MAX_LINE: usize = 1024;

/// All trailer fields together, in bytes.
const MAX_TRAILERS: usize = 16 * 1024;

/// Where in the coding the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the line of a size: the size so far, and its digits.
    Size(u64, usize),
    /// Behind the digits, in what extensions there are, so many bytes into the line.
    Extension(u64, usize),
    /// Behind the return of a size's line.
    SizeFeed(u64),
    /// In the data, with so many bytes of it to come.
    Data(u64),
    /// Behind the data.
    DataReturn,
    DataFeed,
    /// At the beginning of a trailer line, after so many bytes of trailers.
    Trailers(usize),
    Trailer(usize),
    TrailerFeed(usize),
    LastFeed,
    End,
}

/// What a decoder found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Data, at least a byte.
    Data(Bytes),
    /// More has to be read.
    Nothing,
    /// The body has ended; what is left in the buffer is not its.
    End,
}

/// A body in chunks.
#[derive(Debug)]
pub(super) struct Chunked(Place);

impl Chunked {
    pub(super) fn new() -> Self {
        Self(Place::Size(0, 0))
    }

    /// The next piece of data in `buffer`, which loses what was read. Extensions and trailers are passed over.
    pub(super) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Found, &'static str> {
        loop {
            if let Place::Data(left) = self.0 {
                if buffer.is_empty() {
                    return Ok(Found::Nothing);
                }
                let length =
                    usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
                let data = buffer.split_to(length).freeze();
                self.0 = match left - length as u64 {
                    0 => Place::DataReturn,
                    left => Place::Data(left),
                };
                return Ok(Found::Data(data));
            }
            if self.0 == Place::End {
                return Ok(Found::End);
            }
            let Some(byte) = buffer.first().copied() else {
                return Ok(Found::Nothing);
            };
            buffer.advance(1);
            self.0 = step(self.0, byte)?;
        }
    }
}

/// The place behind `byte`.
fn step(place: Place, byte: u8) -> Result<Place, &'static str> {
    Ok(match (place, byte) {
        (Place::Size(size, digits), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
            if digits == 16 {
                return Err("a chunk's size is too large");
            }
            let digit = char::from(byte).to_digit(16).unwrap_or_default();
            Place::Size(size << 4 | u64::from(digit), digits + 1)
        }
        (Place::Size(size, 1..), b'\r') => Place::SizeFeed(size),
        (Place::Size(size, 1..), b';' | b' ' | b'\t') => Place::Extension(size, 0),
        (Place::Size(..), _) => return Err("a chunk's size is no number"),
        (Place::Extension(size, _), b'\r') => Place::SizeFeed(size),
        (Place::Extension(size, length), b' '..=b'~' | b'\t' | 0x80..) if length < MAX_LINE => {
            Place::Extension(size, length + 1)
        }
        (Place::Extension(..), _) => return Err("a chunk's extension is malformed or too long"),
        (Place::SizeFeed(0), b'\n') => Place::Trailers(0),
        (Place::SizeFeed(size), b'\n') => Place::Data(size),
        (Place::DataReturn, b'\r') => Place::DataFeed,
        (Place::DataFeed, b'\n') => Place::Size(0, 0),
        (Place::DataReturn | Place::DataFeed, _) => {
            return Err("a chunk does not end where it should");
        }
        (Place::Trailers(_), b'\r') => Place::LastFeed,
        (Place::Trailer(length), b'\r') => Place::TrailerFeed(length),
        (Place::Trailers(length) | Place::Trailer(length), b' '..=b'~' | b'\t' | 0x80..)
            if length < MAX_TRAILERS =>
        {
            Place::Trailer(length + 1)
        }
        (Place::Trailers(_) | Place::Trailer(_), _) => {
            return Err("a trailer is malformed, or there are too many");
        }
        (Place::TrailerFeed(length), b'\n') => Place::Trailers(length),
        (Place::LastFeed, b'\n') => Place::End,
        (Place::SizeFeed(_) | Place::TrailerFeed(_) | Place::LastFeed, _) => {
            return Err("a line ends with a return alone");
        }
        // Neither takes a byte here.
        (Place::Data(_) | Place::End, _) => place,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads `pieces` as they come; what is left over behind the end.
    fn read(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool, Vec<u8>), &'static str> {
        let mut chunked = Chunked::new();
        let (mut buffer, mut data, mut ended) = (BytesMut::new(), Vec::new(), false);
        for piece in pieces {
            buffer.extend_from_slice(piece);
            loop {
                match chunked.decode(&mut buffer)? {
                    Found::Data(found) => data.extend(found),
                    Found::Nothing => break,
                    Found::End => {
                        ended = true;
                        break;
                    }
                }
            }
        }
        Ok((data, ended, buffer.to_vec()))
    }

    #[test]
    fn what_is_well_formed_is_read() {
        for (coded, data, rest) in [
            ("0\r\n\r\n", "", ""),
            ("3\r\nabc\r\n0\r\n\r\n", "abc", ""),
            ("003\r\nabc\r\n0000\r\n\r\n", "abc", ""),
            ("A\r\n0123456789\r\n0\r\n\r\nHTTP", "0123456789", "HTTP"),
            (
                "a;name=\"value\"\r\n0123456789\r\n0;last\r\n\r\n",
                "0123456789",
                "",
            ),
            ("1 ; x\r\n \r\n0\r\nExpires: never\r\nX: y\r\n\r\n", " ", ""),
        ] {
            let expected = (data.as_bytes().to_vec(), true, rest.as_bytes().to_vec());
            assert_eq!(read(&[coded.as_bytes()]), Ok(expected), "{coded:?}");
        }
    }

    #[test]
    fn what_can_be_understood_in_two_ways_is_refused() {
        for coded in [
            "\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            " 1\r\n",
            "g\r\n",
            "1\n",
            "1\rX",
            "1\r\nab\r\n",
            "1\r\na\n",
            "1\r\na\rX",
            "1;a\nb\r\n",
            "1;\0\r\n",
            "0\r\n\n",
            "0\r\nA: b\n",
            "0\r\n\rX",
            "0\r\nA: b\rX",
            "10000000000000000\r\n",
            "00000000000000001\r\n",
            ";\r\n",
        ] {
            assert!(read(&[coded.as_bytes()]).is_err(), "{coded:?}");
        }
        for (begin, filler) in [("1;", MAX_LINE + 1), ("0\r\n", MAX_TRAILERS + 1)] {
            assert!(read(&[begin.as_bytes(), "a".repeat(filler).as_bytes()]).is_err());
        }
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_data_is_the_same(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            cuts in prop::collection::vec(1_usize..9, 1..30),
            rest in prop::collection::vec(any::<u8>(), 0..5),
        ) {
            let mut coded = Vec::new();
            for chunk in &chunks {
                coded.extend(format!("{:x}\r\n", chunk.len()).bytes());
                coded.extend(chunk);
                coded.extend(b"\r\n");
            }
            coded.extend(b"0\r\nTrailer: passed over\r\n\r\n");
            coded.extend(&rest);
            let (mut pieces, mut left, mut cuts) = (Vec::new(), &coded[..], cuts.iter().cycle());
            while !left.is_empty() {
                let (piece, others) = left.split_at((*cuts.next().unwrap()).min(left.len()));
                pieces.push(piece);
                left = others;
            }
            prop_assert_eq!(read(&pieces), Ok((chunks.concat(), true, rest)));
        }

        #[test]
        fn arbitrary_bytes_neither_panic_nor_yield_more_than_came(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((data, _, rest)) = read(&[&bytes]) {
                prop_assert!(data.len() + rest.len() <= bytes.len());
            }
        }
    }
}
