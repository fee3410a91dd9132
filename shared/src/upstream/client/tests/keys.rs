//! What an answer is kept under, and how much of it all.

use http::header::HeaderValue;

use super::cache::{caching, carrying, kept_for};
use super::*;
use crate::upstream::{Forwarded, Origin};

#[test]
fn requests_with_other_headers_are_answered_apart() {
    paused(async {
        let (client, transport) = client_by(caching(ONE), |asked| {
            let body = if asked.header("accept-language") == "de" {
                "2"
            } else {
                "1"
            };
            (
                MS,
                says(
                    200,
                    &[("cache-control", "max-age=60"), ("vary", "accept-language")],
                    body,
                ),
            )
        });
        let ask = async |language: Option<&'static str>| {
            let mut request = Request::get("/");
            if let Some(language) = language {
                let value = HeaderValue::from_static(language);
                request.headers.insert("accept-language", value);
            }
            *call(&client, &within(NEVER), request).await.unwrap().value
        };
        for _ in 0..2 {
            assert_eq!(ask(None).await, 1);
            assert_eq!(ask(Some("de")).await, 2);
            assert_eq!(ask(Some("en")).await, 1);
        }
        assert_eq!(transport.attempts(), 3);
    });
}

#[test]
fn what_every_request_carries_selects_no_answer() {
    paused(async {
        let (client, transport) = client_by(caching(ONE), |_| (MS, kept_for("max-age=60")));
        for (name, value) in [
            ("x-request-id", "1"),
            ("x-request-id", "2"),
            ("traceparent", "3"),
        ] {
            let context = carrying(name, value);
            call(&client, &context, Request::get("/")).await.unwrap();
        }
        assert_eq!(transport.attempts(), 1);
    });
}

#[test]
fn two_types_under_one_target_do_not_mix() {
    paused(async {
        let (client, transport) = client_by(caching(ONE), |_| (MS, kept_for("max-age=60")));
        for _ in 0..2 {
            let context = within(NEVER);
            let number = client.call(&context, Request::get("/"), Response::json::<u8>);
            let other = client.call(&context, Request::get("/"), Response::json::<f64>);
            let (number, other) = futures_util::join!(number, other);
            assert_eq!((*number.unwrap().value, *other.unwrap().value), (1, 1.0));
        }
        assert_eq!(transport.attempts(), 2);
    });
}

#[test]
fn only_a_get_without_a_body_is_answered_from_what_is_kept() {
    paused(async {
        let (client, transport) = client_by(caching(ONE), |_| (MS, kept_for("max-age=60")));
        for request in [
            Request::new(Method::POST, "/"),
            Request::new(Method::HEAD, "/"),
            Request::get("/").with_body("{}"),
        ] {
            for _ in 0..2 {
                let answer = call(&client, &within(NEVER), request.clone())
                    .await
                    .unwrap();
                assert_eq!(answer.origin, Origin::Fresh);
                assert_eq!(answer.cache.forwarded, Some(Forwarded::Bypass));
            }
        }
        assert_eq!(transport.attempts(), 6);
    });
}

#[test]
fn all_that_is_kept_is_bounded_in_bytes() {
    paused(async {
        let mut config = caching(ONE);
        config.cache.max_bytes = 100_000;
        let body: &'static str = Box::leak(format!("{:1000}", 1).into_boxed_str());
        let (client, _) = client_by(config, move |asked| {
            let control = if asked.target.len() % 2 == 0 {
                "max-age=60"
            } else {
                "no-store"
            };
            (
                Duration::ZERO,
                says(200, &[("cache-control", control)], body),
            )
        });
        for number in 0..2000 {
            let request = Request::get(format!("/{number}"));
            call(&client, &within(NEVER), request).await.unwrap();
        }
        let report = serde_json::to_value(client.cluster.report()).unwrap();
        let bytes = report["cache"]["bytes"].as_u64().unwrap();
        assert!((50_000..=100_000).contains(&bytes), "{report}");
        assert_eq!(report["cache"]["misses"], 2000);
    });
}
