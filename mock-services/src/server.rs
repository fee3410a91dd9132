//! What both services are made of besides their own routes.

use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App, Error, HttpResponse, HttpServer, Resource, Route,
    body::BoxBody,
    dev::{ServerHandle, ServiceRequest, ServiceResponse},
    guard,
    http::{
        Method, StatusCode,
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
    grpc::{self, Contract},
    orders::Store,
};

pub(crate) const REQUEST_ID: &str = "x-request-id";

/// Longer than callers keep idle connections, so that they are the ones to close them: a request is
/// never sent into a connection this side is just closing.
const KEEP_ALIVE: Duration = Duration::from_secs(90);

/// How long a graceful stop waits for requests in flight.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// The methods whose requests are counted for each route.
const METHODS: [Method; 3] = [Method::GET, Method::HEAD, Method::POST];

/// How many requests arrived.
#[derive(Debug)]
pub(crate) struct Counts {
    all: AtomicU64,
    /// For each route by each of [`METHODS`].
    of: Vec<(&'static str, [AtomicU64; METHODS.len()])>,
    /// For each method over gRPC, by its path.
    calls: Vec<(&'static str, AtomicU64)>,
}

impl Counts {
    fn new(routes: &[&'static str], methods: &[&'static str]) -> Self {
        Self {
            calls: (methods.iter())
                .map(|path| (*path, AtomicU64::new(0)))
                .collect(),
            all: AtomicU64::new(0),
            of: routes
                .iter()
                .map(|route| (*route, Default::default()))
                .collect(),
        }
    }

    fn count(&self, req: &ServiceRequest) {
        self.all.fetch_add(1, Ordering::Relaxed);
        if let Some(count) = (req.match_pattern()).and_then(|route| self.one(req.method(), &route))
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_call(&self, path: Option<&str>) {
        self.all.fetch_add(1, Ordering::Relaxed);
        if let Some((_, count)) = self.calls.iter().find(|(known, _)| Some(*known) == path) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn one(&self, method: &Method, route: &str) -> Option<&AtomicU64> {
        let (_, counts) = self.of.iter().find(|(known, _)| *known == route)?;
        let index = METHODS.iter().position(|known| known == method)?;
        counts.get(index)
    }
}

/// A started service. Dropping it leaves the service running until the runtime ends.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    grpc: Option<grpc::Listening>,
    faults: Faults,
    counts: Arc<Counts>,
    store: Store,
    /// Whether it has ended, though its workers may not know it yet.
    killed: Arc<AtomicBool>,
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

    /// Where it listens for gRPC, if anywhere.
    #[must_use]
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.grpc.as_ref().map(grpc::Listening::addr)
    }

    /// The base of its URLs for gRPC, without a slash at the end.
    ///
    /// # Panics
    /// When it was started without [`Options::grpc`].
    #[must_use]
    pub fn grpc_url(&self) -> String {
        let addr = self
            .grpc_addr()
            .expect("Options::grpc says where to listen");
        format!("http://{addr}")
    }

    /// Whether `grpc.health.v1` says that it serves, which it does from the start. Calls are answered in
    /// any case.
    pub fn set_serving(&self, serving: bool) {
        if let Some(grpc) = &self.grpc {
            grpc.set_serving(serving);
        }
    }

    /// Its faults, to set and to clear.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How many requests and gRPC calls arrived, those for faults, health and reflection left out.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.counts.all.load(Ordering::Relaxed)
    }

    /// How many requests with this method, `GET`, `HEAD` or `POST`, arrived at this route template,
    /// whatever became of them: `requests_of("GET", "/customers")` counts the asked batches.
    ///
    /// # Panics
    /// When the service has no such route or the method is another: a test that misspells one should
    /// not pass because nothing was counted.
    #[must_use]
    pub fn requests_of(&self, method: &str, route: &str) -> u64 {
        let count = (Method::from_bytes(method.as_bytes()).ok())
            .and_then(|method| self.counts.one(&method, route));
        let Some(count) = count else {
            let routes: Vec<_> = self.counts.of.iter().map(|(route, _)| *route).collect();
            panic!(
                "{method} {route} is not counted; the routes are {}",
                routes.join(", ")
            );
        };
        count.load(Ordering::Relaxed)
    }

    /// How many calls of this method arrived over gRPC, whatever became of them: `calls_of("GetCustomer")`,
    /// or with the whole path.
    ///
    /// # Panics
    /// When the service has no such method.
    #[must_use]
    pub fn calls_of(&self, method: &str) -> u64 {
        let calls = &self.counts.calls;
        let count = calls
            .iter()
            .find(|(path, _)| *path == method || grpc::name_of(path) == method);
        let Some((_, count)) = count else {
            let methods: Vec<_> = calls.iter().map(|(path, _)| *path).collect();
            panic!(
                "{method} is not counted; the methods are {}",
                methods.join(", ")
            );
        };
        count.load(Ordering::Relaxed)
    }

    /// Every order that was placed, with its idempotency key, as [`Store::placed`] has it: those of
    /// other services with the same store are among them. Empty for the customer service.
    #[must_use]
    pub fn placed(&self) -> Vec<(String, u64)> {
        self.store.placed()
    }

    /// Stops listening and ends. A graceful stop lets requests and calls in flight finish for up to five
    /// seconds, though those that a fault delays or hangs are let go at once.
    pub async fn stop(self, graceful: bool) {
        self.faults.release();
        let within = if graceful {
            STOP_WITHIN
        } else {
            self.killed.store(true, Ordering::Relaxed);
            Duration::ZERO
        };
        let grpc = async {
            if let Some(grpc) = self.grpc {
                grpc.stop(within).await;
            }
        };
        tokio::join!(self.handle.stop(graceful), grpc);
        // The task ends with an error only if the workers could not start, and then nothing is left to stop.
        let _ = self.task.await;
    }
}

pub(crate) fn start(
    options: &Options,
    routes: &'static [&'static str],
    cache_control: &'static str,
    store: Store,
    contract: Contract,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Running> {
    let terms = Terms::new(options, cache_control)?;
    let methods = contract.methods;
    let faults = Faults::new(routes, options.grpc.map_or(&[], |_| methods));
    let counts = Arc::new(Counts::new(routes, methods));
    let fixtures = Fixtures::new(options);
    let reachable = options.faults;
    let killed = Arc::new(AtomicBool::new(false));

    let server = HttpServer::new({
        let (faults, counts) = (faults.clone(), Arc::clone(&counts));
        let killed = Arc::clone(&killed);
        move || {
            let (plans, counts) = (faults.clone(), Arc::clone(&counts));
            let killed = Arc::clone(&killed);
            let gate = move |req: ServiceRequest, next: Next<BoxBody>| {
                let killed = killed.load(Ordering::Relaxed);
                let plan = if matches!(req.path(), "/faults" | "/healthz") {
                    None
                } else {
                    counts.count(&req);
                    plans.plan(&req)
                };
                async move {
                    if killed {
                        // Its connection closes when its worker ends, which nobody waits for.
                        pending::<()>().await;
                    }
                    pass(plan, req, next).await
                }
            };
            let mut app = App::new()
                .wrap(from_fn(gate))
                .app_data(ThinData(fixtures))
                .app_data(terms.clone())
                .service(resource("/healthz", web::to(HttpResponse::Ok)))
                .configure(configure.clone())
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
    .shutdown_timeout(STOP_WITHIN.as_secs())
    .disable_signals()
    .bind(options.listen)?;

    let addr = server.addrs()[0];
    let grpc = options
        .grpc
        .map(|addr| {
            let cache_control = options.grpc_cache_control.as_deref();
            let (faults, counts) = (faults.clone(), Arc::clone(&counts));
            grpc::start(addr, contract, faults, counts, cache_control)
        })
        .transpose()?;
    let server = server.run();
    Ok(Running {
        addr,
        grpc,
        faults,
        counts,
        store,
        killed,
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

/// A resource that is read and posted to.
pub(crate) fn writable(path: &str, read: Route, write: Route) -> Resource {
    web::resource(path)
        .route(read.guard(guard::Any(guard::Get()).or(guard::Head())))
        .route(write.guard(guard::Post()))
        .default_service(web::to(async || method_not_allowed("GET, HEAD, POST")))
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
    const REQUEST_ID: HeaderName = HeaderName::from_static(self::REQUEST_ID);
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
