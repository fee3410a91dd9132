//! Connections: how many there may be at once, and that none leaves anything behind.

use std::process::Command;
use std::time::Duration;

use tokio::time::sleep;

use crate::client::{get, in_time, post_head, request};
use crate::server::{patient, spawn};

#[actix_web::test]
async fn a_connection_too_many_is_served_when_another_ends() {
    let server = spawn(|config| config.max_connections = 2);
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    assert_eq!(first.exchange(get("/quick")).await.status, 200);
    second.send(get("/hang")).await;
    server.hands.begun(1).await;

    let mut third = server.connect().await;
    third.send(get("/hang")).await;
    // The two go on; the third is not looked at.
    for _ in 0..20 {
        assert_eq!(first.exchange(get("/quick")).await.status, 200);
    }
    assert_eq!(*server.hands.begun.borrow(), 1);
    first.close();

    server.hands.begun(2).await;
    server.release();
    assert_eq!(third.answer().await.status, 200);
    assert_eq!(second.answer().await.status, 200);
}

#[actix_web::test]
async fn connections_of_bad_clients_are_given_back() {
    let server = spawn(|config| config.max_connections = 2);
    for round in 0..10 {
        let mut malformed = server.connect().await;
        malformed.send("nonsense\r\n\r\n").await;
        malformed.closed().await;
        let mut panicking = server.connect().await;
        assert_eq!(panicking.exchange(get("/panic-later")).await.status, 500);
        panicking.reset();
        let mut unfinished = server.connect().await;
        unfinished.send(post_head("/bytes", 100)).await;
        unfinished.close();
        let mut waiting = server.connect().await;
        waiting.send(get("/hang")).await;
        server.hands.begun(round + 1).await;
        waiting.close();
        server.hands.ended(round + 1).await;
    }
    server.still_serves().await;
}

#[actix_web::test]
async fn health_is_answered_with_every_connection_in_use() {
    let server = spawn(|config| config.max_connections = 1);
    let mut only = server.connect().await;
    assert_eq!(only.exchange(get("/quick")).await.status, 200);

    let mut admin = crate::client::Client::connect(server.admin).await;

    assert_eq!(admin.exchange(get("/livez")).await.status, 200);
}

/// Descriptors belong to the whole process, so this is looked at in a process of its own.
#[test]
fn connections_leave_no_file_descriptor_behind() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "connections::five_hundred_connections_one_by_one",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[actix_web::test]
#[ignore = "run by another test, in a process of its own"]
async fn five_hundred_connections_one_by_one() {
    const SLACK: usize = 5;
    let server = patient();
    server.still_serves().await;
    let before = descriptors();

    for round in 0..100 {
        server.still_serves().await;
        let mut kept = server.connect().await;
        for target in ["/quick", "/panic-later", "/nothing"] {
            kept.exchange(get(target)).await;
        }
        kept.reset();
        let mut malformed = server.connect().await;
        malformed.send(request("GET", "not a target")).await;
        malformed.closed().await;
        let mut waiting = server.connect().await;
        waiting.send(get("/hang")).await;
        server.hands.begun(round + 1).await;
        waiting.close();
        let mut unread = server.connect().await;
        unread.send(get("/large")).await;
        unread.take(1000).await;
        unread.reset();
    }

    let all_closed = async {
        while descriptors() > before + SLACK {
            sleep(Duration::from_millis(10)).await;
        }
    };
    in_time(all_closed).await;
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
