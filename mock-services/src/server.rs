//! What both services are made of besides their own routes.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App, Error, HttpResponse, HttpServer, Resource, Route,
    body::BoxBody,
    dev::{ServerHandle, ServiceRequest, ServiceResponse},
    guard,
    http::{
        StatusCode,
        header::{ALLOW, HeaderName, HeaderValue},
    },
    middleware::{Next, from_fn},
    web::{self, ServiceConfig, ThinData},
};
use tokio::task::JoinHandle;

use crate::{
    Options,
    answer::{self, Terms},
    fault::{self, Faults},
    fixtures::Fixtures,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer than callers keep idle connections, so that they are the ones to close them: a request is
/// never sent into a connection this side is just closing.
const KEEP_ALIVE: Duration = Duration::from_secs(90);

/// How long a graceful stop waits for requests in flight.
const STOP_WITHIN_SECONDS: u64 = 5;

/// A started service. Dropping it leaves the service running until the runtime ends.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    faults: Faults,
    requests: Arc<AtomicU64>,
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base of its URLs, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Its faults, to set and to clear.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How many requests arrived, those for `/faults` and `/healthz` left out.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Stops listening and ends. A graceful stop lets requests in flight finish, though requests that
    /// a fault delays or hangs are let go at once.
    pub async fn stop(self, graceful: bool) {
        self.faults.release();
        self.handle.stop(graceful).await;
        // The task ends with an error only if the workers could not start, and then nothing is left to stop.
        let _ = self.task.await;
    }
}

pub(crate) fn start(
    options: &Options,
    routes: &'static [&'static str],
    cache_control: &'static str,
    configure: fn(&mut ServiceConfig),
) -> io::Result<Running> {
    let terms = Terms::new(options, cache_control)?;
    let faults = Faults::new(routes);
    let requests = Arc::new(AtomicU64::new(0));
    let fixtures = Fixtures::new(options);
    let reachable = options.faults;

    let server = HttpServer::new({
        let (faults, requests) = (faults.clone(), Arc::clone(&requests));
        move || {
            let (plans, requests) = (faults.clone(), Arc::clone(&requests));
            let gate = move |req: ServiceRequest, next: Next<BoxBody>| {
                let plan = if matches!(req.path(), "/faults" | "/healthz") {
                    None
                } else {
                    requests.fetch_add(1, Ordering::Relaxed);
                    plans.plan(&req)
                };
                pass(plan, req, next)
            };
            let mut app = App::new()
                .wrap(from_fn(gate))
                .app_data(ThinData(fixtures))
                .app_data(terms.clone())
                .service(resource("/healthz", web::to(HttpResponse::Ok)))
                .configure(configure)
                .default_service(web::to(async || {
                    answer::not_found("there is nothing at this path")
                }));
            if reachable {
                app = app
                    .app_data(ThinData(faults.clone()))
                    .configure(fault::endpoint::<Faults>);
            }
            app
        }
    })
    .workers(options.workers)
    .tcp_nodelay(true)
    .keep_alive(KEEP_ALIVE)
    // A client that has gone takes its request with it, or hanging requests would pile up.
    .h1_allow_half_closed(false)
    .shutdown_timeout(STOP_WITHIN_SECONDS)
    .disable_signals()
    .bind(options.listen)?;

    let addr = server.addrs()[0];
    let server = server.run();
    Ok(Running {
        addr,
        faults,
        requests,
        handle: server.handle(),
        task: tokio::spawn(server),
    })
}

/// A resource that is only read.
pub(crate) fn resource(path: &str, read: Route) -> Resource {
    web::resource(path)
        .route(read.guard(guard::Any(guard::Get()).or(guard::Head())))
        .default_service(web::to(async || method_not_allowed("GET, HEAD")))
}

pub(crate) fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let detail = format!("this path takes {allowed}");
    let mut response = answer::problem(StatusCode::METHOD_NOT_ALLOWED, &detail);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Answers as the plan says, and sends the request's id back.
async fn pass(
    plan: Option<fault::Plan>,
    req: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let request_id = req.headers().get(REQUEST_ID).cloned();
    let mut response = match plan {
        None => next.call(req).await?,
        Some(plan) => plan.carry_out(req, next).await?,
    };
    if let Some(request_id) = request_id {
        response.headers_mut().insert(REQUEST_ID, request_id);
    }
    Ok(response)
}
