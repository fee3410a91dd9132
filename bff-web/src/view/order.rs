//! An order with its customer, in full.

use std::sync::Arc;

use bff_shared::compose::Source;
use bff_shared::domain::Money;
use bff_shared::domain::customer::{Address, Customer};
use bff_shared::domain::order::{Line, Status};
use bff_shared::domain::order_details::OrderDetails;
use serde::Serialize;
use utoipa::ToSchema;

/// An order and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub(crate) struct OrderView<'a> {
    /// The order's id.
    #[schema(minimum = 1)]
    id: u64,
    /// What the order is.
    description: &'a str,
    /// How far the order is; null where that is not known.
    #[schema(required)]
    status: Option<StatusView>,
    /// When it was placed; null where that is not known.
    #[schema(required, format = DateTime)]
    placed_at: Option<&'a str>,
    /// The currency of all amounts (ISO 4217); null where that is not known.
    #[schema(required, pattern = "^[A-Z]{3}$")]
    currency: Option<&'a str>,
    /// What was ordered.
    lines: Vec<LineView<'a>>,
    /// What the order costs.
    #[schema(value_type = f64)]
    total: Money,
    /// Whose it is; null where the customer cannot be had, for which `sources` gives the reason.
    #[schema(required)]
    customer: Option<CustomerView<'a>>,
    /// How good each part is.
    sources: SourcesView,
}

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
struct LineView<'a> {
    /// What was ordered.
    description: &'a str,
    /// How many.
    quantity: u32,
    /// What one of them costs.
    #[schema(value_type = f64)]
    price: Money,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OrderStatus)]
enum StatusView {
    Placed,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

/// A customer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Customer)]
struct CustomerView<'a> {
    /// The customer's id.
    #[schema(minimum = 1)]
    id: u64,
    /// The person's name.
    name: &'a str,
    /// Where to write to.
    email: &'a str,
    /// Where to call; null where that is not known.
    #[schema(required)]
    phone: Option<&'a str>,
    /// Where to send to; null where that is not known.
    #[schema(required)]
    address: Option<AddressView<'a>>,
}

/// A postal address: one text, or its parts, as the customer service keeps it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Address)]
enum AddressView<'a> {
    Text(&'a str),
    Parts {
        /// Street and house number.
        #[schema(required)]
        street: Option<&'a str>,
        /// Postal code.
        #[schema(required)]
        postcode: Option<&'a str>,
        /// Town or city.
        #[schema(required)]
        city: Option<&'a str>,
        /// Country (ISO 3166).
        #[schema(required)]
        country: Option<&'a str>,
    },
}

/// How good each part of the answer is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderSources)]
struct SourcesView {
    /// The order service.
    order: Source,
    /// The customer service.
    customer: Source,
}

impl<'a> From<&'a OrderDetails<Option<Arc<Customer>>>> for OrderView<'a> {
    fn from(details: &'a OrderDetails<Option<Arc<Customer>>>) -> Self {
        let order = &details.order.value;
        Self {
            id: order.id.get(),
            description: &order.description,
            status: order.status.map(StatusView::from),
            placed_at: order.placed_at.as_deref(),
            currency: order.currency.as_deref(),
            lines: order.lines.iter().map(LineView::from).collect(),
            total: order.total,
            customer: details.customer.value.as_deref().map(CustomerView::from),
            sources: SourcesView {
                order: details.order.provenance.source,
                customer: details.customer.provenance.source,
            },
        }
    }
}

impl<'a> From<&'a Line> for LineView<'a> {
    fn from(line: &'a Line) -> Self {
        Self {
            description: &line.description,
            quantity: line.quantity,
            price: line.price,
        }
    }
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        match status {
            Status::Placed => Self::Placed,
            Status::Paid => Self::Paid,
            Status::Shipped => Self::Shipped,
            Status::Delivered => Self::Delivered,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

impl<'a> From<&'a Customer> for CustomerView<'a> {
    fn from(customer: &'a Customer) -> Self {
        Self {
            id: customer.id.get(),
            name: &customer.name,
            email: &customer.email,
            phone: customer.phone.as_deref(),
            address: customer.address.as_ref().map(AddressView::from),
        }
    }
}

impl<'a> From<&'a Address> for AddressView<'a> {
    fn from(address: &'a Address) -> Self {
        match address {
            Address::Text(text) => Self::Text(text),
            Address::Parts(parts) => Self::Parts {
                street: parts.street.as_deref(),
                postcode: parts.postcode.as_deref(),
                city: parts.city.as_deref(),
                country: parts.country.as_deref(),
            },
        }
    }
}
