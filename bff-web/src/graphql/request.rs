//! What is asked: the members of a request's body, or the parameters of its address.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use async_graphql::Variables;
use serde_json::{Map, Value};

use super::answer::Refused;

/// A request as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    pub(super) query: String,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Map<String, Value>,
}

impl Asked {
    /// Reads the body of a POST.
    ///
    /// # Errors
    /// It is no JSON object with a query in it.
    pub(super) fn in_body(body: &[u8]) -> Result<Self, Refused> {
        let body: Value = serde_json::from_slice(body).map_err(|why| {
            refused(
                "invalidJson",
                format!("The body has to be one JSON object: {why}."),
            )
        })?;
        match body {
            Value::Object(members) => Self::of(members),
            Value::Array(_) => Err(refused(
                "batchNotSupported",
                "The body is a list: requests are sent one by one here, each as an object.",
            )),
            _ => Err(refused(
                "invalidJson",
                "The body has to be one JSON object with a query in it.",
            )),
        }
    }

    /// Reads the query of an address.
    ///
    /// # Errors
    /// There is no query in it, a parameter is there twice, or one that has to be JSON is none.
    pub(super) fn in_address(query: &str) -> Result<Self, Refused> {
        let mut members = Map::new();
        for (name, text) in form_urlencoded::parse(query.as_bytes()) {
            let value = match &*name {
                // An empty value is how a form leaves one out.
                "operationName" | "variables" | "extensions" if text.is_empty() => Value::Null,
                "query" | "operationName" => Value::String(text.into_owned()),
                "variables" | "extensions" => serde_json::from_str(&text).map_err(|why| {
                    refused(
                        "invalidRequest",
                        format!("The parameter {name} has to be JSON: {why}."),
                    )
                })?,
                _ => continue,
            };
            if members.insert(name.to_string(), value).is_some() {
                let message = format!("The parameter {name} may be there once.");
                return Err(refused("invalidRequest", message));
            }
        }
        Self::of(members)
    }

    /// What is not known may be a later version's, and is left alone.
    fn of(mut members: Map<String, Value>) -> Result<Self, Refused> {
        let mut take = |name| members.remove(name).unwrap_or_default();
        let query = match take("query") {
            Value::String(query) => query,
            Value::Null => {
                return Err(refused(
                    "queryMissing",
                    "There is no query: send a document in query.",
                ));
            }
            _ => return Err(refused("invalidRequest", "query has to be a string.")),
        };
        let operation_name = match take("operationName") {
            Value::String(name) => Some(name),
            Value::Null => None,
            _ => {
                return Err(refused(
                    "invalidRequest",
                    "operationName has to be a string.",
                ));
            }
        };
        let variables = object("variables", take("variables"))?;
        object("extensions", take("extensions"))?;
        Ok(Self {
            query,
            operation_name,
            variables,
        })
    }

    /// The variables as they are executed with.
    pub(super) fn variables(&self) -> Variables {
        Variables::from_json(Value::Object(self.variables.clone()))
    }
}

fn object(name: &str, value: Value) -> Result<Map<String, Value>, Refused> {
    match value {
        Value::Object(members) => Ok(members),
        Value::Null => Ok(Map::new()),
        _ => Err(refused(
            "invalidRequest",
            format!("{name} has to be an object."),
        )),
    }
}

fn refused(code: &'static str, message: impl Into<Cow<'static, str>>) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(outcome: Result<Asked, Refused>) -> &'static str {
        outcome.map_or_else(|refused| refused.code, |_| "")
    }

    #[test]
    fn a_body_is_an_object_with_a_query() {
        for (body, expected) in [
            (r#"{"query":"{a}"}"#, ""),
            (
                r#"{"query":"","variables":null,"operationName":null,"extensions":null}"#,
                "",
            ),
            (r#"{"query":"{a}","more":1}"#, ""),
            ("", "invalidJson"),
            ("{", "invalidJson"),
            ("null", "invalidJson"),
            ("\"{a}\"", "invalidJson"),
            (r#"[{"query":"{a}"}]"#, "batchNotSupported"),
            ("{}", "queryMissing"),
            (r#"{"query":null}"#, "queryMissing"),
            (r#"{"query":1}"#, "invalidRequest"),
            (r#"{"query":"{a}","operationName":1}"#, "invalidRequest"),
            (r#"{"query":"{a}","variables":[]}"#, "invalidRequest"),
            (r#"{"query":"{a}","variables":"{}"}"#, "invalidRequest"),
            (r#"{"query":"{a}","extensions":0}"#, "invalidRequest"),
        ] {
            assert_eq!(code(Asked::in_body(body.as_bytes())), expected, "{body}");
        }
        assert_eq!(code(Asked::in_body(b"\xff")), "invalidJson");
    }

    #[test]
    fn an_address_has_the_same_as_parameters() {
        for (query, expected) in [
            ("query=%7Ba%7D", ""),
            (
                "query={a}&variables={}&operationName=&extensions=&more=1",
                "",
            ),
            ("", "queryMissing"),
            ("Query={a}", "queryMissing"),
            ("query={a}&query={a}", "invalidRequest"),
            ("query={a}&variables=x", "invalidRequest"),
            ("query={a}&variables=1", "invalidRequest"),
            ("query={a}&extensions=[]", "invalidRequest"),
        ] {
            assert_eq!(code(Asked::in_address(query)), expected, "{query}");
        }
        let asked = Asked::in_address("query={a}&variables={%22n%22:1}&operationName=A").unwrap();
        assert_eq!(asked.operation_name.as_deref(), Some("A"));
        assert_eq!(asked.variables["n"], 1);
    }
}
