//! What can be read.

use async_graphql::{Context, ID, Object, Result};
use bff_shared::domain::customer::CustomerId;
use bff_shared::domain::order::OrderId;

use super::connection::{self, Arguments, OrderConnection};
use super::customer::{self, CustomerNode};
use super::order::{OrderNode, OrderStatus};
use crate::error;
use crate::graphql::fault;
use crate::graphql::state::{ask, with_state};

/// What a single order of an answer is called among its sources.
pub(super) const ORDER: &str = "order";

pub(in crate::graphql) struct Query;

/// What can be read.
#[Object]
impl Query {
    /// An order. Null where it cannot be had, for which `errors` has the reason.
    async fn order(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The order's id.")] id: ID,
    ) -> Option<Result<OrderNode>> {
        Some(order(context, &id).await)
    }

    /// Orders, the newest first. Null where they cannot be had.
    async fn orders(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only this customer's orders.")] customer_id: Option<ID>,
        #[graphql(desc = "Only orders that are this far.")] status: Option<OrderStatus>,
        #[graphql(desc = "How many at most, up to 100; 20 where it is missing.")] first: Option<
            i64,
        >,
        #[graphql(desc = "Behind which cursor to go on.")] after: Option<String>,
    ) -> Option<Result<OrderConnection>> {
        let arguments = Arguments {
            customer_id,
            status,
            first,
            after,
        };
        Some(connection::connection(context, arguments.read()).await)
    }

    /// A customer. Null where they cannot be had, for which `errors` has the reason.
    async fn customer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The customer's id.")] id: ID,
    ) -> Option<Result<CustomerNode>> {
        Some(customer(context, &id).await)
    }
}

async fn order(context: &Context<'_>, id: &ID) -> Result<OrderNode> {
    let id: OrderId = id
        .parse()
        .map_err(|wrong| fault::of(&fault::invalid_order_id(wrong)))?;
    let with_customer = connection::asks_for_customer(&context.look_ahead());
    let order = ask(move |state| async move { state.desk.order(&state.within, id).await })
        .owing_customers(with_customer)
        .await;
    match order {
        Ok(part) => {
            with_state(|state| state.tell(ORDER, &part.provenance));
            Ok(OrderNode::alone(part.value, part.provenance.source))
        }
        Err(failed) => {
            let problem = error::order(id, &failed);
            connection::tell_failed(ORDER, &problem);
            Err(fault::of(&problem))
        }
    }
}

async fn customer(context: &Context<'_>, id: &ID) -> Result<CustomerNode> {
    let id: CustomerId = id
        .parse()
        .map_err(|wrong| fault::of(&fault::invalid_customer_id(wrong)))?;
    let customer = context.field();
    let orders = customer.selection_set();
    let orders = orders.filter(|field| field.name() == "orders");
    for query in orders.filter_map(|field| Arguments::foreseen(&field)) {
        // What is wrong with it is told at the field.
        if let Ok(query) = query.of_customer(id) {
            with_state(|state| state.begin_page(&query));
        }
    }
    let known = ask(|state| state.customer(id)).await;
    customer::node(id, &known)
}
