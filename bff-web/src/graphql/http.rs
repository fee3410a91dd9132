//! GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>), and no page of another site among those who
//! use it.
//!
//! What a browser sends for any page without asking this server before is a GET, or a POST with the type of a form. A POST
//! here has the type of JSON; a GET has a field that a page cannot add by itself. Without either it is refused, whoever
//! sends it: what a cookie opens to a user is not to be opened to every page that they look at.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get, post};
use async_graphql::Variables;
use bff_shared::domain::OrderDesk;
use bff_shared::serve::{Caller, Cursors};

use super::answer::{self, Failure, Refused, Told};
use super::documented::{AskProblems, Document, Parameters, RequestBody};
use super::documents::{Known, Way};
use super::limits::{self, Cost, NESTING, Refusal};
use super::negotiation::{Accepted, Form};
use super::request::Asked;
use super::shape::Shape;
use super::state::State;
use super::{GraphQl, explorer, tokens};
use crate::openapi::example;

/// What a request is answered with.
struct Means {
    graphql: Data<GraphQl>,
    desk: Data<OrderDesk>,
    cursors: Data<Cursors>,
    caller: Caller,
}

/// Asks with GraphQL, in the address.
///
/// For queries alone. With a field that no page of another site can send by itself: `GraphQL-Preflight: 1`, or a
/// `Content-Type` of JSON; a browser's own `Sec-Fetch-Site: same-origin` does as well. Who prefers `text/html`, and has no
/// query, is given the explorer.
#[utoipa::path(
    path = "/graphql",
    tag = "graphql",
    operation_id = "askGraphQLByUrl",
    params(Parameters),
    responses(
        (
            status = 200,
            description = "The request was executed. What cannot be had is null, and `errors` says why. \
                `extensions.sources` says how good the sources are, `extensions.cost` what the request cost. `Cache-Control` \
                is as `GET /orders/{id}` has it.",
            headers(
                ("Cache-Control" = String, description = "`private, max-age=…`, or `no-store`."),
                ("X-Request-Id" = String, description = "The caller's id if it was well formed, else a new one."),
            ),
            content(
                (Document = "application/json", examples(
                    ("graphql" = (summary = "Every source is fresh", value = json!(example("graphql"))))
                )),
                (Document = "application/graphql-response+json", examples(
                    ("graphql" = (summary = "Every source is fresh", value = json!(example("graphql"))))
                )),
            ),
        ),
        AskProblems,
    )
)]
#[get("/graphql")]
pub(crate) async fn ask_by_url(
    graphql: Data<GraphQl>,
    desk: Data<OrderDesk>,
    cursors: Data<Cursors>,
    caller: Caller,
    request: HttpRequest,
) -> HttpResponse {
    let accepted = accepted(&request);
    let has_query =
        form_urlencoded::parse(request.query_string().as_bytes()).any(|(name, _)| name == "query");
    if graphql.config.explorer && !has_query && accepted.prefers_page() {
        return explorer::page();
    }
    let Some(form) = accepted.form() else {
        return not_acceptable();
    };
    if !is_deliberate(request.headers()) {
        return from_anywhere().answer(form);
    }
    match Asked::in_address(request.query_string()) {
        Ok(asked) => {
            let means = Means {
                graphql,
                desk,
                cursors,
                caller,
            };
            means.answer(&Method::GET, form, &asked).await
        }
        Err(refused) => refused.answer(form),
    }
}

/// Asks with GraphQL.
///
/// Orders and customers as the other paths have them, but only what is asked for; `bff-web graphql-schema` prints the
/// schema. As `application/graphql-response+json` a request that is not executed is a 400, as `application/json` a 200 with
/// `errors` and without `data`.
#[utoipa::path(
    path = "/graphql",
    tag = "graphql",
    operation_id = "askGraphQL",
    request_body(
        content = RequestBody,
        description = "The request.",
        examples(("graphqlRequest" = (summary = "An order with its customer", value = json!(example("graphqlRequest"))))),
    ),
    responses(
        (
            status = 200,
            description = "The request was executed. What cannot be had is null, and `errors` says why. \
                `extensions.sources` says how good the sources are, `extensions.cost` what the request cost.",
            headers(
                ("Cache-Control" = String, description = "`private, max-age=…`, or `no-store`."),
                ("X-Request-Id" = String, description = "The caller's id if it was well formed, else a new one."),
            ),
            content(
                (Document = "application/json", examples(
                    ("graphql" = (summary = "Every source is fresh", value = json!(example("graphql"))))
                )),
                (Document = "application/graphql-response+json", examples(
                    ("graphql" = (summary = "Every source is fresh", value = json!(example("graphql"))))
                )),
            ),
        ),
        AskProblems,
    )
)]
#[post("/graphql")]
pub(crate) async fn ask(
    graphql: Data<GraphQl>,
    desk: Data<OrderDesk>,
    cursors: Data<Cursors>,
    caller: Caller,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let Some(form) = accepted(&request).form() else {
        return not_acceptable();
    };
    if !is_json(request.headers()) {
        return unsupported_media_type().answer(form);
    }
    match Asked::in_body(&body) {
        Ok(asked) => {
            let means = Means {
                graphql,
                desk,
                cursors,
                caller,
            };
            means.answer(&Method::POST, form, &asked).await
        }
        Err(refused) => refused.answer(form),
    }
}

/// What is to be done, measured.
struct Plan {
    known: Arc<Known>,
    variables: Variables,
    /// How the variables are given, where that says whether they are valid.
    way: Option<Way>,
    shape: Shape,
    cost: Cost,
    changes: bool,
}

/// Why nothing is done.
enum NoPlan {
    Limits(Vec<Refusal>, Option<Cost>),
    Syntax(async_graphql::ServerError),
    Refused(Refused),
}

impl Means {
    async fn answer(self, method: &Method, form: Form, asked: &Asked) -> HttpResponse {
        let config = &self.graphql.config;
        let told = |cost| Told { cost, config };
        let plan = match self.plan(method, asked) {
            Ok(plan) => plan,
            Err(NoPlan::Limits(refusals, cost)) => {
                let errors: Vec<_> = refusals.iter().map(Failure::Limit).collect();
                return answer::not_executed(form, &errors, told(cost));
            }
            Err(NoPlan::Syntax(error)) => {
                return answer::not_executed(form, &[Failure::Syntax(&error)], told(None));
            }
            Err(NoPlan::Refused(refused)) => return refused.answer(form),
        };
        let told = told(Some(plan.cost));
        let mut request = async_graphql::Request::new("").variables(plan.variables);
        request.operation_name.clone_from(&asked.operation_name);
        request.set_parsed_query(plan.known.document.clone());
        let is_valid = plan
            .way
            .as_ref()
            .is_some_and(|way| plan.known.is_valid(way));
        let schema = match is_valid {
            true => &self.graphql.unchecked,
            false => &self.graphql.schema,
        };
        let state = State::new(self.desk, self.cursors, self.caller, config.max_page);
        let response = state.during(schema.execute(request)).await;
        // What is wrong with the document is at no field of the answer.
        let is_at_field = |error: &async_graphql::ServerError| !error.path.is_empty();
        if response.data == async_graphql::Value::Null && !response.errors.iter().any(is_at_field) {
            let errors: Vec<_> = response.errors.iter().map(Failure::Server).collect();
            return answer::not_executed(form, &errors, told);
        }
        if let Some(way) = plan.way
            && !is_valid
        {
            plan.known.found_valid(way);
        }
        let sources = state.told();
        answer::executed(form, &response, &plan.shape, told, &sources, plan.changes)
    }

    fn plan(&self, method: &Method, asked: &Asked) -> Result<Plan, NoPlan> {
        let config = &self.graphql.config;
        let size = tokens::measure(&asked.query);
        if size.tokens > config.max_tokens || size.nesting > NESTING {
            return Err(NoPlan::Limits(too_large(size, config.max_tokens), None));
        }
        let known = self.graphql.documents.read(&asked.query, size);
        let known = known.map_err(|error| NoPlan::Syntax(error.into()))?;
        let document = &known.document;
        let variables = asked.variables();
        let refuse = |refusal| NoPlan::Limits(vec![refusal], None);
        let operation = limits::operation(document, asked.operation_name.as_deref());
        let operation = operation.map_err(refuse)?;
        let missing = limits::missing_variables(operation, &variables);
        if !missing.is_empty() {
            return Err(NoPlan::Limits(missing, None));
        }
        let cost = limits::cost(document, operation, &variables, config).map_err(refuse)?;
        if *method == Method::GET && !limits::is_read(operation) {
            return Err(NoPlan::Refused(changes_by_url()));
        }
        let mut refusals = limits::beyond(&cost, config);
        // The others are not executed, but they are compared with the schema too.
        for (_, other) in document.operations.iter() {
            if refusals.is_empty() && !std::ptr::eq(&raw const other.node, operation) {
                let cost = limits::cost(document, &other.node, &variables, config);
                refusals = limits::beyond(&cost.map_err(refuse)?, config);
            }
        }
        if !refusals.is_empty() {
            return Err(NoPlan::Limits(refusals, Some(cost)));
        }
        let changes = !limits::is_read(operation);
        let shape = Shape::of(document, operation);
        Ok(Plan {
            way: known.way(&variables),
            known,
            variables,
            shape,
            cost,
            changes,
        })
    }
}

fn too_large(size: tokens::Size, max_tokens: u32) -> Vec<Refusal> {
    let limits = [
        (
            "tooManyTokens",
            "has too many tokens",
            size.tokens,
            max_tokens,
        ),
        (
            "tooDeep",
            "has brackets nested too deep",
            size.nesting,
            NESTING,
        ),
    ];
    let beyond = limits.into_iter().filter(|(_, _, is, most)| is > most);
    let refusals = beyond.map(|(code, what, is, most)| Refusal {
        code,
        message: format!("The document {what}: {is}, where {most} is the most."),
        numbers: Some((most.into(), is.into())),
    });
    refusals.collect()
}

fn accepted(request: &HttpRequest) -> Accepted {
    let fields = request.headers().get_all(ACCEPT);
    Accepted::read(fields.filter_map(|field| field.to_str().ok()))
}

/// Whether the body is said to be JSON, in the only encoding that JSON has.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE);
    let (Some(only), None) = (types.next(), types.next()) else {
        return false;
    };
    let mut parts = only.to_str().unwrap_or_default().split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            !name.trim().eq_ignore_ascii_case("charset")
                || value.eq_ignore_ascii_case("utf-8")
                || value.eq_ignore_ascii_case("utf8")
        })
}

/// Fields that a page of another site cannot add unless this server allows it.
const DELIBERATE: [&str; 4] = [
    "graphql-preflight",
    "apollo-require-preflight",
    "x-apollo-operation-name",
    "x-requested-with",
];

/// Whether a GET was meant by whoever may mean it.
fn is_deliberate(headers: &HeaderMap) -> bool {
    let has = |name: &&str| headers.get(*name).is_some_and(|value| !value.is_empty());
    static OWN: LazyLock<[HeaderValue; 2]> = LazyLock::new(|| {
        // Set by the browser, whatever a script says: a page of this server, or an address that its user typed.
        ["same-origin", "none"].map(HeaderValue::from_static)
    });
    let site = headers.get("sec-fetch-site");
    DELIBERATE.iter().any(has) || is_json(headers) || site.is_some_and(|site| OWN.contains(site))
}

fn from_anywhere() -> Refused {
    Refused::new(
        StatusCode::FORBIDDEN,
        "preflightMissing",
        "Any page could send this request from a browser. With GET, send one of GraphQL-Preflight: 1, \
         Apollo-Require-Preflight, X-Apollo-Operation-Name or X-Requested-With, or Content-Type: application/json; or use \
         POST.",
    )
}

fn unsupported_media_type() -> Refused {
    Refused::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupportedMediaType",
        "Send JSON in UTF-8, with Content-Type: application/json.",
    )
}

fn not_acceptable() -> HttpResponse {
    Refused::new(
        StatusCode::NOT_ACCEPTABLE,
        "notAcceptable",
        "Accept allows neither application/graphql-response+json nor application/json.",
    )
    .answer(Form::Json)
}

fn changes_by_url() -> Refused {
    Refused {
        allow: Some("POST"),
        ..Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "mutationByGet",
            "With GET nothing is changed: send mutations with POST.",
        )
    }
}
