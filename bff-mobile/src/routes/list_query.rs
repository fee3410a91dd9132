//! Which orders the app asks for.

use actix_web::HttpRequest;
use bff_shared::domain::customer::CustomerId;
use bff_shared::domain::order::{OrderQuery, Status};
use bff_shared::serve::input::read_query;
use bff_shared::serve::{Cursors, Problem};
use utoipa::{IntoParams, ToSchema};

use crate::error;

/// How many orders a page has at most, unless the app says how many.
const DEFAULT_LIMIT: u8 = 20;

/// Which orders are asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what `ListQuery` reads")]
pub(super) struct ListParams {
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
#[expect(dead_code, reason = "describes what `ListQuery` reads")]
enum StatusParam {
    Placed,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

/// The parameters of a list, checked, with the cursor as the app sent it.
pub(super) struct ListQuery {
    query: OrderQuery,
    cursor: Option<String>,
}

impl ListQuery {
    /// Reads the query of `request`.
    ///
    /// # Errors
    /// 400 `invalidInput` with everything that is wrong; the cursor is not judged yet.
    pub(super) fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let words = Status::ALL.map(Status::word).join(", ");
        read_query(request, |fields| {
            let customer_id = fields.optional_integer("customerId", 1..=CustomerId::MAX);
            let status =
                fields.optional_word("status", &format!("one of {words}"), Status::from_word);
            let limit = fields.optional_integer("limit", 1..=100);
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

    /// What tells this list from others, also from those of other clients. A page's length does not: it may change on the
    /// way.
    pub(super) fn list(&self) -> String {
        let customer = self.query.customer_id.map(|id| id.to_string());
        format!(
            "mobile orders customerId={} status={}",
            customer.as_deref().unwrap_or("any"),
            self.query.status.map_or("any", Status::word)
        )
    }

    /// The query as the order service gets it, with its own cursor.
    ///
    /// # Errors
    /// 400 `invalidCursor` for a cursor of another list, or what was never one.
    pub(super) fn open(self, cursors: &Cursors) -> Result<OrderQuery, Problem> {
        let list = self.list();
        let cursor = self.cursor.map(|cursor| cursors.open(&list, &cursor));
        Ok(OrderQuery {
            cursor: cursor.transpose().map_err(error::invalid_cursor)?,
            ..self.query
        })
    }
}
