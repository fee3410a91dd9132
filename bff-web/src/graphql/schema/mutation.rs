//! What can be done.

use std::sync::Arc;

use async_graphql::{ID, InputObject, Object, Result, SimpleObject};
use bff_shared::compose::Part;
use bff_shared::domain::order::{Order, OrderId};
use bff_shared::domain::order_details::Outcome;
use bff_shared::serve::Problem;
use bff_shared::serve::idempotency::key_of;
use bff_shared::serve::input::read_object;

use super::connection::tell_failed;
use super::order::OrderNode;
use super::query::ORDER;
use super::scalars::Decimal;
use crate::error;
use crate::graphql::fault;
use crate::graphql::state::{ask, with_state};
use crate::routes::new_order;

pub(in crate::graphql) struct Mutation;

/// What can be done. What is asked for together is done one after the other.
#[Object]
impl Mutation {
    /// Places an order, once for each key, however often it is asked for. After an error that leaves open what became of it,
    /// ask again with the same key and the same input.
    async fn place_order(
        &self,
        #[graphql(desc = "The order.")] input: NewOrderInput,
        #[graphql(
            desc = "A new one for each order, such as a UUID; the same one when it is asked for again."
        )]
        idempotency_key: String,
    ) -> Option<Result<PlaceOrderPayload>> {
        let placed = place(input, idempotency_key).await;
        let placed = placed.map(|order| PlaceOrderPayload { order });
        Some(placed.map_err(|problem| fault::of(&problem)))
    }

    /// Cancels an order. What is cancelled already stays so, and is answered alike.
    async fn cancel_order(
        &self,
        #[graphql(desc = "The order's id.")] id: ID,
        #[graphql(
            desc = "With one, a request whose answer is lost is asked again by this server."
        )]
        idempotency_key: Option<String>,
    ) -> Option<Result<CancelOrderPayload>> {
        let cancelled = cancel(&id, idempotency_key).await;
        let cancelled = cancelled.map(|order| CancelOrderPayload { order });
        Some(cancelled.map_err(|problem| fault::of(&problem)))
    }
}

async fn place(input: NewOrderInput, key: String) -> Result<OrderNode, Problem> {
    let key = key_of(&key)?;
    let order = read_object(input.json().as_bytes(), new_order::fields)?;
    let outcome = ask(move |state| async move {
        let outcome = state.desk.place(&state.within, &order, key).await;
        state.forget_pages();
        outcome
    });
    settle(outcome.await.map_err(|failed| error::placing(&failed)))
}

async fn cancel(id: &ID, key: Option<String>) -> Result<OrderNode, Problem> {
    let id: OrderId = id.parse().map_err(fault::invalid_order_id)?;
    let key = key.as_deref().map(key_of).transpose()?;
    let outcome = ask(move |state| async move {
        let outcome = state.desk.cancel(&state.within, id, key).await;
        state.forget_pages();
        outcome
    });
    settle(
        outcome
            .await
            .map_err(|failed| error::cancelling(id, &failed)),
    )
}

/// Tells what became of it.
fn settle(outcome: Result<Outcome<Part<Arc<Order>>>, Problem>) -> Result<OrderNode, Problem> {
    match outcome.and_then(error::done) {
        Ok(part) => {
            with_state(|state| state.tell(ORDER, &part.provenance));
            let source = part.provenance.source;
            Ok(OrderNode::alone(part.value, source))
        }
        Err(problem) => {
            tell_failed(ORDER, &problem);
            Err(problem)
        }
    }
}

/// What became of an order to be placed.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PlaceOrderPayload {
    /// The order as it is.
    order: OrderNode,
}

/// What became of a cancellation.
#[derive(SimpleObject)]
pub(in crate::graphql) struct CancelOrderPayload {
    /// The order as it is.
    order: OrderNode,
}

/// An order to be placed.
#[derive(InputObject)]
pub(in crate::graphql) struct NewOrderInput {
    /// Whose it will be.
    customer_id: ID,
    /// What the order is: 1 to 200 characters.
    description: String,
    /// The currency of all prices (ISO 4217).
    currency: String,
    /// What is ordered: 1 to 100 lines.
    lines: Vec<NewLineInput>,
}

/// A line of an order to be placed.
#[derive(InputObject)]
pub(in crate::graphql) struct NewLineInput {
    /// What is ordered: 1 to 200 characters.
    description: String,
    /// How many: 1 to 1000.
    quantity: i64,
    /// What one of them costs: from 0 to 1000000, with at most two decimals.
    price: Decimal,
}

impl NewOrderInput {
    /// The body of the same order for `POST /orders`, so that it is read by the same rules.
    fn json(&self) -> String {
        let lines = self.lines.iter().map(|line| {
            let (quantity, price) = (line.quantity, line.price.digits());
            let description = text(&line.description);
            format!(r#"{{"description":{description},"quantity":{quantity},"price":{price}}}"#)
        });
        let lines: Vec<_> = lines.collect();
        // An id that is none has to be refused for what it says.
        let id: Result<OrderId, _> = self.customer_id.parse();
        let id = id.map_or_else(|_| text(&self.customer_id), |id| id.to_string());
        format!(
            r#"{{"customerId":{id},"description":{},"currency":{},"lines":[{}]}}"#,
            text(&self.description),
            text(&self.currency),
            lines.join(",")
        )
    }
}

fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
