//! Trap 1: awc takes a 1xx answer as final, and the real one is still to come on the socket.
//!
//! Interim answers are left out as RFC 9110 has it (section 15.2), `101` apart.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::join_all;

use super::calls::{Upstream, invalid, within};
use super::server::{Connection, RawServer, thing};

const EARLY_HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\n";

#[actix_web::test]
async fn interim_answers_are_left_out_and_their_socket_is_used_on() {
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 199 Unheard Of\r\n\r\n",
        "HTTP/1.1 103\r\n\r\n",
        "HTTP/1.1 103 \r\nContent-Length: 100\r\n\r\n",
        "HTTP/1.1 103 Early Hints\nLink: </a>\n\n",
        "HTTP/1.0 100 Continue\r\n\r\n",
        EARLY_HINTS,
    ] {
        for times in [1, 2, 7] {
            let before = interim.repeat(times);
            let server =
                RawServer::answering(move |request| format!("{before}{}", thing(request.id())));
            let upstream = Upstream::of(&server);
            for id in 1..4 {
                assert_eq!(upstream.get(id).await, Ok(id), "{times} times {interim:?}");
            }
            assert_eq!(server.connections(), 1, "{interim:?}");
        }
    }
}

#[actix_web::test]
async fn an_interim_answer_may_come_in_any_pieces() {
    let whole = format!("HTTP/1.1 100 Continue\r\n\r\n{EARLY_HINTS}{}", thing(1));
    for cut in 1..whole.len() {
        let (first, second) = whole.split_at(cut);
        let (first, second) = (first.to_owned(), second.to_owned());
        let server = RawServer::start(async move |mut connection| {
            connection.request().await;
            connection.write(&first).await;
            // The first piece arrives by itself or not: both have to do.
            tokio::task::yield_now().await;
            connection.write(&second).await;
            connection.until_closed().await;
        });
        let upstream = Upstream::of(&server);
        assert_eq!(upstream.get(1).await, Ok(1), "cut at {cut}");
    }
}

#[actix_web::test]
async fn an_interim_answer_may_come_a_byte_at_a_time() {
    let server = RawServer::start(async |mut connection| {
        while let Some(request) = connection.request().await {
            let whole = format!("{EARLY_HINTS}{}", thing(request.id()));
            for byte in whole.as_bytes() {
                connection.write([*byte]).await;
                tokio::task::yield_now().await;
            }
        }
    });
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn what_only_begins_like_an_interim_answer_is_no_http() {
    for first in [
        "HTTP/1.1 1\r\n\r\n",
        "HTTP/1.1 10\r\n\r\n",
        "HTTP/1.1 1033 Odd\r\n\r\n",
        "HTTP/1.1 1x3 Odd\r\n\r\n",
        "HTTP/1.2 103 Odd\r\n\r\n",
        "http/1.1 103 odd\r\n\r\n",
        " HTTP/1.1 103 Odd\r\n\r\n",
    ] {
        let server = RawServer::answering(move |request| format!("{first}{}", thing(request.id())));
        let upstream = Upstream::of(&server);
        let detail = invalid(upstream.get(1).await);
        assert!(!detail.is_empty(), "{first:?}");
        assert_eq!(server.requests().len(), 1, "{first:?}");
    }
}

#[actix_web::test]
async fn interim_answers_without_end_are_refused() {
    let server = RawServer::start(async |mut connection| {
        connection.request().await;
        while connection.write(EARLY_HINTS).await {}
    });
    let upstream = Upstream::of(&server);
    let detail = invalid(upstream.get(1).await);
    assert!(detail.contains("64 KiB"), "{detail}");
}

#[actix_web::test]
async fn an_interim_head_without_end_is_refused() {
    let server = RawServer::start(async |mut connection| {
        connection.request().await;
        connection.write("HTTP/1.1 103 Early Hints\r\n").await;
        while connection.write("Link: </style.css>\r\n").await {}
    });
    let upstream = Upstream::of(&server);
    let detail = invalid(upstream.get(1).await);
    assert!(detail.contains("64 KiB"), "{detail}");
}

#[actix_web::test]
async fn a_connection_that_ends_after_an_interim_answer_has_answered_nothing() {
    for bytes in [
        EARLY_HINTS,
        "HTTP/1.1 103 Early Hints\r\nLink:",
        "HTTP/1.1 1",
    ] {
        let server = RawServer::sending_and_closing(bytes);
        let upstream = Upstream::of(&server);
        let detail = invalid(upstream.get(1).await);
        assert!(!detail.is_empty(), "{bytes:?}");
    }
}

#[actix_web::test]
async fn a_switch_of_protocols_nobody_asked_for_is_invalid_and_its_socket_is_closed() {
    for first in [SWITCHING.to_owned(), format!("{EARLY_HINTS}{SWITCHING}")] {
        let server = RawServer::start(async move |mut connection| {
            let id = connection.request().await.unwrap().id();
            if connection.number == 0 {
                connection.write(format!("{first}{}", thing(id))).await;
            } else {
                connection.write(thing(id)).await;
            }
            connection.until_closed().await;
        });
        let upstream = Upstream::of(&server);
        let detail = invalid(upstream.get(1).await);
        assert!(detail.contains("101"), "{detail}");
        within(server.closed(1)).await;
        assert_eq!(upstream.get(2).await, Ok(2));
        assert_eq!(server.connections(), 2);
    }
}

/// Switches protocols; if the connection is used again all the same, the next caller gets the answer meant for the
/// one before, and the use is counted.
async fn switch_then_betray(connection: &mut Connection, first: &str, id: u32, reused: &Cell<u32>) {
    connection.write(first).await;
    while connection.request().await.is_some() {
        reused.set(reused.get() + 1);
        connection.write(thing(id)).await;
    }
}

/// Of five callers one is answered 101 and 200 in one packet, one 101 and 200 later, one 103 and 200 in one packet, one
/// 103 and 200 later, and one well.
fn treacherous_server(reused: &Rc<Cell<u32>>) -> RawServer {
    let reused = Rc::clone(reused);
    RawServer::start(async move |mut connection| {
        while let Some(request) = connection.request().await {
            let id = request.id();
            match id % 5 {
                0 => {
                    let both = format!("{SWITCHING}{}", thing(id));
                    return switch_then_betray(&mut connection, &both, id, &reused).await;
                }
                1 => return switch_then_betray(&mut connection, SWITCHING, id, &reused).await,
                2 => {
                    let both = format!("{EARLY_HINTS}{}", thing(id));
                    connection.write(both).await;
                }
                3 => {
                    connection.write(EARLY_HINTS).await;
                    tokio::task::yield_now().await;
                    connection.write(thing(id)).await;
                }
                _ => {
                    connection.write(thing(id)).await;
                }
            }
        }
    })
}

#[track_caller]
fn assert_own(id: u32, outcome: Result<u32, bff_shared::upstream::Error>) {
    if id % 5 > 1 {
        assert_eq!(outcome, Ok(id));
    } else {
        invalid(outcome);
    }
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
                // Each caller meets all kinds, each round another caller each kind.
                let id = caller * 1000 + caller + round;
                assert_own(id, upstream.get(id).await);
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
            assert_own(id, outcome);
        }
    }
    assert_eq!(reused.get(), 0, "a poisoned socket was used again");
}
