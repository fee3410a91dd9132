//! Conditional requests: who has the answer already is told so.

use mock_services::raw::Answer;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::client::{Client, get, request};
use crate::server::{TAG, patient, problem, quick_body};

fn with(request: &str, fields: &[&str]) -> String {
    let fields: String = fields
        .iter()
        .map(|field| format!("If-None-Match: {field}\r\n"))
        .collect();
    request.replace("\r\n\r\n", &format!("\r\n{fields}\r\n"))
}

/// The names of header fields, without those that differ each time.
fn names(answer: &Answer) -> Vec<String> {
    let mut names: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort();
    names
}

/// That nothing is left of the answer before.
async fn has_had_all(client: &mut Client) {
    assert_eq!(client.exchange(get("/quick")).await.json(), quick_body());
}

#[actix_web::test]
async fn a_match_is_answered_without_a_body() {
    let server = patient();
    let mut client = server.connect().await;
    for (method, target) in [
        ("GET", "/tagged"),
        ("HEAD", "/tagged"),
        ("GET", "/tagged-stream"),
        ("HEAD", "/tagged-stream"),
    ] {
        for fields in [
            &[TAG][..],
            &["*"],
            &["\"one,two\""],
            &["\"other\"", "\"one\", \"one,two\" , \"two\""],
        ] {
            client.send(with(&request(method, target), fields)).await;

            let answer = client.answer_to_head().await;

            assert_eq!(answer.status, 304, "{method} {target} {fields:?}");
            assert_eq!(
                names(&answer),
                [
                    "cache-control",
                    "cache-status",
                    "content-location",
                    "content-security-policy",
                    "date",
                    "etag",
                    "expires",
                    "referrer-policy",
                    "server-timing",
                    "vary",
                    "x-content-type-options",
                    "x-request-id",
                ]
            );
            assert_eq!(answer.header("etag"), Some(TAG));
            assert_eq!(answer.header("cache-control"), Some("private, max-age=7"));
            has_had_all(&mut client).await;
        }
    }
}

#[actix_web::test]
async fn what_does_not_match_is_answered_in_full() {
    let server = patient();
    let mut client = server.connect().await;
    for fields in [
        &[][..],
        &["\"one\""],
        &["\"one", "two\""],
        &["one,two"],
        &["*", "*"],
        &["w/\"one,two\""],
        &["\"one,two"],
        &["\"ONE,TWO\""],
        &[""],
    ] {
        let answer = client.exchange(with(&get("/tagged"), fields)).await;

        assert_eq!((answer.status, answer.json()), (200, quick_body()));
        assert_eq!(answer.header("etag"), Some(TAG), "{fields:?}");
        assert!(answer.header("last-modified").is_some());
    }
}

#[actix_web::test]
async fn only_a_200_to_get_and_head_is_replaced() {
    let server = patient();
    let mut client = server.connect().await;
    for status in [201, 203, 404, 503] {
        let target = format!("/tagged/{status}");
        let answer = client.exchange(with(&get(&target), &["*"])).await;
        assert_eq!((answer.status, answer.json()), (status, quick_body()));
    }
    let post = with(&request("POST", "/tagged"), &["*"]);
    assert_eq!(client.exchange(post).await.status, 200);
    // Without a tag of its own, an answer is not compared.
    let answer = client.exchange(with(&get("/quick"), &["*"])).await;
    assert_eq!(answer.status, 200);
    problem(
        &client.exchange(with(&get("/nothing"), &["*"])).await,
        404,
        "unknownPath",
    );
}

#[actix_web::test]
async fn a_304_among_pipelined_requests_keeps_their_order() {
    let server = patient();
    let mut client = server.connect().await;
    let known = with(&get("/tagged"), &[TAG]);
    client
        .send(known.clone() + &get("/later/1") + &known + &get("/later/2"))
        .await;
    for name in ["1", "2"] {
        assert_eq!(client.answer_to_head().await.status, 304);
        assert_eq!(client.answer().await.json()["later"], name);
    }
}

/// Any bytes that a field's value may hold.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec!["\"", ",", " ", "\t", "W/", "*", "one", "two", "\"one,two\"", "one,two"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop_oneof![Just(b'\t'), 0x20..0x7f_u8, 0x80..=0xff_u8].prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

#[actix_web::test]
async fn whatever_it_says_a_304_needs_the_tag_or_a_star() {
    let server = patient();
    let mut client = server.connect().await;
    let mut runner = TestRunner::default();
    let (mut full, mut known) = (0, 0);
    for _ in 0..1000 {
        let value = value().new_tree(&mut runner).unwrap().current();
        let mut bytes = b"GET /tagged HTTP/1.1\r\nHost: test\r\nIf-None-Match: ".to_vec();
        bytes.extend(&value);
        bytes.extend(b"\r\n\r\n");

        let answer = client.exchange(bytes).await;

        // Far weaker than the grammar, and so hardly wrong.
        let has_tag = value.windows(9).any(|part| part == b"\"one,two\"");
        let is_star = value.trim_ascii() == b"*";
        match answer.status {
            200 => {
                assert!(!is_star && value.trim_ascii() != b"\"one,two\"");
                full += 1;
            }
            304 => {
                assert!(has_tag || is_star, "{}", value.escape_ascii());
                known += 1;
            }
            status => panic!("{status}: {}", value.escape_ascii()),
        }
    }
    assert!(full > 100 && known > 30, "{full} and {known}");
}
