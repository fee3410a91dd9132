//! Trap 1: a 1xx answer is taken as final, and the real one is still to come on the socket.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::join_all;
use tokio::sync::Notify;

use super::calls::{Upstream, invalid, within};
use super::server::{Connection, RawServer, thing};

const EARLY_HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";

/// Answers the first request with `first`; if the connection is used again all the same, the next caller gets the
/// answer meant for the one before, and the use is counted.
async fn hint_then_betray(connection: &mut Connection, first: &str, id: u32, reused: &Cell<u32>) {
    connection.write(first).await;
    while connection.request().await.is_some() {
        reused.set(reused.get() + 1);
        connection.write(thing(id)).await;
    }
}

#[actix_web::test]
async fn any_1xx_answer_is_an_invalid_one() {
    for status in [
        "100 Continue",
        "101 Switching Protocols",
        "102 Processing",
        "103 Early Hints",
        "199 Unheard Of",
    ] {
        let server = RawServer::answering(move |request| {
            format!("HTTP/1.1 {status}\r\n\r\n{}", thing(request.id()))
        });
        let upstream = Upstream::of(&server);
        let detail = invalid(upstream.get(1).await);
        assert!(
            detail.contains(&status[..3]),
            "{detail} does not name {status}"
        );
    }
}

#[actix_web::test]
async fn the_answer_behind_a_103_in_the_same_packet_reaches_nobody() {
    let server = RawServer::start(async |mut connection| {
        let id = connection.request().await.unwrap().id();
        let first = if connection.number == 0 {
            EARLY_HINTS
        } else {
            ""
        };
        connection.write(format!("{first}{}", thing(id))).await;
        connection.until_closed().await;
    });
    let upstream = Upstream::of(&server);
    invalid(upstream.get(1).await);
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.connections(), 2);
}

#[actix_web::test]
async fn the_answer_that_follows_a_103_later_reaches_nobody() {
    let reused = Rc::new(Cell::new(0));
    let count = Rc::clone(&reused);
    let server = RawServer::start(async move |mut connection| {
        let id = connection.request().await.unwrap().id();
        if connection.number == 0 {
            hint_then_betray(&mut connection, EARLY_HINTS, id, &count).await;
        } else {
            connection.write(thing(id)).await;
            connection.until_closed().await;
        }
    });
    let upstream = Upstream::of(&server);
    invalid(upstream.get(1).await);
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(reused.get(), 0);
}

#[actix_web::test]
async fn the_socket_of_a_103_is_closed() {
    let server = RawServer::start(async |mut connection| {
        connection.request().await;
        connection.write(EARLY_HINTS).await;
        connection.until_closed().await;
    });
    let upstream = Upstream::of(&server);
    invalid(upstream.get(1).await);
    within(server.closed(1)).await;
    assert_eq!(server.requests().len(), 1);
}

#[actix_web::test]
async fn a_103_leaves_other_calls_in_flight_and_later_ones_alone() {
    let release = Rc::new(Notify::new());
    let hold = Rc::clone(&release);
    let server = RawServer::start(async move |mut connection| {
        while let Some(request) = connection.request().await {
            match request.id() {
                1 => {
                    hold.notified().await;
                    connection.write(thing(1)).await;
                }
                2 => {
                    connection.write(EARLY_HINTS).await;
                }
                id => {
                    connection.write(thing(id)).await;
                }
            }
        }
    });
    let upstream = Upstream::of(&server);
    let held = upstream.spawn_get(1);
    within(server.read(1)).await;
    invalid(upstream.get(2).await);
    assert!(!held.is_finished());
    release.notify_one();
    assert_eq!(within(held).await.unwrap(), Ok(1));
    assert_eq!(upstream.get(3).await, Ok(3));
}

/// Every third caller is answered 103 and 200 in one packet, every third 103 and 200 later, every third well.
fn treacherous_server(reused: &Rc<Cell<u32>>) -> RawServer {
    let reused = Rc::clone(reused);
    RawServer::start(async move |mut connection| {
        while let Some(request) = connection.request().await {
            let id = request.id();
            match id % 3 {
                0 => {
                    let both = format!("{EARLY_HINTS}{}", thing(id));
                    return hint_then_betray(&mut connection, &both, id, &reused).await;
                }
                1 => return hint_then_betray(&mut connection, EARLY_HINTS, id, &reused).await,
                _ => connection.write(thing(id)).await,
            };
        }
    })
}

#[actix_web::test]
async fn of_many_interleaved_callers_nobody_sees_anothers_answer() {
    let reused = Rc::new(Cell::new(0));
    let server = treacherous_server(&reused);
    let upstream = Upstream::of(&server);
    let callers = (0..60u32).map(|caller| {
        let upstream = upstream.clone();
        actix_rt::spawn(async move {
            for round in 0..15u32 {
                // Each caller meets all three kinds, each round another caller each kind.
                let id = caller * 1000 + round;
                let outcome = upstream.get(id).await;
                if id % 3 == 2 {
                    assert_eq!(outcome, Ok(id));
                } else {
                    invalid(outcome);
                }
            }
        })
    });
    for caller in within(join_all(callers)).await {
        caller.unwrap();
    }
    assert_eq!(reused.get(), 0, "a poisoned socket was used again");
}

/// Many calls in one task use up what tokio lets a task do at a time, so that some get to the pool late: after
/// another call's socket went bad.
#[actix_web::test]
async fn of_many_calls_joined_in_one_task_none_sees_anothers_answer() {
    let reused = Rc::new(Cell::new(0));
    let server = treacherous_server(&reused);
    let upstream = Upstream::of(&server);
    for round in 0..4 {
        let ids: Vec<u32> = (0..400).map(|number| round * 1000 + number).collect();
        let outcomes = join_all(ids.iter().map(|id| upstream.get(*id))).await;
        for (id, outcome) in ids.into_iter().zip(outcomes) {
            if let Ok(answered) = outcome {
                assert_eq!(answered, id, "{id} was given another's answer");
            }
            if id % 3 == 2 {
                assert_eq!(outcome, Ok(id));
            } else {
                invalid(outcome);
            }
        }
    }
    assert_eq!(reused.get(), 0, "a poisoned socket was used again");
}
