//! The pages that show the document: all of them come from this server.

use mock_services::raw::Answer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::helpers::{TestApp, assert_common_headers, spawn_app};

/// The values of the attributes `src` and `href` in a page.
fn references(page: &str) -> Vec<String> {
    let after = ["src=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| page.split(attribute).skip(1));
    after
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

/// The head and the length of the body of an answer that need not be text.
async fn fetch(app: &TestApp, path: &str) -> (String, usize) {
    let mut connection = TcpStream::connect(app.addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    let head = answer
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap();
    (
        String::from_utf8(answer[..head].to_vec())
            .unwrap()
            .to_ascii_lowercase(),
        answer.len() - head - 4,
    )
}

/// The directives of the page's Content-Security-Policy.
fn policy(answer: &Answer) -> Vec<&str> {
    answer
        .header("content-security-policy")
        .unwrap()
        .split("; ")
        .collect()
}

#[actix_web::test]
async fn docs_leads_to_the_page() {
    let app = spawn_app().await;

    let answer = app.get("/docs").await;

    assert_eq!(
        (answer.status, answer.header("location")),
        (308, Some("/docs/"))
    );
    assert_common_headers(&answer);
}

#[actix_web::test]
async fn the_page_may_run_its_own_scripts_and_no_others() {
    let app = spawn_app().await;

    for path in ["/docs/", "/docs/index.html"] {
        let answer = app.get(path).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/html")),
            "{path}"
        );
        assert_common_headers(&answer);
        let policy = policy(&answer);
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(&directive), "{path}: {policy:?}");
        }
        for script in answer.body.split("<script").skip(1) {
            let (attributes, inside) = script.split_once('>').unwrap();
            assert!(
                attributes.contains("src=\"") && inside.trim_start().starts_with("</script>"),
                "{script}"
            );
        }
    }
}

#[actix_web::test]
async fn everything_that_the_page_refers_to_is_served_here() {
    let app = spawn_app().await;
    let references = references(&app.get("/docs/").await.body);

    for wanted in [
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "swagger-initializer.js",
    ] {
        assert!(
            references
                .iter()
                .any(|reference| reference.ends_with(wanted)),
            "{wanted}: {references:?}"
        );
    }
    for reference in references {
        assert!(!reference.contains("//"), "{reference} is somewhere else");
        let file = reference.trim_start_matches("./");
        let (head, length) = fetch(&app, &format!("/docs/{file}")).await;
        assert!(
            head.starts_with("http/1.1 200 ") && length > 0,
            "{file}: {head}"
        );
        let kinds: &[&str] = match file.rsplit('.').next().unwrap() {
            "js" => &["text/javascript", "application/javascript"],
            "css" => &["text/css"],
            "png" => &["image/png"],
            _ => panic!("of what kind is {file}?"),
        };
        assert!(
            kinds
                .iter()
                .any(|kind| head.contains(&format!("\r\ncontent-type: {kind}"))),
            "{file}: {head}"
        );
    }
}

#[actix_web::test]
async fn the_page_shows_the_document_and_asks_no_other_server() {
    let app = spawn_app().await;

    let (page, script) = (
        app.get("/docs/").await,
        app.get("/docs/swagger-initializer.js").await,
    );

    assert!(script.body.contains("\"/openapi.json\""), "{}", script.body);
    for body in [page.body, script.body] {
        for scheme in ["http://", "https://"] {
            assert!(!body.contains(scheme), "{body}");
        }
    }
}
