//! Pages of orders, as Relay has them.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SelectionField, SimpleObject, Value};
use bff_shared::compose::Provenance;
use bff_shared::domain::customer::CustomerId;
use bff_shared::serve::{FieldError, Problem};
use futures_util::future::join_all;

use super::customer;
use super::order::{OrderNode, OrderStatus};
use super::sources::Source;
use crate::graphql::fault;
use crate::graphql::limits::DEFAULT_FIRST;
use crate::graphql::pages::{Page, PageQuery};
use crate::graphql::state::{ask, with_state};

/// What pages of an answer are called among its sources.
const ORDERS: &str = "orders";

/// What a list is asked with.
pub(super) struct Arguments {
    pub(super) customer_id: Option<ID>,
    pub(super) status: Option<OrderStatus>,
    pub(super) first: Option<i64>,
    pub(super) after: Option<String>,
}

impl Arguments {
    /// The query, or everything that is wrong with it.
    pub(super) fn read(self) -> Result<PageQuery, Problem> {
        let mut errors = Vec::new();
        let customer_id = self.customer_id.and_then(|id| {
            let id = id.parse();
            if id.is_err() {
                let most = CustomerId::MAX;
                errors.push(wrong(
                    "customerId",
                    &format!("a whole number from 1 to {most}"),
                ));
            }
            id.ok()
        });
        let most = with_state(|state| state.max_page);
        let first = match self.first {
            None => Some(DEFAULT_FIRST.min(u8::try_from(most).unwrap_or(u8::MAX))),
            Some(first) => u8::try_from(first)
                .ok()
                .filter(|first| (1..=most).contains(&u32::from(*first))),
        };
        if first.is_none() {
            errors.push(wrong("first", &format!("a whole number from 1 to {most}")));
        }
        match first {
            Some(first) if errors.is_empty() => Ok(PageQuery {
                customer_id,
                status: self.status.map(Into::into),
                first,
                after: self.after,
            }),
            _ => Err(Problem::invalid_input(errors)),
        }
    }

    /// The same of a customer's own orders.
    pub(super) fn of_customer(self, id: CustomerId) -> Result<PageQuery, Problem> {
        let query = self.read()?;
        Ok(PageQuery {
            customer_id: Some(id),
            ..query
        })
    }

    /// What the field `orders` of a customer will be asked with; nothing where that cannot be told, or is wrong.
    pub(super) fn foreseen(field: &SelectionField<'_>) -> Option<Self> {
        let mut arguments = Self {
            customer_id: None,
            status: None,
            first: None,
            after: None,
        };
        for (name, value) in field.arguments().ok()? {
            match (name.as_str(), value) {
                (_, Value::Null) => {}
                ("status", value) => {
                    arguments.status = async_graphql::InputType::parse(Some(value)).ok()?;
                }
                ("first", Value::Number(first)) => {
                    arguments.first = Some(first.as_i64()?);
                }
                ("after", Value::String(after)) => arguments.after = Some(after),
                _ => return None,
            }
        }
        Some(arguments)
    }
}

fn wrong(field: &str, allowed: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        detail: format!("must be {allowed}"),
    }
}

/// Asks for the page.
pub(super) async fn connection(
    context: &Context<'_>,
    query: Result<PageQuery, Problem>,
) -> Result<OrderConnection> {
    let query = query.map_err(|problem| fault::of(&problem))?;
    let look = context.look_ahead();
    let (nodes, edges) = (look.field("nodes"), look.field("edges").field("node"));
    let with_customers = [&nodes, &edges]
        .iter()
        .any(|order| asks_for_customer(order));
    let with_customers = with_customers || look.field("sources").field("customers").exists();
    let is_later = query.after.is_some();
    let page = ask(move |state| state.page(&query))
        .owing_customers(with_customers)
        .await;
    match page {
        Ok(page) => {
            with_state(|state| state.tell(ORDERS, &page.provenance));
            Ok(OrderConnection { page, is_later })
        }
        Err(problem) => {
            tell_failed(ORDERS, &problem);
            Err(fault::of(&problem))
        }
    }
}

/// Whether what is selected of an order will ask for its customer.
pub(super) fn asks_for_customer(order: &async_graphql::Lookahead<'_>) -> bool {
    order.field("customer").exists() || order.field("sources").field("customer").exists()
}

/// The required source `name` is missing from the answer.
pub(super) fn tell_failed(name: &'static str, problem: &Problem) {
    if let Some((_, kind)) = problem.failed() {
        let missing = Provenance::missing(kind, problem.detail());
        with_state(|state| state.tell(name, &missing));
    }
}

/// A page of orders.
pub(in crate::graphql) struct OrderConnection {
    page: Arc<Page>,
    /// Whether it was asked for behind a cursor.
    is_later: bool,
}

impl OrderConnection {
    fn node(&self, at: usize) -> Option<OrderNode> {
        let edge = self.page.edges.get(at)?;
        let source = self.page.provenance.source;
        Some(OrderNode::listed(edge.order.clone(), source))
    }
}

/// A page of orders, the newest first.
#[Object]
impl OrderConnection {
    /// The orders, each with its cursor.
    async fn edges(&self) -> Vec<OrderEdge> {
        let edges = self.page.edges.iter().enumerate();
        edges
            .filter_map(|(at, edge)| {
                Some(OrderEdge {
                    cursor: edge.cursor.clone(),
                    node: self.node(at)?,
                })
            })
            .collect()
    }

    /// The orders.
    async fn nodes(&self) -> Vec<OrderNode> {
        let all = 0..self.page.edges.len();
        all.filter_map(|at| self.node(at)).collect()
    }

    /// Where the page stands.
    async fn page_info(&self) -> PageInfo {
        let cursor =
            |edge: Option<&crate::graphql::pages::Edge>| edge.map(|edge| edge.cursor.clone());
        PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.is_later,
            start_cursor: cursor(self.page.edges.first()),
            end_cursor: cursor(self.page.edges.last()),
        }
    }

    /// How good each part is.
    async fn sources(&self) -> OrderConnectionSources {
        OrderConnectionSources(Arc::clone(&self.page))
    }
}

/// An order on a page.
#[derive(SimpleObject)]
pub(in crate::graphql) struct OrderEdge {
    /// With it as `after`, what is behind this order is given.
    cursor: String,
    /// The order.
    node: OrderNode,
}

/// Where a page stands.
#[derive(SimpleObject)]
pub(in crate::graphql) struct PageInfo {
    /// Whether there are more behind it.
    has_next_page: bool,
    /// Whether it was asked for behind a cursor.
    has_previous_page: bool,
    /// The cursor of its first order; null where there is none.
    start_cursor: Option<String>,
    /// The cursor of its last order; null where there is none.
    end_cursor: Option<String>,
}

/// How good the parts of a page are.
pub(in crate::graphql) struct OrderConnectionSources(Arc<Page>);

/// How good the parts of a page are.
#[Object]
impl OrderConnectionSources {
    /// The order service.
    async fn orders(&self) -> Source {
        self.0.provenance.source.into()
    }

    /// The customer service: the worst of all customers; null where there is nobody. Whoever asks for this asks for the
    /// customers.
    async fn customers(&self) -> Option<Source> {
        let orders = self.0.edges.iter().filter_map(|edge| edge.order.get());
        let mut ids: Vec<_> = orders.map(|order| order.customer_id).collect();
        ids.sort_unstable_by_key(|id| id.get());
        ids.dedup();
        let all = ids.into_iter().map(|id| ask(|state| state.customer(id)));
        // Begun before any is waited for, so that they are one call.
        let all: Vec<_> = all.collect();
        let all = join_all(all).await;
        all.iter().for_each(customer::tell);
        let all = Provenance::of_all(all.iter().map(|known| &known.provenance));
        all.map(|all| all.source.into())
    }
}
