//! Everything that only reads.

use serde_json::Value;

use crate::stack::{Client, ORIGIN};
use crate::twins::Twins;

const CLIENTS: [Client; 2] = [Client::Web, Client::Mobile];

/// Ids of which some are none, and some nobody has.
const IDS: [&str; 24] = [
    "0",
    "-1",
    "+1",
    "01",
    "1.5",
    "1e3",
    "0x1",
    "abc",
    "%31",
    "1%20",
    "%ff",
    "%00",
    "..",
    "1;v=2",
    "{id}",
    "*",
    "%EF%BC%91",
    "10001",
    "20000",
    "9007199254740991",
    "9007199254740992",
    "9223372036854775807",
    "9223372036854775808",
    "99999999999999999999",
];

/// Queries of lists that are in order.
const LISTS: [&str; 16] = [
    "",
    "?",
    "?limit=1",
    "?limit=20",
    "?limit=100",
    "?status=placed",
    "?status=paid",
    "?status=shipped",
    "?status=delivered",
    "?status=cancelled",
    "?customerId=56",
    "?customerId=56&status=delivered&limit=3",
    "?limit=7&status=paid",
    "?customerId=999999",
    "?customerId=9007199254740991",
    "?customerId=%35%36",
];

/// Queries that are not.
const BAD_LISTS: [&str; 16] = [
    "?limit=0",
    "?limit=101",
    "?limit=-1",
    "?limit=ten",
    "?limit=",
    "?status=unknown",
    "?status=Placed",
    "?status=",
    "?customerId=0",
    "?customerId=9007199254740992",
    "?customerId=x&limit=x&status=x",
    "?cursor=",
    "?cursor=nonsense",
    "?cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "?limit=1&limit=2",
    "?page=2",
];

pub(crate) async fn all(twins: &mut Twins) {
    for client in CLIENTS {
        records(twins, client).await;
        lists(twins, client).await;
        cursors(twins, client).await;
        http(twins, client).await;
    }
}

/// What is found by its id.
fn by_id(client: Client) -> [&'static str; 2] {
    match client {
        Client::Web => ["/orders", "/customers"],
        Client::Mobile => ["/orders", "/home"],
    }
}

async fn records(twins: &mut Twins, client: Client) {
    for path in by_id(client) {
        for id in (1..=40).chain([56, 1000, 9999, 10_000]) {
            twins.get(client, &format!("{path}/{id}")).await;
        }
        for id in IDS {
            twins.get(client, &format!("{path}/{id}")).await;
        }
        // From the cache, if anything is kept.
        twins.get(client, &format!("{path}/7")).await;
        twins.get(client, &format!("{path}/7?x=1")).await;
        twins.get_known(client, &format!("{path}/1")).await;
        for tag in ["*", "W/\"other\"", "\"a\", W/\"b\"", "nonsense"] {
            let headers = [("If-None-Match", tag)];
            twins.get_with(client, &format!("{path}/1"), &headers).await;
        }
    }
}

async fn lists(twins: &mut Twins, client: Client) {
    for query in LISTS {
        let answer = twins.get(client, &format!("/orders{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
    }
    for query in BAD_LISTS {
        let answer = twins.get(client, &format!("/orders{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
    }
    twins.get_known(client, "/orders?limit=5").await;
}

async fn cursors(twins: &mut Twins, client: Client) {
    // To the end of all that a customer has, by pages of different lengths.
    let mut limits = [1, 4, 2, 9].into_iter().cycle();
    let mut cursor = None::<String>;
    let mut pages = 0;
    loop {
        let limit = limits.next().unwrap_or(1);
        let rest = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
        let target = format!("/orders?customerId=56&limit={limit}{rest}");
        let page = twins.get(client, &target).await;
        pages += 1;
        cursor = next(&page.json());
        if cursor.is_none() {
            break;
        }
    }
    assert!(pages > 2, "{pages} pages");

    let first = twins.get(client, "/orders?limit=3").await.json();
    let second = next(&first).unwrap();
    let other = match client {
        Client::Web => Client::Mobile,
        Client::Mobile => Client::Web,
    };
    let tampered = format!("B{}", &second[1..]);
    for (client, query) in [
        (client, format!("cursor={second}")),
        (client, format!("cursor={second}&limit=100")),
        // Of another list, and of another BFF.
        (client, format!("cursor={second}&status=paid")),
        (client, format!("cursor={second}&customerId=56")),
        (other, format!("cursor={second}")),
        (client, format!("cursor={tampered}")),
        (client, format!("cursor={}", &second[..second.len() - 1])),
        (client, format!("cursor={second}{second}")),
    ] {
        twins.get(client, &format!("/orders?{query}")).await;
    }
}

fn next(page: &Value) -> Option<String> {
    page["nextCursor"].as_str().map(str::to_owned)
}

/// What is the server's alone, and what it makes of answers.
async fn http(twins: &mut Twins, client: Client) {
    let [orders, people] = by_id(client);
    let targets = [
        format!("{orders}/1"),
        format!("{people}/56"),
        "/orders?limit=100".to_owned(),
        "/orders/abc".to_owned(),
        "/openapi.json".to_owned(),
        "/nope".to_owned(),
    ];
    for target in &targets {
        twins.send(client, "HEAD", target, &[], "").await;
        for coding in ["gzip", "br", "zstd", "gzip;q=0.5, *;q=0", "identity;q=0"] {
            let headers = [("Accept-Encoding", coding)];
            twins.get_with(client, target, &headers).await;
        }
        for origin in [ORIGIN, "https://elsewhere.example", "null"] {
            twins.get_with(client, target, &[("Origin", origin)]).await;
            for method in ["GET", "POST", "DELETE"] {
                let headers = [
                    ("Origin", origin),
                    ("Access-Control-Request-Method", method),
                    (
                        "Access-Control-Request-Headers",
                        "content-type, idempotency-key",
                    ),
                ];
                twins.send(client, "OPTIONS", target, &headers, "").await;
            }
        }
        for method in ["OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"] {
            twins.send(client, method, target, &[], "").await;
        }
    }
    // That there is no such thing is remembered for a second: whether that is over must not make a difference here.
    for id in 20_001..20_003 {
        let target = format!("/orders/{id}");
        let method = ["GET", "HEAD"][id % 2];
        let headers = [("Origin", ORIGIN), ("Accept-Encoding", "gzip")];
        twins.send(client, method, &target, &headers, "").await;
    }
    for target in ["/docs", "/docs/", "/", "/orders/", "//orders/1", "/livez"] {
        twins.get(client, target).await;
    }
}
