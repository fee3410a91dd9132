//! Answers in fewer bytes.
//!
//! What somebody may try: ask with what a browser sends, and with what an old client sends; ask for nothing, refuse all;
//! keep an answer and ask with its tag in another coding; ask for the head alone; put the BFF behind a proxy that
//! compresses. What may go wrong: two codings over each other, a cache that gives one client the other's bytes, a length
//! of the wrong bytes, a tag that says "the same bytes" of different ones.

use std::io::Read as _;

use actix_web::web::{self, Bytes};
use actix_web::{Error, HttpResponse};
use mock_services::raw::Answer;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::client::{Client, get, request, with};
use crate::server::{TestServer, patient, spawn};

pub(crate) fn routes(app: &mut ServiceConfig<'_>) {
    app.route("/text/{kind}/{length}", web::get().to(text))
        .route("/text/{kind}/{length}", web::post().to(text));
}

/// So many bytes of text that repeats itself somewhat.
fn body(length: usize) -> String {
    let mut text: String = (0..)
        .map(|number| format!("line {number} of {}, ", number * 7919 % 1009))
        .take(length / 8 + 1)
        .collect();
    text.truncate(length);
    text
}

async fn text(path: web::Path<(String, usize)>) -> HttpResponse {
    let (kind, length) = path.into_inner();
    let mut response = HttpResponse::Ok();
    response.insert_header(("etag", "W/\"text\""));
    match &*kind {
        "json" => response.content_type("application/json"),
        "problem" => response.content_type("application/problem+json"),
        "plain" => response.content_type("text/plain; charset=utf-8"),
        "javascript" => response.content_type("Text/JavaScript"),
        "svg" => response.content_type("image/svg+xml"),
        "png" => response.content_type("image/png"),
        "none" => response.insert_header(("x-nothing", "")),
        "coded" => response
            .content_type("text/plain")
            .insert_header(("content-encoding", "gzip")),
        "fixed" => response
            .content_type("text/plain")
            .insert_header(("cache-control", "private, No-Transform")),
        "part" => response
            .content_type("text/plain")
            .status(actix_web::http::StatusCode::PARTIAL_CONTENT),
        "strong" => response
            .content_type("text/plain")
            .insert_header(("etag", "\"text\"")),
        "varying" => response
            .content_type("text/plain")
            .insert_header(("vary", "accept")),
        "failed" => response
            .content_type("text/plain")
            .status(actix_web::http::StatusCode::BAD_GATEWAY),
        "stream" => {
            let whole = Bytes::from(body(length));
            let pieces = futures_util::stream::iter([Ok::<_, Error>(whole)]);
            return response.content_type("text/plain").streaming(pieces);
        }
        "sized" => {
            let whole = Bytes::from(body(length));
            let pieces = futures_util::stream::iter([Ok::<_, Error>(whole)]);
            let sized = actix_web::body::SizedStream::new(length as u64, pieces);
            return response.content_type("text/plain").body(sized);
        }
        kind => panic!("of what kind is {kind}?"),
    };
    response.body(body(length))
}

/// The kinds that are coded.
const CODABLE: [&str; 8] = [
    "json",
    "problem",
    "plain",
    "javascript",
    "svg",
    "strong",
    "varying",
    "failed",
];

/// The kinds that are not.
const AS_IT_IS: [&str; 7] = ["png", "none", "coded", "fixed", "part", "stream", "sized"];

const BROWSER: &str = "gzip, deflate, br, zstd";

fn asking(target: &str, accepted: &str) -> String {
    with(&get(target), &[("Accept-Encoding", accepted)])
}

async fn fetch(client: &mut Client, request: &str) -> (Answer, Vec<u8>) {
    client.send(request).await;
    client.answer_in_bytes().await
}

/// The body as it was before it was coded.
fn decoded(answer: &Answer, body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match answer.header("content-encoding") {
        None => plain.extend(body),
        Some("br") => brotli::BrotliDecompress(&mut &*body, &mut plain).unwrap(),
        Some("zstd") => plain = zstd::stream::decode_all(body).unwrap(),
        Some("gzip") => {
            let mut decoder = flate2::read::GzDecoder::new(body);
            decoder.read_to_end(&mut plain).unwrap();
        }
        Some(other) => panic!("{other} is no coding"),
    }
    plain
}

/// The lower-case names of header fields with their values, in alphabetical order, without those that differ each time.
fn fields(answer: &Answer, without: &[&str]) -> Vec<(String, String)> {
    let lower = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let mut fields: Vec<_> = lower
        .filter(|(name, _)| !["date", "x-request-id"].contains(&&**name))
        .filter(|(name, _)| !without.contains(&&**name))
        .collect();
    fields.sort();
    fields
}

fn vary(answer: &Answer) -> Vec<&str> {
    let lines = answer
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("vary"));
    lines.flat_map(|(_, value)| value.split(", ")).collect()
}

#[actix_web::test]
async fn each_client_gets_the_coding_it_prefers() {
    let server = patient();
    let mut client = server.connect().await;
    for (accepted, coding) in [
        (BROWSER, "br"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate", "gzip"),
        ("x-gzip", "gzip"),
        ("zstd;q=0.9, br;q=0.8", "zstd"),
        ("*", "br"),
        ("identity;q=0, gzip;q=0.1", "gzip"),
    ] {
        for kind in CODABLE {
            let target = format!("/text/{kind}/5000");
            let (answer, coded) = fetch(&mut client, &asking(&target, accepted)).await;

            assert_eq!(answer.header("content-encoding"), Some(coding), "{kind}");
            assert!(coded.len() < 2500, "{coding}: {}", coded.len());
            let length = coded.len().to_string();
            assert_eq!(answer.header("content-length"), Some(&*length));
            assert!(vary(&answer).contains(&"Accept-Encoding"), "{answer:?}");
            assert_eq!(decoded(&answer, &coded), body(5000).into_bytes(), "{kind}");
        }
    }
}

#[actix_web::test]
async fn who_does_not_ask_gets_the_plain_answer_and_is_told_that_others_do_not() {
    let server = patient();
    let mut client = server.connect().await;
    for kind in CODABLE {
        let target = format!("/text/{kind}/1000");
        for request in [
            get(&target),
            asking(&target, ""),
            asking(&target, "identity"),
            asking(&target, "deflate, compress"),
            asking(&target, "br;q=0, zstd;q=0.000, gzip;q=0"),
            asking(&target, "gzip;q=0.5, identity"),
            asking(&target, "*;q=0"),
            asking(&target, "identity;q=0"),
            asking(&target, "gzip;q=high"),
            asking(&target, "gzip br"),
        ] {
            let (answer, plain) = fetch(&mut client, &request).await;

            assert_eq!(answer.header("content-encoding"), None, "{request}");
            assert_eq!(plain, body(1000).into_bytes());
            assert!(vary(&answer).contains(&"Accept-Encoding"), "{answer:?}");
        }
    }
}

#[actix_web::test]
async fn from_1000_bytes_to_a_mebibyte_is_coded_and_nothing_else() {
    let server = patient();
    let mut client = server.connect().await;
    let mebibyte = 1024 * 1024;
    for (length, is_coded) in [
        (0, false),
        (1, false),
        (999, false),
        (1000, true),
        (32 * 1024, true),
        (200_000, true),
        (mebibyte, true),
        (mebibyte + 1, false),
    ] {
        for coding in ["br", "zstd", "gzip"] {
            let target = format!("/text/plain/{length}");
            let (answer, coded) = fetch(&mut client, &asking(&target, coding)).await;

            let expected = is_coded.then_some(coding);
            assert_eq!(answer.header("content-encoding"), expected, "{length}");
            assert_eq!(!vary(&answer).is_empty(), is_coded, "{length}");
            assert_eq!(decoded(&answer, &coded), body(length).into_bytes());
        }
    }
}

#[actix_web::test]
async fn what_must_not_be_coded_is_left_as_it_is() {
    let server = patient();
    let mut client = server.connect().await;
    for kind in AS_IT_IS {
        let target = format!("/text/{kind}/5000");
        let (plain, plain_body) = fetch(&mut client, &get(&target)).await;
        let (asked, asked_body) = fetch(&mut client, &asking(&target, BROWSER)).await;

        assert_eq!(fields(&asked, &[]), fields(&plain, &[]), "{kind}");
        assert!(vary(&asked).is_empty(), "{kind}");
        assert_eq!(asked_body, body(5000).into_bytes(), "{kind}");
        assert_eq!(plain_body, asked_body);
    }
    for target in ["/bare/204", "/bare/304", "/streamed"] {
        let (answer, _) = fetch(&mut client, &asking(target, BROWSER)).await;
        assert_eq!(answer.header("content-encoding"), None, "{target}");
        assert!(vary(&answer).is_empty(), "{target}");
    }
}

#[actix_web::test]
async fn a_tag_is_weak_the_same_in_every_coding_and_known_in_every_coding() {
    let server = patient();
    let mut client = server.connect().await;
    for kind in ["json", "strong"] {
        let target = format!("/text/{kind}/5000");
        let mut tags = vec![];
        for accepted in ["identity", "br", "zstd", "gzip"] {
            let (answer, _) = fetch(&mut client, &asking(&target, accepted)).await;
            tags.push(answer.header("etag").unwrap().to_owned());
        }
        assert_eq!(tags, ["W/\"text\""; 4], "{kind}");
        for accepted in ["identity", "br", "zstd", "gzip"] {
            for tag in ["W/\"text\"", "\"text\"", "*"] {
                let known = with(&asking(&target, accepted), &[("If-None-Match", tag)]);
                let (answer, rest) = fetch(&mut client, &known).await;

                assert_eq!((answer.status, rest.len()), (304, 0));
                assert_eq!(answer.header("content-encoding"), None);
                assert_eq!(answer.header("etag"), Some("W/\"text\""));
                assert_eq!(vary(&answer), ["Accept-Encoding"]);
            }
            let other = with(&asking(&target, accepted), &[("If-None-Match", "\"x\"")]);
            assert_eq!(fetch(&mut client, &other).await.0.status, 200);
        }
    }
    // What is never coded keeps its strong tag.
    let answer = client.exchange(get("/text/strong/999")).await;
    assert_eq!(answer.header("etag"), Some("\"text\""));
}

#[actix_web::test]
async fn vary_is_added_to_what_a_route_says_of_it() {
    let server = patient();
    let mut client = server.connect().await;

    let (answer, _) = fetch(&mut client, &asking("/text/varying/5000", "br")).await;

    assert_eq!(vary(&answer), ["accept", "Accept-Encoding"]);
}

#[actix_web::test]
async fn head_says_what_get_says_but_for_the_length() {
    let server = patient();
    let mut client = server.connect().await;
    for kind in CODABLE.into_iter().chain(AS_IT_IS) {
        for accepted in ["identity", "br", "zstd", "gzip"] {
            let target = format!("/text/{kind}/5000");
            let (got, _) = fetch(&mut client, &asking(&target, accepted)).await;
            let head = with(&request("HEAD", &target), &[("Accept-Encoding", accepted)]);
            client.send(head).await;
            let head = client.answer_to_head().await;

            assert_eq!(head.status, got.status);
            let mut without = vec!["transfer-encoding"];
            if got
                .header("content-encoding")
                .is_some_and(|_| kind != "coded")
            {
                without.push("content-length");
                assert_eq!(head.header("content-length"), None);
            }
            assert_eq!(
                fields(&head, &without),
                fields(&got, &without),
                "{kind} {accepted}"
            );
            // Had there been a body, it would stand before the next answer.
            assert_eq!(client.exchange(get("/quick")).await.status, 200, "{kind}");
        }
    }
}

#[actix_web::test]
async fn an_answer_to_a_post_is_coded_as_well() {
    let server = patient();
    let mut client = server.connect().await;
    let post = request("POST", "/text/json/5000");

    let (answer, coded) = fetch(&mut client, &with(&post, &[("Accept-Encoding", "br")])).await;

    assert_eq!(answer.header("content-encoding"), Some("br"));
    assert_eq!(decoded(&answer, &coded), body(5000).into_bytes());
}

#[actix_web::test]
async fn the_document_and_the_pages_are_coded() {
    let server = patient();
    let mut client = server.connect().await;
    let targets = ["/openapi.json", "/docs/swagger-ui.css"];
    for target in targets {
        let (_, plain) = fetch(&mut client, &get(target)).await;
        for coding in ["br", "zstd", "gzip"] {
            let (answer, coded) = fetch(&mut client, &asking(target, coding)).await;
            assert_eq!(answer.header("content-encoding"), Some(coding), "{target}");
            assert!(coded.len() < plain.len());
            assert_eq!(decoded(&answer, &coded), plain, "{target}");
        }
    }
}

#[actix_web::test]
async fn switched_off_nothing_is_coded_and_nothing_varies() {
    let server = spawn(|config| config.compression = false);
    let mut client = server.connect().await;
    for kind in CODABLE.into_iter().filter(|kind| *kind != "varying") {
        let target = format!("/text/{kind}/5000");
        let (plain, _) = fetch(&mut client, &get(&target)).await;
        let (asked, whole) = fetch(&mut client, &asking(&target, BROWSER)).await;

        assert_eq!(fields(&asked, &[]), fields(&plain, &[]));
        assert_eq!(asked.header("content-encoding"), None);
        assert!(vary(&asked).is_empty());
        assert_eq!(whole, body(5000).into_bytes());
    }
    let strong = client.exchange(get("/text/strong/5000")).await;
    assert_eq!(strong.header("etag"), Some("\"text\""));
}

#[actix_web::test]
async fn pipelined_requests_each_get_their_own_coding() {
    let server = patient();
    let mut client = server.connect().await;
    let codings = ["br", "identity", "gzip", "zstd", "identity", "br"];
    let requests: String = codings
        .iter()
        .map(|coding| asking("/text/json/4000", coding))
        .collect();

    client.send(requests).await;

    for coding in codings {
        let (answer, coded) = client.answer_in_bytes().await;
        let expected = (coding != "identity").then_some(coding);
        assert_eq!(answer.header("content-encoding"), expected);
        assert_eq!(decoded(&answer, &coded), body(4000).into_bytes());
    }
}

async fn whatever_is_asked(server: &TestServer, runner: &mut TestRunner) {
    let mut client = server.connect().await;
    let member = prop::sample::select(vec![
        "br",
        "zstd",
        "gzip",
        "*",
        "identity",
        "deflate",
        "br;q=0",
        "zstd;q=0",
        "gzip;q=0",
        "*;q=0",
        "br;q=0.3",
        "zstd;q=0.7",
        "gzip;q=0.5",
        "identity;q=0.6",
        "gzip;q=x",
        ";",
        "",
    ]);
    let accepted = prop::collection::vec(member, 0..5).prop_map(|members| members.join(", "));
    let kinds: Vec<_> = CODABLE
        .into_iter()
        .filter(|kind| *kind != "failed")
        .collect();
    let asked = (accepted, prop::sample::select(kinds), 900..80_000_usize);
    for _ in 0..300 {
        let (accepted, kind, length) = asked.new_tree(runner).unwrap().current();
        let target = format!("/text/{kind}/{length}");

        let (answer, coded) = fetch(&mut client, &asking(&target, &accepted)).await;

        assert_eq!(answer.status, 200);
        let coding = answer.header("content-encoding");
        assert!(
            coding.is_none_or(|coding| accepted.contains(coding) || accepted.contains('*')),
            "{coding:?} for {accepted}"
        );
        assert_eq!(decoded(&answer, &coded), body(length).into_bytes());
        assert_eq!(vary(&answer).contains(&"Accept-Encoding"), length >= 1000);
    }
}

#[actix_web::test]
async fn whatever_is_asked_for_what_is_decoded_is_the_same() {
    whatever_is_asked(&patient(), &mut TestRunner::default()).await;
}
