//! The cursors of `GET /orders`: opaque, and good for the list alone that they were given with.

use serde_json::Value;

use crate::helpers::recorder::Recorder;
use crate::helpers::{TestApp, problem, spawn_app, spawn_over, spawn_with};
use crate::lists::ids;

/// The cursor to the next page of `target`.
async fn cursor(app: &TestApp, target: &str) -> String {
    let page = app.get(target).await.json();
    page["nextCursor"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn the_next_page_may_be_of_another_length() {
    let app = spawn_app().await;
    let cursor = cursor(&app, "/orders?status=paid&limit=2").await;

    let rest = app
        .get(&format!("/orders?limit=3&cursor={cursor}&status=paid"))
        .await
        .json();

    let all = app.get("/orders?status=paid&limit=5").await.json();
    assert_eq!(ids(&rest), ids(&all)[2..]);
}

#[actix_web::test]
async fn a_cursor_of_another_list_or_of_nobody_is_refused_before_a_service_is_asked() {
    let app = spawn_app().await;
    let all = cursor(&app, "/orders?limit=2").await;
    let paid = cursor(&app, "/orders?status=paid&limit=2").await;
    let of_56 = cursor(&app, "/orders?customerId=56&limit=2").await;
    let asked = app.asked();
    let mut changed = all.clone().into_bytes();
    let last = changed.last_mut().unwrap();
    *last = if *last == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    let targets = [
        format!("status=paid&cursor={all}"),
        format!("customerId=56&cursor={all}"),
        format!("cursor={paid}"),
        format!("status=placed&cursor={paid}"),
        format!("customerId=57&cursor={of_56}"),
        format!("customerId=56&status=paid&cursor={of_56}"),
        format!("cursor={changed}"),
        format!("cursor={}", &all[1..]),
        format!("cursor={all}A"),
        format!("cursor={all}%3D"),
        format!("cursor=%20{all}"),
        format!("cursor={}", "x".repeat(1_900)),
        // The order service's own.
        "cursor=0000000000270f".to_owned(),
        "cursor=9999".to_owned(),
        "cursor=2".to_owned(),
        "cursor=null".to_owned(),
        "cursor=".to_owned(),
        "cursor=%00%ff".to_owned(),
    ];

    for target in targets {
        let body = problem(
            &app.get(&format!("/orders?{target}")).await,
            400,
            "invalidCursor",
        );
        let detail = body["detail"].as_str().unwrap();
        assert!(
            detail.ends_with("Begin again without a cursor."),
            "{detail}"
        );
    }
    assert_eq!(app.asked(), asked);
}

#[actix_web::test]
async fn instances_with_the_same_secret_take_each_others_cursors() {
    const SECRET: &str = "a secret of both";
    let secret = |secret: Option<&str>| secret.map(str::to_owned);
    let app = spawn_with(|config| config.server.cursor_secret = secret(Some(SECRET))).await;
    let (orders, customers) = (app.orders.url(), app.customers.url());
    let cursor = cursor(&app, "/orders?limit=2").await;
    let target = format!("/orders?limit=2&cursor={cursor}");

    for (other, taken) in [
        (Some(SECRET), true),
        (Some("another secret..."), false),
        (None, false),
    ] {
        let bff = spawn_over(&[&orders], &[&customers], |config| {
            config.server.cursor_secret = secret(other);
        });
        let answer = bff.get(&target).await;
        if taken {
            assert_eq!(ids(&answer.json()), [9_998, 9_997]);
        } else {
            problem(&answer, 400, "invalidCursor");
        }
    }
}

#[actix_web::test]
async fn nobody_is_told_to_keep_a_page_whose_cursor_is_not_taken_any_more() {
    let app = spawn_app().await;
    let tag = |answer: &mock_services::raw::Answer| answer.header("etag").unwrap().to_owned();
    let before = app.get("/orders?limit=2").await;
    let last = app.get("/orders?customerId=56&limit=100").await;

    // As after a restart: with a secret of its own again.
    let again = spawn_over(&[&app.orders.url()], &[&app.customers.url()], |_| {});

    let known = [("If-None-Match", &*tag(&before))];
    let answer = again.get_with("/orders?limit=2", &known).await;
    assert_eq!(answer.status, 200);
    assert_ne!(answer.json()["nextCursor"], before.json()["nextCursor"]);
    let known = [("If-None-Match", &*tag(&last))];
    let answer = again
        .get_with("/orders?customerId=56&limit=100", &known)
        .await;
    assert_eq!(answer.status, 304, "without a cursor nothing has changed");
}

#[actix_web::test]
async fn a_cursor_that_the_order_service_has_forgotten_is_refused_alike() {
    let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
    let bff = spawn_over(&[&orders.url()], &[&customers.url()], |_| {});
    orders.say("200 OK", &[], r#"{"items":[],"nextCursor":"a b&c=d"}"#);
    let page = bff.get("/orders").await.json();
    let next = page["nextCursor"].as_str().unwrap();
    assert!(
        orders.last().0.starts_with("GET /orders?limit=20 "),
        "the default is sent on"
    );

    for status in ["400 Bad Request", "422 Unprocessable Content"] {
        orders.say(status, &[], r#"{"detail":"the cursor is too old"}"#);
        let answer = bff.get(&format!("/orders?cursor={next}")).await;
        problem(&answer, 400, "invalidCursor");
    }
    let head = orders.last().0;
    assert!(
        head.starts_with("GET /orders?limit=20&cursor=a+b%26c%3Dd "),
        "{head}"
    );
    // Without a cursor nothing of what is sent can be to blame on the client.
    problem(
        &bff.get("/orders?limit=7").await,
        502,
        "upstreamInvalidResponse",
    );
}

#[actix_web::test]
async fn an_empty_page_may_have_a_next_one_and_an_empty_cursor_is_none() {
    let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
    let bff = spawn_over(&[&orders.url()], &[&customers.url()], |_| {});

    for (body, is_last) in [
        (r#"{"items":[],"nextCursor":"x"}"#, false),
        (r#"{"items":[],"nextCursor":""}"#, true),
        (r#"{"items":[],"nextCursor":null}"#, true),
        (r#"{"items":[]}"#, true),
    ] {
        orders.say("200 OK", &[("Cache-Control", "no-store")], body);
        let page = bff.get("/orders").await.json();
        assert_eq!(page["nextCursor"] == Value::Null, is_last, "{body}: {page}");
    }
}

#[actix_web::test]
async fn every_worker_thread_takes_the_cursors_of_the_others() {
    let app = spawn_with(|config| config.server.workers = 3).await;

    let mut cursor = cursor(&app, "/orders?limit=1").await;
    // Each request has a connection of its own: the threads take turns.
    for expected in (9_988..10_000).rev() {
        let page = app.get(&format!("/orders?limit=1&cursor={cursor}")).await;
        let page = page.json();
        assert_eq!(ids(&page), [expected]);
        page["nextCursor"].as_str().unwrap().clone_into(&mut cursor);
    }
}
