//! Reading an order that a client wants to place. Every fault is found, not the first alone.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

use crate::{
    answer::FieldError,
    contract::orders::{OrderLine, PlaceOrderRequest},
    fixtures::{Cents, Line},
    params,
};

const MOST_LINES: usize = 100;
const MOST_CHARACTERS: usize = 200;
const MOST_PIECES: u64 = 1_000;
const MOST_CENTS: u64 = 100_000_000;

const CURRENCY: &str = "three capital letters";
const PRICE: &str = "a number from 0 to 1000000 with at most 2 decimals";

/// What an order costs in that says nothing of it, which only a message may.
const OWN_CURRENCY: &str = "EUR";

/// What a client says of a new order. Two that are equal ask for the same, however they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) customer_id: u64,
    pub(super) description: String,
    pub(super) currency: String,
    pub(super) lines: Vec<Line>,
}

/// Numbers are read from their text: what an `f64` makes of `3.5000000000000001` has one decimal.
type Object<'a> = BTreeMap<String, &'a RawValue>;

impl Draft {
    /// `None` if the body is no JSON object, else the draft or everything that is wrong with it.
    pub(super) fn read(body: &[u8]) -> Option<Result<Self, Vec<FieldError>>> {
        let body: Object<'_> = serde_json::from_slice(body).ok()?;
        let mut fields = Fields {
            values: &body,
            check: Check::at(String::new()),
        };
        let customer_id = fields.read("customerId", params::ID, params::id);
        let description = fields.description();
        let currency = fields.read("currency", CURRENCY, |json| {
            string(json).filter(|code| is_currency(code))
        });
        let lines = fields.read("lines", &list_of_lines(), list);
        let mut errors = fields.check.errors;
        // Each is looked at, whatever is wrong with those before it.
        let lines: Vec<Option<Line>> = (lines.into_iter().flatten().enumerate())
            .map(|(index, value)| line(index, value, &mut errors))
            .collect();
        let lines = lines.into_iter().collect();
        Some(Self::of(customer_id, description, currency, lines, errors))
    }

    /// The draft in a message, or everything that is wrong with it.
    pub(super) fn of_message(request: PlaceOrderRequest) -> Result<Self, Vec<FieldError>> {
        let mut check = Check::at(String::new());
        let is_missing = request.customer_id == 0;
        let customer_id = params::id_of(request.customer_id);
        let customer_id = check.take("customer_id", params::ID, is_missing, customer_id);
        let description = check.description(request.description);
        let currency = (request.currency).unwrap_or_else(|| OWN_CURRENCY.to_owned());
        let currency = Some(currency).filter(|code| is_currency(code));
        let currency = check.take("currency", CURRENCY, false, currency);
        let is_missing = request.lines.is_empty();
        let lines = Some(request.lines).filter(|lines| (1..=MOST_LINES).contains(&lines.len()));
        let lines = check.take("lines", &list_of_lines(), is_missing, lines);
        let mut errors = check.errors;
        let lines: Vec<Option<Line>> = (lines.into_iter().flatten().enumerate())
            .map(|(index, line)| line_of_message(index, line, &mut errors))
            .collect();
        let lines = lines.into_iter().collect();
        Self::of(customer_id, description, currency, lines, errors)
    }

    fn of(
        customer_id: Option<u64>,
        description: Option<String>,
        currency: Option<String>,
        lines: Option<Vec<Line>>,
        errors: Vec<FieldError>,
    ) -> Result<Self, Vec<FieldError>> {
        match (customer_id, description, currency, lines) {
            (Some(customer_id), Some(description), Some(currency), Some(lines))
                if errors.is_empty() =>
            {
                Ok(Self {
                    customer_id,
                    description,
                    currency,
                    lines,
                })
            }
            _ => Err(errors),
        }
    }

    /// The exact sum: at most 100 lines of 1,000 pieces at 10^8 cents, which a `u64` has room for.
    pub(super) fn total(&self) -> Cents {
        Cents(
            self.lines
                .iter()
                .map(|line| line.price.0 * line.quantity.unwrap_or(1))
                .sum(),
        )
    }
}

fn line(index: usize, value: &RawValue, errors: &mut Vec<FieldError>) -> Option<Line> {
    let place = format!("lines[{index}]");
    let Ok(values) = serde_json::from_str::<Object<'_>>(value.get()) else {
        errors.push(FieldError {
            field: place,
            detail: "must be an object".to_owned(),
        });
        return None;
    };
    let mut fields = Fields {
        values: &values,
        check: Check::at(format!("{place}.")),
    };
    let description = fields.description();
    let quantity = fields.read("quantity", &number_of_pieces(), |text| {
        params::number(text).and_then(pieces)
    });
    let price = fields.read("price", PRICE, cents);
    errors.append(&mut fields.check.errors);
    Some(Line {
        description: Cow::Owned(description?),
        price: price?,
        quantity: Some(quantity?),
    })
}

fn line_of_message(index: usize, line: OrderLine, errors: &mut Vec<FieldError>) -> Option<Line> {
    let mut check = Check::at(format!("lines[{index}]."));
    let description = check.description(line.description);
    let quantity = pieces(line.quantity.unwrap_or(1).into());
    let quantity = check.take("quantity", &number_of_pieces(), false, quantity);
    let price = check.take("price", PRICE, line.price.is_empty(), decimal(&line.price));
    errors.append(&mut check.errors);
    Some(Line {
        description: Cow::Owned(description?),
        price: price?,
        quantity: Some(quantity?),
    })
}

/// What is wrong with the fields at one place.
struct Check {
    place: String,
    errors: Vec<FieldError>,
}

impl Check {
    fn at(place: String) -> Self {
        Self {
            place,
            errors: Vec::new(),
        }
    }

    /// A field that must be there and be `allowed`, as far as something could be made of it.
    fn take<T>(
        &mut self,
        name: &str,
        allowed: &str,
        is_missing: bool,
        value: Option<T>,
    ) -> Option<T> {
        if value.is_none() {
            let missing = if is_missing { "is missing: it " } else { "" };
            self.errors.push(FieldError {
                field: format!("{}{name}", self.place),
                detail: format!("{missing}must be {allowed}"),
            });
        }
        value
    }

    fn description(&mut self, text: String) -> Option<String> {
        let is_missing = text.is_empty();
        let text = Some(text).filter(|text| is_description(text));
        self.take("description", &text_to_read(), is_missing, text)
    }
}

/// A JSON object, and what is wrong with it.
struct Fields<'a> {
    values: &'a Object<'a>,
    check: Check,
}

impl<'a> Fields<'a> {
    /// A field that must be there and be `allowed`, as far as `read` can make something of its JSON.
    fn read<T>(
        &mut self,
        name: &str,
        allowed: &str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Option<T> {
        let value = self.values.get(name);
        let read = value.and_then(|value| read(value.get()));
        self.check.take(name, allowed, value.is_none(), read)
    }

    fn description(&mut self) -> Option<String> {
        self.read("description", &text_to_read(), |json| {
            string(json).filter(|text| is_description(text))
        })
    }
}

fn text_to_read() -> String {
    format!("a text of 1 to {MOST_CHARACTERS} characters")
}

fn list_of_lines() -> String {
    format!("a list of 1 to {MOST_LINES} lines")
}

fn number_of_pieces() -> String {
    format!("a whole number from 1 to {MOST_PIECES}")
}

fn is_description(text: &str) -> bool {
    (1..=MOST_CHARACTERS).contains(&text.chars().count())
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn pieces(number: u64) -> Option<u64> {
    (1..=MOST_PIECES).contains(&number).then_some(number)
}

fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

fn list(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json)
        .ok()
        .filter(|lines: &Vec<_>| (1..=MOST_LINES).contains(&lines.len()))
}

/// The amount that a decimal number in digits is, exactly, if it has one and may be a price.
fn decimal(text: &str) -> Option<Cents> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if !is_number(whole) || !is_number(decimals) {
        return None;
    }
    cents(text)
}

/// The amount that a JSON number is, exactly, if it has one and may be a price.
fn cents(json: &str) -> Option<Cents> {
    let (number, exponent) = json.split_once(['e', 'E']).unwrap_or((json, "0"));
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{decimals}");
    let significant = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    // JSON has no leading zeros but one, so what is left over is a sign, another kind of value or nothing.
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some(Cents(0));
    }
    if !significant.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let shift = exponent
        .parse::<i64>()
        .ok()?
        .checked_add(dropped + 2)?
        .checked_sub(i64::try_from(decimals.len()).ok()?)?;
    // Less is a third decimal that is not 0.
    let factor = 10_u64.checked_pow(u32::try_from(shift).ok()?)?;
    let cents = significant.parse::<u64>().ok()?.checked_mul(factor)?;
    (cents <= MOST_CENTS).then_some(Cents(cents))
}

#[cfg(test)]
mod tests {
    use super::{MOST_CENTS, cents};
    use crate::{dice::Dice, fixtures::Cents};

    #[test]
    fn an_amount_is_the_same_however_it_is_written() {
        let mut dice = Dice::new(5);
        for digits in (1..=9).cycle().take(20_000) {
            let amount = dice.below(10_u64.pow(digits)).min(MOST_CENTS);
            let (whole, rest) = (amount / 100, amount % 100);
            let written = serde_json::to_string(&Cents(amount)).expect("a number");
            for text in [
                written,
                format!("{whole}.{rest:02}"),
                format!("{whole}.{rest:02}000"),
                format!("{amount}e-2"),
                format!("{amount}000E-5"),
                format!("{whole}.{rest:02}0e+0"),
                format!("0.{amount:011}e9"),
                format!("0.{amount:030}e28"),
            ] {
                assert_eq!(cents(&text), Some(Cents(amount)), "{text}");
            }
            for text in [
                format!("{whole}.{rest:02}1"),
                format!("{amount}1e-3"),
                format!("{whole}.{rest:02}000000000000000000000000000001"),
                format!("-{whole}.{rest:02}"),
            ] {
                assert_eq!(cents(&text), None, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_price_is_none_whatever_its_size() {
        for text in [
            "1e99999999999999999999",
            "1e9223372036854775807",
            "1e-9223372036854775808",
            "1e1000",
            "99999999999999999999999999",
            "1000000.01",
            "\"1\"",
            "null",
            "true",
            "[0]",
            "{}",
        ] {
            assert_eq!(cents(text), None, "{text}");
        }
        for zero in ["0", "0.000", "0e99999999999999999999", "0E-3"] {
            assert_eq!(cents(zero), Some(Cents(0)), "{zero}");
        }
    }
}
