//! Pages of orders, and cursors behind any of them.
//!
//! The order service gives one cursor for each page, to what comes behind it. The last edge of a page has that one. Any
//! other edge's says where it was found: in which page, the how many-th, and which order it is. To go on behind it that page
//! is asked for again, long enough to reach further, and the order looked for in it, since newer ones may have moved it.

use std::rc::Rc;
use std::sync::Arc;

use bff_shared::compose::{Part, Provenance};
use bff_shared::domain::customer::CustomerId;
use bff_shared::domain::order::{Listing, Order, OrderId, OrderPage, OrderQuery, Status};
use bff_shared::serve::{Cursors, InvalidCursor, Problem};

use super::state::State;
use crate::error;

/// The longest page that the order service gives.
const LONGEST: usize = 100;

/// Which orders are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageQuery {
    pub(super) customer_id: Option<CustomerId>,
    pub(super) status: Option<Status>,
    /// How many at most, 1 to 100.
    pub(super) first: u8,
    /// A cursor, as the client sent it.
    pub(super) after: Option<String>,
}

impl std::hash::Hash for PageQuery {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.customer_id.hash(state);
        self.status.map(Status::word).hash(state);
        (self.first, &self.after).hash(state);
    }
}

/// A page of orders.
#[derive(Debug)]
pub(super) struct Page {
    /// The orders, each with the cursor to what is behind it.
    pub(super) edges: Vec<Edge>,
    pub(super) has_next: bool,
    pub(super) provenance: Provenance,
}

/// An order of a page.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) order: Listed,
    /// Sealed, as the client gets it.
    pub(super) cursor: String,
}

/// An order in the answer that it came with.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    listing: Arc<Listing>,
    at: usize,
}

impl Listed {
    /// Nothing only where there is no such order, which nobody makes.
    pub(super) fn get(&self) -> Option<&Order> {
        self.listing.page()?.items.get(self.at)
    }
}

/// Behind what to go on.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// Behind what the order service's cursor stands for.
    Page(String),
    /// Behind an order that was the `position`-th, from 1, of the page that `page` leads to.
    Edge {
        position: usize,
        id: u64,
        page: Option<String>,
    },
}

impl Place {
    fn write(&self) -> String {
        match self {
            Self::Page(cursor) => format!("p{cursor}"),
            Self::Edge { position, id, page } => {
                let (sign, page) = page.as_ref().map_or(("", ""), |page| (",", page));
                format!("e{position},{id}{sign}{page}")
            }
        }
    }

    fn read(text: &str) -> Option<Self> {
        if let Some(cursor) = text.strip_prefix('p') {
            return Some(Self::Page(cursor.to_owned()));
        }
        let mut parts = text.strip_prefix('e')?.splitn(3, ',');
        Some(Self::Edge {
            position: parts.next()?.parse().ok()?,
            id: parts.next()?.parse().ok()?,
            page: parts.next().map(str::to_owned),
        })
    }
}

/// An answer of the order service, and how it was asked for.
struct Answered {
    part: Part<Arc<Listing>>,
    asked: Option<String>,
}

impl Answered {
    fn page(&self) -> Option<&OrderPage> {
        self.part.value.page()
    }

    fn items(&self) -> &[Order] {
        self.page().map_or(&[], |page| &page.items)
    }

    fn next(&self) -> Option<&str> {
        self.page()?.next_cursor.as_deref()
    }
}

impl PageQuery {
    /// What tells this list from others. A page's length does not: it may change on the way.
    fn list(&self) -> String {
        let customer = self.customer_id.map(|id| id.to_string());
        format!(
            "web graphql orders customerId={} status={}",
            customer.as_deref().unwrap_or("any"),
            self.status.map_or("any", Status::word)
        )
    }

    fn open(&self, cursors: &Cursors) -> Result<Option<Place>, Problem> {
        let Some(after) = &self.after else {
            return Ok(None);
        };
        let opened = cursors.open(&self.list(), after).map_err(invalid_cursor)?;
        Place::read(&opened)
            .map(Some)
            .ok_or_else(|| invalid_cursor(InvalidCursor))
    }

    async fn answered(
        &self,
        state: &State,
        cursor: Option<String>,
        limit: usize,
    ) -> Result<Answered, Problem> {
        let query = OrderQuery {
            customer_id: self.customer_id,
            status: self.status,
            limit: u8::try_from(limit).ok(),
            cursor: cursor.clone(),
        };
        let part = state.desk.page(&state.within, &query).await;
        Ok(Answered {
            part: part.map_err(|failed| cursor_of_edges(error::list(&failed)))?,
            asked: cursor,
        })
    }
}

fn invalid_cursor(_: InvalidCursor) -> Problem {
    cursor_of_edges(error::invalid_cursor(InvalidCursor))
}

/// The same problem in the words of this schema.
fn cursor_of_edges(problem: Problem) -> Problem {
    if problem.code() != "invalidCursor" {
        return problem;
    }
    problem.described(
        "invalidCursor",
        "The cursor is not one of this list",
        "A cursor is that of an edge, or of a pageInfo, unchanged, and holds for the same customerId and status alone. It may \
         also have become too old. Begin again without after.",
    )
}

impl Page {
    /// Asks for a page.
    pub(super) async fn ask(state: &Rc<State>, query: &PageQuery) -> Result<Self, Problem> {
        let first = usize::from(query.first);
        let place = query.open(&state.cursors)?;
        let (answered, skipped) = match place {
            None => (query.answered(state, None, first).await?, 0),
            Some(Place::Page(cursor)) => (query.answered(state, Some(cursor), first).await?, 0),
            Some(Place::Edge { position, id, page }) => {
                let limit = (position + first).min(LONGEST);
                let again = query.answered(state, page, limit).await?;
                let is_it = |order: &Order| Some(order.id) == OrderId::new(id).ok();
                let found = again.items().iter().position(is_it);
                let at = found.ok_or_else(|| invalid_cursor(InvalidCursor))?;
                (again, at + 1)
            }
        };
        let missing = first.saturating_sub(answered.items().len() - skipped);
        let more = match answered.next() {
            Some(next) if missing > 0 && skipped > 0 => Some(
                query
                    .answered(state, Some(next.to_owned()), missing)
                    .await?,
            ),
            _ => None,
        };
        Ok(Self::of(
            query,
            &state.cursors,
            &answered,
            skipped,
            more.as_ref(),
        ))
    }

    fn of(
        query: &PageQuery,
        cursors: &Cursors,
        answered: &Answered,
        skipped: usize,
        more: Option<&Answered>,
    ) -> Self {
        let parts = [Some(answered), more];
        let provenances = parts.iter().flatten().map(|one| &one.part.provenance);
        let provenance = Provenance::of_all(provenances);
        let provenance = provenance.unwrap_or_else(|| answered.part.provenance.clone());
        let list = query.list();
        let mut edges = Vec::with_capacity(query.first.into());
        let mut has_next = false;
        for (one, skipped) in [Some((answered, skipped)), more.map(|more| (more, 0))]
            .into_iter()
            .flatten()
        {
            let items = one.items();
            let left = usize::from(query.first) - edges.len();
            has_next = one.next().is_some() || items.len() > skipped + left;
            for (at, order) in items.iter().enumerate().skip(skipped).take(left) {
                let place = match one.next() {
                    Some(next) if at + 1 == items.len() => Place::Page(next.to_owned()),
                    _ => Place::Edge {
                        position: at + 1,
                        id: order.id.get(),
                        page: one.asked.clone(),
                    },
                };
                edges.push(Edge {
                    order: Listed {
                        listing: Arc::clone(&one.part.value),
                        at,
                    },
                    cursor: cursors.seal(&list, &place.write()),
                });
            }
        }
        Self {
            edges,
            has_next,
            provenance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for place in [
            Place::Page("000e".to_owned()),
            Place::Page(String::new()),
            Place::Edge {
                position: 3,
                id: 9_981,
                page: None,
            },
            Place::Edge {
                position: 100,
                id: 1,
                page: Some("a,b,c".to_owned()),
            },
        ] {
            assert_eq!(Place::read(&place.write()), Some(place));
        }
        for text in ["", "x", "e", "e1", "ex,1", "e1,x"] {
            assert_eq!(Place::read(text), None, "{text}");
        }
    }
}
