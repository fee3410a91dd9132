//! What is no answer of gRPC's: invalid, whatever it says of itself.

use bff_shared::upstream::{Config, ErrorKind};
use bytes::Bytes;
use prost::Message as _;

use super::calls::{Thing, Upstream, failed};
use super::frames::{self, Raw};
use super::server::{Answer, End, Fields, Server, framed, message};

/// The operator's words for an answer that is invalid.
async fn invalid(answer: Answer) -> String {
    invalid_with(answer, |_| {}).await
}

async fn invalid_with(answer: Answer, set: impl FnOnce(&mut Config)) -> String {
    let given = answer.clone();
    let server = Server::answering(move |_| given.clone());
    let upstream = Upstream::with(&server, set);
    let outcome = upstream.get(1).await;
    assert!(outcome.is_err(), "{answer:?}");
    let error = failed(outcome, ErrorKind::InvalidResponse);
    assert!(error.maybe_processed(), "{error}");
    error.detail().to_owned()
}

fn none() -> Answer {
    Answer::of::<Bytes>([])
}

fn status(value: &'static str) -> Fields {
    vec![("grpc-status", value)]
}

#[actix_web::test]
async fn a_message_without_a_status_is_not_the_whole_answer() {
    let no_status = End::Trailers(vec![("x-other", "0")]);
    invalid(Answer::thing(1).ending(End::Data)).await;
    invalid(Answer::thing(1).ending(no_status.clone())).await;
    invalid(none().ending(End::Data)).await;
    invalid(none().ending(no_status)).await;
}

#[actix_web::test]
async fn there_is_one_message_and_no_more() {
    let none_and_ok = none();
    assert!(invalid(none_and_ok).await.contains("no message"));
    assert!(invalid(Answer::only("0")).await.contains("no message"));
    let two = Answer::of([message(1), message(2)]);
    assert!(invalid(two).await.contains("more than one message"));
    let two_in_one = Answer::of([[message(1), message(1)].concat()]);
    assert!(invalid(two_in_one).await.contains("more than one message"));
}

#[actix_web::test]
async fn a_message_may_come_in_any_pieces() {
    let pieces = message(7).into_iter().map(|byte| vec![byte]);
    let answer = Answer::of(pieces);
    let server = Server::answering(move |_| answer.clone());
    assert_eq!(Upstream::of(&server).get(7).await, Ok(7));
}

#[actix_web::test]
async fn an_empty_message_is_a_message() {
    let server = Server::answering(|_| Answer::of([framed(0, b"")]));
    assert_eq!(Upstream::of(&server).get(7).await, Ok(0));
}

#[actix_web::test]
async fn a_message_is_as_long_as_announced() {
    let whole = message(300);
    for cut in 1..whole.len() {
        for end in [End::Trailers(status("0")), End::Data] {
            invalid(Answer::of([whole[..cut].to_vec()]).ending(end)).await;
        }
    }
    let longer = [&whole[..], b"\0"].concat();
    invalid(Answer::of([longer])).await;
}

#[actix_web::test]
async fn what_is_compressed_was_not_asked_for() {
    for flag in [1, 2, 0x80, 0xff] {
        let answer = Answer::of([framed(flag, &Thing { id: 1 }.encode_to_vec())]);
        invalid(answer.clone()).await;
        invalid(answer.clone().with("grpc-encoding", "gzip")).await;
        invalid(answer.with("grpc-encoding", "identity")).await;
    }
    for encoding in ["gzip", "secret", "\u{e4}"] {
        let detail = invalid(Answer::thing(1).with("grpc-encoding", encoding)).await;
        assert!(detail.contains("compressed"), "{detail}");
        assert!(!detail.contains("secret"), "{detail}");
    }
}

#[actix_web::test]
async fn a_message_that_is_too_large_is_not_read() {
    let small = |config: &mut Config| config.max_response_bytes = 2000;
    // Announced, and nothing of it sent.
    let announced = [&[0][..], &u32::MAX.to_be_bytes()].concat();
    invalid_with(Answer::of([announced.clone()]).ending(End::Never), small).await;
    let announced = [&[0][..], &2001u32.to_be_bytes()].concat();
    invalid_with(Answer::of([announced]).ending(End::Never), small).await;
    // Sent, and never ending.
    let many = (0..2001).map(|_| framed(0, b""));
    invalid_with(Answer::of(many).ending(End::Never), small).await;

    let exactly = Thing { id: 1 }.encode_to_vec();
    let unknown_field = |length: usize| {
        let rest = vec![0u8; length - exactly.len() - 3];
        let length = [
            u8::try_from(rest.len() & 0x7f).unwrap() | 0x80,
            u8::try_from(rest.len() >> 7).unwrap(),
        ];
        framed(0, &[&exactly[..], &[0x12], &length, &rest].concat())
    };
    let fits = unknown_field(2000);
    assert_eq!(fits.len(), 2005);
    let server = Server::answering(move |_| Answer::of([fits.clone()]));
    assert_eq!(Upstream::with(&server, small).get(1).await, Ok(1));
    let pieces: Vec<_> = unknown_field(2001)
        .chunks(100)
        .map(<[u8]>::to_vec)
        .collect();
    invalid_with(Answer::of(pieces), small).await;
}

#[actix_web::test]
async fn what_is_answered_by_something_else_is_no_grpc() {
    for code in [200, 301, 400, 404, 500] {
        let page = Answer {
            status: code,
            head: vec![("content-type", "text/html")],
            ..Answer::of(["<html>secret</html>"]).ending(End::Data)
        };
        let detail = invalid(page.clone()).await;
        assert!(detail.contains(&code.to_string()), "{detail}");
        assert!(!detail.contains("secret"), "{detail}");
        invalid(Answer {
            head: vec![],
            ..page.clone()
        })
        .await;
        let head = vec![("content-type", "application/grpc")];
        invalid(Answer { head, ..page }).await;
    }
}

#[actix_web::test]
async fn a_proxy_without_a_service_behind_it_says_that_it_is_unavailable() {
    for code in [429, 502, 503, 504] {
        let server = Server::answering(move |_| Answer {
            status: code,
            head: vec![("content-type", "text/html")],
            ..Answer::of(["<html>secret</html>"]).ending(End::Data)
        });
        let error = Upstream::of(&server).get(1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{code}: {error}");
        assert!(!error.detail().contains("secret"), "{error}");
    }
}

#[actix_web::test]
async fn a_status_that_is_no_number_is_none() {
    for value in [
        "",
        " ",
        "ok",
        "OK",
        "-1",
        "+0",
        "0x0",
        "0 0",
        "0,0",
        "99999999999999999999",
        "\u{e4}",
    ] {
        invalid(none().ending(End::Trailers(status(value)))).await;
        invalid(Answer::thing(1).ending(End::Trailers(status(value)))).await;
        invalid(none().with("grpc-status", value).ending(End::Data)).await;
    }
}

#[actix_web::test]
async fn a_status_before_the_message_is_none_for_it() {
    invalid(Answer::thing(1).with("grpc-status", "0")).await;
    invalid(Answer::thing(1).with("grpc-status", "0").ending(End::Data)).await;
}

#[actix_web::test]
async fn another_message_than_the_one_asked_for_is_refused() {
    for bytes in [&b"\x08"[..], b"\xff\xff\xff", b"\x0a\x05abc", b"\x0a\x01a"] {
        let detail = invalid(Answer::of([framed(0, bytes)])).await;
        assert!(detail.contains("no such message"), "{detail}");
    }
}

#[actix_web::test]
async fn headers_without_bound_are_refused() {
    const LONG: &str = match std::str::from_utf8(&[b'x'; 8_000]) {
        Ok(text) => text,
        Err(_) => panic!(),
    };
    let many: Fields = (0..20).map(|_| ("x-long", LONG)).collect();
    let head = Answer {
        head: [vec![("content-type", "application/grpc")], many.clone()].concat(),
        ..Answer::thing(1)
    };
    let trailers = [status("0"), many].concat();
    for answer in [head, Answer::thing(1).ending(End::Trailers(trailers))] {
        let server = Server::answering(move |received| match received.id() {
            1 => answer.clone(),
            id => Answer::thing(id),
        });
        let upstream = Upstream::of(&server);
        failed(upstream.get(1).await, ErrorKind::InvalidResponse);
        assert_eq!(upstream.get(2).await, Ok(2), "the next one is not affected");
    }
}

#[actix_web::test]
async fn what_is_no_http2_is_refused() {
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"[..],
        b"\0\0\0\x04\0\0\0\0\x01",
        b"220 mail.example.org ESMTP and so on and so on\r\n",
    ] {
        let server = Server::frames(async move |mut raw: Raw| {
            raw.send(bytes).await;
            raw.until_closed().await;
        });
        let upstream = Upstream::of(&server);
        let error = upstream.change(1).await.unwrap_err();
        let kinds = [ErrorKind::InvalidResponse, ErrorKind::Unavailable];
        assert!(kinds.contains(&error.kind()), "{error}");
        assert_eq!(server.connections(), 1);
        server.until(|seen| seen.closed == 1).await;
    }
}

#[actix_web::test]
async fn a_stream_that_breaks_the_rules_takes_no_other_with_it() {
    let server = Server::frames(async |mut raw: Raw| {
        raw.greet().await;
        while let Some((stream, id)) = raw.call().await {
            if id == 1 {
                // Trailers without the end of the stream.
                raw.send(&frames::head(stream)).await;
                raw.send(&frames::head(stream)).await;
            } else {
                raw.send(&frames::answer(stream, id)).await;
            }
        }
    });
    let upstream = Upstream::of(&server);
    failed(upstream.get(1).await, ErrorKind::InvalidResponse);
    assert_eq!(upstream.get(2).await, Ok(2));
}
