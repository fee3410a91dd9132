//! The document that describes a BFF, and the pages that show it.

mod answers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue,
    LOCATION,
};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse};
use twox_hash::XxHash3_64;
use utoipa::openapi::example::Example;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::{
    Content, ContentBuilder, Header, Object, OpenApi, Ref, RefOr, Response, Type,
};
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer::weak_tag;
use super::paths::Paths;
use super::problem::PROBLEM_JSON;
use super::{Problem, headers};

pub use answers::describe_composed;

/// Where the document is served.
pub const DOCUMENT_PATH: &str = "/openapi.json";

/// What the page may do in a browser: run its own script and ask its own server.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// `base` with the routes that `routes` mounts, collected from their handlers.
#[must_use]
pub fn document(base: OpenApi, routes: fn(&mut ServiceConfig<'_>)) -> OpenApi {
    App::new()
        .into_utoipa_app()
        .openapi(base)
        .configure(routes)
        .split_for_parts()
        .1
}

/// The document as it is committed and served: indented, with a newline at its end.
///
/// # Panics
/// Never for a document that a test has printed once: its text depends on the code alone.
#[must_use]
pub fn text(document: &OpenApi) -> String {
    let mut text = document
        .to_pretty_json()
        .expect("an OpenAPI document is JSON");
    text.push('\n');
    text
}

/// The answers that a route gives beside its 200, for its documentation: `own` problems of the route, and those that
/// the edge gives on every route. The examples are what is really sent, but for the request id.
#[must_use]
pub fn problems(own: Vec<Problem>) -> BTreeMap<String, RefOr<Response>> {
    let edge = [
        headers::invalid_host(),
        headers::uri_too_long(),
        headers::head_too_large(),
        Problem::overloaded(0),
        Problem::internal(),
    ];
    let mut contents: BTreeMap<String, (Vec<String>, ContentBuilder)> = BTreeMap::new();
    let mut retried = BTreeSet::new();
    for problem in own.into_iter().chain(edge) {
        if problem.says_when_to_retry() {
            retried.insert(problem.status().as_str().to_owned());
        }
        let (title, example) = example(&problem);
        let (titles, content) = contents
            .remove(problem.status().as_str())
            .unwrap_or_else(|| {
                (
                    Vec::new(),
                    Content::builder().schema(Some(Ref::from_schema_name("Problem"))),
                )
            });
        let content = content.examples_from_iter([(problem.code(), example)]);
        let titles = titles.into_iter().chain([title]).collect();
        contents.insert(problem.status().as_str().to_owned(), (titles, content));
    }
    let response = |(status, (titles, content)): (String, (Vec<String>, ContentBuilder))| {
        let mut response = Response::builder()
            .description(titles.join("; "))
            .content(PROBLEM_JSON, content.build())
            .header("X-Request-Id", header("The request's id, as in the body."));
        if retried.contains(&status) {
            response = response.header(
                "Retry-After",
                header("Whole seconds after which to ask again, where known."),
            );
        }
        (status, response.build().into())
    };
    contents.into_iter().map(response).collect()
}

/// `document` with the 405 that each of its paths gives to other methods, among the answers of its operations.
#[must_use]
pub fn with_other_methods(mut document: OpenApi) -> OpenApi {
    for item in document.paths.paths.values_mut() {
        let Ok(allow) = HeaderValue::try_from(methods(item)) else {
            continue;
        };
        let problem = Problem::method_not_allowed(allow);
        let (title, example) = example(&problem);
        let content = Content::builder()
            .schema(Some(Ref::from_schema_name("Problem")))
            .examples_from_iter([(problem.code(), example)]);
        let response = Response::builder()
            .description(format!("To other methods: {title}"))
            .content(PROBLEM_JSON, content.build())
            .header("Allow", header("The methods that are allowed."))
            .header("X-Request-Id", header("The request's id, as in the body."))
            .build();
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            let status = problem.status().as_str().to_owned();
            let known = operation.responses.responses.entry(status);
            let known = known.or_insert_with(|| response.clone().into());
            // A route may have a 405 of its own.
            if let RefOr::T(known) = known {
                known.content.extend(response.content.clone());
                known.headers.extend(response.headers.clone());
            }
        }
    }
    document
}

/// A problem's title, and the body that a client gets, but for the request's id.
fn example(problem: &Problem) -> (String, Example) {
    let body = problem.body("0198a6f0-5b7c-7d3e-8f1a-2b3c4d5e6f70");
    let example = Example::builder()
        .summary(body.title())
        .value(serde_json::to_value(&body).ok())
        .build();
    (body.title().to_owned(), example)
}

/// A header of an answer, for its documentation.
#[must_use]
pub fn header(description: &str) -> Header {
    Header::builder()
        .schema(Some(Object::with_type(Type::String)))
        .description(Some(description))
        .build()
}

/// The paths of a BFF: those that `document` describes, and the document's own.
pub(super) fn paths(document: &OpenApi) -> Paths {
    let described = document.paths.paths.iter();
    let described = described.map(|(path, item)| (path.clone(), methods(item)));
    let own = [DOCUMENT_PATH, "/docs", "/docs/{file:.*}"]
        .map(|path| (path.to_owned(), "GET, HEAD, OPTIONS".to_owned()));
    let known = described.chain(own).filter_map(|(path, methods)| {
        let methods = HeaderValue::try_from(methods).ok()?;
        Some((path, methods))
    });
    Paths::new(known, UNKNOWN_PATH)
}

const UNKNOWN_PATH: &str = "The paths that exist are listed in /openapi.json.";

fn methods(item: &PathItem) -> String {
    let described = [
        ("GET, HEAD", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    let allowed = described
        .iter()
        .filter(|(_, operation)| operation.is_some())
        .map(|(method, _)| *method);
    // The edge answers it for every path.
    allowed.chain(["OPTIONS"]).collect::<Vec<_>>().join(", ")
}

/// Mounts the document and the pages.
pub(super) fn configure(app: &mut web::ServiceConfig, document: &Bytes) {
    let pages = utoipa_swagger_ui::Config::from(DOCUMENT_PATH)
        .use_base_layout()
        .validator_url("none");
    let tag = weak_tag(XxHash3_64::oneshot(document));
    app.app_data(Data::new(Document {
        text: document.clone(),
        tag,
    }))
    .app_data(Data::new(Arc::new(pages)))
    .route(DOCUMENT_PATH, web::get().to(serve_document))
    .route("/docs", web::get().to(redirect))
    .route("/docs/{file:.*}", web::get().to(page));
}

/// The document as it is served.
struct Document {
    text: Bytes,
    tag: String,
}

async fn serve_document(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((ETAG, &*document.tag))
        .body(document.text.clone())
}

async fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/docs/"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .finish()
}

async fn page(
    request: HttpRequest,
    pages: Data<Arc<utoipa_swagger_ui::Config<'static>>>,
) -> Result<HttpResponse, Problem> {
    let file = utoipa_swagger_ui::serve(request.match_info().query("file"), Arc::clone(&pages))
        .map_err(|error| {
            log::error!("a page of the documentation cannot be made: {error}");
            Problem::internal()
        })?;
    let file = file.ok_or_else(|| Problem::unknown_path(UNKNOWN_PATH))?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, file.content_type))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((ETAG, weak_tag(XxHash3_64::oneshot(&file.bytes))))
        .insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY));
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(response.body(file.bytes.into_owned()))
}
