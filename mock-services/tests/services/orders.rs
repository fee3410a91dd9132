use std::collections::BTreeSet;

use mock_services::{Options, Running, orders};
use serde_json::Value;

use crate::http::{Problem as _, get, get_with, send};

fn start(options: &Options) -> Running {
    orders::start(options).expect("a free port")
}

fn cents(amount: &Value) -> u64 {
    let text = amount.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    assert!(decimals.len() <= 2, "{text}");
    format!("{whole}{decimals:0<2}").parse().expect("an amount")
}

fn ids(page: &Value) -> Vec<u64> {
    let items = page["items"].as_array().expect("items");
    items
        .iter()
        .map(|order| order["id"].as_u64().expect("id"))
        .collect()
}

/// Every page of a list, from the first to the one without a cursor.
async fn walk(service: &Running, query: &str) -> Vec<u64> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = get(service, &format!("/orders?{query}{cursor}"))
            .await
            .json();
        let ids = ids(&page);
        assert!(
            !ids.is_empty() || cursor.is_empty(),
            "{cursor} led to nothing"
        );
        all.extend(ids);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

#[actix_web::test]
async fn order_1_is_the_one_of_the_contract() {
    let service = start(&Options {
        seed: 99,
        orders: 1,
        customers: 2,
        ..Options::default()
    });
    let answer = get(&service, "/orders/1").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("max-age=5"));
    assert_eq!(
        answer.body,
        r#"{"id":1,"description":"This is the order's description","customerId":56,"lines":[{"description":"item 1","price":3.5},{"description":"item 2","price":2}],"total":5.5}"#
    );
}

#[actix_web::test]
async fn totals_are_exact_and_optional_fields_come_and_go() {
    let service = start(&Options {
        customers: 30,
        ..Options::default()
    });
    let mut with = [0; 4];
    for id in 2..=300 {
        let order = get(&service, &format!("/orders/{id}")).await.json();
        assert_eq!(order["id"], id);
        let lines = order["lines"].as_array().expect("lines");
        let sum: u64 = lines
            .iter()
            .map(|line| cents(&line["price"]) * line["quantity"].as_u64().unwrap_or(1))
            .sum();
        assert_eq!(cents(&order["total"]), sum, "{order}");
        assert!((1..=30).contains(&order["customerId"].as_u64().expect("customer")));
        for (count, present) in with.iter_mut().zip([
            order.get("status").is_some(),
            order.get("placedAt").is_some(),
            order.get("currency").is_some(),
            lines.iter().all(|line| line.get("quantity").is_some()),
        ]) {
            *count += u32::from(present);
        }
    }
    assert!(
        with.iter().all(|count| (1..299).contains(count)),
        "{with:?}"
    );
}

#[actix_web::test]
async fn the_seed_decides_the_bytes() {
    let service = start(&Options::default());
    let again = start(&Options {
        orders: 500,
        ..Options::default()
    });
    let other = start(&Options {
        seed: 2,
        ..Options::default()
    });
    for id in 2..=100 {
        let target = format!("/orders/{id}");
        let body = get(&service, &target).await.body;
        assert_eq!(get(&again, &target).await.body, body);
        assert_ne!(get(&other, &target).await.body, body);
    }
}

#[actix_web::test]
async fn an_id_has_one_spelling() {
    let service = start(&Options::default());
    for id in [
        "0",
        "-1",
        "+1",
        "01",
        "1.0",
        "1e3",
        "x",
        "%20",
        "9007199254740992",
        "99999999999999999999",
    ] {
        let detail = get(&service, &format!("/orders/{id}")).await.problem(400);
        assert!(
            detail.starts_with("id must be a whole number from 1"),
            "{detail}"
        );
    }
    get(&service, "/orders/9007199254740991").await.problem(404);
    get(&service, "/orders/10001").await.problem(404);
    assert_eq!(get(&service, "/orders/10000").await.status, 200);
}

#[actix_web::test]
async fn paths_and_methods_it_does_not_have_are_problems() {
    let service = start(&Options::default());
    for path in [
        "/",
        "/orders/",
        "/orders/1/",
        "/orders/1/lines",
        "/customers/56",
        "/faults",
    ] {
        get(&service, path).await.problem(404);
    }
    for (method, path, allowed) in [
        ("PUT", "/orders", "GET, HEAD, POST"),
        ("POST", "/orders/1", "GET, HEAD"),
        ("GET", "/orders/1/cancel", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
    ] {
        let answer = send(service.addr(), method, path, &[], "{}").await;
        assert_eq!(answer.header("allow"), Some(allowed));
        answer.problem(405);
    }
}

#[actix_web::test]
async fn a_client_that_has_the_bytes_gets_none() {
    let service = start(&Options::default());
    for target in ["/orders/7", "/orders?limit=3"] {
        let answer = get(&service, target).await;
        let tag = answer.header("etag").expect("etag");
        assert!(
            tag.starts_with('"') && tag.ends_with('"'),
            "{tag} is not strong"
        );
        for known in [
            tag,
            "*",
            &format!("W/{tag}"),
            &format!("\"a,b\", {tag} ,\"c\""),
        ] {
            let answer = get_with(&service, target, &[("If-None-Match", known)]).await;
            assert_eq!((answer.status, answer.body.as_str()), (304, ""), "{known}");
            assert_eq!(answer.header("etag"), Some(tag));
            assert_eq!(answer.header("cache-control"), Some("max-age=5"));
        }
        let two = [("If-None-Match", "\"x\""), ("If-None-Match", tag)];
        assert_eq!(get_with(&service, target, &two).await.status, 304);
        for other in ["\"x\"", tag.trim_matches('"')] {
            assert_eq!(
                get_with(&service, target, &[("If-None-Match", other)])
                    .await
                    .status,
                200
            );
        }
    }
}

#[actix_web::test]
async fn head_is_get_without_the_body() {
    let service = start(&Options::default());
    for target in ["/orders/7", "/orders/0", "/orders/99999", "/orders"] {
        let full = get(&service, target).await;
        let head = send(service.addr(), "HEAD", target, &[], "").await;
        assert_eq!((head.status, head.body.as_str()), (full.status, ""));
        for name in ["content-length", "content-type", "etag", "cache-control"] {
            assert_eq!(head.header(name), full.header(name), "{name} of {target}");
        }
    }
}

#[actix_web::test]
async fn the_request_id_comes_back() {
    let service = start(&Options::default());
    for target in ["/orders/1", "/orders/0", "/nowhere"] {
        let answer = get_with(&service, target, &[("X-Request-Id", "abc-1")]).await;
        assert_eq!(answer.header("x-request-id"), Some("abc-1"));
        assert_eq!(get(&service, target).await.header("x-request-id"), None);
    }
}

#[actix_web::test]
async fn pages_show_every_order_once_the_newest_first() {
    let service = start(&Options {
        orders: 57,
        ..Options::default()
    });
    let newest_first: Vec<u64> = (1..=57).rev().collect();
    for limit in [1, 7, 19, 20, 57, 100] {
        assert_eq!(
            walk(&service, &format!("limit={limit}")).await,
            newest_first,
            "limit {limit}"
        );
    }
    assert_eq!(
        ids(&get(&service, "/orders").await.json()),
        newest_first[..20]
    );

    let empty = start(&Options {
        orders: 0,
        ..Options::default()
    });
    assert_eq!(
        get(&empty, "/orders").await.body,
        r#"{"items":[],"nextCursor":null}"#
    );
}

#[actix_web::test]
async fn filters_part_the_orders() {
    let service = start(&Options {
        orders: 200,
        customers: 60,
        ..Options::default()
    });
    let mut seen = BTreeSet::new();
    for customer in 1..=60 {
        let target = format!("/orders?limit=100&customerId={customer}");
        for order in get(&service, &target).await.json()["items"]
            .as_array()
            .expect("items")
        {
            assert_eq!(order["customerId"], customer);
            assert!(seen.insert(order["id"].as_u64().expect("id")));
        }
    }
    assert!(seen.into_iter().eq(1..=200));

    for status in ["placed", "paid", "shipped", "delivered", "cancelled"] {
        let page = get(&service, &format!("/orders?limit=100&status={status}"))
            .await
            .json();
        let items = page["items"].as_array().expect("items");
        assert!(!items.is_empty() && items.iter().all(|order| order["status"] == status));
    }

    let both = walk(&service, "limit=1&customerId=56&status=paid").await;
    let one_page = get(&service, "/orders?customerId=56&status=paid")
        .await
        .json();
    assert_eq!(both, ids(&one_page));
    let nobody = get(&service, "/orders?customerId=61").await;
    assert_eq!(nobody.body, r#"{"items":[],"nextCursor":null}"#);
}

#[actix_web::test]
async fn later_orders_were_placed_later() {
    let service = start(&Options::default());
    let page = get(&service, "/orders?limit=100").await.json();
    let times: Vec<&str> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|order| order["placedAt"].as_str())
        .collect();
    assert!(
        times.len() > 50 && times.is_sorted_by(|later, earlier| later > earlier),
        "{times:?}"
    );
}

#[actix_web::test]
async fn a_bad_parameter_is_named_with_what_is_allowed() {
    let service = start(&Options::default());
    for (query, name, allowed) in [
        ("limit=0", "limit", "from 1 to 100"),
        ("limit=101", "limit", "from 1 to 100"),
        ("limit=", "limit", "from 1 to 100"),
        ("limit=+5", "limit", "from 1 to 100"),
        ("limit=%2B5", "limit", "from 1 to 100"),
        ("limit=5&limit=6", "limit", "once"),
        ("customerId=0", "customerId", "from 1 to 9007199254740991"),
        ("customerId=x", "customerId", "from 1 to 9007199254740991"),
        (
            "status=lost",
            "status",
            "placed, paid, shipped, delivered, cancelled",
        ),
        (
            "status=Paid",
            "status",
            "placed, paid, shipped, delivered, cancelled",
        ),
        ("cursor=5", "cursor", "nextCursor"),
        ("cursor=", "cursor", "nextCursor"),
        ("cursor=+000000000000f", "cursor", "nextCursor"),
    ] {
        let detail = get(&service, &format!("/orders?{query}"))
            .await
            .problem(400);
        assert!(
            detail.starts_with(name) && detail.contains(allowed),
            "{query}: {detail}"
        );
    }
    assert_eq!(get(&service, "/orders?unheard=of").await.status, 200);
}

#[actix_web::test]
async fn what_records_may_be_used_for_can_be_said_otherwise() {
    let service = start(&Options {
        cache_control: Some("max-age=0, stale-if-error=600".to_owned()),
        etag: false,
        ..Options::default()
    });
    let answer = get(&service, "/orders/1").await;
    assert_eq!(
        answer.header("cache-control"),
        Some("max-age=0, stale-if-error=600")
    );
    assert_eq!(answer.header("etag"), None);
    let everything = [("If-None-Match", "*")];
    let again = get_with(&service, "/orders/1", &everything).await;
    assert_eq!((again.status, again.body), (200, answer.body));
    service.stop(true).await;

    let error = orders::start(&Options {
        cache_control: Some("a\nb".to_owned()),
        ..Options::default()
    });
    let kind = error.expect_err("no header").kind();
    assert_eq!(kind, std::io::ErrorKind::InvalidInput);
}
