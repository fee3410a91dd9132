//! Whatever bytes a server sends, a call ends without a panic, and the next caller gets its own answer.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bff_shared::upstream::{Context, Deadline, ErrorKind, Instant, Request};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::Value;
use tokio::sync::Notify;

use super::calls::{Upstream, within};
use super::server::{RawServer, chunked, json, thing, thing_body};

/// What the server does at the next request.
#[derive(Debug, Clone)]
struct Answer {
    pieces: Vec<Vec<u8>>,
    then: Then,
}

#[derive(Debug, Clone, Copy)]
enum Then {
    KeepOpen,
    Close,
    Reset,
}

/// Pieces of answers: in some order they are one, in most they are not.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let fixed = prop::sample::select(vec![
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n",
        "HTTP/1.1 204 No Content\r\n",
        "HTTP/1.1 404 Not Found\r\n",
        "Content-Length: 8\r\n",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Content-Encoding: gzip\r\n",
        "Connection: close\r\n",
        "Upgrade: websocket\r\n",
        "Cache-Control: max-age=60, x=\"\r\n",
        "Expires: 0\r\n",
        "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        "Set-Cookie: a=b\r\n",
        "\r\n",
        "{\"id\":1}",
        "8\r\n{\"id\":1}\r\n",
        "0\r\n\r\n",
        "ffffffffffffffff\r\n",
    ]);
    prop_oneof![
        8 => fixed.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

/// A good answer, cut off somewhere and with a byte changed, perhaps.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop::sample::select(vec![
        thing(1),
        chunked(&["{\"id\"", ":1}"]),
        json("HTTP/1.1 200 OK", "Connection: close\r\n", &thing_body(1)),
    ]);
    let change = prop::option::of((any::<prop::sample::Index>(), any::<u8>()));
    (
        whole,
        prop::option::of(any::<prop::sample::Index>()),
        change,
    )
        .prop_map(|(whole, cut, change)| {
            let mut bytes = whole.into_bytes();
            if let Some((place, byte)) = change {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        })
}

/// The headers that say how long an answer holds and when to come back, with whatever in them.
fn said_of_time() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec![
        "Age",
        "Cache-Control",
        "Date",
        "ETag",
        "Expires",
        "Last-Modified",
        "Retry-After",
        "Set-Cookie",
        "Vary",
    ]);
    let piece = prop::sample::select(vec![
        "max-age",
        "no-store",
        "private",
        "=",
        "\"",
        "\\",
        ",",
        " ",
        "*",
        "-",
        "0",
        "60",
        "99999999999999999999",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ]);
    let value = prop_oneof![
        3 => prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat().into_bytes()),
        // Every byte that a value may hold.
        1 => prop::collection::vec(b' '..=255, 0..40).prop_map(|mut bytes| {
            bytes.retain(|byte| *byte != 127);
            bytes
        }),
    ];
    let field = (name, value)
        .prop_map(|(name, value)| [name.as_bytes(), b": ", &value[..], b"\r\n"].concat());
    prop::collection::vec(field, 0..8).prop_map(|fields| fields.concat())
}

fn answer() -> impl Strategy<Value = Answer> {
    let pieces = prop_oneof![
        prop::collection::vec(fragment(), 0..8),
        damaged().prop_map(|bytes| vec![bytes]),
        damaged().prop_map(|bytes| bytes.into_iter().map(|byte| vec![byte]).collect()),
        prop::collection::vec(any::<u8>(), 0..2000).prop_map(|bytes| vec![bytes]),
    ];
    let then = prop::sample::select(vec![Then::KeepOpen, Then::Close, Then::Close, Then::Reset]);
    (pieces, then).prop_map(|(pieces, then)| Answer { pieces, then })
}

#[test]
fn any_bytes_at_all_end_in_an_outcome_and_reach_only_the_caller_they_were_meant_for() {
    let system = actix_rt::System::new();
    let next = Rc::new(RefCell::new(None::<Answer>));
    let done = Rc::new(Notify::new());
    let (upstream, bystander, _servers) = system.block_on(async {
        let server = treacherous_server(&next, &done);
        let other = RawServer::answering(|request| thing(request.id()));
        (Upstream::of(&server), Upstream::of(&other), [server, other])
    });
    let config = Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&answer(), |answer| {
        next.replace(Some(answer));
        system.block_on(async {
            // The time is for answers whose rest never comes.
            let soon = Deadline::after(Instant::now(), Duration::from_millis(50));
            let request = Request::get("/things/1");
            _ = upstream
                .call(&Context::new(soon), request, |response| {
                    response.json::<Value>()
                })
                .await;
            // Unless that call ended before the server knew of it, all the answer's bytes are on their way, and by
            // the time another call is through they have been noticed.
            if next.take().is_none() {
                within(done.notified()).await;
            }
            assert_eq!(bystander.get(3).await, Ok(3));
            prop_assert_eq!(upstream.get(2).await, Ok(2));
            Ok::<(), TestCaseError>(())
        })
    });
    assert!(outcome.is_ok(), "{outcome:?}");
}

/// Gives the `next` answer if there is one, and tells when it is `done`; otherwise answers well.
fn treacherous_server(next: &Rc<RefCell<Option<Answer>>>, done: &Rc<Notify>) -> RawServer {
    let (next, done) = (Rc::clone(next), Rc::clone(done));
    RawServer::start(async move |mut connection| {
        while let Some(request) = connection.request().await {
            let answer = next.borrow_mut().take();
            let Some(answer) = answer else {
                connection.write(thing(request.id())).await;
                continue;
            };
            for piece in &answer.pieces {
                connection.write(piece).await;
                tokio::task::yield_now().await;
            }
            match answer.then {
                Then::KeepOpen => done.notify_one(),
                Then::Close => {
                    drop(connection);
                    return done.notify_one();
                }
                Then::Reset => {
                    connection.reset();
                    return done.notify_one();
                }
            }
        }
    })
}

#[test]
fn nothing_that_is_said_of_time_turns_an_answer_into_another() {
    let system = actix_rt::System::new();
    let next = Rc::new(RefCell::new(("200 OK", Vec::new())));
    let (upstream, server) = system.block_on(async {
        let next = Rc::clone(&next);
        let server = RawServer::answering(move |request| {
            let (status, fields) = &*next.borrow();
            let body = thing_body(request.id());
            let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
            let line = format!("HTTP/1.1 {status}\r\n");
            [line.as_bytes(), fields, length.as_bytes()].concat()
        });
        (Upstream::of(&server), server)
    });
    let config = Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&(said_of_time(), 1..u32::MAX), |(fields, id)| {
        system.block_on(async {
            next.replace(("200 OK", fields.clone()));
            prop_assert_eq!(upstream.get(id).await, Ok(id));
            next.replace(("404 Not Found", fields));
            let error = upstream.get(id).await.unwrap_err();
            prop_assert_eq!(error.kind(), ErrorKind::NotFound);
            Ok::<(), TestCaseError>(())
        })
    });
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(server.connections(), 1, "every answer was whole");
}
