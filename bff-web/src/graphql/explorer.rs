//! A page to try it: one file, which asks this server alone.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, VARY};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("explorer/explorer.css");
const SCRIPT: &str = include_str!("explorer/explorer.js");
const PAGE: &str = include_str!("explorer/explorer.html");

struct Page {
    html: String,
    /// Names the page's own script and style by what they are, so that nothing else runs.
    policy: String,
}

static EXPLORER: LazyLock<Page> = LazyLock::new(|| {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    Page {
        html: PAGE
            .replace("/*style*/", STYLE)
            .replace("/*script*/", SCRIPT),
        policy: format!(
            "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; frame-ancestors 'none'; \
             base-uri 'none'; form-action 'none'",
            hash(SCRIPT),
            hash(STYLE)
        ),
    }
});

/// The page.
pub(super) fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, EXPLORER.policy.as_str()))
        .insert_header((VARY, "Accept"))
        .body(EXPLORER.html.as_str())
}
