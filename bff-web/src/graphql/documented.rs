//! GraphQL in the `OpenAPI` document: how it is asked over HTTP. What can be asked is in the schema.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bff_shared::serve::input::problems_of_bodies;
use bff_shared::serve::openapi;
use serde_json::{Value, json};
use utoipa::openapi::example::Example;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::{Array, Content, Object, Ref, RefOr, Required, Response, Type};
use utoipa::{IntoParams, IntoResponses, PartialSchema, ToSchema};

/// The body of a POST.
pub(super) struct RequestBody;

impl ToSchema for RequestBody {
    fn name() -> Cow<'static, str> {
        "GraphQLRequest".into()
    }
}

impl PartialSchema for RequestBody {
    fn schema() -> RefOr<Schema> {
        Object::builder()
            .property("query", described(Type::String, "The document."))
            .required("query")
            .property(
                "operationName",
                optional(Type::String, "Which operation of the document is meant."),
            )
            .property(
                "variables",
                optional(Type::Object, "What the document's variables stand for."),
            )
            .property("extensions", optional(Type::Object, "Not looked at."))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .description(Some("A GraphQL request."))
            .into()
    }
}

/// What is answered.
pub(super) struct Document;

impl ToSchema for Document {
    fn name() -> Cow<'static, str> {
        "GraphQLResponse".into()
    }
}

impl PartialSchema for Document {
    fn schema() -> RefOr<Schema> {
        let error = Object::builder()
            .property("message", described(Type::String, "What is wrong."))
            .required("message")
            .property(
                "locations",
                Array::builder().items(Object::with_type(Type::Object)),
            )
            .property("path", Array::builder().items(any()))
            .property(
                "extensions",
                described(
                    Type::Object,
                    "`code`, which is stable, and where it is known `source` and `reason`.",
                ),
            )
            .required("extensions");
        Object::builder()
            .property("errors", Array::builder().items(error))
            .property(
                "data",
                described(
                    Type::Object,
                    "What was asked for; missing where nothing was executed.",
                ),
            )
            .property(
                "extensions",
                described(Type::Object, "`sources` and `cost`."),
            )
            .description(Some("A GraphQL response."))
            .into()
    }
}

fn any() -> Object {
    Object::builder()
        .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
        .build()
}

fn described(kind: Type, text: &str) -> Object {
    Object::builder()
        .schema_type(kind)
        .description(Some(text))
        .build()
}

fn optional(kind: Type, text: &str) -> Object {
    let either = utoipa::openapi::schema::SchemaType::from_iter([kind, Type::Null]);
    Object::builder()
        .schema_type(either)
        .description(Some(text))
        .build()
}

/// The parameters of a GET.
pub(super) struct Parameters;

impl IntoParams for Parameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = |name: &str, place, description: &str, example: &str| {
            Parameter::builder()
                .name(name)
                .parameter_in(place)
                .required(Required::False)
                .description(Some(description))
                .schema(Some(Object::with_type(Type::String)))
                .example(Some(example.into()))
                .build()
        };
        let query =
            |name, description, example| parameter(name, ParameterIn::Query, description, example);
        vec![
            query(
                "query",
                "The document, with a query in it.",
                "{order(id:1){total}}",
            ),
            query(
                "operationName",
                "Which operation of the document is meant.",
                "",
            ),
            query(
                "variables",
                "What its variables stand for: a JSON object.",
                "{}",
            ),
            query("extensions", "Not looked at: a JSON object.", "{}"),
            parameter(
                "GraphQL-Preflight",
                ParameterIn::Header,
                "Any text: that it is there shows that no page of another site sent the request.",
                "1",
            ),
        ]
    }
}

/// The answers beside the 200.
pub(super) struct AskProblems;

/// Each refusal of a request: its status, code, what it says, and when.
const REFUSALS: [(&str, &str, &str, &str); 6] = [
    (
        "400",
        "queryMissing",
        "There is no query: send a document in query.",
        "What is sent is no GraphQL request, or, as application/graphql-response+json, one that is not executed",
    ),
    (
        "403",
        "preflightMissing",
        "Any page could send this request from a browser. With GET, send one of GraphQL-Preflight: 1, \
         Apollo-Require-Preflight, X-Apollo-Operation-Name or X-Requested-With, or Content-Type: application/json; or use \
         POST.",
        "A GET that any page could have sent",
    ),
    (
        "405",
        "mutationByGet",
        "With GET nothing is changed: send mutations with POST.",
        "A mutation with GET",
    ),
    (
        "406",
        "notAcceptable",
        "Accept allows neither application/graphql-response+json nor application/json.",
        "No form of the answer is acceptable",
    ),
    (
        "415",
        "unsupportedMediaType",
        "Send JSON in UTF-8, with Content-Type: application/json.",
        "The body is of a type that is not read",
    ),
    (
        "400",
        "invalidJson",
        "The body has to be one JSON object with a query in it.",
        "The body is no JSON object",
    ),
];

impl IntoResponses for AskProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = openapi::problems(problems_of_bodies());
        for (status, code, message, when) in REFUSALS {
            let response = responses
                .entry(status.to_owned())
                .or_insert_with(|| RefOr::T(Response::builder().description(when).build()));
            let RefOr::T(response) = response else {
                continue;
            };
            let example = Example::builder()
                .summary(when)
                .value(Some(refusal(code, message)))
                .build();
            for form in ["application/json", "application/graphql-response+json"] {
                let content = response.content.entry(form.to_owned());
                let content = content.or_insert_with(|| {
                    let schema = Ref::from_schema_name("GraphQLResponse");
                    RefOr::T(Content::builder().schema(Some(schema)).build())
                });
                let RefOr::T(content) = content else {
                    continue;
                };
                content
                    .examples
                    .insert(code.to_owned(), example.clone().into());
            }
        }
        responses
    }
}

fn refusal(code: &str, message: &str) -> Value {
    json!({ "errors": [{ "message": message, "extensions": { "code": code } }] })
}
