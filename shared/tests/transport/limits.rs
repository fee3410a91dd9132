//! Trap 3, and every other way to say too much: codings, large bodies, large heads, and what is no HTTP at all.

use bff_shared::upstream::Config;

use super::calls::{Upstream, invalid, outcome_of, within};
use super::server::{RawServer, chunked, json, thing, thing_body};

const LIMIT: usize = 1000;

fn limited(config: &mut Config) {
    config.max_response_bytes = u32::try_from(LIMIT).unwrap();
}

/// The thing `1` in exactly `length` bytes of JSON.
fn padded(length: usize) -> String {
    format!("{:length$}", thing_body(1))
}

#[actix_web::test]
async fn no_coding_is_asked_for() {
    let server = RawServer::answering(|request| thing(request.id()));
    assert_eq!(Upstream::of(&server).get(1).await, Ok(1));
    let requests = server.requests();
    assert_eq!(requests[0].header("accept-encoding"), Some("identity"));
    assert_eq!(requests[0].header("accept"), Some("application/json"));
}

#[actix_web::test]
async fn an_answer_in_a_coding_that_was_not_asked_for_is_refused() {
    for fields in [
        "Content-Encoding: gzip\r\n",
        "Content-Encoding: br\r\n",
        "Content-Encoding: identity, gzip\r\n",
        "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n",
    ] {
        let detail = invalid(outcome_of(json("HTTP/1.1 200 OK", fields, &thing_body(1))).await);
        assert!(detail.contains("content coding"), "{fields}{detail}");
    }
    let plain = json(
        "HTTP/1.1 200 OK",
        "Content-Encoding: identity\r\n",
        &thing_body(1),
    );
    assert_eq!(outcome_of(plain).await, Ok(1));
}

#[actix_web::test]
async fn a_body_announced_as_too_large_is_refused_before_a_byte_of_it() {
    let server = RawServer::start(async |mut connection| {
        connection.request().await;
        let length = LIMIT + 1;
        connection
            .write(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
            ))
            .await;
        connection.until_closed().await;
    });
    let upstream = Upstream::with(&server, limited);
    let detail = invalid(upstream.get(1).await);
    assert!(
        detail.contains("announced a body of more than 1000 bytes"),
        "{detail}"
    );
    within(server.closed(1)).await;
}

#[actix_web::test]
async fn an_endless_chunked_body_is_refused_at_the_limit() {
    let server = RawServer::start(async |mut connection| {
        connection.request().await;
        connection
            .write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        while connection.write("10\r\n                \r\n").await {
            tokio::task::yield_now().await;
        }
        connection.until_closed().await;
    });
    let upstream = Upstream::with(&server, limited);
    let detail = invalid(upstream.get(1).await);
    assert!(
        detail.contains("a body of more than 1000 bytes"),
        "{detail}"
    );
    within(server.closed(1)).await;
}

#[actix_web::test]
async fn a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_refused() {
    for (length, fits) in [(LIMIT, true), (LIMIT + 1, false)] {
        let body = padded(length);
        let pieces: Vec<&str> = body
            .as_bytes()
            .chunks(7)
            .map(|piece| std::str::from_utf8(piece).unwrap())
            .collect();
        for answer in [
            json("HTTP/1.1 200 OK", "", &body),
            chunked(&[&body]),
            chunked(&pieces),
        ] {
            let server = RawServer::sending_and_closing(answer);
            let outcome = Upstream::with(&server, limited).get(1).await;
            if fits {
                assert_eq!(outcome, Ok(1));
            } else {
                invalid(outcome);
            }
        }
    }
}

#[actix_web::test]
async fn a_large_body_in_many_packets_arrives_as_it_was_sent() {
    let body: String = (0..40_000).map(|number| format!("{number},")).collect();
    let body = format!("{{\"id\":1,\"numbers\":[{body}0]}}");
    let answer = json("HTTP/1.1 200 OK", "", &body);
    let server = RawServer::answering(move |_| answer.clone());
    let request = bff_shared::upstream::Request::get("/things/1");
    let response = Upstream::of(&server).fetch(request).await.unwrap();
    assert!(response.body == body, "the body is not the one sent");
}

#[actix_web::test]
async fn a_head_too_large_is_refused() {
    let long = "x".repeat(200_000);
    let many: String = (0..20_000)
        .map(|number| format!("X-{number}: x\r\n"))
        .collect();
    for fields in [
        format!("X-Long: {long}\r\n"),
        format!("{long}: x\r\n"),
        many,
        // Longer than a name may be for the parser, and within what it reads of a head.
        format!("{}: x\r\n", "x".repeat(70_000)),
    ] {
        invalid(outcome_of(json("HTTP/1.1 200 OK", &fields, &thing_body(1))).await);
    }
}

#[actix_web::test]
async fn a_head_of_some_kilobytes_is_read() {
    let fields = format!("X-Long: {}\r\n", "x".repeat(16_000));
    let answer = json("HTTP/1.1 200 OK", &fields, &padded(60_000));
    assert_eq!(outcome_of(answer).await, Ok(1));
}

#[actix_web::test]
async fn an_endless_head_is_refused_and_not_read_until_the_time_is_over() {
    let server = RawServer::start(async |mut connection| {
        connection.request().await;
        connection.write("HTTP/1.1 200 OK\r\n").await;
        while connection.write("X-Again: and again\r\n").await {
            tokio::task::yield_now().await;
        }
        connection.until_closed().await;
    });
    invalid(Upstream::of(&server).get(1).await);
    within(server.closed(1)).await;
}

#[actix_web::test]
async fn what_is_no_http_is_refused() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.6\r\n"[..],
        b"220 mail.example ESMTP\r\n",
        b"{\"id\":1}",
        b"\r\n\r\n\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 8\r\n\r\n{\"id\":1}",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00",
        b"\x00",
        b"HTTP/1.1 ",
        b"HTTP/1.1 OK\r\nContent-Length: 8\r\n\r\n{\"id\":1}",
        b"HTTP/1.1 20 OK\r\nContent-Length: 8\r\n\r\n{\"id\":1}",
        b"HTTP/1.1 000 OK\r\nContent-Length: 8\r\n\r\n{\"id\":1}",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 8\r\n\r\n{\"id\":1}",
        b"HTTP/1.1 200 OK\r\nno field\r\nContent-Length: 8\r\n\r\n{\"id\":1}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n",
    ] {
        invalid(outcome_of(bytes).await);
    }
}

#[actix_web::test]
async fn a_status_out_of_the_ordinary_is_an_invalid_answer() {
    for status in [300, 304, 399, 600, 999] {
        let line = format!("HTTP/1.1 {status} Odd");
        invalid(outcome_of(json(&line, "", &thing_body(1))).await);
    }
}

#[actix_web::test]
async fn json_of_another_shape_is_an_invalid_answer_and_keeps_its_connection() {
    let server = RawServer::answering(|request| match request.id() {
        1 => json("HTTP/1.1 200 OK", "", "{\"id\":\"secret\"}"),
        2 => json("HTTP/1.1 200 OK", "", "<html>secret</html>"),
        3 => json("HTTP/1.1 200 OK", "", ""),
        4 => json("HTTP/1.1 200 OK", "", "{\"id\":"),
        id => thing(id),
    });
    let upstream = Upstream::of(&server);
    for id in 1..=4 {
        let detail = invalid(upstream.get(id).await);
        assert!(!detail.contains("secret"), "{detail} quotes the body");
    }
    assert_eq!(upstream.get(5).await, Ok(5));
    assert_eq!(server.connections(), 1);
}
