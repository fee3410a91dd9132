//! The outermost layer of a server: what happens to every request, whatever its route.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody as _};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::Error;
use actix_web::http::header::{CONNECTION, HeaderValue};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpResponse};
use futures_util::FutureExt as _;

use super::life::Life;
use super::lifecycle::{Lifecycle, Phase};
use super::request_id::REQUEST_ID;
use super::telemetry::AccessLine;
use super::{Caller, Problem, RequestId, headers};
use crate::upstream::Instant;

/// What the edge of one worker thread knows.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    /// The time for a whole answer.
    pub(super) deadline: Duration,
    pub(super) lifecycle: Lifecycle,
    /// Whether requests leave a line in the log; those of a health check would drown the others.
    pub(super) access_log: bool,
}

impl Edge {
    /// Takes a request through: identify, check, route, make a problem of whatever went wrong, and account for it.
    pub(super) async fn handle(
        &self,
        mut request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let start = Instant::now();
        let work = request.conn_data::<Rc<Life>>().map(Life::work);
        let id = RequestId::of(request.headers());
        let method = request.method().clone();
        if method == Method::HEAD {
            // Every GET answers HEAD as well. The connection knows by itself that no body goes out.
            request.head_mut().method = Method::GET;
        }
        let mut access = AccessLine { id, method, route: None, start };
        if let Err(problem) = headers::check(&request) {
            let response = problem.render(&access.id);
            return Ok(self.finish(request.into_response(response), &access, Some(&problem)));
        }
        let caller = Caller::of(&request, &access.id, start, self.deadline);
        request.extensions_mut().insert(caller);
        let outcome = AssertUnwindSafe(async { next.call(request).await }).catch_unwind().await;
        drop(work);
        match outcome {
            Ok(Ok(response)) => {
                access.route = response.request().match_pattern();
                Ok(self.settle(response, &access))
            }
            // An error that no route answered has lost its request: it goes up as an error, complete.
            Ok(Err(error)) => Err(self.without_request(&Problem::of_status(error.as_response_error().status_code()), &access)),
            Err(_) => Err(self.without_request(&Problem::internal(), &access)),
        }
    }

    /// Turns an error's response, whoever made it, into a problem.
    fn settle(&self, response: ServiceResponse<BoxBody>, access: &AccessLine) -> ServiceResponse<BoxBody> {
        let status = response.status();
        let error = response.response().error();
        // A refusal of actix's own is an error, or has an empty body; what a route wrote itself stays.
        let is_bare = error.is_some() || response.response().body().size().is_eof();
        if status.as_u16() < 400 || !is_bare {
            return self.finish(response, access, None);
        }
        let problem = error.and_then(Error::as_error::<Problem>).cloned();
        let problem = problem.unwrap_or_else(|| Problem::of_status(status));
        let rendered = problem.render(&access.id);
        self.finish(response.into_response(rendered), access, Some(&problem))
    }

    fn finish(
        &self,
        mut response: ServiceResponse<BoxBody>,
        access: &AccessLine,
        problem: Option<&Problem>,
    ) -> ServiceResponse<BoxBody> {
        self.complete(response.response_mut(), access, problem);
        response
    }

    /// What every answer carries, and its line in the log.
    fn complete(&self, response: &mut HttpResponse, access: &AccessLine, problem: Option<&Problem>) {
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, access.id.as_header().clone());
        headers::secure(headers);
        if self.lifecycle.phase() != Phase::Ready {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
            response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        }
        if self.access_log {
            let bytes = match response.body().size() {
                BodySize::Sized(bytes) => bytes,
                BodySize::None | BodySize::Stream => 0,
            };
            access.write(response, bytes, problem);
        }
    }

    fn without_request(&self, problem: &Problem, access: &AccessLine) -> Error {
        let mut response = problem.render(&access.id);
        self.complete(&mut response, access, Some(problem));
        actix_web::error::InternalError::from_response("answered at the edge", response).into()
    }
}
