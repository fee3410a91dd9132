//! Pages, as Relay turns them: behind any edge it goes on without a gap or a repeat.

use mock_services::Options;
use serde_json::{Value, json};

use super::{data, executed, post};
use crate::helpers::{TestApp, spawn_app, spawn_of, spawn_with, with_caches};
use crate::writes::{new_order, place};

const PAGE: &str = "query($first: Int, $after: String, $status: OrderStatus, $of: ID) {
    orders(first: $first, after: $after, status: $status, customerId: $of) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

async fn page(app: &TestApp, variables: Value) -> Value {
    let answer = post(app, PAGE, &variables).await;
    let body = answer.json();
    assert_eq!(
        (answer.status, &body["errors"]),
        (200, &Value::Null),
        "{body}"
    );
    body["data"]["orders"].clone()
}

fn ids(page: &Value) -> Vec<u64> {
    let edges = page["edges"].as_array().unwrap().iter();
    edges
        .map(|edge| edge["node"]["id"].as_str().unwrap().parse().unwrap())
        .collect()
}

fn cursors(page: &Value) -> Vec<String> {
    let edges = page["edges"].as_array().unwrap().iter();
    edges
        .map(|edge| edge["cursor"].as_str().unwrap().to_owned())
        .collect()
}

async fn app_of(orders: u64) -> TestApp {
    let some = Options {
        orders,
        ..Options::default()
    };
    spawn_of(&some, &Options::default(), |_| {}).await
}

#[actix_web::test]
async fn behind_any_edge_it_goes_on_with_the_next() {
    let app = app_of(23).await;
    let all: Vec<u64> = (1..=23).rev().collect();

    for first in [1, 5, 22, 23, 24, 100] {
        let begun = page(&app, json!({ "first": first })).await;
        for (at, cursor) in cursors(&begun).iter().enumerate() {
            for then in [1, 4, 100] {
                let next = page(&app, json!({ "first": then, "after": cursor })).await;
                let expected: Vec<_> = all.iter().copied().skip(at + 1).take(then).collect();
                assert_eq!(ids(&next), expected, "{first} {at} {then}");
                let reached = at + 1 + expected.len();
                assert_eq!(
                    next["pageInfo"]["hasNextPage"],
                    reached < 23,
                    "{first} {at} {then}"
                );
                assert_eq!(next["pageInfo"]["hasPreviousPage"], true);
            }
        }
    }
}

#[actix_web::test]
async fn pages_upon_pages_behind_edges_in_the_middle_have_every_order_once() {
    let app = app_of(250).await;

    // Each page is left behind its last but one edge, so that every cursor is one of the middle.
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = page(&app, json!({ "first": 100, "after": after })).await;
        let (ids, cursors) = (ids(&page), cursors(&page));
        if page["pageInfo"]["hasNextPage"] == false {
            seen.extend(ids);
            break;
        }
        seen.extend(&ids[..ids.len() - 1]);
        after = json!(cursors[cursors.len() - 2]);
    }
    assert_eq!(seen, (1..=250).rev().collect::<Vec<_>>());
}

#[actix_web::test]
async fn all_pages_by_their_end_cursors_have_every_order_once() {
    let app = app_of(23).await;

    for first in [1, 2, 7, 22, 23, 24, 100] {
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = page(&app, json!({ "first": first, "after": after })).await;
            seen.extend(ids(&page));
            assert_eq!(
                page["pageInfo"]["endCursor"].as_str(),
                cursors(&page).last().map(String::as_str)
            );
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        assert_eq!(seen, (1..=23).rev().collect::<Vec<_>>(), "{first}");
    }
}

#[actix_web::test]
async fn a_full_page_is_followed_with_one_call() {
    let app = app_of(50).await;
    let first = page(&app, json!({ "first": 10 })).await;
    assert_eq!(app.asked(), (1, 0));

    page(
        &app,
        json!({ "first": 10, "after": first["pageInfo"]["endCursor"] }),
    )
    .await;
    assert_eq!(app.asked(), (2, 0));
    page(&app, json!({ "first": 10, "after": cursors(&first)[3] })).await;
    assert_eq!(app.asked(), (3, 0), "long enough to reach further");
}

#[actix_web::test]
async fn what_is_placed_meanwhile_moves_nobodys_place() {
    let app = app_of(30).await;
    let before = page(&app, json!({ "first": 10 })).await;
    for number in 0..3 {
        place(&app, &format!("key{number}"), &new_order()).await;
    }

    for (at, cursor) in cursors(&before).iter().enumerate() {
        let next = page(&app, json!({ "first": 5, "after": cursor })).await;
        let expected: Vec<_> = (1..=30_u64).rev().skip(at + 1).take(5).collect();
        assert_eq!(ids(&next), expected, "{at}");
    }
}

#[actix_web::test]
async fn an_edge_that_has_left_its_list_is_no_place_to_go_on_from() {
    let app = spawn_app().await;
    let before = page(&app, json!({ "first": 3, "status": "placed" })).await;
    let gone = ids(&before)[1];
    executed(
        &app,
        &format!("mutation {{ cancelOrder(id: {gone}) {{ order {{ status }} }} }}"),
    )
    .await;

    let variables = json!({ "first": 3, "status": "placed", "after": cursors(&before)[1] });
    let body = post(&app, PAGE, &variables).await.json();

    assert_eq!(body["data"]["orders"], Value::Null);
    assert_eq!(body["errors"][0]["extensions"]["code"], "invalidCursor");
    assert!(
        body["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("Begin again without after"),
        "{body}"
    );
}

#[actix_web::test]
async fn a_cursor_is_good_for_its_own_list_alone() {
    let app = spawn_app().await;
    let all = page(&app, json!({ "first": 2 })).await;
    let rest = app.get("/orders?limit=2").await.json();
    let of_56 = page(&app, json!({ "first": 2, "of": "56" })).await;
    let mut changed = cursors(&all)[0].clone();
    changed.replace_range(30..31, if &changed[30..31] == "A" { "B" } else { "A" });

    for (cursor, status, of) in [
        (cursors(&all)[1].as_str(), json!("paid"), Value::Null),
        (&cursors(&all)[0], Value::Null, json!(56)),
        (&cursors(&of_56)[0], Value::Null, Value::Null),
        (
            rest["nextCursor"].as_str().unwrap(),
            Value::Null,
            Value::Null,
        ),
        (&changed, Value::Null, Value::Null),
        ("", Value::Null, Value::Null),
    ] {
        let before = app.asked();
        let variables = json!({ "after": cursor, "status": status, "of": of });
        let body = post(&app, PAGE, &variables).await.json();
        assert_eq!(
            body["errors"][0]["extensions"]["code"], "invalidCursor",
            "{cursor}: {body}"
        );
        assert_eq!(app.asked(), before);
    }
    let kept = page(
        &app,
        json!({ "first": 2, "of": 56, "after": cursors(&of_56)[0] }),
    )
    .await;
    assert_eq!(
        ids(&kept),
        [8_687, 8_429],
        "a customer's own list is the same"
    );
    let own = executed(
        &app,
        &format!(
            "{{ customer(id: 56) {{ orders(first: 1, after: \"{}\") {{ nodes {{ id }} }} }} }}",
            cursors(&of_56)[0]
        ),
    )
    .await;
    assert_eq!(
        own["data"]["customer"]["orders"]["nodes"][0]["id"], "8687",
        "{own}"
    );
}

#[actix_web::test]
async fn an_empty_page_has_no_cursors() {
    let app = spawn_app().await;

    let empty = page(&app, json!({ "of": "9007199254740991" })).await;

    assert_eq!(
        empty,
        json!({ "edges": [], "pageInfo": {
            "hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null } })
    );
    let nobody = data(
        &app,
        "{ orders(customerId: 9007199254740991) { sources { customers { state } } } }",
    )
    .await;
    assert_eq!(nobody["orders"]["sources"]["customers"], Value::Null);
    assert_eq!(app.customers.requests(), 0);
}

#[actix_web::test]
async fn whoever_asks_for_nothing_in_particular_gets_the_twenty_latest() {
    let app = spawn_with(with_caches).await;

    for variables in [json!({}), json!({ "first": null }), json!({ "first": 20 })] {
        assert_eq!(
            ids(&page(&app, variables).await),
            (9_981..=10_000).rev().collect::<Vec<_>>()
        );
    }
    let short = spawn_with(|config| config.graphql.max_page = 5).await;
    assert_eq!(ids(&page(&short, json!({})).await).len(), 5);
    let body = post(&short, PAGE, &json!({ "first": 6 })).await.json();
    assert_eq!(
        body["errors"][0]["extensions"]["errors"][0]["detail"],
        "must be a whole number from 1 to 5"
    );
}
