//! Routes made of settings: requests under a prefix go on to an upstream as they come.
//!
//! ```text
//! edge     -> router    which route, before anything else is decided
//!   path   -> refused if readers could take it for another one
//!   request -> what goes on: an allow-list, who was before, our own
//!     forwarder         (upstream) place, endpoint, breaker, connection
//!   answer -> what goes back: everything but what belongs to the connection
//!   body      both, piece by piece
//! ```

mod answer;
mod body;
mod config;
mod path;
mod peers;
mod request;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::{HttpMessage as _, HttpResponse};

use self::answer::{Asked, response};
use self::body::{Fault, FromClient, Refusing, Shared};
pub use self::config::{RouteConfig, Surroundings};
pub(super) use self::config::{faults, network, own_paths};
use self::peers::Trusted;
use self::request::{Kind, head, kind};
use super::life::Life;
use super::telemetry::PassedOn;
use super::{Caller, Config, Problem, RequestId};
use crate::upstream::{Cluster, ForwardError, Forwarder, Instant, Limits, Outgoing, Protocol};

/// The routes as all worker threads share them.
#[derive(Debug, Clone)]
pub(super) struct Routes {
    shared: Arc<[Shape]>,
    trusted: Trusted,
    via: Arc<str>,
}

/// A route before a thread works with it.
#[derive(Debug)]
struct Shape {
    config: Arc<RouteConfig>,
    /// What the log calls it.
    template: Arc<str>,
    allow: HeaderValue,
    cluster: Arc<Cluster>,
}

/// The routes of one worker thread.
#[derive(Debug)]
pub(super) struct Router {
    routes: Vec<Route>,
    trusted: Trusted,
    via: Arc<str>,
}

/// One route of a worker thread.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) config: Arc<RouteConfig>,
    pub(super) template: Arc<str>,
    pub(super) allow: HeaderValue,
    forwarder: Forwarder,
}

/// A request that is not passed on, or was not answered; with what is left of its body.
pub(super) struct Refused {
    pub(super) problem: Problem,
    body: Option<Shared>,
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl Routes {
    /// The routes that `config` sets, each to one of `clusters`.
    ///
    /// # Errors
    /// In words, that there is no cluster of such a name, or that it does not speak HTTP.
    pub(super) fn new(config: &Config, clusters: &[Arc<Cluster>]) -> Result<Self, String> {
        let shape = |route: &RouteConfig| {
            let named = |cluster: &&Arc<Cluster>| **cluster.name() == *route.upstream;
            let cluster = clusters.iter().find(named);
            let cluster = cluster.ok_or_else(|| {
                let (name, upstream) = (&route.name, &route.upstream);
                format!("the route {name} names the upstream {upstream:?}, which there is not")
            })?;
            if cluster.config().protocol != Protocol::Http {
                let (name, upstream) = (&route.name, &route.upstream);
                return Err(format!(
                    "the route {name} leads to the upstream {upstream:?}, which does not speak HTTP: a route passes on what \
                     it gets"
                ));
            }
            let methods: Vec<&str> = route.methods.iter().map(Method::as_str).collect();
            Ok(Shape {
                template: format!("{}*", route.prefix).into(),
                allow: HeaderValue::try_from(methods.join(", "))
                    .map_err(|_| "a method is no token".to_owned())?,
                cluster: Arc::clone(cluster),
                config: Arc::new(route.clone()),
            })
        };
        let shapes: Result<Vec<Shape>, String> = config.routes.iter().map(shape).collect();
        Ok(Self {
            shared: shapes?.into(),
            trusted: Trusted(config.trusted_proxies.clone().into()),
            via: config.via.as_str().into(),
        })
    }

    /// The routes for the current thread. Routes to the same upstream share its connections.
    pub(super) fn per_worker(&self) -> Router {
        let mut forwarders: Vec<Forwarder> = Vec::new();
        let routes = self.shared.iter().map(|shape| {
            let known = forwarders
                .iter()
                .find(|known| Arc::ptr_eq(known.cluster(), &shape.cluster));
            let forwarder = known.cloned().unwrap_or_else(|| {
                let forwarder = Forwarder::new(Arc::clone(&shape.cluster));
                forwarders.push(forwarder.clone());
                forwarder
            });
            Route {
                config: Arc::clone(&shape.config),
                template: Arc::clone(&shape.template),
                allow: shape.allow.clone(),
                forwarder,
            }
        });
        Router {
            routes: routes.collect(),
            trusted: self.trusted.clone(),
            via: Arc::clone(&self.via),
        }
    }
}

impl Router {
    /// The route that `path` is under, as it came.
    pub(super) fn find(&self, path: &str) -> Option<&Route> {
        self.routes
            .iter()
            .find(|route| path.starts_with(&route.config.prefix))
    }

    /// Passes the request on to the route's upstream.
    pub(super) async fn pass(
        &self,
        request: &mut ServiceRequest,
        route: &Route,
        caller: &Caller,
        (id, since): (&RequestId, Instant),
        life: Option<&Rc<Life>>,
    ) -> Result<HttpResponse, Refused> {
        let body: Shared = Rc::new(RefCell::new(request.take_payload()));
        let refuse = |problem, body| Refused {
            problem,
            body: Some(body),
        };
        let config = &route.config;
        if let Some(what) = path::fault(request.uri().path()) {
            return Err(refuse(Problem::invalid_path(what), body));
        }
        if !config.methods.contains(request.method()) {
            let problem = Problem::method_not_allowed(route.allow.clone());
            return Err(refuse(problem, body));
        }
        let kind = match kind(request, route) {
            Ok(kind) => kind,
            Err(problem) => return Err(refuse(problem, body)),
        };
        let head = head(request, route, kind, caller, (&self.trusted, &self.via));
        let from_client = |left, idle| FromClient {
            payload: Rc::clone(&body),
            left,
            idle,
            timer: None,
            life: life.cloned(),
        };
        let outgoing = match kind {
            Kind::Bodiless => Outgoing::Nothing,
            Kind::Body(length) => {
                let most = config.max_request_bytes.into();
                Outgoing::Body(length, from_client(most, Some(config.idle_timeout)))
            }
            // Here either direction may be silent for as long as the other is not.
            Kind::WebSocket => Outgoing::Upgrade(from_client(u64::MAX, None)),
        };
        let limits = Limits {
            head: config.timeout,
            idle: config.idle_timeout,
            caller: Caller::has_said(request).then(|| caller.context.deadline.instant()),
        };
        let answered = route.forwarder.forward(&head, outgoing, limits).await;
        let answered = match answered {
            Ok(answered) => answered,
            Err(error) => return Err(refuse(route.problem(&error), body)),
        };
        let asked = Asked {
            method: request.method().clone(),
            version: request.version(),
            for_websocket: request::asks_for_websocket(request.headers()),
            id: id.clone(),
            since,
        };
        let response = response(answered, &asked, &self.via, life);
        let mut response = response.ok_or_else(|| refuse(Problem::internal(), body))?;
        response.extensions_mut().insert(PassedOn {
            upstream: Arc::clone(route.forwarder.cluster().name()),
            took: since.elapsed(),
        });
        Ok(response)
    }
}

impl Route {
    /// The target at the upstream: the query as it came, and the path with its prefix replaced.
    fn target(&self, uri: &Uri) -> String {
        let path = uri.path();
        let (begin, rest) = match path.strip_prefix(&self.config.prefix) {
            Some(rest) if self.config.strip_prefix => (&*self.config.target_prefix, rest),
            _ => ("", path),
        };
        match uri.query() {
            Some(query) => format!("{begin}{rest}?{query}"),
            None => format!("{begin}{rest}"),
        }
    }

    fn too_large(&self) -> Problem {
        Problem::body_too_large(self.config.max_request_bytes)
    }

    fn problem(&self, error: &ForwardError<Fault>) -> Problem {
        match error {
            ForwardError::Upstream(error) => Problem::passed_on(error),
            ForwardError::Body(Fault::TooLarge) => self.too_large(),
            ForwardError::Body(Fault::TooSlow) => Problem::of_status(StatusCode::REQUEST_TIMEOUT),
            ForwardError::Body(Fault::Broken(error)) => {
                Problem::bad_request(format!("The body cannot be read: {error}."))
            }
        }
    }
}

impl Refused {
    /// The answer that says so. Where the body was not read to its end, the connection ends with it.
    pub(super) fn render(self, id: &RequestId) -> HttpResponse {
        let response = self.problem.render(id);
        let Some(rest) = self.body else {
            return response;
        };
        response.map_body(|_, body| {
            let text = body.try_into_bytes();
            text.map_or_else(
                |body| body,
                |text| BoxBody::new(Refusing { text, _body: rest }),
            )
        })
    }
}
