//! An answer as it is written: `errors`, `data` and `extensions`.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, VARY};
use async_graphql::{PathSegment, ServerError, Value};
use bff_shared::compose::Provenance;
use bff_shared::serve::written;
use serde::Serialize;
use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::json;
use serde_json::value::RawValue;

use super::config::GraphQlConfig;
use super::limits::{Cost, Refusal};
use super::negotiation::Form;
use super::shape::Shape;

/// A request that is not executed.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: Cow<'static, str>,
    /// The methods that would do, of one that does not.
    pub(super) allow: Option<&'static str>,
}

impl Refused {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            allow: None,
        }
    }

    /// The whole answer: it is no GraphQL request, so the status says so in either form.
    pub(super) fn answer(&self, form: Form) -> HttpResponse {
        let error = json!({ "message": self.message, "extensions": { "code": self.code } });
        let body = json!({ "errors": [error] }).to_string().into_bytes();
        let mut response = finish(form, self.status, body, &[], false);
        if let Some(allow) = self.allow {
            let headers = response.headers_mut();
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// What an answer says of its cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) cost: Option<Cost>,
    pub(super) config: &'a GraphQlConfig,
}

/// The answer to a request that is beyond a limit, or is not what this schema has.
pub(super) fn not_executed(form: Form, errors: &[Failure<'_>], told: Told<'_>) -> HttpResponse {
    let body = body(errors, None, told, &[]);
    // What was understood as GraphQL is a 200 where the form does not tell it from other JSON.
    let status = match form {
        Form::Response => StatusCode::BAD_REQUEST,
        Form::Json => StatusCode::OK,
    };
    finish(form, status, body, &[], false)
}

/// The answer to a request that was executed. It is `kept` as its sources allow if it is complete and nothing was changed.
pub(super) fn executed(
    form: Form,
    response: &async_graphql::Response,
    shape: &Shape,
    told: Told<'_>,
    sources: &[(&'static str, Provenance)],
    changes: bool,
) -> HttpResponse {
    let errors: Vec<_> = response.errors.iter().map(Failure::Server).collect();
    let body = body(&errors, Some(Exact(&response.data, shape)), told, sources);
    let sources: Vec<_> = sources.iter().map(|(name, from)| (*name, from)).collect();
    let kept = errors.is_empty() && !changes;
    finish(form, StatusCode::OK, body, &sources, kept)
}

fn finish(
    form: Form,
    status: StatusCode,
    body: Vec<u8>,
    sources: &[(&'static str, &Provenance)],
    kept: bool,
) -> HttpResponse {
    let mut response = written(status, form.content_type(), body, sources, kept);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    response
}

/// What went wrong, wherever that was.
pub(super) enum Failure<'a> {
    Limit(&'a Refusal),
    Server(&'a ServerError),
    Syntax(&'a ServerError),
}

fn body(
    errors: &[Failure<'_>],
    data: Option<Exact<'_>>,
    told: Told<'_>,
    sources: &[(&'static str, Provenance)],
) -> Vec<u8> {
    let body = Body {
        errors,
        data,
        extensions: Extensions { told, sources },
    };
    serde_json::to_vec(&body).unwrap_or_else(|error| {
        log::error!("an answer cannot be written as JSON: {error}");
        br#"{"errors":[{"message":"The answer cannot be written.","extensions":{"code":"internal"}}]}"#.to_vec()
    })
}

#[derive(Serialize)]
struct Body<'a> {
    // First, so that nobody misses them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Failure<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Exact<'a>>,
    #[serde(skip_serializing_if = "Extensions::is_empty")]
    extensions: Extensions<'a>,
}

struct Extensions<'a> {
    told: Told<'a>,
    sources: &'a [(&'static str, Provenance)],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CostView {
    complexity: u64,
    max_complexity: u32,
    depth: u32,
    max_depth: u32,
}

impl Extensions<'_> {
    fn is_empty(&self) -> bool {
        self.told.cost.is_none() && self.sources.is_empty()
    }
}

impl Serialize for Extensions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Sources<'a>(&'a [(&'static str, Provenance)]);
        impl Serialize for Sources<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let sources = self.0.iter();
                serializer.collect_map(sources.map(|(name, from)| (name, from.source)))
            }
        }
        let mut extensions = serializer.serialize_map(None)?;
        if !self.sources.is_empty() {
            extensions.serialize_entry("sources", &Sources(self.sources))?;
        }
        if let Some(cost) = self.told.cost {
            let cost = CostView {
                complexity: cost.complexity,
                max_complexity: self.told.config.max_complexity,
                depth: cost.depth,
                max_depth: self.told.config.max_depth,
            };
            extensions.serialize_entry("cost", &cost)?;
        }
        extensions.end()
    }
}

impl Serialize for Failure<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut error = serializer.serialize_map(None)?;
        match self {
            Self::Limit(refusal) => {
                error.serialize_entry("message", &refusal.message)?;
                let mut extensions = json!({ "code": refusal.code });
                if let Some((maximum, asked)) = refusal.numbers {
                    extensions["maximum"] = maximum.into();
                    extensions["asked"] = asked.into();
                }
                error.serialize_entry("extensions", &extensions)?;
            }
            Self::Syntax(failed) | Self::Server(failed) => {
                error.serialize_entry("message", &failed.message)?;
                if !failed.locations.is_empty() {
                    error.serialize_entry("locations", &failed.locations)?;
                }
                if !failed.path.is_empty() {
                    error.serialize_entry("path", &path(&failed.path))?;
                }
                let mut extensions = json!(failed.extensions);
                if extensions["code"].is_null() {
                    let code = match self {
                        Self::Syntax(_) => "syntaxError",
                        _ if failed.path.is_empty() => "invalidQuery",
                        _ => "invalidInput",
                    };
                    extensions["code"] = code.into();
                }
                error.serialize_entry("extensions", &extensions)?;
            }
        }
        error.end()
    }
}

fn path(path: &[PathSegment]) -> Vec<serde_json::Value> {
    let segments = path.iter().map(|segment| match segment {
        PathSegment::Field(name) => name.as_str().into(),
        PathSegment::Index(index) => (*index).into(),
    });
    segments.collect()
}

/// A value as JSON, in the sequence of its shape. What is bytes is a number, in the digits that it was written with.
struct Exact<'a>(&'a Value, &'a Shape);

impl Serialize for Exact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Number(number) => number.serialize(serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::Boolean(is) => serializer.serialize_bool(*is),
            Value::Enum(name) => serializer.serialize_str(name),
            Value::Binary(digits) => {
                let raw: &RawValue = serde_json::from_slice(digits).map_err(S::Error::custom)?;
                raw.serialize(serializer)
            }
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Exact(item, self.1))?;
                }
                list.end()
            }
            Value::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, shape) in &self.1.0 {
                    // What `@skip` and `@include` leave out is not there.
                    if let Some(member) = members.get(name) {
                        map.serialize_entry(name.as_str(), &Exact(member, shape))?;
                    }
                }
                map.end()
            }
        }
    }
}
