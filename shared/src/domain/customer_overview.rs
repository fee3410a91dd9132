//! The aggregate: a customer, and what they have ordered.

use std::collections::BTreeMap;

use super::customer::{Customer, CustomerId};
use super::order::{Listing, Order, OrderQuery, Status};
use super::{Money, OrderDesk};
use crate::aggregate;
use crate::compose::Ladder;
use crate::upstream::{Context, Error, ErrorKind};

/// How many of the latest orders are looked at: as many as the order service gives at once.
pub const LOOKED_AT: u8 = 100;

aggregate! {
    /// A customer and their latest orders, asked for at once. What `C` and `O` are depends on the ladders that the BFF
    /// chose.
    pub struct CustomerOverview, ladders OverviewLadders, from (desk: &OrderDesk, id: CustomerId, query: &OrderQuery);

    /// Who it is.
    optional customer<C>: Customer, for customer_id: CustomerId = id
        => |context| desk.customers.get(context, customer_id);
    /// The latest orders, at most a hundred.
    optional orders<O>: Listing, for _of: CustomerId = id => |context| desk.orders.list(context, query);
}

/// Why there is no overview: which source is to blame, and how it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverviewError {
    /// The source's name.
    pub source: &'static str,
    /// How it failed.
    pub error: Error,
}

impl<C, O> OverviewLadders<C, O>
where
    C: Ladder<CustomerId, Customer>,
    O: Ladder<CustomerId, Listing>,
{
    /// What there is of a customer. Without the person there are the orders, and without the orders the person.
    ///
    /// # Errors
    /// The customer service knows nobody with this id; or neither source has anything.
    pub async fn overview(
        &self,
        context: &Context,
        desk: &OrderDesk,
        id: CustomerId,
    ) -> Result<CustomerOverview<C::Slot, O::Slot>, OverviewError> {
        let query = OrderQuery {
            customer_id: Some(id),
            limit: Some(LOOKED_AT),
            ..OrderQuery::default()
        };
        let overview = match self.compose(context, desk, id, &query).await {
            Ok(overview) => overview,
            Err(error) => return Err(of("orders", error)),
        };
        let customer = &overview.customer.provenance.failure;
        let orders = &overview.orders.provenance.failure;
        match (customer, orders) {
            (Some(error), _) if error.kind() == ErrorKind::NotFound => {
                Err(of("customer", error.clone()))
            }
            (Some(_), Some(error)) => Err(of("orders", error.clone())),
            _ => Ok(overview),
        }
    }
}

fn of(source: &'static str, error: Error) -> OverviewError {
    OverviewError { source, error }
}

/// What a customer's orders come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// For each status that occurs, in the order in which one follows the other; orders without one come last.
    pub by_status: Vec<StatusTotal>,
    /// How many orders were counted.
    pub counted: usize,
    /// Whether there are older ones, which were not counted.
    pub has_more: bool,
}

/// What the orders with one status come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusTotal {
    /// The status; `None` for those whose status is not known.
    pub status: Option<Status>,
    /// How many.
    pub count: usize,
    /// The sum for each currency; those without one have `None`. A sum that is out of range is left out.
    pub amounts: Vec<(Option<String>, Money)>,
}

impl Totals {
    /// Counts `orders`.
    #[must_use]
    pub fn of(orders: &[Order], has_more: bool) -> Self {
        let all = Status::ALL.into_iter().map(Some).chain([None]);
        let by_status = all.filter_map(|status| {
            let mut count = 0;
            let mut amounts: BTreeMap<Option<&str>, Option<Money>> = BTreeMap::new();
            for order in orders.iter().filter(|order| order.status == status) {
                count += 1;
                let sum = amounts
                    .entry(order.currency.as_deref())
                    .or_insert_with(|| Some(Money::default()));
                *sum = sum.and_then(|sum| sum.plus(order.total));
            }
            let amounts = amounts.into_iter().filter_map(|(currency, sum)| {
                let currency = currency.map(ToOwned::to_owned);
                sum.map(|sum| (currency, sum))
            });
            (count > 0).then(|| StatusTotal {
                status,
                count,
                amounts: amounts.collect(),
            })
        });
        Self {
            by_status: by_status.collect(),
            counted: orders.len(),
            has_more,
        }
    }
}
