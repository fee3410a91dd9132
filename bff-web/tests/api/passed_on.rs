//! A route of the settings, in the binary: what it answers, and what it leaves in the log.

use mock_services::{Options, customers, orders, raw};

use crate::helpers::binary::{Program, run};
use crate::helpers::kill;

const ROUTE: [(&str, &str); 3] = [
    ("BFF__ROUTES__ORDERS__PREFIX", "/services/orders/"),
    ("BFF__ROUTES__ORDERS__UPSTREAM", "orders"),
    ("BFF__ROUTES__ORDERS__TARGET_PREFIX", "/orders/"),
];

#[actix_web::test]
async fn a_route_answers_as_the_service_does_and_its_line_names_both() {
    let orders = orders::start(&Options::default()).unwrap();
    let customers = customers::start(&Options::default()).unwrap();
    let program = Program::serve(&orders.url(), &customers.url(), &ROUTE).await;
    let own = raw::get(orders.addr(), "/orders/1").await.unwrap();
    let passed_on = program.get("/services/orders/1?secret=1").await;
    assert_eq!((passed_on.status, &passed_on.body), (own.status, &own.body));
    let none = program.get("/services/orders/10001").await;
    assert_eq!(none.status, 404, "the service's own");
    let refused = raw::send(program.addr, "PUT", "/services/orders/1", &[], "")
        .await
        .unwrap();
    assert_eq!(
        (refused.status, refused.header("allow")),
        (405, Some("GET, HEAD"))
    );
    kill(orders).await;
    assert_eq!(program.get("/services/orders/1").await.status, 503);
    assert_eq!(
        program.get("/orders/1").await.status,
        503,
        "composed as well"
    );

    program.signal("TERM");
    let (_, lines) = program.end().await;
    let lines: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains(" access "))
        .collect();
    assert_eq!(lines.len(), 5, "{lines:#?}");
    for (line, status, sources) in [
        (lines[0], 200, " sources=orders:passedOn:"),
        (lines[1], 404, " sources=orders:passedOn:"),
        (lines[2], 405, " sources=-"),
        (lines[3], 503, " sources=orders:failed(unavailable: "),
    ] {
        assert!(
            line.contains(&format!(" route=/services/orders/* status={status} ")),
            "{line}"
        );
        assert!(line.contains(sources), "{line}");
        assert!(!line.contains("secret"), "{line}");
    }
}

#[actix_web::test]
async fn routes_that_lead_nowhere_or_across_our_own_paths_are_found_by_check_config() {
    let fine = run(&["check-config"], &ROUTE).await;
    assert_eq!(fine.code, Some(0), "{}", fine.stderr);
    for (prefix, upstream, said) in [
        (
            "/services/",
            "stock",
            "there is no such upstream, but orders, customers",
        ),
        (
            "/orders/",
            "orders",
            "overlaps with /orders/{id}, a path of this server's own",
        ),
        (
            "/docs/",
            "orders",
            "overlaps with /docs/{file:.*}, a path of this server's own",
        ),
    ] {
        let variables = [
            ("BFF__ROUTES__X__PREFIX", prefix),
            ("BFF__ROUTES__X__UPSTREAM", upstream),
        ];
        let wrong = run(&["check-config"], &variables).await;
        assert_eq!(wrong.code, Some(2));
        assert!(wrong.stderr.contains(said), "{}", wrong.stderr);
        assert!(
            wrong.stderr.starts_with("1 setting is wrong:"),
            "{}",
            wrong.stderr
        );
    }
}
