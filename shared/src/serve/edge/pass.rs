//! Requests that go on to an upstream.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::Error;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, CONNECTION, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{ConnectionType, Method, StatusCode};
use futures_util::FutureExt as _;

use super::{Asked, Edge};
use crate::serve::admission::{Admission, Place};
use crate::serve::body::{self, Held};
use crate::serve::life::Life;
use crate::serve::lifecycle::Phase;
use crate::serve::request_id::REQUEST_ID;
use crate::serve::router::{Route, Router};
use crate::serve::telemetry::AccessLine;
use crate::serve::{Caller, Problem, RequestId, headers};
use crate::upstream::Instant;

impl Edge {
    /// Takes a request through that goes on to an upstream. It is the same but for what is the service's to decide: HEAD,
    /// conditions, the time and size of bodies, and what a browser may do with the answer.
    pub(in crate::serve) async fn pass(
        &self,
        mut request: ServiceRequest,
        (router, route): (&Router, &Route),
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let start = Instant::now();
        let life = request.conn_data::<Rc<Life>>().cloned();
        let work = life.as_ref().map(Life::work);
        let id = RequestId::of(request.headers());
        let (method, name) = (request.method().clone(), Arc::clone(&route.template));
        let cors = self.cors.as_ref();
        let asked = Asked {
            access: AccessLine::begin(id, method, Some(name), start, self.access_log),
            granted: cors.and_then(|cors| cors.grant(request.headers())),
        };
        let place = self.admission.as_ref().map(Admission::enter).transpose();
        let place = place.and_then(|place| headers::check_passed(&request).map(|()| place));
        let place = match place {
            Ok(place) => place,
            Err(problem) => {
                let response = problem.render(&asked.access.id);
                return Ok(self.finish(request.into_response(response), &asked, Some(&problem)));
            }
        };
        if let Some(response) = self.preflight(&request, route, &asked) {
            return Ok(self.finish(request.into_response(response), &asked, None));
        }
        let caller = Caller::of(&request, &asked.access.id, start, route.config.timeout);
        let told = (&asked.access.id, start);
        let passed = router.pass(&mut request, route, &caller, told, life.as_ref());
        let outcome = AssertUnwindSafe(passed).catch_unwind().await;
        drop(work);
        let response = match outcome {
            Ok(Ok(response)) => self.passed_on(response, &asked),
            Ok(Err(refused)) => {
                let problem = refused.problem.clone();
                self.complete(refused.render(&asked.access.id), &asked, Some(&problem))
            }
            Err(_) => {
                let problem = Problem::internal();
                self.complete(problem.render(&asked.access.id), &asked, Some(&problem))
            }
        };
        let hold = || Held::new(life.as_ref().map(Life::answer), place.map(Place::keep));
        let response = response.map_body(|_, body| body::paced(body, hold));
        Ok(request.into_response(response))
    }

    /// The answer to a preflight for a route that does not leave OPTIONS to its service.
    fn preflight(
        &self,
        request: &ServiceRequest,
        route: &Route,
        asked: &Asked,
    ) -> Option<HttpResponse> {
        let (cors, _) = self.cors.as_ref().zip(asked.granted.as_ref())?;
        let is_ours = *request.method() == Method::OPTIONS
            && !route.config.methods.contains(request.method())
            && request
                .headers()
                .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !is_ours {
            return None;
        }
        let mut response = HttpResponse::NoContent();
        response.insert_header((ALLOW, route.allow.clone()));
        cors.preflight(request.headers(), &mut response, &route.allow);
        Some(response.finish())
    }

    /// What an answer carries that was passed on: of our own what does no harm to a page. A content policy would break
    /// one, and the referrer policy of our own answers takes the origin away from its forms.
    fn passed_on(
        &self,
        mut response: HttpResponse,
        Asked { access, granted }: &Asked,
    ) -> HttpResponse {
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, access.id.as_header().clone());
        if !headers.contains_key(X_CONTENT_TYPE_OPTIONS) {
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        // A service that knows who may read its answers knows better.
        if let Some(cors) = &self.cors
            && !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)
        {
            cors.mark(headers, granted.as_ref());
        }
        if self.lifecycle.phase() != Phase::Ready && !switches {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
            let head = response.head_mut();
            head.set_connection_type(ConnectionType::Close);
        }
        access.write(&response, None);
        response
    }
}
