//! The page that a browser gets.

use super::{refused, target};
use crate::helpers::{assert_common_headers, spawn_app, spawn_with};

const BROWSER: (&str, &str) = (
    "Accept",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
);

#[actix_web::test]
async fn a_browser_that_opens_it_gets_a_page_that_needs_nobody_else() {
    let app = spawn_app().await;

    let answer = app.get_with("/graphql", &[BROWSER]).await;

    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert_common_headers(&answer);
    assert_eq!(answer.header("vary"), Some("Accept, Accept-Encoding"));
    let policy = answer.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'sha256-",
        "style-src 'sha256-",
        "connect-src 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(
        answer.body.starts_with("<!doctype html>"),
        "{}",
        answer.body
    );
    let without_names = answer.body.replace("http://www.w3.org/", "");
    assert!(!without_names.contains("http://") && !without_names.contains("https://"));
    assert!(!answer.body.contains("/*script*/") && !answer.body.contains("/*style*/"));
}

#[actix_web::test]
async fn it_can_be_switched_off_and_is_for_whoever_asks_nothing() {
    let app = spawn_with(|config| config.graphql.explorer = false).await;
    let answer = app
        .get_with("/graphql", &[BROWSER, ("Sec-Fetch-Site", "none")])
        .await;
    refused(&answer, 400, "queryMissing");

    let app = spawn_app().await;
    let query = target(&[("query", "{ __typename }")]);
    let answer = app
        .get_with(&query, &[BROWSER, ("Sec-Fetch-Site", "none")])
        .await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    refused(
        &app.get_with("/graphql", &[("Accept", "application/json")])
            .await,
        403,
        "preflightMissing",
    );
    refused(
        &app.get_with("/graphql", &[]).await,
        403,
        "preflightMissing",
    );
}
