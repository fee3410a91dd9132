//! Documents that were read before. Clients send the same few texts again and again, with other variables: to read one
//! costs more than to answer it.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::parser::types::{ExecutableDocument, Type};
use async_graphql::parser::{self, parse_query};
use async_graphql::{Value, Variables};

use super::tokens;

/// How many tokens are kept of the documents of one generation; there are two. A token comes to a few hundred bytes.
const MOST_TOKENS: u32 = 20_000;

/// How many ways to give a document its variables are remembered.
const MOST_WAYS: usize = 8;

/// A document, and what is known of it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) document: ExecutableDocument,
    /// The kinds of variables with which it was found to be what the schema has.
    valid: Mutex<Vec<Vec<Kind>>>,
}

/// The documents that are kept: the young ones, and those that were before these. One that is asked for is young again.
#[derive(Debug, Default)]
pub(super) struct Documents(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Box<str>, Arc<Known>>,
    old: HashMap<Box<str>, Arc<Known>>,
    young_tokens: u32,
}

impl Documents {
    /// The document that `text` is, which has so many tokens.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn read(&self, text: &str, size: tokens::Size) -> Result<Arc<Known>, parser::Error> {
        let kept = {
            let mut kept = lock(&self.0);
            if let Some(known) = kept.young.get(text) {
                return Ok(Arc::clone(known));
            }
            kept.old.remove(text)
        };
        let known = match kept {
            Some(known) => known,
            None => Arc::new(Known {
                document: parse_query(text)?,
                valid: Mutex::default(),
            }),
        };
        lock(&self.0).keep(text, &known, size.tokens);
        Ok(known)
    }
}

impl Generations {
    fn keep(&mut self, text: &str, known: &Arc<Known>, tokens: u32) {
        if self.young_tokens.saturating_add(tokens) > MOST_TOKENS {
            self.old = mem::take(&mut self.young);
            self.young_tokens = 0;
        }
        self.young_tokens = self.young_tokens.saturating_add(tokens);
        self.young.insert(text.into(), Arc::clone(known));
    }
}

/// What a variable's value is, as far as validation cares where the variable's type is a scalar of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Absent,
    Null,
    Boolean,
    /// Within the range of `Int`.
    Integer,
    Text,
}

impl Known {
    /// How `variables` are given, if whether they are valid depends on nothing but that: there is one operation, and each of
    /// its variables is of a scalar type whose values are all alike.
    pub(super) fn way(&self, variables: &Variables) -> Option<Way> {
        let mut operations = self.document.operations.iter();
        let (_, operation) = operations.next()?;
        if operations.next().is_some() {
            return None;
        }
        let definitions = operation.node.variable_definitions.iter();
        let kinds = definitions.map(|definition| {
            let definition = &definition.node;
            if !is_plain(&definition.var_type.node) {
                return None;
            }
            match variables.get(&definition.name.node) {
                None => Some(Kind::Absent),
                Some(Value::Null) => Some(Kind::Null),
                Some(Value::Boolean(_)) => Some(Kind::Boolean),
                Some(Value::String(_)) => Some(Kind::Text),
                Some(Value::Number(number)) => {
                    let integer = number
                        .as_i64()
                        .and_then(|number| i32::try_from(number).ok());
                    integer.map(|_| Kind::Integer)
                }
                Some(_) => None,
            }
        });
        kinds.collect::<Option<_>>().map(Way)
    }

    /// Whether it was found to be valid with variables given in this way.
    pub(super) fn is_valid(&self, way: &Way) -> bool {
        lock(&self.valid).contains(&way.0)
    }

    /// Notes that it was found to be so.
    pub(super) fn found_valid(&self, way: Way) {
        let mut valid = lock(&self.valid);
        if valid.len() < MOST_WAYS && !valid.contains(&way.0) {
            valid.push(way.0);
        }
    }
}

/// In which way variables are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way(Vec<Kind>);

fn is_plain(of: &Type) -> bool {
    let base = of.to_string();
    matches!(
        base.trim_end_matches('!'),
        "ID" | "String" | "Int" | "Boolean"
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(documents: &Documents, text: &str) -> Arc<Known> {
        documents.read(text, tokens::measure(text)).unwrap()
    }

    #[test]
    fn a_document_is_read_once_and_what_is_none_each_time() {
        let documents = Documents::default();
        let first = read(&documents, "{ order(id: 1) { id } }");
        assert!(Arc::ptr_eq(
            &first,
            &read(&documents, "{ order(id: 1) { id } }")
        ));
        assert!(!Arc::ptr_eq(
            &first,
            &read(&documents, "{ order(id: 2) { id } }")
        ));
        for _ in 0..2 {
            assert!(documents.read("{", tokens::measure("{")).is_err());
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_asked_for_stays() {
        let documents = Documents::default();
        let asked = read(&documents, "{ a }");
        for number in 0..u64::from(MOST_TOKENS) {
            read(&documents, &format!("{{ a{number} }}"));
            assert!(Arc::ptr_eq(&asked, &read(&documents, "{ a }")));
        }
        let kept = lock(&documents.0);
        let most = 2 * MOST_TOKENS as usize / 3 + 2;
        assert!(kept.young.len() + kept.old.len() <= most);
    }

    #[test]
    fn only_plain_variables_are_alike() {
        let documents = Documents::default();
        let way =
            |text: &str, variables| read(&documents, text).way(&Variables::from_json(variables));
        let plain = "query($id: ID!, $n: Int, $s: String) { a }";
        let one = way(plain, json!({"id": 1, "s": "x"}));
        assert!(one.is_some());
        assert_eq!(one, way(plain, json!({"id": 2, "s": "y", "other": [1]})));
        assert_ne!(one, way(plain, json!({"id": "2", "s": "y"})));
        assert_ne!(one, way(plain, json!({"id": 2, "s": null})));
        assert_ne!(one, way(plain, json!({"id": 2, "n": 1, "s": "y"})));
        for variables in [
            json!({"id": 1.5}),
            json!({"id": 1, "n": 4_294_967_296_u64}),
            json!({"id": [1]}),
            json!({"id": {"a": 1}}),
        ] {
            assert_eq!(way(plain, variables), None);
        }
        for text in [
            "query($s: OrderStatus) { a }",
            "query($s: [ID!]) { a }",
            "query A { a } query B { b }",
        ] {
            assert_eq!(way(text, json!({})), None, "{text}");
        }
    }
}
