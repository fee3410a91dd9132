//! What a document would cost, known before anything of it runs.
//!
//! - A field costs 1, and so does each use of a fragment; what is selected in it is added. What `@skip` and `@include` leave
//!   out counts too.
//! - A field that calls a service costs 25 more: `order`, `orders`, `customer(id:)`, and each mutation. An order's own
//!   `customer` costs 2: all customers of a page are one call.
//! - What is in `edges` or `nodes` counts as often as `first` says.
//!
//! Each fragment is measured once, however often it is used, so that measuring takes no longer than the document is long:
//! fragments that use each other twice double with each, and only the numbers do here.

use std::collections::HashMap;

use async_graphql::Variables;
use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Value};

use super::config::GraphQlConfig;
use super::kinds::{Kind, Role};

/// How many orders there are on a page where nobody says.
pub(super) const DEFAULT_FIRST: u8 = 20;

/// How deep selections may lie in each other, fragments included, whatever is set: a bound for those who walk them.
pub(super) const NESTING: u32 = 64;

/// How deep lists of types may lie in each other: deeper than any tool asks, and less than what multiplies.
const NESTED_TYPES: u32 = 3;

/// What an operation comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) complexity: u64,
    /// Of fields in each other; what describes the schema is not counted.
    pub(super) depth: u32,
    pub(super) aliases: u64,
    pub(super) directives: u64,
    pub(super) asks_for_schema: bool,
    nested_types: u32,
}

/// A limit that a document is beyond, or that it cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
    /// What is allowed, and what it would be, where these are numbers.
    pub(super) numbers: Option<(u64, u64)>,
}

/// What a selection comes to: by itself, and for each item of the page that it is a selection of.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    fixed: u64,
    per_item: u64,
    depth: u32,
    aliases: u64,
    directives: u64,
    asks_for_schema: bool,
    nested_types: u32,
}

/// The operation of a document that is asked for.
///
/// # Errors
/// There is none of that name, or it is not clear which is meant.
pub(super) fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a OperationDefinition, Refusal> {
    let mut operations = document.operations.iter();
    let found = match name {
        Some(name) => operations.find(|(known, _)| known.is_some_and(|known| known == name)),
        None if operations.len() == 1 => operations.next(),
        None => {
            return Err(Refusal {
                code: "operationNameMissing",
                message:
                    "The document has several operations: operationName has to say which is meant."
                        .to_owned(),
                numbers: None,
            });
        }
    };
    let found = found.map(|(_, operation)| &operation.node);
    found.ok_or_else(|| Refusal {
        code: "unknownOperation",
        message: "The document has no operation of the name that operationName says.".to_owned(),
        numbers: None,
    })
}

/// What `operation` comes to.
///
/// # Errors
/// A fragment that contains itself, or selections that lie too deep in each other to be measured.
pub(super) fn cost(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    config: &GraphQlConfig,
) -> Result<Cost, Refusal> {
    let mut walk = Walk {
        document,
        operation,
        variables,
        max_page: config.max_page,
        fragments: HashMap::new(),
    };
    let kind = Kind::of_operation(operation.ty);
    let tally = walk.selections(&operation.selection_set.node, kind, 0)?;
    Ok(Cost {
        complexity: tally.fixed.saturating_add(tally.per_item),
        depth: tally.depth,
        aliases: tally.aliases,
        directives: tally
            .directives
            .saturating_add(operation.directives.len() as u64),
        asks_for_schema: tally.asks_for_schema,
        nested_types: tally.nested_types,
    })
}

/// Every limit that `cost` is beyond.
pub(super) fn beyond(cost: &Cost, config: &GraphQlConfig) -> Vec<Refusal> {
    let limits = [
        (
            "tooDeep",
            "fields that are nested",
            "deep",
            u64::from(cost.depth),
            config.max_depth,
        ),
        (
            "tooComplex",
            "a cost",
            "high",
            cost.complexity,
            config.max_complexity,
        ),
        (
            "tooManyAliases",
            "aliases",
            "many",
            cost.aliases,
            config.max_aliases,
        ),
        (
            "tooManyDirectives",
            "directives",
            "many",
            cost.directives,
            config.max_directives,
        ),
    ];
    let mut refusals: Vec<_> = limits
        .into_iter()
        .filter(|(_, _, _, is, most)| *is > u64::from(*most))
        .map(|(code, what, how, is, most)| Refusal {
            code,
            message: format!("The request has {what} too {how}: {is}, where {most} is the most."),
            numbers: Some((most.into(), is)),
        })
        .collect();
    if cost.asks_for_schema && !config.introspection {
        refusals.push(Refusal {
            code: "introspectionDisabled",
            message: "The schema cannot be asked for here: __schema and __type are switched off."
                .to_owned(),
            numbers: None,
        });
    } else if cost.nested_types > NESTED_TYPES {
        refusals.push(Refusal {
            code: "introspectionTooDeep",
            message: format!(
                "In __schema and __type, lists of types or fields lie {} deep in each other, where {NESTED_TYPES} is the \
                 most.",
                cost.nested_types
            ),
            numbers: Some((NESTED_TYPES.into(), cost.nested_types.into())),
        });
    }
    refusals
}

/// Each variable that has to be given and is not: found out before anything is done, and not at the field that has it.
pub(super) fn missing_variables(
    operation: &OperationDefinition,
    variables: &Variables,
) -> Vec<Refusal> {
    let definitions = operation.variable_definitions.iter();
    let definitions = definitions.map(|definition| &definition.node);
    let missing = definitions.filter(|definition| {
        let given = variables.get(&definition.name.node);
        let is_there = match given {
            None => definition.default_value.is_some(),
            Some(value) => *value != Value::Null,
        };
        !definition.var_type.node.nullable && !is_there
    });
    let refusals = missing.map(|definition| Refusal {
        code: "variableMissing",
        message: format!(
            "The variable {} is missing: it must be a value of the type {}.",
            definition.name.node, definition.var_type.node
        ),
        numbers: None,
    });
    refusals.collect()
}

/// Whether it may be asked for with GET.
pub(super) fn is_read(operation: &OperationDefinition) -> bool {
    operation.ty != OperationType::Mutation
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    max_page: u32,
    /// `None` for one that is being measured.
    fragments: HashMap<&'a Name, Option<Tally>>,
}

impl<'a> Walk<'a> {
    fn selections(
        &mut self,
        selections: &'a SelectionSet,
        kind: Kind,
        nesting: u32,
    ) -> Result<Tally, Refusal> {
        if nesting > NESTING {
            return Err(Refusal {
                code: "tooDeep",
                message: format!(
                    "The selections of the request lie too deep in each other, fragments included: {NESTING} is the most."
                ),
                numbers: None,
            });
        }
        let mut all = Tally::default();
        for selection in &selections.items {
            let one = match &selection.node {
                Selection::Field(field) => self.field(&field.node, kind, nesting)?,
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let kind = condition.map_or(kind, |on| Kind::of_condition(&on.node.on.node));
                    self.selections(&fragment.node.selection_set.node, kind, nesting + 1)?
                        .used()
                }
                Selection::FragmentSpread(spread) => self
                    .fragment(&spread.node.fragment_name.node, nesting)?
                    .used(),
            };
            all.add(one);
            let directives = selection.node.directives().len() as u64;
            all.directives = all.directives.saturating_add(directives);
        }
        Ok(all)
    }

    fn field(&mut self, field: &'a Field, kind: Kind, nesting: u32) -> Result<Tally, Refusal> {
        let meaning = kind.field(&field.name);
        let mut tally = self.selections(&field.selection_set.node, meaning.kind, nesting + 1)?;
        let inner = match meaning.role {
            Role::Pages => {
                let items = tally.per_item.saturating_mul(self.first(field));
                tally.fixed.saturating_add(items)
            }
            _ => tally.fixed.saturating_add(tally.per_item),
        };
        let whole = inner.saturating_add(meaning.cost);
        (tally.fixed, tally.per_item) = match meaning.role {
            Role::Items => (0, whole),
            _ => (whole, 0),
        };
        let is_schema = meaning.kind == Kind::Introspection;
        tally.depth = if is_schema { 1 } else { tally.depth + 1 };
        tally.asks_for_schema |= is_schema;
        tally.nested_types += u32::from(meaning.role == Role::Types);
        tally.aliases = tally
            .aliases
            .saturating_add(u64::from(field.alias.is_some()));
        Ok(tally)
    }

    fn fragment(&mut self, name: &'a Name, nesting: u32) -> Result<Tally, Refusal> {
        match self.fragments.get(name) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => {
                return Err(Refusal {
                    code: "invalidQuery",
                    message: format!("The fragment {name} contains itself."),
                    numbers: None,
                });
            }
            None => {}
        }
        // One that is not there is told of when the document is compared with the schema.
        let Some(fragment) = self.document.fragments.get(name) else {
            return Ok(Tally::default());
        };
        self.fragments.insert(name, None);
        let fragment = &fragment.node;
        let kind = Kind::of_condition(&fragment.type_condition.node.on.node);
        let mut tally = self.selections(&fragment.selection_set.node, kind, nesting + 1)?;
        let directives = fragment.directives.len() as u64;
        tally.directives = tally.directives.saturating_add(directives);
        self.fragments.insert(name, Some(tally));
        Ok(tally)
    }

    /// How many items a page has. What is no such number is refused by who reads it.
    fn first(&self, field: &Field) -> u64 {
        let given = field.get_argument("first").map(|given| &given.node);
        let given = given.and_then(|given| {
            let variable = |name: Name| self.variable(&name).ok_or(());
            given.clone().into_const_with(variable).ok()
        });
        let number = match given {
            Some(Value::Number(number)) => number.as_u64(),
            _ => None,
        };
        let number = number.unwrap_or_else(|| u64::from(DEFAULT_FIRST));
        number.clamp(1, self.max_page.into())
    }

    fn variable(&self, name: &Name) -> Option<Value> {
        let default = || {
            let mut definitions = self.operation.variable_definitions.iter();
            let definition = definitions.find(|definition| definition.node.name.node == *name)?;
            let value = definition.node.default_value.as_ref()?;
            Some(value.node.clone())
        };
        self.variables.get(name).cloned().or_else(default)
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.fixed = self.fixed.saturating_add(other.fixed);
        self.per_item = self.per_item.saturating_add(other.per_item);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.depth = self.depth.max(other.depth);
        self.nested_types = self.nested_types.max(other.nested_types);
        self.asks_for_schema |= other.asks_for_schema;
    }

    /// A fragment where it is used.
    fn used(mut self) -> Self {
        self.fixed = self.fixed.saturating_add(1);
        self
    }
}
