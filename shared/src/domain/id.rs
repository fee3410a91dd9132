//! Identifiers of orders and customers.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// The identifier of a `T`: a whole number from 1 to 2⁵³ − 1, the largest that every JSON reader keeps exact
/// (RFC 7493, section 2.2). Services may write it as a number or as a string of digits.
pub struct Id<T>(u64, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// The largest identifier.
    pub const MAX: u64 = (1 << 53) - 1;

    /// The identifier with this number.
    ///
    /// # Errors
    /// [`InvalidId`] for a number out of range.
    pub fn new(number: u64) -> Result<Self, InvalidId> {
        if (1..=Self::MAX).contains(&number) {
            Ok(Self(number, PhantomData))
        } else {
            Err(InvalidId)
        }
    }

    /// The identifier that a protocol without unsigned numbers calls `number`.
    pub(super) fn from_signed(number: i64) -> Result<Self, InvalidId> {
        u64::try_from(number)
            .map_err(|_| InvalidId)
            .and_then(Self::new)
    }

    /// The identifier for a protocol without unsigned numbers.
    pub(super) fn signed(self) -> i64 {
        // In range on both sides.
        self.0.cast_signed()
    }

    /// The identifier as a number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

/// A text or number that is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an id is a whole number from 1 to {}, in digits without a leading zero",
            Id::<()>::MAX
        )
    }
}

impl std::error::Error for InvalidId {}

impl<T> FromStr for Id<T> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // JSON Schema calls 1.0 an integer (2020-12, section 6.1.1), and some clients write it so.
        let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if fraction.is_empty() || fraction.bytes().any(|byte| byte != b'0') {
            return Err(InvalidId);
        }
        // Stricter than u64: "+1" and "01" would be second names of the same thing.
        if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidId);
        }
        text.parse().map_err(|_| InvalidId).and_then(Self::new)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<T> de::Visitor<'_> for Visitor<T> {
            type Value = Id<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id as a number or a string of digits")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id<T>, E> {
                Id::new(number).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id<T>, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor(PhantomData))
    }
}

// By hand, since a derive would ask the same of `T`.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Id<T> {}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_numbers_are_the_same_id() {
        assert_eq!(
            serde_json::from_str::<Id<()>>("56").unwrap(),
            serde_json::from_str("\"56\"").unwrap()
        );
        assert_eq!("56.00".parse::<Id<()>>().unwrap().get(), 56);
        assert_eq!(
            "9007199254740991".parse::<Id<()>>().unwrap().get(),
            Id::<()>::MAX
        );
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "0",
            "-1",
            "+1",
            "01",
            " 1",
            "1 ",
            "1.5",
            "1.",
            ".0",
            "1.0.0",
            "abc",
            "9007199254740992",
            "99999999999999999999",
            "１",
        ] {
            assert!(text.parse::<Id<()>>().is_err(), "{text:?}");
        }
        for json in [
            "0",
            "-1",
            "1.5",
            "\"\"",
            "\"1.5\"",
            "null",
            "true",
            "[1]",
            "{}",
            "9007199254740992",
        ] {
            assert!(serde_json::from_str::<Id<()>>(json).is_err(), "{json}");
        }
    }
}
