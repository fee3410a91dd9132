//! Requests that no client should send: every one is answered, none of them reaches a service.

use mock_services::raw;

use crate::helpers::{problem, spawn_app};

#[actix_web::test]
async fn what_no_client_should_send_is_refused_before_a_service_is_asked() {
    let app = spawn_app().await;
    let long = format!("/orders/{}", "1".repeat(3_000));
    let large = "x".repeat(20_000);
    let requests = [
        ("GET", "/orders/abc", 400, "invalidOrderId"),
        ("GET", "/orders/0", 400, "invalidOrderId"),
        ("GET", "/orders/01", 400, "invalidOrderId"),
        ("GET", "/orders/1%2f..%2f2", 400, "invalidOrderId"),
        ("GET", "/orders/9007199254740992", 400, "invalidOrderId"),
        ("GET", "/home/abc", 400, "invalidCustomerId"),
        ("GET", "/home/0", 400, "invalidCustomerId"),
        ("GET", "/home/056", 400, "invalidCustomerId"),
        ("GET", "/home/9007199254740992", 400, "invalidCustomerId"),
        ("GET", "/home", 404, "unknownPath"),
        ("GET", "/home/", 404, "unknownPath"),
        ("GET", "/orders/", 404, "unknownPath"),
        ("GET", "/orders/1/", 404, "unknownPath"),
        ("GET", "/livez", 404, "unknownPath"),
        ("GET", "/upstreams", 404, "unknownPath"),
        ("POST", "/orders/1", 405, "methodNotAllowed"),
        ("DELETE", "/openapi.json", 405, "methodNotAllowed"),
        ("GET", &*long, 414, "uriTooLong"),
    ];

    for (method, target, status, code) in requests {
        let answer = raw::send(app.addr, method, target, &[], "").await.unwrap();
        problem(&answer, status, code);
        let allow = (status == 405).then_some("GET, HEAD, OPTIONS");
        assert_eq!(answer.header("allow"), allow, "{method} {target}");
    }
    for (method, target, allow) in [
        ("DELETE", "/orders", "GET, HEAD, POST, OPTIONS"),
        ("PUT", "/orders", "GET, HEAD, POST, OPTIONS"),
        ("POST", "/home/56", "GET, HEAD, OPTIONS"),
        ("GET", "/orders/1/cancel", "POST, OPTIONS"),
        ("DELETE", "/orders/1/cancel", "POST, OPTIONS"),
    ] {
        let answer = raw::send(app.addr, method, target, &[], "").await.unwrap();
        problem(&answer, 405, "methodNotAllowed");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {target}");
    }
    let answer = raw::send(app.addr, "GET", "/orders/1", &[("X-Large", &large)], "")
        .await
        .unwrap();
    problem(&answer, 431, "headTooLarge");
    let answer = raw::exchange(
        app.addr,
        b"GET /orders/1 HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
    )
    .await
    .unwrap();
    problem(&answer, 400, "invalidHost");

    assert_eq!(app.asked(), (0, 0), "a request reached a service");
    assert_eq!(app.get("/orders/1").await.status, 200);
}
