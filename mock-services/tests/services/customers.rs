use std::panic::{AssertUnwindSafe, catch_unwind};

use mock_services::{Options, Running, customers, fault::Fault, orders};
use serde_json::Value;

use crate::http::{Problem as _, get, get_with, send};

const JOHN: &str = r#"{"id":56,"name":"John Doe","email":"john@protonmail.com"}"#;

fn start(options: &Options) -> Running {
    customers::start(options).expect("a free port")
}

#[actix_web::test]
async fn customer_56_is_the_one_of_the_contract_however_few_there_are() {
    for count in [0, 10, 1_000] {
        let service = start(&Options {
            seed: count,
            customers: count,
            ..Options::default()
        });
        let answer = get(&service, "/customers/56").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, JOHN));
        assert_eq!(answer.header("cache-control"), Some("max-age=60"));
        get(&service, &format!("/customers/{}", count.max(56) + 1))
            .await
            .problem(404);
    }
}

#[actix_web::test]
async fn customers_keep_the_contract_and_the_seed() {
    let service = start(&Options::default());
    let again = start(&Options {
        orders: 1,
        customers: 300,
        ..Options::default()
    });
    let other = start(&Options {
        seed: 2,
        ..Options::default()
    });
    let mut with = [0; 3];
    for id in (1..=300).filter(|id| *id != 56) {
        let target = format!("/customers/{id}");
        let answer = get(&service, &target).await;
        assert_eq!(get(&again, &target).await.body, answer.body);
        assert_ne!(get(&other, &target).await.body, answer.body);

        let customer = answer.json();
        assert_eq!(customer["id"], id);
        assert!(
            customer["name"]
                .as_str()
                .is_some_and(|name| name.contains(' '))
        );
        assert!(
            customer["email"]
                .as_str()
                .is_some_and(|email| email.is_ascii() && email.contains('@'))
        );
        if let Some(address) = customer.get("address") {
            assert!(
                ["street", "postcode", "city"]
                    .iter()
                    .all(|field| address[field].is_string())
            );
            assert!(
                address["country"]
                    .as_str()
                    .is_some_and(|country| country.len() == 2)
            );
        }
        if let Some(tier) = customer.get("tier") {
            assert!(
                ["standard", "silver", "gold"]
                    .iter()
                    .any(|known| tier == known),
                "{tier}"
            );
        }
        for (count, field) in with.iter_mut().zip(["phone", "address", "tier"]) {
            *count += u32::from(customer.get(field).is_some());
        }
    }
    assert!(
        with.iter().all(|count| (1..299).contains(count)),
        "{with:?}"
    );
}

#[actix_web::test]
async fn many_come_in_the_order_asked_each_once_and_unknown_ones_not() {
    let service = start(&Options::default());
    let answer = get(&service, "/customers?ids=57,56,99999,57,1,56").await;
    assert_eq!(answer.header("cache-control"), Some("max-age=60"));
    let found: Vec<Value> = answer.json()["items"].as_array().expect("items").clone();
    let ids: Vec<&Value> = found.iter().map(|customer| &customer["id"]).collect();
    assert_eq!(ids, [57, 56, 1]);
    for customer in &found {
        let alone = get(&service, &format!("/customers/{}", customer["id"]))
            .await
            .json();
        assert_eq!(*customer, alone);
    }
    assert_eq!(
        get(&service, "/customers?ids=56").await.body,
        format!(r#"{{"items":[{JOHN}]}}"#)
    );
    assert_eq!(
        get(&service, "/customers?ids=99999").await.body,
        r#"{"items":[]}"#
    );

    let tag = answer.header("etag").expect("etag");
    let headers = [("If-None-Match", tag)];
    assert_eq!(
        get_with(&service, "/customers?ids=57,56,1", &headers)
            .await
            .status,
        304
    );
    assert_eq!(
        get_with(&service, "/customers?ids=56,57,1", &headers)
            .await
            .status,
        200
    );
    let head = send(service.addr(), "HEAD", "/customers?ids=56", &[], "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[actix_web::test]
async fn ids_that_are_none_are_refused() {
    let service = start(&Options::default());
    let list = |count: u64| {
        (1..=count)
            .map(|id| id.to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let most = get(&service, &format!("/customers?ids={}", list(100)))
        .await
        .json();
    assert_eq!(most["items"].as_array().expect("items").len(), 100);

    let too_many = format!("?ids={}", list(101));
    for query in [
        "",
        "?ids=",
        "?ids=1,",
        "?ids=1,,2",
        "?ids=a",
        "?ids=0",
        "?ids=1&ids=2",
        &too_many,
    ] {
        let detail = get(&service, &format!("/customers{query}"))
            .await
            .problem(400);
        assert!(detail.starts_with("ids"), "{query}: {detail}");
    }
    get(&service, "/customers/007").await.problem(400);
    get(&service, "/orders/1").await.problem(404);
}

#[actix_web::test]
async fn every_order_is_of_a_customer_who_exists() {
    for customers in [0, 20] {
        let options = Options {
            orders: 200,
            customers,
            ..Options::default()
        };
        let (orders, customers) = (
            orders::start(&options).expect("a free port"),
            start(&options),
        );
        let mut target = "/orders?limit=100".to_owned();
        loop {
            let page = get(&orders, &target).await.json();
            for order in page["items"].as_array().expect("items") {
                let customer = format!("/customers/{}", order["customerId"]);
                assert_eq!(get(&customers, &customer).await.status, 200, "{order}");
            }
            let Some(cursor) = page["nextCursor"].as_str() else {
                break;
            };
            target = format!("/orders?limit=100&cursor={cursor}");
        }
    }
}

#[actix_web::test]
async fn batches_can_be_switched_off() {
    for code in [404, 405, 501] {
        let service = start(&Options {
            no_batch: Some(code),
            ..Options::default()
        });
        for method in ["GET", "POST"] {
            let answer = send(service.addr(), method, "/customers?ids=56,1", &[], "").await;
            assert_eq!(answer.header("allow"), (code == 405).then_some(""));
            answer.problem(code);
        }
        assert_eq!(get(&service, "/customers/56").await.body, JOHN);
    }
    for code in [0, 200, 503] {
        let error = customers::start(&Options {
            no_batch: Some(code),
            ..Options::default()
        });
        let error = error.expect_err("no such status").to_string();
        assert_eq!(
            error,
            format!("no_batch must be 404, 405 or 501, not {code}")
        );
    }
}

#[actix_web::test]
async fn requests_are_counted_for_each_route() {
    let service = start(&Options {
        no_batch: Some(404),
        ..Options::default()
    });
    service.faults().set(vec![Fault::status(503).times(2)]);
    for target in [
        "/customers/56",
        "/customers/0",
        "/customers/99999?a=b",
        "/customers?ids=1",
        "/customers",
        "/healthz",
        "/customers/1/2",
    ] {
        get(&service, target).await;
    }
    send(service.addr(), "HEAD", "/customers/1", &[], "").await;
    send(service.addr(), "PUT", "/customers/1", &[], "").await;
    let counts = [
        ("GET", "/customers/{id}"),
        ("GET", "/customers"),
        ("HEAD", "/customers/{id}"),
        ("POST", "/customers/{id}"),
    ]
    .map(|(method, route)| service.requests_of(method, route));
    assert_eq!(counts, [3, 2, 1, 0]);
    assert_eq!(service.requests(), 8);
    assert_eq!(service.placed(), []);

    for (method, route) in [
        ("GET", "/customer"),
        ("GET", "/customers/1"),
        ("get", "/customers"),
    ] {
        let misspelt = catch_unwind(AssertUnwindSafe(|| service.requests_of(method, route)));
        assert!(misspelt.is_err(), "{method} {route}");
    }
}
