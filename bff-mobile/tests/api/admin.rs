//! The admin listener, and the binary's command that asks it.

use std::net::SocketAddr;
use std::time::Duration;

use bff_shared::serve::Stop;
use mock_services::raw;
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::helpers::{GUARD, spawn_app, spawn_with};

/// The exit code of `bff-mobile health` for this server, and what it prints.
async fn health(admin: SocketAddr) -> (Option<i32>, String) {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_bff-mobile"));
    command
        .env_clear()
        .arg("health")
        .env("BFF__ADMIN_LISTEN", admin.to_string());
    let output = spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[actix_web::test]
async fn a_server_that_serves_is_alive_and_ready_and_tells_of_its_upstreams() {
    let app = spawn_app().await;
    assert_eq!(app.get("/orders/1").await.status, 200);

    for (path, status) in [("/livez", "alive"), ("/readyz", "ready")] {
        let answer = raw::get(app.admin, path).await.unwrap();
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({ "status": status }))
        );
    }
    let report = raw::get(app.admin, "/upstreams").await.unwrap().json();
    for (n, (name, service)) in [("orders", &app.orders), ("customers", &app.customers)]
        .into_iter()
        .enumerate()
    {
        let upstream = &report["upstreams"][n];
        assert_eq!(
            (&upstream["name"], &upstream["inFlight"]),
            (&json!(name), &json!(0)),
            "{report}"
        );
        let endpoint = &upstream["endpoints"][0];
        assert_eq!(
            (&endpoint["address"], &endpoint["attempts"]),
            (&json!(service.url()), &json!(1)),
            "{report}"
        );
    }
    assert_eq!(health(app.admin).await, (Some(0), "ready\n".to_owned()));
}

#[actix_web::test]
async fn a_server_that_drains_is_not_ready_and_still_answers() {
    let app = spawn_with(|config| config.server.drain_delay = GUARD * 5).await;
    app.stop.send(Stop::Drain).unwrap();
    let drains = async {
        while raw::get(app.admin, "/readyz").await.unwrap().status != 503 {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(GUARD, drains)
        .await
        .expect("it is not ready any more");

    let answer = raw::exchange(app.addr, b"GET /orders/1 HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .unwrap();

    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    assert_eq!(health(app.admin).await, (Some(1), String::new()));
}
