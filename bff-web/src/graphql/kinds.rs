//! What the fields of the schema cost, by the type that they are on.

use async_graphql::Positioned;
use async_graphql::parser::types::OperationType;

/// What a call to a service costs, in fields.
const CALL: u64 = 25;

/// The types whose fields cost more than themselves, or lead to such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Query,
    Mutation,
    Payload,
    Order,
    Connection,
    Edge,
    Customer,
    /// Whatever describes the schema.
    Introspection,
    Other,
}

/// What a field is to the cost of what it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    /// It has a page: what is in its items counts as often as `first` says.
    Pages,
    /// It has the items of a page.
    Items,
    /// Of the schema, a list that leads back to types.
    Types,
}

/// A field's own cost, what is in it, and its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) cost: u64,
    pub(super) kind: Kind,
    pub(super) role: Role,
}

impl Kind {
    pub(super) fn of_operation(operation: OperationType) -> Self {
        match operation {
            OperationType::Query => Self::Query,
            OperationType::Mutation => Self::Mutation,
            OperationType::Subscription => Self::Other,
        }
    }

    /// The type that a fragment is on.
    pub(super) fn of_condition(name: &str) -> Self {
        match name {
            "Query" => Self::Query,
            "Mutation" => Self::Mutation,
            "PlaceOrderPayload" | "CancelOrderPayload" => Self::Payload,
            "Order" => Self::Order,
            "OrderConnection" => Self::Connection,
            "OrderEdge" => Self::Edge,
            "Customer" => Self::Customer,
            _ if name.starts_with("__") => Self::Introspection,
            _ => Self::Other,
        }
    }

    /// What the field `name` on this type costs.
    pub(super) fn field(self, name: &Positioned<async_graphql::Name>) -> Meaning {
        let plain = |kind| (1, kind, Role::Plain);
        let call = |kind| (1 + CALL, kind, Role::Plain);
        let (cost, kind, role) = match (self, name.node.as_str()) {
            (Self::Query, "order") => call(Self::Order),
            (Self::Query, "customer") => call(Self::Customer),
            (Self::Query | Self::Customer, "orders") => (1 + CALL, Self::Connection, Role::Pages),
            (Self::Query, "__schema" | "__type") => plain(Self::Introspection),
            (Self::Mutation, _) => call(Self::Payload),
            (Self::Payload, "order") => plain(Self::Order),
            // All customers of a page are one call.
            (Self::Order, "customer") => (2, Self::Customer, Role::Plain),
            (Self::Connection, "edges") => (1, Self::Edge, Role::Items),
            (Self::Connection, "nodes") => (1, Self::Order, Role::Items),
            (Self::Edge, "node") => plain(Self::Order),
            (Self::Introspection, "fields" | "inputFields" | "interfaces" | "possibleTypes") => {
                (1, Self::Introspection, Role::Types)
            }
            (Self::Introspection, _) => plain(Self::Introspection),
            _ => plain(Self::Other),
        };
        Meaning { cost, kind, role }
    }
}
