//! Trap 2: bodies that are not whole, and where one answer ends and the next begins.

use std::cell::Cell;
use std::rc::Rc;

use bff_shared::upstream::{ErrorKind, Request};
use http::{Method, StatusCode};

use super::calls::{Upstream, invalid, outcome_of};
use super::server::{RawServer, chunked, json, thing, thing_body};

#[actix_web::test]
async fn a_body_shorter_than_its_content_length_is_refused() {
    let whole = thing(1);
    let body = thing_body(1).len();
    for missing in 1..=body {
        let cut = whole[..whole.len() - missing].to_owned();
        let detail = invalid(outcome_of(cut).await);
        assert!(detail.contains("cut short"), "{missing} missing: {detail}");
    }
}

#[actix_web::test]
async fn a_body_cut_short_by_a_reset_is_refused() {
    let server = RawServer::start(async |mut connection| {
        connection.request().await;
        connection
            .write("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"id\":1}")
            .await;
        connection.reset();
    });
    invalid(Upstream::of(&server).get(1).await);
}

#[actix_web::test]
async fn a_chunked_body_cut_anywhere_is_refused_though_its_json_may_be_whole() {
    let whole = chunked(&[r#"{"id":"#, "1}", "              "]);
    let head = whole.find("\r\n\r\n").unwrap() + 4;
    // Cuts in size lines, in data, between chunks, before and in the last chunk.
    for end in head..whole.len() {
        let detail = invalid(outcome_of(whole[..end].to_owned()).await);
        assert!(
            detail.contains("cut short"),
            "{:?}: {detail}",
            &whole[head..end]
        );
    }
}

#[actix_web::test]
async fn a_chunked_body_with_a_broken_chunk_is_refused() {
    for chunks in [
        "8\r\n{\"id\":1}x\r\n0\r\n\r\n",
        "zz\r\n{\"id\":1}\r\n0\r\n\r\n",
        "8{\"id\":1}\r\n0\r\n\r\n",
        "-8\r\n{\"id\":1}\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n{\"id\":1}\r\n0\r\n\r\n",
        "7\r\n{\"id\":1}\r\n0\r\n\r\n",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        invalid(outcome_of(answer).await);
    }
}

#[actix_web::test]
async fn a_body_delimited_by_the_end_of_the_connection_is_refused_by_name() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        // HTTP/1.0 has no chunks: what it calls so ends with the connection.
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let detail = invalid(outcome_of(format!("{head}{}", thing_body(1))).await);
        assert!(
            detail.contains("delimited by closing the connection"),
            "{head}{detail}"
        );
    }
}

/// The head comes first, the body only when the next call is there: on the same connection, if that is used again.
#[actix_web::test]
async fn a_late_body_that_awc_does_not_wait_for_never_reaches_the_next_caller() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        "HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nContent-Length: 50\r\n\r\n",
    ] {
        let reused = Rc::new(Cell::new(0));
        let count = Rc::clone(&reused);
        let server = RawServer::start(async move |mut connection| {
            let id = connection.request().await.unwrap().id();
            if connection.number == 0 {
                connection.write(head).await;
                while connection.request().await.is_some() {
                    count.set(count.get() + 1);
                    // The body happens to read like an answer.
                    connection.write(thing(id)).await;
                }
            } else {
                connection.write(thing(id)).await;
                connection.until_closed().await;
            }
        });
        let upstream = Upstream::of(&server);
        invalid(upstream.get(1).await);
        assert_eq!(upstream.get(2).await, Ok(2), "after {head}");
        assert_eq!(reused.get(), 0, "used again after {head}");
    }
}

#[actix_web::test]
async fn a_whole_chunked_answer_succeeds_and_its_connection_is_used_again() {
    let server = RawServer::answering(|request| {
        let id = request.id();
        let body = thing_body(id);
        match id {
            1 => chunked(&[&body]),
            2 => chunked(&[&body[..3], &body[3..]]),
            3 => format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n8;name=value\r\n{body}\r\n0\r\nTrailer: x\r\n\r\n"
            ),
            _ => thing(id),
        }
    });
    let upstream = Upstream::of(&server);
    for id in 1..=4 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn a_whole_answer_whose_last_byte_comes_with_the_end_of_the_connection_succeeds() {
    // The server runs on this very thread: it has written and closed before the client reads.
    assert_eq!(outcome_of(thing(1)).await, Ok(1));
    assert_eq!(outcome_of(chunked(&[&thing_body(1)])).await, Ok(1));
    let closing = json("HTTP/1.1 200 OK", "Connection: close\r\n", &thing_body(1));
    assert_eq!(outcome_of(closing).await, Ok(1));
    let old = json("HTTP/1.0 200 OK", "", &thing_body(1));
    assert_eq!(outcome_of(old).await, Ok(1));
}

#[actix_web::test]
async fn a_whole_answer_that_comes_byte_by_byte_succeeds() {
    for whole in [thing(1), chunked(&["{\"id\"", ":1}"])] {
        let server = RawServer::start(async move |mut connection| {
            connection.request().await;
            for byte in whole.bytes() {
                connection.write([byte]).await;
                tokio::task::yield_now().await;
            }
            connection.until_closed().await;
        });
        assert_eq!(Upstream::of(&server).get(1).await, Ok(1));
    }
}

#[actix_web::test]
async fn a_content_length_that_is_none_is_refused() {
    for length in [
        "8, 8",
        "+8",
        "-8",
        "8.0",
        "0x8",
        "eight",
        "",
        "99999999999999999999",
    ] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{}",
            thing_body(1)
        );
        invalid(outcome_of(answer).await);
    }
}

#[actix_web::test]
async fn two_content_lengths_are_refused_even_if_they_agree() {
    for second in [7, 8, 9] {
        let fields = format!("Content-Length: {second}\r\n");
        invalid(outcome_of(json("HTTP/1.1 200 OK", &fields, &thing_body(1))).await);
    }
}

#[actix_web::test]
async fn chunks_that_contradict_a_content_length_are_refused() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"id\":1}\r\n0\r\n\r\n";
    invalid(outcome_of(answer).await);
}

#[actix_web::test]
async fn an_answer_to_head_has_no_body_whatever_length_it_announces() {
    let server = RawServer::answering(|request| match request.method() {
        "HEAD" => "HTTP/1.1 200 OK\r\nContent-Length: 12345678\r\n\r\n".to_owned(),
        _ => thing(request.id()),
    });
    let upstream = Upstream::of(&server);
    let response = upstream
        .fetch(Request::new(Method::HEAD, "/things/1"))
        .await
        .unwrap();
    assert!(response.body.is_empty());
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn a_204_has_no_body_and_keeps_its_connection() {
    let server = RawServer::answering(|request| match request.id() {
        1 => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        id => thing(id),
    });
    let upstream = Upstream::of(&server);
    let response = upstream.fetch(Request::get("/things/1")).await.unwrap();
    assert_eq!(response.status, StatusCode::NO_CONTENT);
    assert!(response.body.is_empty());
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn an_empty_body_that_is_announced_as_such_is_whole() {
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        let server = RawServer::sending_and_closing(format!(
            "{version} 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        ));
        let error = Upstream::of(&server).get(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{version}: {error}");
    }
}

#[actix_web::test]
async fn of_two_answers_in_one_packet_the_second_reaches_nobody() {
    for first in [
        thing(1),
        chunked(&[&thing_body(1)]),
        "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
    ] {
        let server = RawServer::answering(move |request| match request.id() {
            1 => format!("{first}{}", thing(666)),
            id => thing(id),
        });
        let upstream = Upstream::of(&server);
        let response = upstream.fetch(Request::get("/things/1")).await.unwrap();
        assert!(response.body.is_empty() || response.body == thing_body(1));
        assert_eq!(upstream.get(2).await, Ok(2));
    }
}

/// More than awc reads at a time, so that some of the excess is still in the socket when the first call ends.
#[actix_web::test]
async fn a_body_longer_than_announced_spoils_nobody_elses_call() {
    let server = RawServer::answering(|request| match request.id() {
        1 => format!("{}{}", thing(1), thing(666).repeat(4000)),
        id => thing(id),
    });
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.connections(), 2);
}
