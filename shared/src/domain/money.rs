//! Amounts of money.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// An exact decimal amount. In JSON it is a number, and stays exact both ways: its digits never pass through binary
/// floating point, so 0.1 and 0.2 make 0.3. Read from a number or a string of digits.
///
/// Always in its shortest form, without zeros at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(Decimal);

impl Money {
    /// `self` × `times`, or `None` beyond 28 digits.
    #[must_use]
    pub fn times(self, times: u32) -> Option<Self> {
        let product = self.0.checked_mul(times.into())?;
        Some(Self(product.normalize()))
    }

    /// `self` + `other`, or `None` beyond 28 digits.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let sum = self.0.checked_add(other.0)?;
        Some(Self(sum.normalize()))
    }

    /// How many decimals it has.
    #[must_use]
    pub fn decimals(self) -> u32 {
        self.0.scale()
    }
}

impl fmt::Display for Money {
    /// In digits, without an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Money {
    type Err = rust_decimal::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = if text.contains(['e', 'E']) {
            Decimal::from_scientific(text)
        } else {
            Decimal::from_str_exact(text)
        };
        parsed.map(|amount| Self(amount.normalize()))
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let digits = raw
            .strip_prefix('"')
            .and_then(|raw| raw.strip_suffix('"'))
            .unwrap_or(raw);
        digits
            .parse()
            .map_err(|_| de::Error::custom("an amount is a decimal number of at most 28 digits"))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.scale() == 0
            && let Ok(whole) = i64::try_from(self.0)
        {
            return serializer.serialize_i64(whole);
        }
        RawValue::from_string(self.0.to_string())
            .map_err(ser::Error::custom)?
            .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &str) -> Result<Money, serde_json::Error> {
        serde_json::from_str(json)
    }

    fn shown(money: Money) -> String {
        serde_json::to_string(&money).unwrap()
    }

    #[test]
    fn tenths_add_up() {
        let sum = read("0.1").unwrap().plus(read("0.2").unwrap()).unwrap();
        assert_eq!(shown(sum), "0.3");
    }

    #[test]
    fn amounts_are_shown_in_their_shortest_form() {
        for (given, expected) in [
            ("2", "2"),
            ("2.0", "2"),
            ("3.50", "3.5"),
            ("\"5.5\"", "5.5"),
            ("1e3", "1000"),
            ("-0.0", "0"),
        ] {
            assert_eq!(shown(read(given).unwrap()), expected, "{given}");
        }
    }

    #[test]
    fn more_digits_than_a_float_holds_stay() {
        assert_eq!(
            shown(read("12345678901234567.89").unwrap()),
            "12345678901234567.89"
        );
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for json in [
            "null",
            "true",
            "\"\"",
            "\"abc\"",
            "[1]",
            "1e400",
            "\"1,5\"",
            "99999999999999999999999999999999",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_amount_or_an_error(text in "\\PC{0,40}") {
            _ = read(&text);
        }

        #[test]
        fn cents_round_trip(cents in -10_000_000_000i64..10_000_000_000) {
            let text = Decimal::new(cents, 2).normalize().to_string();
            prop_assert_eq!(shown(read(&text).unwrap()), text);
        }
    }
}
