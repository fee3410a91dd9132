//! What a browser makes of this server: the methods of each documented path, compression, pages of other origins.

use std::collections::BTreeMap;

use bff_shared::serve::{CorsConfig, Origin};
use bff_shared::upstream::Instant;
use mock_services::raw::{self, Answer};
use serde_json::Value;

use crate::helpers::{TestApp, binary, spawn_app, spawn_with};

/// The documented paths with the values of their examples, and the methods of each.
async fn documented(app: &TestApp) -> BTreeMap<String, Vec<String>> {
    let document = app.get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap().iter();
    let filled = paths.map(|(template, item)| {
        let operations = item.as_object().unwrap();
        let methods = operations.keys().map(|method| method.to_uppercase());
        let mut path = template.clone();
        for operation in operations.values() {
            let parameters = operation["parameters"].as_array();
            for parameter in parameters.into_iter().flatten() {
                let example = match &parameter["example"] {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let name = parameter["name"].as_str().unwrap();
                path = path.replace(&format!("{{{name}}}"), &example);
            }
        }
        (path, methods.collect())
    });
    filled.collect()
}

async fn send(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    raw::send(app.addr, method, path, headers, "")
        .await
        .unwrap()
}

#[actix_web::test]
async fn every_documented_get_answers_head_and_every_path_options() {
    let app = spawn_app().await;

    for (path, methods) in documented(&app).await {
        let options = send(&app, "OPTIONS", &path, &[]).await;
        assert_eq!((options.status, &*options.body), (204, ""), "{path}");
        let allowed: Vec<_> = options.header("allow").unwrap().split(", ").collect();
        assert!(allowed.contains(&"OPTIONS"), "{path}: {allowed:?}");
        for method in &methods {
            assert!(allowed.contains(&&**method), "{path}: {allowed:?}");
        }
        if methods.iter().any(|method| method == "GET") {
            assert!(allowed.contains(&"HEAD"), "{path}: {allowed:?}");
            let begin = Instant::now();
            let got = app.get(&path).await;
            let head = send(&app, "HEAD", &path, &[]).await;
            assert_eq!((head.status, &*head.body), (got.status, ""), "{path}");
            for field in ["content-type", "etag", "vary", "location"] {
                assert_eq!(head.header(field), got.header(field), "{path} {field}");
            }
            // For how long depends on the second in which each was asked for.
            match got.kept_privately() {
                Some(seconds) => {
                    let apart = head.kept_privately().map(|head| head.abs_diff(seconds));
                    let most = begin.elapsed().as_secs() + 1;
                    assert!(apart.is_some_and(|apart| apart <= most), "{path}: {head:?}");
                }
                None => assert_eq!(head.header("cache-control"), got.header("cache-control")),
            }
        }
    }
}

#[actix_web::test]
async fn a_page_of_an_origin_that_is_set_may_read_an_answer_and_a_problem() {
    let origin = "https://app.example.com";
    let app = spawn_with(|config| {
        config.server.cors = CorsConfig {
            allowed_origins: vec![Origin::parse(origin).unwrap()],
            ..CorsConfig::default()
        };
    })
    .await;

    for (path, status) in [("/orders/1", 200), ("/orders/abc", 400), ("/nope", 404)] {
        let answer = send(&app, "GET", path, &[("Origin", origin)]).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(answer.header("vary"), Some("Origin"));
        let other = send(&app, "GET", path, &[("Origin", "https://b.example")]).await;
        assert_eq!(other.status, status);
        assert_eq!(other.header("access-control-allow-origin"), None);
        assert_eq!(other.header("vary"), Some("Origin"));
    }
    let asked = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "if-none-match"),
    ];
    let preflight = send(&app, "OPTIONS", "/orders/1", &asked).await;
    assert_eq!(preflight.status, 204);
    let methods = preflight.header("access-control-allow-methods").unwrap();
    assert!(methods.split(", ").any(|method| method == "GET"));
}

#[actix_web::test]
async fn by_default_no_page_of_another_origin_may_read_anything() {
    let app = spawn_app().await;

    let answer = send(&app, "GET", "/orders/1", &[("Origin", "https://b.example")]).await;

    assert_eq!(answer.status, 200);
    assert!(
        answer
            .headers
            .iter()
            .all(|(name, _)| !name.to_lowercase().starts_with("access-control-"))
    );
    assert_eq!(answer.header("vary"), None);
}

#[actix_web::test]
async fn an_origin_that_no_browser_sends_is_a_fault_of_the_settings() {
    let refused = [("BFF__CORS__ALLOWED_ORIGINS", "https://app.example.com/, *")];

    let ended = binary::run(&["check-config"], &refused).await;

    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for why in ["no path and no slash at its end", "there is no wildcard"] {
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
    let accepted = [("BFF__CORS__ALLOWED_ORIGINS", "https://app.example.com")];
    let ended = binary::run(&["check-config"], &accepted).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
