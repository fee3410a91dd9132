//! Orders that are placed and cancelled, as clients would, and what they get wrong.

use std::collections::HashSet;

use mock_services::{Options, Running, orders};
use serde_json::{Value, json};

use crate::http::{Answer, Problem as _, get, get_with, post, send};

pub(crate) fn start() -> Running {
    orders::start(&Options {
        workers: 2,
        ..Options::default()
    })
    .expect("a free port")
}

pub(crate) fn order() -> Value {
    json!({
        "customerId": 56,
        "description": "For the garden",
        "currency": "EUR",
        "lines": [
            { "description": "Spade", "quantity": 2, "price": 3.5 },
            { "description": "Seeds", "quantity": 3, "price": 0.1 },
        ],
    })
}

/// The order with one value in place of its own, at a path such as `/lines/0/price`.
pub(crate) fn with(path: &str, value: Value) -> Value {
    let mut order = order();
    *order.pointer_mut(path).expect("a place") = value;
    order
}

pub(crate) async fn place(service: &Running, key: &str, order: &Value) -> Answer {
    post(service.addr(), "/orders", key, &order.to_string()).await
}

async fn cancel(service: &Running, id: u64, key: &str) -> Answer {
    post(service.addr(), &format!("/orders/{id}/cancel"), key, "").await
}

/// What a repetition has to give: all of the first answer, and the word that it is one.
pub(crate) fn assert_replays(answer: &Answer, first: &Answer) {
    assert_eq!(answer.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(
        (answer.status, &answer.body, answer.header("location")),
        (first.status, &first.body, first.header("location"))
    );
}

async fn listed(service: &Running, query: &str) -> Vec<u64> {
    let page = get(service, &format!("/orders?{query}")).await.json();
    let items = page["items"].as_array().expect("items").iter();
    items
        .map(|order| order["id"].as_u64().expect("id"))
        .collect()
}

#[actix_web::test]
async fn an_order_is_placed_and_read_at_once() {
    let service = start();
    let placed = place(&service, "\"a\"", &order()).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!(placed.header("content-type"), Some("application/json"));
    assert_eq!(placed.header("location"), Some("/orders/10001"));
    assert_eq!(placed.header("idempotency-replayed"), None);
    let record = placed.json();
    let mut expected = order();
    expected["id"] = json!(10_001);
    expected["status"] = json!("placed");
    expected["total"] = json!(7.3);
    expected["placedAt"] = record["placedAt"].clone();
    assert_eq!(record, expected);
    assert!(record["placedAt"].as_str().is_some_and(|at| at > "2026"));

    let read = get(&service, "/orders/10001").await;
    assert_eq!((read.status, &read.body), (200, &placed.body));
    let list = get(&service, "/orders?limit=2").await.json();
    assert_eq!(list["items"][0], record);
    assert_eq!(list["items"][1]["id"], 10_000);
    assert_eq!(
        place(&service, "\"b\"", &order()).await.json()["id"],
        10_002
    );
    assert_eq!(
        service.placed(),
        [("a".to_owned(), 10_001), ("b".to_owned(), 10_002)]
    );
    get(&service, "/orders/10003").await.problem(404);
}

#[actix_web::test]
async fn totals_are_exact() {
    let service = start();
    for (line, price, total) in [
        (
            r#""quantity":1000,"price":1000000"#,
            "1000000",
            "1000000000",
        ),
        (r#""quantity":3,"price":0.10"#, "0.1", "0.3"),
        (
            r#""quantity":1000,"price":999999.99"#,
            "999999.99",
            "999999990",
        ),
        (r#""quantity":7,"price":1.1e1"#, "11", "77"),
        (
            r#""quantity":999,"price":999999.99"#,
            "999999.99",
            "998999990.01",
        ),
        (r#""quantity":1,"price":29e-2"#, "0.29", "0.29"),
        (r#""quantity":1,"price":0.000"#, "0", "0"),
        (r#""quantity":1,"price":1000000.000"#, "1000000", "1000000"),
        (r#""quantity":9,"price":0"#, "0", "0"),
    ] {
        let body = format!(
            r#"{{"customerId":1,"description":"x","currency":"EUR","lines":[{{"description":"y",{line}}}]}}"#
        );
        let answer = post(
            service.addr(),
            "/orders",
            line.replace('"', "").as_str(),
            &body,
        )
        .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let (price, total) = (format!("\"price\":{price},"), format!("\"total\":{total},"));
        assert!(answer.body.contains(&price), "{price}: {}", answer.body);
        assert!(answer.body.contains(&total), "{total}: {}", answer.body);
    }
}

#[actix_web::test]
async fn the_same_key_and_order_give_the_same_answer() {
    let service = start();
    let first = place(&service, "\"k 1\"", &order()).await;
    assert_replays(&place(&service, "\"k 1\"", &order()).await, &first);

    // Other bytes, the same content.
    let written_otherwise = r#" {"lines":[{"price":3.50,"quantity":2,"description":"Sp\u0061de"},
        {"price":1e-1,"quantity":3,"description":"Seeds"}],
        "note":"nobody reads this","currency":"EUR","description":"For the garden","customerId":56} "#;
    let answer = post(service.addr(), "/orders", "\"k 1\"", written_otherwise).await;
    assert_replays(&answer, &first);

    // The first answer is what is repeated, not what became of the order.
    assert_eq!(cancel(&service, 10_001, "").await.status, 200);
    assert_replays(&place(&service, "\"k 1\"", &order()).await, &first);
    assert_eq!(
        get(&service, "/orders/10001").await.json()["status"],
        "cancelled"
    );
    assert_eq!(service.placed().len(), 1);
}

#[actix_web::test]
async fn a_key_means_the_same_with_and_without_quotes() {
    let service = start();
    let first = place(&service, "8e03978e-40d5", &order()).await;
    assert_replays(
        &place(&service, "\"8e03978e-40d5\"", &order()).await,
        &first,
    );
    let longest = "x".repeat(255);
    assert_eq!(place(&service, &longest, &order()).await.status, 201);
}

#[actix_web::test]
async fn a_key_is_for_one_request() {
    let service = start();
    let first = place(&service, "a", &order()).await;
    for (path, value) in [
        ("/customerId", json!(57)),
        ("/description", json!("For the garden ")),
        ("/currency", json!("USD")),
        ("/lines/0/price", json!(3.51)),
        ("/lines/0/quantity", json!(3)),
        ("/lines/1/description", json!("Weeds")),
        ("/lines", json!([order()["lines"][0]])),
        ("/lines", json!([order()["lines"][1], order()["lines"][0]])),
    ] {
        let detail = place(&service, "a", &with(path, value)).await.problem(422);
        assert!(detail.contains("Idempotency-Key"), "{detail}");
    }
    cancel(&service, 10_001, "a").await.problem(422);
    assert_replays(&place(&service, "a", &order()).await, &first);
    assert_eq!(service.placed().len(), 1);

    assert_eq!(cancel(&service, 10_001, "b").await.status, 200);
    place(&service, "b", &order()).await.problem(422);
    cancel(&service, 1, "b").await.problem(422);
}

#[actix_web::test]
async fn a_key_whose_request_was_bad_is_free_still() {
    let service = start();
    place(&service, "a", &with("/currency", json!("euro")))
        .await
        .problem(400);
    assert_eq!(place(&service, "a", &order()).await.status, 201);
    cancel(&service, 20_000, "b").await.problem(404);
    assert_eq!(place(&service, "b", &order()).await.status, 201);
}

#[actix_web::test]
async fn one_key_makes_one_order_however_many_ask_at_once() {
    let service = start();
    let addr = service.addr();
    let requests: Vec<_> = (0..64)
        .map(|request| {
            let body = order().to_string();
            tokio::spawn(async move {
                post(addr, "/orders", &format!("key-{}", request % 4), &body).await
            })
        })
        .collect();
    let mut firsts = 0;
    let mut bodies = HashSet::new();
    for request in requests {
        let answer = request.await.expect("answer");
        match answer.status {
            201 => {
                firsts += u32::from(answer.header("idempotency-replayed").is_none());
                bodies.insert(answer.body);
            }
            status => {
                assert_eq!(status, 409, "{answer:?}");
                assert_eq!(answer.header("retry-after"), Some("1"));
            }
        }
    }
    assert_eq!((firsts, bodies.len()), (4, 4));
    let placed = service.placed();
    let keys: HashSet<&str> = placed.iter().map(|(key, _)| key.as_str()).collect();
    let ids: Vec<u64> = placed.iter().map(|(_, id)| *id).collect();
    assert_eq!((keys.len(), ids), (4, (10_001..=10_004).collect()));
    assert_eq!(service.requests_of("POST", "/orders"), 64);
}

#[actix_web::test]
async fn lists_have_new_orders_first_and_filters_find_them() {
    let service = orders::start(&Options {
        orders: 3,
        ..Options::default()
    })
    .expect("a free port");
    for (key, customer) in [("a", 7_000), ("b", 7_001), ("c", 7_000)] {
        let answer = place(&service, key, &with("/customerId", json!(customer))).await;
        assert_eq!(answer.status, 201);
    }
    assert_eq!(listed(&service, "").await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(listed(&service, "customerId=7000").await, [6, 4]);
    assert_eq!(cancel(&service, 6, "").await.status, 200);
    assert_eq!(listed(&service, "customerId=7000&status=placed").await, [4]);
    assert_eq!(
        listed(&service, "customerId=7000&status=cancelled").await,
        [6]
    );
    for limit in 1..=7 {
        let mut ids = Vec::new();
        let mut cursor = String::new();
        loop {
            let query = format!("limit={limit}{cursor}");
            let page = get(&service, &format!("/orders?{query}")).await.json();
            ids.extend(listed(&service, &query).await);
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(ids, [6, 5, 4, 3, 2, 1], "limit {limit}");
    }
}

#[actix_web::test]
async fn an_order_is_cancelled_unless_it_is_on_its_way() {
    let service = start();
    let mut seen = HashSet::new();
    for id in 1..=60 {
        let target = format!("/orders/{id}");
        let before = get(&service, &target).await;
        let status = before.json().get("status").map(Value::to_string);
        let answer = cancel(&service, id, "").await;
        let after = get(&service, &target).await;
        match status.as_deref() {
            Some("\"shipped\"" | "\"delivered\"") => {
                let detail = answer.problem(409);
                assert!(detail.contains("can no longer be cancelled"), "{detail}");
                assert_eq!(after.body, before.body);
                assert_eq!(after.header("etag"), before.header("etag"));
            }
            _ => {
                assert_eq!((answer.status, &answer.body), (200, &after.body));
                let mut expected = before.json();
                expected["status"] = json!("cancelled");
                assert_eq!(after.json(), expected);
                let changed = status.as_deref() != Some("\"cancelled\"");
                assert_eq!(after.header("etag") != before.header("etag"), changed);
                // By nature the same again.
                let again = cancel(&service, id, "").await;
                assert_eq!((again.status, &again.body), (200, &answer.body));
                assert_eq!(again.header("idempotency-replayed"), None);
            }
        }
        seen.insert(status);
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
    let cancelled = listed(&service, "status=cancelled&limit=100&cursor=0000000000003d").await;
    assert!(
        cancelled.contains(&1) && cancelled.len() > 20,
        "{cancelled:?}"
    );
    assert!(
        !listed(&service, "status=placed&limit=100")
            .await
            .contains(&1)
    );
    let placed = listed(&service, "status=placed&cursor=0000000000003d").await;
    assert!(placed.is_empty(), "{placed:?}");

    for (id, status) in [(10_001, 404), (0, 400)] {
        cancel(&service, id, "").await.problem(status);
    }
    assert_eq!(
        service.requests_of("POST", "/orders/{id}/cancel"),
        2 + 60 + cancelled.len() as u64
    );
    assert_eq!(service.placed(), []);
}

#[actix_web::test]
async fn a_cancellation_takes_a_key_and_any_body() {
    let service = start();
    place(&service, "a", &order()).await;
    let tag = get(&service, "/orders/10001").await;
    let tag = tag.header("etag").expect("etag");
    let first = cancel(&service, 10_001, "\"c\"").await;
    assert_eq!(first.json()["status"], "cancelled");
    assert_replays(&cancel(&service, 10_001, "c").await, &first);
    cancel(&service, 10_001, "a b").await.problem(400);
    let known = get_with(&service, "/orders/10001", &[("If-None-Match", tag)]).await;
    assert_eq!((known.status, known.body), (200, first.body));

    let answer = send(service.addr(), "POST", "/orders/1/cancel", &[], "not JSON").await;
    assert_eq!(answer.status, 200);
}

#[actix_web::test]
async fn services_with_one_store_keep_the_same_orders() {
    let options = Options {
        store: Some(orders::Store::new()),
        ..Options::default()
    };
    let services = [(); 2].map(|()| orders::start(&options).expect("a free port"));
    let [one, other] = &services;
    let first = place(one, "a", &order()).await;
    assert_eq!(get(other, "/orders/10001").await.body, first.body);
    assert_replays(&place(other, "a", &order()).await, &first);
    assert_eq!(place(other, "b", &order()).await.json()["id"], 10_002);
    assert_eq!(cancel(other, 1, "").await.status, 200);
    assert_eq!(get(one, "/orders/1").await.json()["status"], "cancelled");
    assert_eq!((one.placed().len(), one.placed()), (2, other.placed()));
    assert_eq!(one.requests_of("POST", "/orders"), 1);

    // What is kept outlives the services.
    for service in services {
        service.stop(true).await;
    }
    let successor = orders::start(&options).expect("a free port");
    assert_replays(&place(&successor, "a", &order()).await, &first);

    let alone = start();
    get(&alone, "/orders/10001").await.problem(404);
    let other_records = orders::start(&Options {
        orders: 5,
        ..options
    });
    let kind = other_records.expect_err("other ids").kind();
    assert_eq!(kind, std::io::ErrorKind::InvalidInput);
}
