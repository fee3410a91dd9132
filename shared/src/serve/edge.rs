//! The outermost layer of a server: what happens to every request, whatever its route.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::Error;
use actix_web::http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpResponse};
use futures_util::FutureExt as _;

use super::admission::{Admission, Place};
use super::body::Held;
use super::cors::{Cors, Granted};
use super::life::Life;
use super::lifecycle::{Lifecycle, Phase};
use super::paths::Paths;
use super::request_id::REQUEST_ID;
use super::telemetry::AccessLine;
use super::{Caller, Problem, RequestId, body, compress, conditional, headers};
use crate::upstream::Instant;

mod pass;

/// What the edge of one worker thread knows.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) paths: Paths,
    /// Whether answers are compressed.
    pub(super) compression: bool,
    /// Which pages of other origins may read answers; `None` where CORS is off.
    pub(super) cors: Option<Cors>,
    /// The time for a whole answer.
    pub(super) deadline: Duration,
    /// The time in which the body of a request has to arrive.
    pub(super) body_timeout: Duration,
    pub(super) lifecycle: Lifecycle,
    /// The limit of requests in flight; none for operators.
    pub(super) admission: Option<Admission>,
    /// Whether requests leave a line in the log; those of a health check would drown the others.
    pub(super) access_log: bool,
}

/// What is known of a request until it is answered.
struct Asked {
    access: AccessLine,
    /// Its origin, where that may read the answer.
    granted: Option<Granted>,
}

impl Edge {
    /// Takes a request through: identify, check, route, make a problem of whatever went wrong, and account for it.
    pub(super) async fn handle(
        &self,
        mut request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let start = Instant::now();
        let life = request.conn_data::<Rc<Life>>().cloned();
        let work = life.as_ref().map(Life::work);
        let id = RequestId::of(request.headers());
        let method = request.method().clone();
        if method == Method::HEAD {
            // Every GET answers HEAD as well.
            request.head_mut().method = Method::GET;
        }
        let route = self.paths.template(request.path());
        let cors = self.cors.as_ref();
        let asked = Asked {
            access: AccessLine::begin(id, method, route, start, self.access_log),
            granted: cors.and_then(|cors| cors.grant(request.headers())),
        };
        let options = self.options(&request, &asked);
        let place = match self.admit(&request, options.is_some()) {
            Ok(place) => place,
            Err(problem) => {
                let response = problem.render(&asked.access.id);
                return Ok(self.finish(request.into_response(response), &asked, Some(&problem)));
            }
        };
        if let Some(response) = options {
            return Ok(self.finish(request.into_response(response), &asked, None));
        }
        let caller = Caller::of(&request, &asked.access.id, start, self.deadline);
        request.extensions_mut().insert(caller);
        let too_slow = body::bound(&mut request, self.body_timeout);
        let outcome = AssertUnwindSafe(async { next.call(request).await })
            .catch_unwind()
            .await;
        drop(work);
        match outcome {
            Ok(Ok(response)) => {
                let response = self.settle(response, &asked, too_slow.get());
                let hold = || Held::new(life.as_ref().map(Life::answer), place.map(Place::keep));
                Ok(response.map_body(|_, body| body::paced(body, hold)))
            }
            // An error that no route answered has lost its request: it goes up as an error, complete.
            Ok(Err(error)) => Err(self.without_request(
                &Problem::of_status(error.as_response_error().status_code()),
                &asked,
            )),
            Err(_) => Err(self.without_request(&Problem::internal(), &asked)),
        }
    }

    /// The answer to an OPTIONS of a path that is known, or of none in particular. Of another path a route may know.
    fn options(&self, request: &ServiceRequest, asked: &Asked) -> Option<HttpResponse> {
        if asked.access.method != Method::OPTIONS {
            return None;
        }
        let mut response = HttpResponse::NoContent();
        if request.path() != "*" {
            let methods = self.paths.allowed(request.path())?;
            response.insert_header((ALLOW, methods.clone()));
            if let (Some(cors), Some(_)) = (&self.cors, &asked.granted) {
                cors.preflight(request.headers(), &mut response, methods);
            }
        }
        Some(response.finish())
    }

    /// A place for the request, if there is one and its head is in order. What `costs_nothing` needs no place: who asks
    /// before a request whether it may be made learns so of an overload from that request.
    fn admit(
        &self,
        request: &ServiceRequest,
        costs_nothing: bool,
    ) -> Result<Option<Place<'_>>, Problem> {
        let admission = self.admission.as_ref().filter(|_| !costs_nothing);
        let place = admission.map(Admission::enter).transpose()?;
        headers::check(request)?;
        Ok(place)
    }

    /// Turns an error's response, whoever made it, into a problem.
    fn settle(
        &self,
        response: ServiceResponse<BoxBody>,
        asked: &Asked,
        too_slow: bool,
    ) -> ServiceResponse<BoxBody> {
        let status = response.status();
        let error = response.response().error();
        // A refusal of actix's own is an error, or has an empty body; what a route wrote itself stays.
        let is_bare = error.is_some() || response.response().body().size().is_eof();
        if status.as_u16() < 400 || !is_bare {
            return self.finish(response, asked, None);
        }
        let problem = if too_slow {
            Problem::of_status(StatusCode::REQUEST_TIMEOUT)
        } else {
            let problem = error.and_then(Error::as_error::<Problem>).cloned();
            problem.unwrap_or_else(|| Problem::of_status(status))
        };
        let rendered = problem.render(&asked.access.id);
        self.finish(response.into_response(rendered), asked, Some(&problem))
    }

    fn finish(
        &self,
        response: ServiceResponse<BoxBody>,
        asked: &Asked,
        problem: Option<&Problem>,
    ) -> ServiceResponse<BoxBody> {
        let (request, response) = response.into_parts();
        let (mut response, whole) = if self.compression {
            compress::offer(response)
        } else {
            (response, None)
        };
        let method = &asked.access.method;
        if matches!(*method, Method::GET | Method::HEAD) {
            response = conditional::settle(request.headers(), response);
        }
        if let Some(whole) = whole.filter(|_| response.status() != StatusCode::NOT_MODIFIED) {
            let is_head = *method == Method::HEAD;
            response = compress::settle(request.headers(), response, &whole, is_head);
        }
        ServiceResponse::new(request, self.complete(response, asked, problem))
    }

    /// What every answer carries, and its line in the log.
    fn complete(
        &self,
        mut response: HttpResponse,
        Asked { access, granted }: &Asked,
        problem: Option<&Problem>,
    ) -> HttpResponse {
        let headers = response.headers_mut();
        if let Some(cors) = &self.cors {
            cors.mark(headers, granted.as_ref());
        }
        headers::keep_explicitly(headers);
        headers.insert(REQUEST_ID, access.id.as_header().clone());
        headers::secure(headers);
        if self.lifecycle.phase() != Phase::Ready {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
            response
                .head_mut()
                .set_connection_type(actix_web::http::ConnectionType::Close);
        }
        access.write(&response, problem);
        if access.method == Method::HEAD {
            without_body(response)
        } else {
            response
        }
    }

    fn without_request(&self, problem: &Problem, asked: &Asked) -> Error {
        let response = self.complete(problem.render(&asked.access.id), asked, Some(problem));
        actix_web::error::InternalError::from_response("answered at the edge", response).into()
    }
}

/// The answer to HEAD: what GET's would be, up to its body.
fn without_body(response: HttpResponse) -> HttpResponse {
    let mut length = None;
    let mut response = response.map_body(|_, body| {
        let (announced, nothing) = body::without(body);
        length = announced;
        nothing
    });
    let head = response.head_mut();
    head.no_chunking(true);
    // A 304 has no body for GET either, and says nothing of its length.
    if let Some(length) = length.filter(|_| head.status != StatusCode::NOT_MODIFIED) {
        head.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response
}
