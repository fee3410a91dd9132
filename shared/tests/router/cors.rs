//! Pages of other origins, where the server has CORS on.

use bff_shared::serve::Origin;

use crate::stack::{Service, Stack, request, stack_with};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn granting(service: &Service, methods: &[&str]) -> Stack {
    stack_with(&[service.addr], |setup| {
        let origin = Origin::parse("https://app.example").unwrap();
        setup.server.cors.allowed_origins = vec![origin];
        let methods = methods.iter().map(|method| method.parse().unwrap());
        setup.route.methods = methods.collect();
    })
}

#[actix_web::test]
async fn a_page_of_an_origin_that_is_allowed_may_read_what_is_passed_on() {
    let service = Service::answering(OK);
    let stack = granting(&service, &["GET"]);
    for (origin, granted) in [
        ("https://app.example", Some("https://app.example")),
        ("https://other.example", None),
    ] {
        let fields = format!("Origin: {origin}\r\n");
        let (head, _) = stack.exchange(request("GET", "7", &fields)).await;
        assert_eq!(head.field("access-control-allow-origin"), granted);
    }
}

#[actix_web::test]
async fn a_service_that_says_who_may_read_knows_better() {
    let service = Service::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\naccess-control-allow-origin: https://x\r\n\r\n",
    );
    let stack = granting(&service, &["GET"]);
    let fields = "Origin: https://app.example\r\n";
    let (head, _) = stack.exchange(request("GET", "7", fields)).await;
    assert_eq!(head.field("access-control-allow-origin"), Some("https://x"));
}

#[actix_web::test]
async fn a_preflight_is_answered_here_unless_options_is_the_services() {
    const FIELDS: &str = "Origin: https://app.example\r\nAccess-Control-Request-Method: DELETE\r\n";
    let service = Service::answering(OK);
    let stack = granting(&service, &["GET", "DELETE"]);
    let (head, _) = stack.exchange(request("OPTIONS", "7", FIELDS)).await;
    assert_eq!(head.status(), 204);
    assert_eq!(head.field("allow"), Some("GET, DELETE"));
    let methods = head.field("access-control-allow-methods");
    assert!(
        methods.is_some_and(|methods| methods.contains("DELETE")),
        "{head:?}"
    );
    assert_eq!(service.connections(), 0);
    let stack = granting(&service, &["GET", "OPTIONS"]);
    let (head, body) = stack.exchange(request("OPTIONS", "7", FIELDS)).await;
    assert_eq!((head.status(), &*body), (200, "ok"));
}
