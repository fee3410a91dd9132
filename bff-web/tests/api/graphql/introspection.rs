//! The schema: committed, printed, asked for, and kept to oneself.

use serde_json::{Value, json};

use super::{data, post, refused};
use crate::helpers::{binary, spawn_app, spawn_with};

/// The schema as it is committed.
const COMMITTED: &str = include_str!("../../../schema.graphql");

/// What tools ask for: each type, with what is in it.
const TOOLS: &str = "query IntrospectionQuery { __schema { queryType { name } mutationType { name } subscriptionType { name }
    types { ...FullType } directives { name description locations args { ...InputValue } } } }
    fragment FullType on __Type { kind name description fields(includeDeprecated: true) { name description
        args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
        inputFields { ...InputValue } interfaces { ...TypeRef }
        enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
    fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
    fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
        ofType { kind name ofType { kind name ofType { kind name } } } } } } } }";

#[test]
fn the_committed_schema_is_what_the_code_says() {
    assert_eq!(
        COMMITTED,
        bff_web::sdl(),
        "renew it: cargo run -q -p bff-web -- graphql-schema > bff-web/schema.graphql"
    );
}

#[actix_web::test]
async fn the_binary_prints_the_committed_schema() {
    let ended = binary::run(&["graphql-schema"], &[]).await;

    assert_eq!(
        (ended.code, &*ended.stdout, &*ended.stderr),
        (Some(0), COMMITTED, "")
    );
}

#[actix_web::test]
async fn tools_get_the_whole_schema() {
    let app = spawn_app().await;

    let schema = data(&app, TOOLS).await;

    let types = schema["__schema"]["types"].as_array().unwrap();
    let names: Vec<_> = types
        .iter()
        .filter_map(|found| found["name"].as_str())
        .collect();
    for name in [
        "Order",
        "Customer",
        "OrderConnection",
        "Decimal",
        "Source",
        "NewOrderInput",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert_eq!(schema["__schema"]["subscriptionType"], Value::Null);
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn it_can_be_switched_off() {
    let app = spawn_with(|config| config.graphql.introspection = false).await;

    for query in [
        "{ __schema { types { name } } }",
        "{ __type(name: \"Order\") { name } }",
        "{ ...A } fragment A on Query { ... { x: __schema { types { name } } } }",
        TOOLS,
    ] {
        let answer = post(&app, query, &json!({})).await;
        refused(&answer, 400, "introspectionDisabled");
    }
    let answer = data(&app, "{ __typename order(id: 1) { __typename } }").await;
    assert_eq!(
        answer,
        json!({ "__typename": "Query", "order": { "__typename": "Order" } })
    );
}

#[actix_web::test]
async fn types_of_fields_of_types_do_not_go_on_forever() {
    let app = spawn_app().await;
    let of = |times: usize| {
        let (open, close) = ("fields { type { ".repeat(times), "} }".repeat(times));
        format!("{{ __type(name: \"Query\") {{ {open} name {close} }} }}")
    };

    data(&app, &of(3)).await;
    for times in [4, 15] {
        let answer = post(&app, &of(times), &json!({})).await;
        let error = refused(&answer, 400, "introspectionTooDeep");
        assert_eq!(error["extensions"]["asked"], times);
    }
}
