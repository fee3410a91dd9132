//! Trap 9, and what each status means.

use std::time::Duration;

use bff_shared::upstream::{ErrorKind, Freshness};

use super::calls::{Upstream, invalid, unhurried, within};
use super::server::{RawServer, json, thing, thing_body};

#[actix_web::test]
async fn redirects_are_invalid_answers_and_never_followed() {
    let elsewhere = RawServer::answering(|request| thing(request.id()));
    for status in [300, 301, 302, 303, 307, 308] {
        let location = format!(
            "Location: http://127.0.0.1:{}/things/1\r\n",
            elsewhere.port()
        );
        let line = format!("HTTP/1.1 {status} Elsewhere");
        let server = RawServer::answering(move |_| json(&line, &location, ""));
        let upstream = Upstream::of(&server);
        let detail = invalid(upstream.get(1).await);
        assert!(detail.contains(&status.to_string()), "{detail}");
        invalid(upstream.post(1).await);
        assert_eq!(server.requests().len(), 2);
    }
    // A connection made before this one would have been accepted before it.
    assert_eq!(Upstream::of(&elsewhere).get(2).await, Ok(2));
    assert_eq!(elsewhere.connections(), 1);
    assert_eq!(elsewhere.requests().len(), 1);
}

#[actix_web::test]
async fn each_status_has_its_kind_and_keeps_the_connection() {
    let expected = [
        (400, ErrorKind::InvalidResponse),
        (401, ErrorKind::InvalidResponse),
        (404, ErrorKind::NotFound),
        (408, ErrorKind::Unavailable),
        (409, ErrorKind::InvalidResponse),
        (410, ErrorKind::NotFound),
        (429, ErrorKind::Overloaded),
        (500, ErrorKind::Unavailable),
        (502, ErrorKind::Unavailable),
        (503, ErrorKind::Unavailable),
        (599, ErrorKind::Unavailable),
    ];
    // The body is one that would do, were the status another.
    let server = RawServer::answering(|request| {
        let line = format!("HTTP/1.1 {} Said", request.id());
        json(&line, "", &thing_body(request.id()))
    });
    let upstream = Upstream::of(&server);
    for (status, kind) in expected {
        let error = upstream.get(status).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.upstream(), "things");
        assert_eq!(error.retry_after(), None);
        assert!(error.maybe_processed(), "{error}");
        assert!(error.detail().contains(&status.to_string()), "{error}");
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(
        server.requests().len(),
        expected.len(),
        "no status is repeated"
    );
    // Of these, two say that a thing is not there, which is no failure.
    let endpoint = &upstream.report()["endpoints"][0];
    assert_eq!(endpoint["attempts"], expected.len());
    assert_eq!(endpoint["failures"], expected.len() - 2);
}

#[actix_web::test]
async fn retry_after_in_seconds_is_handed_on() {
    for (status, kind) in [(429, ErrorKind::Overloaded), (503, ErrorKind::Unavailable)] {
        for (value, meant) in [
            ("7", Some(Duration::from_secs(7))),
            ("0", Some(Duration::ZERO)),
            ("soon", None),
            ("-1", None),
        ] {
            let line = format!("HTTP/1.1 {status} Later");
            let fields = format!("Retry-After: {value}\r\n");
            let server = RawServer::answering(move |_| json(&line, &fields, ""));
            let error = Upstream::of(&server).get(1).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert_eq!(error.retry_after(), meant, "{status} {value}");
        }
    }
}

#[actix_web::test]
async fn what_an_answer_says_of_its_freshness_is_handed_on() {
    for (fields, freshness) in [
        (
            "Cache-Control: max-age=60\r\nAge: 20\r\n",
            Freshness::For(Duration::from_secs(40)),
        ),
        ("Cache-Control: no-store\r\n", Freshness::NoStore),
        ("", Freshness::For(Duration::ZERO)),
    ] {
        let answer = json("HTTP/1.1 200 OK", fields, &thing_body(1));
        let server = RawServer::answering(move |_| answer.clone());
        let upstream = Upstream::of(&server);
        let context = unhurried();
        let request = bff_shared::upstream::Request::get("/things/1");
        let answer = within(upstream.client.call(&context, request, |_| Ok(())))
            .await
            .unwrap();
        assert_eq!(answer.freshness, freshness, "{fields}");
    }
}
