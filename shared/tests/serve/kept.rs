//! What may be kept of an answer: tags and `Cache-Control`.
//!
//! What somebody may try: keep whatever has a tag and ask with it again; send `If-None-Match` along with everything, as
//! a client library does that knows no better; keep an answer of which nothing is said. What may go wrong: a degraded
//! answer that outlives its cause, a 304 to a request that has changed something, a cache that guesses.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web;
use bff_shared::compose::{Composition, Omit, Part};
use bff_shared::serve::{Problem, changed, composed, created};
use bff_shared::upstream::{
    Answer, CacheStatus, Context, Deadline, ErrorKind, Freshness, Instant, Origin, StaleCause,
};
use serde_json::json;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::client::{Client, get, request, with};
use crate::server::{patient, problem};

pub(crate) fn routes(app: &mut ServiceConfig<'_>) {
    app.route("/composed/{state}", web::get().to(composed_route))
        .route("/created", web::post().to(created_route))
        .route("/created-nowhere", web::post().to(created_nowhere))
        .route("/changed", web::put().to(changed_route))
        .route("/changed-alone", web::put().to(changed_alone));
}

async fn part(state: &str) -> Part<Option<Arc<&'static str>>> {
    let age = Duration::from_secs(8);
    let origin = match state {
        "cached" => Origin::Cached { age },
        "stale" => Origin::Stale {
            age,
            cause: StaleCause::Failed(ErrorKind::Unavailable, "gone".into()),
        },
        _ => Origin::Fresh,
    };
    let allowed = Duration::from_millis(if state == "omitted" { 1 } else { 10_000 });
    let context = Context::new(Deadline::after(Instant::now(), allowed));
    let answer = Answer {
        value: Arc::new("some of it"),
        origin,
        freshness: match state {
            "unkept" => Freshness::NoStore,
            _ => Freshness::For(Duration::from_secs(5)),
        },
        validator: 7,
        cache: CacheStatus::default(),
    };
    let source = async {
        if state == "omitted" {
            pending::<()>().await;
        }
        Ok(answer)
    };
    Composition::new(&context)
        .optional(&Omit, &(), |_| source)
        .await
}

async fn composed_route(state: web::Path<String>) -> Result<HttpResponse, Problem> {
    let part = part(&state).await;
    composed(
        &json!({ "text": "x".repeat(2000) }),
        &[("stock", &part.provenance)],
    )
}

async fn created_route() -> Result<HttpResponse, Problem> {
    let part = part("fresh").await;
    let body = json!({ "id": 7 });
    created("/things/7", &body, &[("stock", &part.provenance)])
}

async fn created_nowhere() -> Result<HttpResponse, Problem> {
    created("/things/\r\nX-Other: 7", &json!({}), &[])
}

async fn changed_route() -> Result<HttpResponse, Problem> {
    let part = part("cached").await;
    changed(&json!({ "id": 7 }), &[("stock", &part.provenance)])
}

async fn changed_alone() -> Result<HttpResponse, Problem> {
    changed(&json!({ "id": 7 }), &[])
}

#[actix_web::test]
async fn a_complete_answer_has_a_tag_and_a_degraded_one_is_not_kept() {
    let server = patient();
    let mut client = server.connect().await;
    for (state, kept) in [
        ("fresh", Some("private, max-age=5")),
        ("cached", Some("private, max-age=5")),
        ("unkept", None),
        ("stale", None),
        ("omitted", None),
    ] {
        let target = format!("/composed/{state}");
        let answer = client.exchange(get(&target)).await;

        assert_eq!(answer.status, 200);
        let cache_control = answer.header("cache-control");
        assert_eq!(cache_control, Some(kept.unwrap_or("no-store")), "{state}");
        let is_complete = !matches!(state, "stale" | "omitted");
        assert_eq!(answer.header("etag").is_some(), is_complete, "{state}");
        // Whatever the client says that it has.
        for known in ["*", "W/\"0\", \"\""] {
            let known = with(&get(&target), &[("If-None-Match", known)]);
            client.send(&known).await;
            let answer = client.answer_to_head().await;
            if answer.status == 200 {
                let length = answer.header("content-length").unwrap();
                client.take(length.parse().unwrap()).await;
            }
            let expected = is_complete && known.contains(": *");
            assert_eq!(answer.status == 304, expected, "{state} {known}");
        }
    }
}

#[actix_web::test]
async fn what_was_made_or_changed_is_told_once() {
    let server = patient();
    let mut client = server.connect().await;
    for (method, target, status, location, sources) in [
        ("POST", "/created", 201, Some("/things/7"), true),
        ("PUT", "/changed", 200, None, true),
        ("PUT", "/changed-alone", 200, None, false),
    ] {
        for fields in [&[][..], &[("If-None-Match", "*")]] {
            let answer = client
                .exchange(with(&request(method, target), fields))
                .await;

            assert_eq!(answer.status, status, "{target}");
            assert_eq!(answer.json(), json!({ "id": 7 }));
            assert_eq!(answer.header("location"), location);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("etag"), None);
            assert_eq!(answer.header("content-type"), Some("application/json"));
            for field in ["server-timing", "cache-status"] {
                let told = answer.header(field);
                assert_eq!(told.is_some_and(|told| told.starts_with("stock;")), sources);
                assert_eq!(told.is_some(), sources, "{target} {field}");
            }
        }
    }
}

#[actix_web::test]
async fn a_location_that_no_header_can_hold_is_a_fault_of_ours() {
    let server = patient();
    let mut client = server.connect().await;

    let answer = client.exchange(request("POST", "/created-nowhere")).await;

    problem(&answer, 500, "internal");
    assert_eq!(
        (answer.header("location"), answer.header("x-other")),
        (None, None)
    );
}

#[actix_web::test]
async fn every_answer_says_whether_it_may_be_kept() {
    let server = patient();
    let mut client = server.connect().await;
    for (target, status, expected) in [
        ("/quick", 200, "no-store"),
        ("/own/404", 404, "no-store"),
        ("/bare/204", 204, "no-store"),
        ("/streamed", 200, "no-store"),
        ("/nothing", 404, "no-store"),
        ("/panic", 500, "no-store"),
        ("/text/json/10", 200, "no-cache"),
        ("/text/fixed/10", 200, "private, No-Transform"),
        ("/tagged", 200, "private, max-age=7"),
        ("/openapi.json", 200, "no-cache"),
        ("/docs", 308, "no-cache"),
        ("/docs/", 200, "no-cache"),
        ("/docs/swagger-ui.css", 200, "no-cache"),
        ("/docs/nothing", 404, "no-store"),
    ] {
        let answer = client.exchange(get(target)).await;

        assert_eq!(answer.status, status, "{target}");
        let said: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("cache-control"))
            .map(|(_, value)| &**value)
            .collect();
        assert_eq!(said, [expected], "{target}");
    }
    let mut admin = Client::connect(server.admin).await;
    for target in ["/livez", "/readyz", "/upstreams", "/nothing"] {
        let answer = admin.exchange(get(target)).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
    }
}

#[actix_web::test]
async fn the_document_and_the_pages_have_tags() {
    let server = patient();
    let mut client = server.connect().await;
    let mut tags = vec![];
    for target in [
        "/openapi.json",
        "/docs/",
        "/docs/swagger-ui.css",
        "/docs/swagger-initializer.js",
    ] {
        let answer = client.exchange(get(target)).await;
        let tag = answer.header("etag").unwrap().to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");

        let known = with(&get(target), &[("If-None-Match", &tag)]);
        client.send(known).await;
        let answer = client.answer_to_head().await;

        assert_eq!((answer.status, answer.header("etag")), (304, Some(&*tag)));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(client.exchange(get("/quick")).await.status, 200);
        assert!(!tags.contains(&tag));
        tags.push(tag);
    }
}
