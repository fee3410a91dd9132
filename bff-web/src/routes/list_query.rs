//! Which orders a client asks for.

use std::ops::RangeInclusive;

use actix_web::HttpRequest;
use bff_shared::domain::customer::CustomerId;
use bff_shared::domain::order::{OrderQuery, Status};
use bff_shared::serve::input::read_query;
use bff_shared::serve::{Cursors, Problem};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, Schema, SchemaFormat};
use utoipa::openapi::{Object, RefOr, Required, Type};

use crate::error;

/// How many orders a page can have.
const LIMIT: RangeInclusive<u8> = 1..=100;
/// How many it has where nobody says.
const DEFAULT_LIMIT: u8 = 20;
/// The shortest that a cursor can be: a seal of 16 bytes and one of the service's, in base64.
const SHORTEST_CURSOR: usize = 23;

/// The parameters of a list, checked, with the cursor as the client sent it.
pub(super) struct ListQuery {
    query: OrderQuery,
    cursor: Option<String>,
}

impl ListQuery {
    /// Reads the query of `request`.
    pub(super) fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let words = Status::ALL.map(Status::word).join(", ");
        read_query(request, |fields| {
            let customer_id = fields.optional_integer("customerId", 1..=CustomerId::MAX);
            let status =
                fields.optional_word("status", &format!("one of {words}"), Status::from_word);
            let limit =
                fields.optional_integer("limit", (*LIMIT.start()).into()..=(*LIMIT.end()).into());
            let cursor =
                fields.optional_word("cursor", "a nextCursor", |text| Some(text.to_owned()));
            let limit = limit?.and_then(|limit| limit.try_into().ok());
            Some(Self {
                query: OrderQuery {
                    customer_id: customer_id?.and_then(|id| CustomerId::new(id).ok()),
                    status: status?,
                    limit: Some(limit.unwrap_or(DEFAULT_LIMIT)),
                    cursor: None,
                },
                cursor: cursor?,
            })
        })
    }

    /// What tells this list from others. A page's length does not: it may change on the way.
    pub(super) fn list(&self) -> String {
        let customer = self.query.customer_id.map(|id| id.to_string());
        format!(
            "web orders customerId={} status={}",
            customer.as_deref().unwrap_or("any"),
            self.query.status.map_or("any", Status::word)
        )
    }

    /// The query as the order service gets it, with its own cursor.
    pub(super) fn open(self, cursors: &Cursors) -> Result<OrderQuery, Problem> {
        let cursor = self
            .cursor
            .as_deref()
            .map(|cursor| cursors.open(&self.list(), cursor))
            .transpose()
            .map_err(error::invalid_cursor)?;
        Ok(OrderQuery {
            cursor,
            ..self.query
        })
    }
}

/// From the same limits that it is read by.
impl IntoParams for ListQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let id = Object::builder()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(1))
            .maximum(Some(CustomerId::MAX));
        let status = Object::builder()
            .schema_type(Type::String)
            .enum_values(Some(Status::ALL.map(Status::word)));
        let limit = Object::builder()
            .schema_type(Type::Integer)
            .minimum(Some(*LIMIT.start()))
            .maximum(Some(*LIMIT.end()))
            .default(Some(DEFAULT_LIMIT.into()));
        let cursor = Object::builder()
            .schema_type(Type::String)
            .min_length(Some(SHORTEST_CURSOR))
            .pattern(Some("^[A-Za-z0-9_-]+$"));
        vec![
            parameter("customerId", "Only this customer's orders.", id, 56),
            parameter("status", "Only orders that are this far.", status, "paid"),
            parameter(
                "limit",
                "How many at most; another on the next page is fine.",
                limit,
                2,
            ),
            parameter(
                "cursor",
                "The `nextCursor` of the page before: it holds for the same `customerId` and `status` alone.",
                cursor,
                "6J77HBmQDqAFpxEc3KYE8DAwMDAwMDAwMDAyNzBm",
            ),
        ]
    }
}

fn parameter(
    name: &str,
    description: &str,
    schema: impl Into<RefOr<Schema>>,
    example: impl Into<serde_json::Value>,
) -> Parameter {
    Parameter::builder()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .example(Some(example.into()))
        .build()
}
