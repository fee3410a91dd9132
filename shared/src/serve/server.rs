//! From settings to a running server.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::middleware::from_fn;
use actix_web::web::{Bytes, Data, JsonConfig, PayloadConfig};
use actix_web::{App, HttpRequest, HttpServer, web};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Cursors;
use super::admin::{self, Admin};
use super::admission::Admission;
use super::cors::Cors;
use super::edge::Edge;
use super::ending::{Door, End, Stop};
use super::life::{Ending, Life};
use super::lifecycle::{Connections, Lifecycle};
use super::openapi;
use super::router::Routes;
use super::{Config, Problem};
use crate::upstream::Cluster;

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// How long a client may take to close a connection that the server closes.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What a Backend for Frontend is made of.
pub struct Bff {
    /// How it serves.
    pub config: Config,
    /// The upstreams, for the operator's eyes.
    pub clusters: Vec<Arc<Cluster>>,
    /// What it is, for its users.
    pub document: OpenApi,
    /// Mounts its routes.
    pub routes: fn(&mut ServiceConfig<'_>),
    /// Mounts what the routes work with, once for each worker thread.
    pub per_worker: Arc<dyn Fn(&mut web::ServiceConfig) + Send + Sync>,
}

impl fmt::Debug for Bff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bff")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// A server that holds its ports and does not serve yet.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    admin_addr: SocketAddr,
    public: Listener,
    admin: Listener,
    end: End,
}

struct Listener(actix_web::dev::Server);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// A port that cannot be had, or a route that leads nowhere.
#[derive(Debug)]
pub struct BindError {
    key: &'static str,
    addr: SocketAddr,
    source: io::Error,
}

impl BindError {
    fn new(key: &'static str, addr: SocketAddr, source: io::Error) -> Self {
        Self { key, addr, source }
    }

    /// The setting that names the port: `listen` or `admin_listen`. Or `routes`, which lead to no upstream.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// The address that cannot be had.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Why it cannot.
    #[must_use]
    pub fn io(&self) -> &io::Error {
        &self.source
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, addr, source } = self;
        if *key == "routes" {
            return source.fmt(f);
        }
        let why: &dyn fmt::Display = if source.kind() == io::ErrorKind::AddrInUse {
            &"the port is in use"
        } else {
            source
        };
        write!(
            f,
            "cannot listen on {addr}: {why}; `{key}` in the settings, or BFF__{}, chooses another",
            key.to_uppercase()
        )
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Bff {
    /// Takes both ports. Nothing is served before [`Server::run`]; connections wait. Has to run inside a Tokio
    /// runtime.
    ///
    /// # Errors
    /// [`BindError`] names the port that cannot be had and the setting that changes it, or the route without an upstream.
    pub fn bind(self) -> Result<Server, BindError> {
        let Self {
            config,
            clusters,
            document,
            routes,
            per_worker,
        } = self;
        let table = Routes::new(&config, &clusters)
            .map_err(|why| BindError::new("routes", config.listen, io::Error::other(why)))?;
        let (phase, lifecycle) = Lifecycle::begin();
        let paths = openapi::paths(&document);
        let document = Bytes::from(openapi::text(&document));
        let admission = Admission::new(config.max_requests);
        let connections = Connections::default();
        let cursors = cursors(&config);
        let edge = |access_log, paths, admission, cors| Edge {
            paths,
            compression: config.compression,
            cors,
            deadline: config.deadline,
            body_timeout: config.body_timeout,
            lifecycle: lifecycle.clone(),
            admission,
            access_log,
        };
        let (listener, addr, door) = listen("listen", config.listen)?;
        let (admin_listener, admin_addr, _) = listen("admin_listen", config.admin_listen)?;
        let ending = Ending {
            lifecycle: lifecycle.clone(),
            connections: connections.clone(),
        };
        let public = serve(
            &config,
            listener,
            workers(config.workers),
            Some(ending),
            (
                edge(
                    true,
                    paths,
                    Some(admission.clone()),
                    Cors::new(&config.cors),
                ),
                Some(table),
            ),
            move |app| {
                per_worker(app);
                app.app_data(Data::new(cursors.clone()))
                    .app_data(PayloadConfig::new(MAX_BODY))
                    .app_data(JsonConfig::default().limit(MAX_BODY))
                    .configure(|app| routes(&mut ServiceConfig::new(app)))
                    // Last, so that none of a BFF's own paths is compared with these first.
                    .configure(|app| openapi::configure(app, &document));
            },
        )
        .map_err(|source| BindError::new("listen", addr, source))?;
        let edge = edge(false, admin::paths(), None, None);
        let admin = Admin {
            clusters,
            lifecycle,
            admission,
        };
        let edge = (edge, None);
        let admin = serve(&config, admin_listener, 1, None, edge, move |app| {
            admin.clone().configure(app);
        })
        .map_err(|source| BindError::new("admin_listen", admin_addr, source))?;
        Ok(Server {
            addr,
            admin_addr,
            public: Listener(public),
            admin: Listener(admin),
            end: End {
                phase,
                connections,
                door,
                drain_delay: config.drain_delay,
                stop_timeout: config.stop_timeout,
            },
        })
    }
}

/// Takes the port that the setting `key` names.
fn listen(
    key: &'static str,
    addr: SocketAddr,
) -> Result<(TcpListener, SocketAddr, Door), BindError> {
    let open = || {
        let (listener, door) = Door::open(addr)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound, door))
    };
    open().map_err(|source| BindError::new(key, addr, source))
}

fn serve(
    config: &Config,
    listener: TcpListener,
    workers: usize,
    ending: Option<Ending>,
    (edge, routes): (Edge, Option<Routes>),
    configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> io::Result<actix_web::dev::Server> {
    let quiet = config.keep_alive + config.head_timeout;
    let server = HttpServer::new(move || {
        let edge = Rc::new(edge.clone());
        let router = routes.as_ref().map(Routes::per_worker).map(Rc::new);
        let paths = edge.paths.clone();
        App::new()
            .wrap(from_fn(move |request: ServiceRequest, next| {
                let (edge, router) = (Rc::clone(&edge), router.clone());
                async move {
                    // Before actix looks for a route of its own: those of the settings lie beside them.
                    let path = request.uri().path();
                    match router
                        .as_ref()
                        .and_then(|router| Some((&**router, router.find(path)?)))
                    {
                        Some(route) => edge.pass(request, route).await,
                        None => edge.handle(request, next).await,
                    }
                }
            }))
            .configure(|app| configure(app))
            .default_service(web::to(move |request: HttpRequest| {
                let problem = paths.refuse(request.path());
                async move { Err::<&str, Problem>(problem) }
            }))
    })
    .on_connect(move |io, data| Life::begin(io, data, quiet, ending.as_ref()))
    .workers(workers)
    .max_connections(config.max_connections as usize)
    .keep_alive(config.keep_alive)
    .client_request_timeout(config.head_timeout)
    .client_disconnect_timeout(DISCONNECT_TIMEOUT)
    // A client that has closed its side is gone: what is done for it can end.
    .h1_allow_half_closed(false)
    .tcp_nodelay(true)
    .shutdown_timeout(
        config.stop_timeout.as_secs() + u64::from(config.stop_timeout.subsec_nanos() > 0),
    )
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

fn workers(setting: u32) -> usize {
    match setting {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers as usize,
    }
}

impl Server {
    /// Where clients connect: the port that was found for port 0.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where operators connect.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin_addr
    }

    /// Serves until `stop` says how to end, and returns when the end is reached.
    ///
    /// # Errors
    /// A listener that ends by itself.
    pub async fn run(self, stop: impl Future<Output = Stop>) -> io::Result<()> {
        let Self {
            public: Listener(public),
            admin: Listener(admin),
            end,
            ..
        } = self;
        let handles = [public.handle(), admin.handle()];
        let listeners = async { futures_util::try_join!(public, admin).map(|_| ()) };
        let orderly_end = end.run(stop, handles);
        // Both listeners end when they are told to; the end waits for what is in flight.
        futures_util::try_join!(listeners, async {
            orderly_end.await;
            Ok(())
        })?;
        Ok(())
    }
}

fn cursors(config: &Config) -> Cursors {
    match &config.cursor_secret {
        Some(secret) => Cursors::new(secret.as_bytes()),
        None => Cursors::with_own_secret(),
    }
}
