//! Routes that panic.

use crate::client::{get, request};
use crate::server::{SECRET, patient, problem};

const PANICS: [&str; 2] = ["/panic", "/panic-later"];

#[actix_web::test]
async fn a_panic_is_a_500_that_tells_nothing() {
    let server = patient();
    for target in PANICS {
        let answer = server.get(target).await;

        problem(&answer, 500, "internal");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert!(answer.header("content-security-policy").is_some());
        let whole = format!("{answer:?}");
        assert!(
            !whole.contains(SECRET) && !whole.contains("panic"),
            "{whole}"
        );
    }
}

#[actix_web::test]
async fn a_panic_keeps_the_request_id_of_its_caller() {
    let server = patient();
    for target in PANICS {
        let request = get(target).replace("\r\n\r\n", "\r\nX-Request-Id: mine-1\r\n\r\n");

        let answer = server.connect().await.exchange(request).await;

        let body = problem(&answer, 500, "internal");
        assert_eq!(body["requestId"], "mine-1");
    }
}

#[actix_web::test]
async fn after_a_panic_the_same_connection_is_served() {
    let server = patient();
    let mut client = server.connect().await;
    for _ in 0..20 {
        for target in PANICS {
            problem(&client.exchange(get(target)).await, 500, "internal");
        }
        assert_eq!(client.exchange(get("/quick")).await.status, 200);
    }
}

#[actix_web::test]
async fn a_panic_leaves_what_is_in_work_beside_it_alone() {
    let server = patient();
    let mut waiting = server.connect().await;
    waiting.send(get("/hang")).await;
    server.hands.begun(1).await;

    for target in PANICS {
        problem(&server.get(target).await, 500, "internal");
    }
    server.release();

    assert_eq!(waiting.answer().await.status, 200);
    server.still_serves().await;
}

#[actix_web::test]
async fn a_panic_in_a_pipeline_is_answered_in_its_place() {
    let server = patient();
    let mut client = server.connect().await;
    client
        .send(get("/later/1") + &get("/panic-later") + &get("/panic") + &get("/later/2"))
        .await;

    assert_eq!(client.answer().await.json()["later"], "1");
    problem(&client.answer().await, 500, "internal");
    problem(&client.answer().await, 500, "internal");
    assert_eq!(client.answer().await.json()["later"], "2");
}

#[actix_web::test]
async fn a_panic_for_head_has_no_body() {
    let server = patient();
    let mut client = server.connect().await;
    for target in PANICS {
        client.send(request("HEAD", target)).await;
        assert_eq!(client.answer_to_head().await.status, 500);
        assert_eq!(client.exchange(get("/quick")).await.status, 200);
    }
}
