//! The cursors of `GET /orders`: good for the list that they came with, and nothing else.

use actix_web::HttpResponse;
use bff_shared::domain::ServicesConfig;
use bff_shared::serve::Stop;
use mock_services::raw;
use serde_json::json;

use crate::helpers::{ANY_PORT, TestApp, blamed, endpoint, problem, service, spawn_with};

const SECRET: &str = "a secret of all instances";

async fn spawn() -> TestApp {
    spawn_with(|config| config.server.cursor_secret = Some(SECRET.to_owned())).await
}

async fn cursor(app: &TestApp, query: &str) -> String {
    let page = app.get(&format!("/orders?{query}")).await.json();
    page["nextCursor"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_cursor_of_another_list_is_told_before_a_service_is_asked() {
    let app = spawn().await;
    let cursors = [
        (cursor(&app, "limit=1").await, "customerId=56"),
        (cursor(&app, "limit=1").await, "status=placed"),
        (cursor(&app, "customerId=56&limit=1").await, "limit=1"),
        (cursor(&app, "customerId=56&limit=1").await, "customerId=57"),
        (
            cursor(&app, "customerId=56&limit=1").await,
            "customerId=56&status=placed",
        ),
        (
            cursor(&app, "customerId=56&status=placed&limit=1").await,
            "customerId=56&status=paid",
        ),
    ];
    let before = app.asked();

    for (cursor, query) in &cursors {
        let answer = app.get(&format!("/orders?cursor={cursor}&{query}")).await;
        let body = problem(&answer, 400, "invalidCursor");
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains("customerId and status"), "{detail}");
        assert!(
            detail.contains("Leave it out to begin with the first page"),
            "{detail}"
        );
    }

    assert_eq!(app.asked(), before);
}

#[actix_web::test]
async fn what_was_never_a_cursor_is_told_before_a_service_is_asked() {
    let app = spawn().await;
    let good = cursor(&app, "limit=1").await;
    let service_own = "0000000000270f";
    let (changed, shortened) = (format!("{good}A"), &good[..good.len() - 1]);
    let padded = format!("{good}%3D");
    let before = app.asked();

    for cursor in [
        "",
        "1",
        "x y",
        service_own,
        &changed,
        shortened,
        &padded,
        "%00",
        "%ff",
    ] {
        let cursor = cursor.replace(' ', "%20");
        let answer = app.get(&format!("/orders?cursor={cursor}")).await;
        problem(&answer, 400, "invalidCursor");
    }

    assert_eq!(app.asked(), before);
    let next = app.get(&format!("/orders?cursor={good}")).await;
    assert_eq!(next.json()["items"][0]["id"], 9_999);
}

#[actix_web::test]
async fn a_cursor_is_good_at_every_instance_with_the_same_secret_and_at_no_other() {
    let (one, other) = (spawn().await, spawn().await);
    let stranger = spawn_with(|_| {}).await;

    let cursor = cursor(&one, "limit=1").await;

    let target = format!("/orders?limit=1&cursor={cursor}");
    assert_eq!(other.get(&target).await.json()["items"][0]["id"], 9_999);
    problem(&stranger.get(&target).await, 400, "invalidCursor");
    assert_eq!(stranger.asked(), (0, 0));
}

#[actix_web::test]
async fn a_cursor_of_the_web_client_is_none_of_the_apps() {
    let app = spawn().await;
    let mut config = bff_web::Config::new(ServicesConfig::new(
        endpoint(&app.orders.url()),
        endpoint(&app.customers.url()),
    ));
    (
        config.server.listen,
        config.server.admin_listen,
        config.server.workers,
    ) = (ANY_PORT, ANY_PORT, 1);
    config.server.cursor_secret = Some(SECRET.to_owned());
    let web = bff_web::bind(config).unwrap();
    let web_addr = web.addr();
    actix_web::rt::spawn(web.run(std::future::pending::<Stop>()));
    let page = raw::get(web_addr, "/orders?limit=1").await.unwrap().json();
    let webs = page["nextCursor"].as_str().unwrap();
    let before = app.asked();

    let answer = app.get(&format!("/orders?limit=1&cursor={webs}")).await;

    problem(&answer, 400, "invalidCursor");
    assert_eq!(app.asked(), before);
}

#[actix_web::test]
async fn a_cursor_is_not_judged_where_its_list_is_not_known() {
    let app = spawn().await;

    let answer = app.get("/orders?cursor=invented&status=open").await;

    assert_eq!(blamed(&problem(&answer, 400, "invalidInput")), ["status"]);
}

#[actix_web::test]
async fn a_cursor_that_the_service_does_not_know_any_more_is_not_valid() {
    for status in [400, 422] {
        let orders = service(move |request| {
            if request.query_string().contains("cursor=") {
                let status = actix_web::http::StatusCode::from_u16(status).unwrap();
                return HttpResponse::build(status).finish();
            }
            HttpResponse::Ok().json(json!({ "items": [], "nextCursor": "a/b c" }))
        });
        let app = spawn_with(|config| config.services.orders.endpoints = vec![orders]).await;

        let cursor = cursor(&app, "limit=1").await;

        let answer = app.get(&format!("/orders?limit=1&cursor={cursor}")).await;
        problem(&answer, 400, "invalidCursor");
    }
}
