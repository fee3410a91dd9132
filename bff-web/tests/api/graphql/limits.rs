//! Each limit: at its bound all is well, one beyond is told with what it would have been.

use bff_web::{Config, GraphQlConfig};
use serde_json::{Value, json};

use super::{post, refused};
use crate::helpers::{TestApp, spawn_app, spawn_with};

async fn limited(change: impl FnOnce(&mut GraphQlConfig)) -> TestApp {
    spawn_with(|config: &mut Config| change(&mut config.graphql)).await
}

/// The cost that an answer tells.
async fn cost(app: &TestApp, query: &str) -> Value {
    let answer = post(app, query, &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["extensions"]["cost"].clone()
}

/// `query` is refused for a limit of `maximum`, beyond which it is with `asked`.
async fn assert_beyond(app: &TestApp, query: &str, code: &str, maximum: u64, asked: u64) -> Value {
    let answer = post(app, query, &json!({})).await;
    let error = refused(&answer, 400, code);
    assert_eq!(
        (
            &error["extensions"]["maximum"],
            &error["extensions"]["asked"]
        ),
        (&json!(maximum), &json!(asked)),
        "{query}"
    );
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains(&maximum.to_string()) && message.contains(&asked.to_string()),
        "{message}"
    );
    answer.json()
}

#[actix_web::test]
async fn depth() {
    let app = limited(|config| config.max_depth = 5).await;

    let five = "{ orders(first: 1) { edges { node { customer { name } } } } }";
    assert_eq!(cost(&app, five).await["depth"], 5);
    let six = "{ orders(first: 1) { edges { node { customer { address { city } } } } } }";
    let body = assert_beyond(&app, six, "tooDeep", 5, 6).await;
    assert_eq!(body["extensions"]["cost"]["depth"], 6, "{body}");
    assert_eq!(body["extensions"]["cost"]["maxDepth"], 5);
    let fragments = "{ orders(first: 1) { ...A } } fragment A on OrderConnection { edges { ... { node { ...B } } } }
        fragment B on Order { customer { address { city } } }";
    assert_beyond(&app, fragments, "tooDeep", 5, 6).await;
}

#[actix_web::test]
async fn complexity() {
    let app = limited(|config| config.max_complexity = 100).await;

    for (query, complexity) in [
        ("{ __typename }", 1),
        ("{ order(id: 1) { id } }", 27),
        ("{ order(id: 1) { id customer { name } } }", 30),
        ("{ customer(id: 56) { name } }", 27),
        ("{ orders(first: 1) { nodes { id } } }", 28),
        ("{ orders(first: 10) { nodes { id } } }", 46),
        ("{ orders { nodes { id } } }", 66),
        (
            "{ orders(first: 10) { nodes { id } pageInfo { hasNextPage } } }",
            48,
        ),
        (
            "{ orders(first: 10) { ...P } } fragment P on OrderConnection { nodes { id } }",
            47,
        ),
        (
            "query($n: Int = 10) { orders(first: $n) { nodes { id } } }",
            46,
        ),
        ("{ order(id: 1) { ... { id } } }", 28),
        ("{ order(id: 1) { id @skip(if: true) total } }", 28),
        ("{ orders(first: 37) { nodes { id } } }", 100),
    ] {
        let told = cost(&app, query).await;
        assert_eq!(told["complexity"], complexity, "{query}");
        assert_eq!(told["maxComplexity"], 100);
    }
    let body = assert_beyond(
        &app,
        "{ orders(first: 38) { nodes { id } } }",
        "tooComplex",
        100,
        102,
    )
    .await;
    assert_eq!(body["extensions"]["cost"]["complexity"], 102);
    let variable = "query($n: Int) { orders(first: $n) { nodes { id } } }";
    let answer = post(&app, variable, &json!({ "n": 38 })).await;
    refused(&answer, 400, "tooComplex");
    let calls = app.asked();
    let answer = post(&app, "mutation { a: cancelOrder(id: 1) { order { id } } b: cancelOrder(id: 2) { order { id } } c: cancelOrder(id: 3) { order { id } } d: cancelOrder(id: 4) { order { id } } }", &json!({})).await;
    refused(&answer, 400, "tooComplex");
    assert_eq!(app.asked(), calls, "nothing of it was done");
}

#[actix_web::test]
async fn by_default_a_hundred_full_orders_are_fine_and_hundreds_of_calls_are_not() {
    let app = spawn_app().await;
    let whole = "id description status placedAt currency lines { description quantity price } total customerId
        customer { id name email phone address { text street postcode city country } sources { customer { state ageSeconds reason } } }
        sources { order { state ageSeconds reason } customer { state ageSeconds reason } }";
    for first in [20, 100] {
        let query = format!(
            "{{ orders(first: {first}) {{ edges {{ cursor node {{ {whole} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        cost(&app, &query).await;
    }
    let calls = "{ orders(first: 100) { nodes { customer { a: orders(first: 1) { nodes { id } } b: orders(first: 2) { nodes { id } } } } } }";
    let answer = post(&app, calls, &json!({})).await;
    refused(&answer, 400, "tooComplex");
}

#[actix_web::test]
async fn aliases() {
    let app = limited(|config| config.max_aliases = 3).await;

    cost(
        &app,
        "{ a: __typename b: __typename c: __typename d: __typename }"
            .replace("d: ", "")
            .as_str(),
    )
    .await;
    let four = "{ a: __typename b: __typename c: __typename d: __typename }";
    assert_beyond(&app, four, "tooManyAliases", 3, 4).await;
    let used_twice =
        "{ x: order(id: 1) { ...F } y: order(id: 2) { ...F } } fragment F on Order { a: id }";
    assert_beyond(&app, used_twice, "tooManyAliases", 3, 4).await;
}

#[actix_web::test]
async fn directives() {
    let app = limited(|config| config.max_directives = 2).await;

    let of = |count: usize| {
        let fields = "__typename @include(if: true) ".repeat(count);
        format!("{{ {fields} }}")
    };
    cost(&app, &of(2)).await;
    assert_beyond(&app, &of(3), "tooManyDirectives", 2, 3).await;
}

#[actix_web::test]
async fn tokens() {
    let app = limited(|config| config.max_tokens = 20).await;

    let of = |count: usize| {
        format!(
            "{{ # not counted, nor are commas\n{} }}",
            "__typename,,".repeat(count)
        )
    };
    cost(&app, &of(18)).await;
    let answer = post(&app, &of(19), &json!({})).await;
    let error = refused(&answer, 400, "tooManyTokens");
    assert_eq!(error["extensions"]["asked"], 21);
    assert_eq!(
        answer.json()["extensions"],
        Value::Null,
        "nobody has read it"
    );
}

#[actix_web::test]
async fn everything_that_is_beyond_is_told_at_once() {
    let app = limited(|config| {
        (config.max_depth, config.max_complexity, config.max_aliases) = (1, 20, 0);
    })
    .await;

    let answer = post(&app, "{ a: order(id: 1) { id } }", &json!({})).await;

    let body = answer.json();
    let codes: Vec<_> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["extensions"]["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["tooDeep", "tooComplex", "tooManyAliases"]);
}

#[actix_web::test]
async fn fragments_that_double_are_refused_and_not_unfolded() {
    let app = spawn_app().await;
    for inner in ["id", "__typename", ""] {
        let mut query = String::from("{ order(id: 1) { ...F0 } }");
        for number in 0..60 {
            let next = number + 1;
            query += &format!(" fragment F{number} on Order {{ ...F{next} ...F{next} {inner} }}");
        }
        query += " fragment F60 on Order { id }";
        let answer = post(&app, &query, &json!({})).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let body = answer.json();
        let codes = body["errors"].as_array().unwrap().iter();
        let codes: Vec<_> = codes
            .map(|error| error["extensions"]["code"].clone())
            .collect();
        assert!(
            codes.contains(&json!("tooComplex")) || codes.contains(&json!("tooDeep")),
            "{body}"
        );
    }
    // In an operation that is not asked for, and in none at all.
    let mut fragments = String::new();
    for number in 0..40 {
        let next = number + 1;
        fragments += &format!(" fragment F{number} on Order {{ ...F{next} ...F{next} }}");
    }
    fragments += " fragment F40 on Order { id }";
    for rest in ["query B { order(id: 1) { ...F0 } }", ""] {
        let query = format!("query A {{ __typename }} {rest} {fragments}");
        let body = json!({ "query": query, "operationName": "A" }).to_string();
        let answer = app
            .post("/graphql", &[super::JSON, super::RESPONSE], &body)
            .await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(app.asked(), (0, 0));
}

#[actix_web::test]
async fn brackets_upon_brackets_are_refused_before_anything_reads_them() {
    let app = spawn_app().await;
    for query in [
        format!("{}{}", "{a".repeat(900), "}".repeat(900)),
        "{".repeat(1_900),
        format!(
            "{{ order(id: {}1{}) {{ id }} }}",
            "[".repeat(900),
            "]".repeat(900)
        ),
        format!(
            "{{ order(id: {}1{}) {{ id }} }}",
            "{a:".repeat(400),
            "}".repeat(400)
        ),
    ] {
        let answer = post(&app, &query, &json!({})).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        let body = answer.json();
        let mut errors = body["errors"].as_array().unwrap().iter();
        assert!(
            errors.any(|error| error["extensions"]["code"] == "tooDeep"),
            "{body}"
        );
    }
    let sixty = format!(
        "{{ order(id: 1) {{ {} id {} }} }}",
        "... {".repeat(61),
        "}".repeat(61)
    );
    let answer = post(&app, &sixty, &json!({})).await;
    assert!(answer.status == 200 || answer.status == 400, "{answer:?}");
}

#[actix_web::test]
async fn limits_hold_in_either_form_and_with_get() {
    let app = limited(|config| config.max_aliases = 0).await;
    let query = "{ a: __typename }";

    let body = json!({ "query": query }).to_string();
    let answer = app.post("/graphql", &[super::JSON], &body).await;
    refused(&answer, 200, "tooManyAliases");
    let target = super::target(&[("query", query)]);
    let answer = app
        .get_with(&target, &[super::RESPONSE, ("GraphQL-Preflight", "1")])
        .await;
    refused(&answer, 400, "tooManyAliases");
}
