//! An order that a client wants to place.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use actix_web::HttpRequest;
use bff_shared::domain::Money;
use bff_shared::domain::customer::CustomerId;
use bff_shared::domain::order::{NewLine, NewOrder};
use bff_shared::serve::Problem;
use bff_shared::serve::input::{Fields, read_json};
use utoipa::openapi::schema::{AdditionalProperties, KnownFormat, Schema, SchemaFormat};
use utoipa::openapi::{Array, Object, RefOr, Type};
use utoipa::{PartialSchema, ToSchema};

/// Characters of a description.
const DESCRIPTION: RangeInclusive<usize> = 1..=200;
const LINES: RangeInclusive<usize> = 1..=100;
const QUANTITY: RangeInclusive<u32> = 1..=1_000;
const HIGHEST_PRICE: u32 = 1_000_000;
const DECIMALS: u32 = 2;

/// Reads the body of a request.
pub(super) fn read(request: &HttpRequest, body: &[u8]) -> Result<NewOrder, Problem> {
    read_json(request, body, fields)
}

/// Reads the members of an order.
pub(crate) fn fields(fields: &mut Fields<'_>) -> Option<NewOrder> {
    let customer_id = fields.integer("customerId", 1..=CustomerId::MAX);
    let description = fields.text("description", DESCRIPTION);
    let allowed = "three capital letters (ISO 4217), such as EUR";
    let currency = fields.word("currency", allowed, currency);
    let lines = fields.list("lines", LINES, line);
    Some(NewOrder {
        customer_id: CustomerId::new(customer_id?).ok()?,
        description: description?,
        currency: currency?,
        lines: lines?,
    })
}

fn line(fields: &mut Fields<'_>) -> Option<NewLine> {
    let description = fields.text("description", DESCRIPTION);
    let quantity = fields.integer(
        "quantity",
        (*QUANTITY.start()).into()..=(*QUANTITY.end()).into(),
    );
    let allowed = format!("a number from 0 to {HIGHEST_PRICE} with at most {DECIMALS} decimals");
    let price = fields.number("price", &allowed, price);
    Some(NewLine {
        description: description?,
        quantity: quantity?.try_into().ok()?,
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
    let fits = (Money::default()..=highest).contains(&price) && price.decimals() <= DECIMALS;
    fits.then_some(price)
}

/// The schema of the body, from the same limits that it is read by.
pub(super) struct NewOrderBody;

impl ToSchema for NewOrderBody {
    fn name() -> Cow<'static, str> {
        "NewOrder".into()
    }
}

impl PartialSchema for NewOrderBody {
    fn schema() -> RefOr<Schema> {
        let id = Object::builder()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(1))
            .maximum(Some(CustomerId::MAX))
            .description(Some("Whose it will be."));
        let currency = Object::builder()
            .schema_type(Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .description(Some("The currency of all prices (ISO 4217)."));
        let lines = Array::builder()
            .items(line_schema())
            .min_items(Some(*LINES.start()))
            .max_items(Some(*LINES.end()))
            .description(Some("What is ordered."));
        Object::builder()
            .property("customerId", id)
            .property("description", description("What the order is."))
            .property("currency", currency)
            .property("lines", lines)
            .required("customerId")
            .required("description")
            .required("currency")
            .required("lines")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .description(Some("An order to be placed."))
            .into()
    }
}

fn line_schema() -> Object {
    let quantity = Object::builder()
        .schema_type(Type::Integer)
        .minimum(Some(*QUANTITY.start()))
        .maximum(Some(*QUANTITY.end()))
        .description(Some("How many."));
    let price = Object::builder()
        .schema_type(Type::Number)
        .minimum(Some(0))
        .maximum(Some(HIGHEST_PRICE))
        .multiple_of(Some(0.01))
        .description(Some("What one of them costs, with at most two decimals."));
    Object::builder()
        .property("description", description("What is ordered."))
        .property("quantity", quantity)
        .property("price", price)
        .required("description")
        .required("quantity")
        .required("price")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .build()
}

/// A text without control characters.
fn description(what: &str) -> Object {
    Object::builder()
        .schema_type(Type::String)
        .min_length(Some(*DESCRIPTION.start()))
        .max_length(Some(*DESCRIPTION.end()))
        .pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]+$"))
        .description(Some(what))
        .build()
}
