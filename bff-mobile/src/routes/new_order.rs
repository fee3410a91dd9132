//! An order that the app wants to place: how it is read, and what the document says of it.

use actix_web::HttpRequest;
use bff_shared::domain::Money;
use bff_shared::domain::customer::CustomerId;
use bff_shared::domain::order::{NewLine, NewOrder};
use bff_shared::serve::Problem;
use bff_shared::serve::input::{Fields, read_json};
use utoipa::ToSchema;

/// What one thing may cost.
const HIGHEST_PRICE: u32 = 1_000_000;

/// An order to be placed.
#[derive(ToSchema)]
#[schema(as = NewOrder, rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(super) struct NewOrderBody {
    /// Whose it will be.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 56)]
    customer_id: u64,
    /// What the order is, without control characters.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]+$",
        example = "For the garden"
    )]
    title: String,
    /// The currency of all prices (ISO 4217).
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
    /// What is ordered.
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<NewItem>,
}

/// One thing to be ordered.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `read` reads")]
struct NewItem {
    /// What it is, without control characters.
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]+$",
        example = "Spade"
    )]
    name: String,
    /// How many.
    #[schema(minimum = 1, maximum = 1000, example = 2)]
    count: u32,
    /// What one of them costs, with at most two decimals.
    #[schema(minimum = 0, maximum = 1_000_000, multiple_of = 0.01, example = 3.5)]
    price: f64,
}

/// The order in the body of `request`.
///
/// # Errors
/// 415 or 400 for what is no JSON object, 400 `invalidInput` with everything that is wrong with it.
pub(super) fn read(request: &HttpRequest, body: &[u8]) -> Result<NewOrder, Problem> {
    read_json(request, body, |fields| {
        let customer_id = fields.integer("customerId", 1..=CustomerId::MAX);
        let description = fields.text("title", 1..=200);
        let currency = fields.word("currency", "three capital letters", currency);
        let lines = fields.list("items", 1..=100, new_line);
        Some(NewOrder {
            customer_id: CustomerId::new(customer_id?).ok()?,
            description: description?,
            currency: currency?,
            lines: lines?,
        })
    })
}

fn new_line(fields: &mut Fields<'_>) -> Option<NewLine> {
    let description = fields.text("name", 1..=200);
    let quantity = fields.integer("count", 1..=1000);
    let allowed = "a number from 0 to 1000000 with at most 2 decimals";
    let price = fields.number("price", allowed, price);
    Some(NewLine {
        description: description?,
        quantity: u32::try_from(quantity?).ok()?,
        price: price?,
    })
}

fn currency(text: &str) -> Option<String> {
    let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    is_code.then(|| text.to_owned())
}

fn price(digits: &str) -> Option<Money> {
    let price: Money = digits.parse().ok()?;
    let highest: Money = HIGHEST_PRICE.to_string().parse().ok()?;
    let fits = (Money::default()..=highest).contains(&price) && price.decimals() <= 2;
    fits.then_some(price)
}
