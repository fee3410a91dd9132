//! What the app may send: how it is read, and what the document says of it.

use actix_web::HttpRequest;
use bff_shared::domain::Money;
use bff_shared::domain::customer::CustomerId;
use bff_shared::domain::order::{NewLine, NewOrder, OrderQuery, Status};
use bff_shared::serve::input::{Fields, read_json, read_query};
use bff_shared::serve::{Problem, idempotency};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

/// How many orders a page has at most, unless the app says how many.
const PAGE: u8 = 20;

/// What one thing may cost.
const HIGHEST_PRICE: u32 = 1_000_000;

/// Which orders are asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what `orders_asked` reads")]
pub(crate) struct OrdersParams {
    /// Only this customer's.
    #[param(
        minimum = 1,
        maximum = 9_007_199_254_740_991_i64,
        nullable = false,
        example = 56
    )]
    customer_id: Option<u64>,
    /// Only those that are this far.
    #[param(inline, nullable = false, example = "placed")]
    status: Option<StatusParam>,
    /// How many at most.
    #[param(
        minimum = 1,
        maximum = 100,
        default = 20,
        nullable = false,
        example = 2
    )]
    limit: Option<u8>,
    /// The `nextCursor` of the page before, with the same `customerId` and `status`. Without it the list begins.
    #[param(
        min_length = 23,
        pattern = "^[A-Za-z0-9_-]+$",
        nullable = false,
        example = "65Y0QHMMz5XMXJMLo7sfdDAwMDAwMDAwMDAyMWVm"
    )]
    cursor: Option<String>,
}

/// How far an order is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `orders_asked` reads")]
enum StatusParam {
    Placed,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

/// The orders that the query of `request` asks for, and the cursor as it came: still to be opened.
///
/// # Errors
/// 400 `invalidInput` with everything that is wrong, but for the cursor.
pub(crate) fn orders_asked(request: &HttpRequest) -> Result<(OrderQuery, Option<String>), Problem> {
    read_query(request, |fields| {
        let customer_id = fields.optional_word("customerId", &an_id(), |text| text.parse().ok());
        let words = Status::ALL.map(Status::word).join(", ");
        let status = fields.optional_word("status", &format!("one of {words}"), Status::from_word);
        let limit = fields.optional_integer("limit", 1..=100);
        let cursor = fields.optional_word("cursor", "a nextCursor", |text| Some(text.to_owned()));
        let limit = limit?.map_or(Some(PAGE), |limit| u8::try_from(limit).ok());
        let query = OrderQuery {
            customer_id: customer_id?,
            status: status?,
            limit: Some(limit?),
            cursor: None,
        };
        Some((query, cursor?))
    })
}

/// Tells the lists of orders apart, and this client's from another's: cursors are good for one of them.
pub(crate) fn list_name(query: &OrderQuery) -> String {
    let customer = query.customer_id.map(|id| id.to_string());
    let status = query.status.map(Status::word);
    format!(
        "mobile/orders customerId={} status={}",
        customer.unwrap_or_default(),
        status.unwrap_or_default()
    )
}

/// The `Idempotency-Key` where it has to be there.
pub(crate) struct Key;

impl IntoParams for Key {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![idempotency::parameter(Required::True)]
    }
}

/// The `Idempotency-Key` where it may be missing.
pub(crate) struct OptionalKey;

impl IntoParams for OptionalKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![idempotency::parameter(Required::False)]
    }
}

/// An order to be placed.
#[derive(ToSchema)]
#[schema(as = NewOrder, rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what `new_order` reads")]
pub(crate) struct NewOrderBody {
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
#[expect(dead_code, reason = "describes what `new_order` reads")]
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
pub(crate) fn new_order(request: &HttpRequest, body: &[u8]) -> Result<NewOrder, Problem> {
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

fn an_id() -> String {
    format!("a whole number from 1 to {}", CustomerId::MAX)
}
