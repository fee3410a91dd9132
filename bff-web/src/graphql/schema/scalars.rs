//! Values that GraphQL has no type of its own for.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use bff_shared::domain::Money;

/// An exact decimal number.
pub(in crate::graphql) struct Decimal {
    /// A number as JSON has it.
    digits: String,
}

impl Decimal {
    /// The digits, as JSON has them.
    pub(super) fn digits(&self) -> &str {
        &self.digits
    }
}

impl From<Money> for Decimal {
    fn from(money: Money) -> Self {
        // What is a number cannot fail to be written.
        let digits = serde_json::to_string(&money).unwrap_or_default();
        Self { digits }
    }
}

/// An exact decimal number, written as a JSON number of as many digits as it has. As input a number, or a string of its
/// digits, which no reader takes for a float.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        match digits(&value) {
            Some(digits) => Ok(Self { digits }),
            None => Err(InputValueError::custom(
                "a Decimal is a number, or a string of its digits",
            )),
        }
    }

    fn is_valid(value: &Value) -> bool {
        digits(value).is_some()
    }

    /// As bytes, which stand in the answer as they are: a number of this library would be a float.
    fn to_value(&self) -> Value {
        Value::Binary(self.digits.clone().into())
    }
}

fn digits(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let number: serde_json::Result<serde_json::Number> = serde_json::from_str(&text);
    number.is_ok().then_some(text)
}

/// A point in time.
pub(in crate::graphql) struct DateTime(pub(super) String);

/// A point in time (RFC 3339), as the order service wrote it.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}
