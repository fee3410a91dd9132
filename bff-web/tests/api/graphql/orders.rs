//! Orders, one by one and in pages: the same that REST gives.

use mock_services::Options;
use serde_json::{Value, json};

use super::{data, executed, post};
use crate::helpers::{spawn_app, spawn_of, spawn_with, with_caches};

const WHOLE: &str =
    "id description status placedAt currency lines { description quantity price } total
    customer { id name email phone address { text street postcode city country } }
    sources { order { state ageSeconds reason } customer { state ageSeconds reason } }";

/// An order of GraphQL as REST writes it.
fn as_rest(mut order: Value) -> Value {
    let number = |id: &Value| json!(id.as_str().unwrap().parse::<u64>().unwrap());
    order["id"] = number(&order["id"]);
    if order["customer"].is_object() {
        order["customer"]["id"] = number(&order["customer"]["id"]);
        let address = order["customer"]["address"].take();
        order["customer"]["address"] = match &address {
            Value::Object(parts) if parts["text"].is_string() => parts["text"].clone(),
            Value::Object(parts) => {
                let mut parts = parts.clone();
                parts.remove("text");
                Value::Object(parts)
            }
            _ => Value::Null,
        };
    }
    for name in ["order", "customer"] {
        let source = order["sources"][name].as_object_mut().unwrap();
        source.retain(|_, value| !value.is_null());
    }
    order
}

#[actix_web::test]
async fn an_order_is_what_it_is_with_rest() {
    let app = spawn_app().await;

    for id in [1, 2, 3, 4, 5, 60, 777, 9_999] {
        let order = data(&app, &format!("{{ order(id: {id}) {{ {WHOLE} }} }}")).await;
        let rest = app.get(&format!("/orders/{id}")).await.json();
        assert_eq!(as_rest(order["order"].clone()), rest, "{id}");
    }
}

#[actix_web::test]
async fn a_page_is_what_it_is_with_rest() {
    let app = spawn_app().await;
    let query = format!("{{ orders(first: 50, status: paid) {{ nodes {{ {WHOLE} }} }} }}");

    let page = data(&app, &query).await;

    let rest = app.get("/orders?limit=50&status=paid").await.json();
    let nodes = page["orders"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 50);
    for (node, item) in nodes.iter().zip(rest["items"].as_array().unwrap()) {
        assert_eq!(&as_rest(node.clone()), item);
    }
}

#[actix_web::test]
async fn amounts_are_numbers_with_all_their_digits() {
    let app = spawn_app().await;

    for id in 1..=30 {
        let query = format!("{{ order(id: {id}) {{ total lines {{ price }} }} }}");
        let graphql = post(&app, &query, &json!({})).await;
        let rest = app.get(&format!("/orders/{id}")).await;
        let total = |body: &str| {
            let rest = body.split_once("\"total\":").unwrap().1;
            rest.split([',', '}']).next().unwrap().to_owned()
        };
        assert_eq!(total(&graphql.body), total(&rest.body), "{id}");
    }
}

#[actix_web::test]
async fn an_id_is_a_text_or_a_number() {
    let app = spawn_app().await;
    let query = "query($id: ID!) { order(id: $id) { id } }";

    for id in [json!(1), json!("1"), json!("1.0")] {
        let body = post(&app, query, &json!({ "id": id })).await.json();
        assert_eq!(body["data"]["order"]["id"], "1", "{body}");
    }
    for literal in ["1", "\"1\""] {
        let order = data(&app, &format!("{{ order(id: {literal}) {{ id }} }}")).await;
        assert_eq!(order["order"]["id"], "1");
    }
}

#[actix_web::test]
async fn twenty_orders_with_their_customers_are_two_calls() {
    let app = spawn_app().await;
    let query = format!(
        "{{ orders(first: 20) {{ edges {{ cursor node {{ {WHOLE} }} }} pageInfo {{ endCursor }}
            sources {{ orders {{ state }} customers {{ state }} }} }} }}"
    );

    let page = data(&app, &query).await;

    assert_eq!(page["orders"]["edges"].as_array().unwrap().len(), 20);
    assert_eq!(page["orders"]["sources"]["customers"]["state"], "fresh");
    assert_eq!(app.asked(), (1, 1));
    assert_eq!(app.orders.requests_of("GET", "/orders"), 1);
    assert_eq!(app.customers.requests_of("GET", "/customers"), 1);
}

#[actix_web::test]
async fn a_hundred_orders_are_two_calls_as_well() {
    let app = spawn_app().await;

    let page = data(
        &app,
        &format!("{{ orders(first: 100) {{ nodes {{ {WHOLE} }} }} }}"),
    )
    .await;

    assert_eq!(page["orders"]["nodes"].as_array().unwrap().len(), 100);
    assert_eq!(app.asked(), (1, 1));
}

#[actix_web::test]
async fn whoever_asks_for_no_customer_asks_nobody_for_one() {
    let app = spawn_app().await;

    data(
        &app,
        "{ orders { nodes { id customerId sources { order { state } } } } order(id: 1) { total customerId } }",
    )
    .await;

    assert_eq!(app.asked(), (2, 0));
}

#[actix_web::test]
async fn orders_by_themselves_have_their_customers_in_one_call() {
    let app = spawn_app().await;
    let orders = (1..=20).map(|id| format!("o{id}: order(id: {id}) {{ customer {{ id }} }}"));
    let query = format!("{{ {} }}", orders.collect::<Vec<_>>().join(" "));

    let orders = data(&app, &query).await;

    assert_eq!(orders.as_object().unwrap().len(), 20);
    assert_eq!(app.asked(), (20, 1));
    assert_eq!(app.customers.requests_of("GET", "/customers"), 1);
}

#[actix_web::test]
async fn a_customer_wanted_twice_is_asked_for_once() {
    let app = spawn_app().await;

    let body = executed(
        &app,
        "{ a: order(id: 1) { customer { name } sources { customer { state } } } b: customer(id: 56) { email }
           c: orders(customerId: 56) { nodes { customer { name } } sources { customers { state } } } }",
    )
    .await;

    assert_eq!(body["data"]["b"]["email"], "john@protonmail.com", "{body}");
    assert_eq!(app.customers.requests(), 1);
}

#[actix_web::test]
async fn what_rest_kept_answers_graphql_and_the_other_way_round() {
    let app = spawn_with(with_caches).await;
    app.get("/orders/1").await;
    assert_eq!(app.asked(), (1, 1));

    let body = executed(&app, "{ order(id: 1) { total customer { name } } }").await;

    assert_eq!(body["extensions"]["sources"]["order"]["state"], "cached");
    assert_eq!(
        body["extensions"]["sources"]["customers"]["state"],
        "cached"
    );
    assert_eq!(app.asked(), (1, 1));
    executed(&app, "{ order(id: 2) { customer { name } } }").await;
    assert_eq!(app.asked(), (2, 2));
    let rest = app.get("/orders/2").await.json();
    assert_eq!(rest["sources"]["customer"]["state"], "cached");
    assert_eq!(app.asked(), (2, 2));
}

#[actix_web::test]
async fn an_address_is_one_text_or_its_parts() {
    let app = spawn_of(&Options::default(), &Options::default(), |_| {}).await;
    let (mut texts, mut parts) = (0, 0);

    let page = data(
        &app,
        "{ orders(first: 100) { nodes { customer { address { text street city } } } } }",
    )
    .await;

    for node in page["orders"]["nodes"].as_array().unwrap() {
        let address = &node["customer"]["address"];
        if address["text"].is_string() {
            texts += 1;
            assert_eq!(address["street"], Value::Null);
        } else if address.is_object() {
            parts += 1;
        }
    }
    assert!(texts + parts > 0, "{page}");
}

#[actix_web::test]
async fn fields_stand_in_the_sequence_in_which_they_are_asked_for() {
    let app = spawn_app().await;
    // What takes longer comes before what does not, and is merged with what comes after it.
    let query = "query($no: Boolean!) { slow: order(id: 3) { customer { name } ...more id customer { id } } none: __typename
        quick: order(id: 1) { total description @skip(if: $no) currency @include(if: $no) } ... on Query { last: __typename } }
        fragment more on Order { status sources { customer { state } order { state } } customer { email } }";

    for _ in 0..3 {
        let answer = post(&app, query, &json!({ "no": true })).await;
        let names = [
            "slow", "customer", "name", "email", "id", "status", "sources", "customer",
        ];
        let names = names
            .into_iter()
            .chain(["state", "order", "state", "id", "none", "quick"]);
        let names = names.chain(["total", "currency", "last"]);
        let mut rest = answer.body.split_once("\"data\":").unwrap().1;
        for name in names {
            let found = rest.split_once(&format!("\"{name}\":"));
            rest = found
                .unwrap_or_else(|| panic!("{name} is not next: {rest}"))
                .1;
        }
    }
}

#[actix_web::test]
async fn a_document_that_was_read_before_is_answered_and_refused_as_the_first_time() {
    let app = spawn_app().await;
    let query = "query($id: ID!, $first: Int) { order(id: $id) { id } orders(first: $first) { nodes { id } } }";
    let wrong = json!({ "id": { "a": 1 }, "first": 1 });
    let none = json!({ "id": 0, "first": 1 });

    let refused = post(&app, query, &wrong).await;
    let at_field = post(&app, query, &none).await;
    for number in 1..=3 {
        let answer = post(&app, query, &json!({ "id": number, "first": number })).await;
        let data = &answer.json()["data"];
        assert_eq!(data["order"]["id"], number.to_string());
        assert_eq!(data["orders"]["nodes"].as_array().unwrap().len(), number);
    }
    let again = post(&app, query, &wrong).await;
    assert_eq!((again.status, &again.body), (refused.status, &refused.body));
    assert_eq!(again.status, 400);
    let again = post(&app, query, &none).await;
    assert_eq!(
        (again.status, again.json()["errors"].clone()),
        (at_field.status, at_field.json()["errors"].clone())
    );
}
