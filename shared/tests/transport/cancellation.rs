//! Trap 10: a call whose future is dropped closes its connection and leaves nothing behind.

use std::pin::pin;
use std::rc::Rc;

use tokio::sync::Notify;

use super::calls::{Upstream, within};
use super::server::{RawServer, thing};

/// Begins a call to a server that sends `begun` and no more, drops it once that was sent, and looks for traces.
async fn dropping_leaves_nothing(begun: &'static str) {
    let sent = Rc::new(Notify::new());
    let has_sent = Rc::clone(&sent);
    let server = RawServer::start(async move |mut connection| {
        let id = connection.request().await.unwrap().id();
        if connection.number == 0 {
            connection.write(begun).await;
            has_sent.notify_one();
        } else {
            connection.write(thing(id)).await;
        }
        connection.until_closed().await;
    });
    // With a single place, a call that left something behind would leave none for the next.
    let upstream = Upstream::with(&server, |config| config.max_in_flight = 1);
    {
        let mut call = pin!(upstream.get(1));
        tokio::select! {
            outcome = &mut call => panic!("there is no whole answer: {outcome:?}"),
            () = sent.notified() => {}
        }
        assert_eq!(upstream.report()["inFlight"], 1);
        assert_eq!(upstream.report()["endpoints"][0]["inFlight"], 1);
    }
    assert_eq!(upstream.report()["inFlight"], 0);
    assert_eq!(upstream.report()["endpoints"][0]["inFlight"], 0);
    within(server.closed(1)).await;
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.connections(), 2);
}

#[actix_web::test]
async fn dropping_a_call_before_the_answer_closes_its_connection() {
    dropping_leaves_nothing("").await;
}

#[actix_web::test]
async fn dropping_a_call_within_the_head_closes_its_connection() {
    dropping_leaves_nothing("HTTP/1.1 200 OK\r\nContent-").await;
}

#[actix_web::test]
async fn dropping_a_call_within_the_body_closes_its_connection() {
    dropping_leaves_nothing("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"id").await;
    dropping_leaves_nothing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"id")
        .await;
}

#[actix_web::test]
async fn aborting_the_task_of_a_call_on_a_pooled_connection_closes_it() {
    let server = RawServer::start(async |mut connection| {
        while let Some(request) = connection.request().await {
            if request.id() != 2 {
                connection.write(thing(request.id())).await;
            }
        }
    });
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    let call = upstream.spawn_get(2);
    within(server.read(2)).await;
    assert_eq!(upstream.report()["inFlight"], 1);
    call.abort();
    assert!(within(call).await.unwrap_err().is_cancelled());
    within(server.closed(1)).await;
    assert_eq!(upstream.report()["inFlight"], 0);
    assert_eq!(upstream.get(3).await, Ok(3));
    assert_eq!(server.connections(), 2);
}
