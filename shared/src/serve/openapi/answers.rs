//! What all composed answers have in common, described in one place: no route has to repeat it, and none can forget it.

use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::{Object, OpenApi, RefOr, Required, Response, Type};

use super::header;

/// Describes in `document` what every composed answer has besides its body: the headers of a success, and of a GET also
/// `If-None-Match` and the 304. A route that describes its own `Cache-Control` is left alone.
pub fn describe_composed(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        if let Some(read) = item.get.as_mut().filter(|read| !describes_itself(read)) {
            describe_read(read);
        }
        if let Some(write) = item.post.as_mut().filter(|write| !describes_itself(write)) {
            describe_headers(write, &WRITTEN);
        }
    }
}

fn describes_itself(operation: &Operation) -> bool {
    let mut responses = operation.responses.responses.values();
    responses.any(|response| {
        matches!(response, RefOr::T(response) if response.headers.contains_key("Cache-Control"))
    })
}

type Described = (&'static str, &'static str);

const CACHE_STATUS: Described = (
    "Cache-Status",
    "What the cache did for each source (RFC 9211): `hit`, or `fwd` with why the service was asked; `ttl` is not above zero \
     where the part is stale, and `detail` the reason that `sources` gives.",
);
const SERVER_TIMING: Described = (
    "Server-Timing",
    "Each source's time in milliseconds, and its state.",
);
const REQUEST_ID: Described = (
    "X-Request-Id",
    "The caller's id if it was well formed, else a new one.",
);
const READ: [Described; 5] = [
    (
        "Cache-Control",
        "`private, max-age=…`, or `no-store` where a source is degraded.",
    ),
    CACHE_STATUS,
    (
        "ETag",
        "Of a complete answer: a weak tag, the same for as long as the services say the same. A degraded answer has none.",
    ),
    SERVER_TIMING,
    REQUEST_ID,
];
const WRITTEN: [Described; 4] = [
    ("Cache-Control", "`no-store`."),
    CACHE_STATUS,
    SERVER_TIMING,
    REQUEST_ID,
];

fn describe_read(read: &mut Operation) {
    describe_headers(read, &READ);
    read.parameters
        .get_or_insert_default()
        .push(RefOr::T(if_none_match()));
    let known = Response::builder().description(
        "The client has this answer: its `If-None-Match` holds the `ETag`. It may be kept for as long as `Cache-Control` \
         says from now on.",
    );
    let known = READ.iter().fold(known, |known, (name, _)| {
        known.header(*name, header("As of the 200."))
    });
    let responses = &mut read.responses.responses;
    responses.insert("304".to_owned(), known.build().into());
}

fn describe_headers(operation: &mut Operation, headers: &[Described]) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with('2')
        {
            let described = headers.iter().map(|(name, text)| {
                let header: utoipa::openapi::Header = header(text);
                ((*name).to_owned(), header.into())
            });
            response.headers.extend(described);
        }
    }
}

fn if_none_match() -> Parameter {
    Parameter::builder()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "The `ETag` of an answer that the client has, or several with commas between them.",
        ))
        .schema(Some(Object::with_type(Type::String)))
        .example(Some("W/\"9d4cb5da0d0ca273\"".into()))
        .build()
}
