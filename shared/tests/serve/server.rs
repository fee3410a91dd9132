//! A server with routes for every occasion.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self, Bytes, Data, Json};
use actix_web::{Error, HttpResponse, HttpResponseBuilder, error};
use bff_shared::serve::{Bff, Config, Stop};
use futures_util::StreamExt as _;
use mock_services::raw::Answer;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use utoipa::openapi::path::{HttpMethod, Operation, PathItem};
use utoipa::openapi::{Info, OpenApi, OpenApiBuilder, PathsBuilder};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::client::{Client, get, in_time};

/// More than the sockets of both sides take in.
pub(crate) const LARGE: usize = 16 * 1024 * 1024;

/// What every panic of the routes says.
pub(crate) const SECRET: &str = "a secret of the handler";

/// What the routes do, and how a test has a hand in it.
#[derive(Debug, Clone)]
pub(crate) struct Hands {
    /// Requests that `/hang` has begun with.
    pub(crate) begun: watch::Sender<usize>,
    /// Requests that `/hang` has let go of, finished or not.
    pub(crate) ended: watch::Sender<usize>,
    /// Lets `/hang` answer.
    pub(crate) release: watch::Sender<bool>,
}

impl Hands {
    pub(crate) async fn begun(&self, count: usize) {
        wait(&self.begun, count).await;
    }

    pub(crate) async fn ended(&self, count: usize) {
        wait(&self.ended, count).await;
    }
}

async fn wait(counter: &watch::Sender<usize>, count: usize) {
    let mut seen = counter.subscribe();
    in_time(seen.wait_for(|seen| *seen >= count)).await.unwrap();
}

pub(crate) struct TestServer {
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) hands: Hands,
    stop: Option<oneshot::Sender<Stop>>,
    running: JoinHandle<std::io::Result<()>>,
}

/// One worker, and time-outs that no honest request of a test comes near.
pub(crate) fn patient() -> TestServer {
    spawn(|_| {})
}

/// One worker that loses patience soon.
pub(crate) fn impatient() -> TestServer {
    spawn(|config| {
        config.keep_alive = Duration::from_secs(2);
        config.head_timeout = Duration::from_secs(1);
        config.body_timeout = Duration::from_millis(200);
    })
}

pub(crate) fn spawn(change: impl FnOnce(&mut Config)) -> TestServer {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let minute = Duration::from_secs(60);
    let mut config = Config::new(0, 0);
    (config.listen, config.admin_listen) = (any_port, any_port);
    (config.keep_alive, config.head_timeout, config.body_timeout) = (minute, minute, minute);
    config.workers = 1;
    change(&mut config);
    let hands = Hands {
        begun: watch::Sender::new(0),
        ended: watch::Sender::new(0),
        release: watch::Sender::new(false),
    };
    let of_workers = hands.clone();
    let bff = Bff {
        config,
        clusters: Vec::new(),
        document: document(),
        routes,
        per_worker: Arc::new(move |app| {
            app.app_data(Data::new(of_workers.clone()));
        }),
    };
    let server = bff.bind().unwrap();
    let (addr, admin) = (server.addr(), server.admin_addr());
    let (stop, stopped) = oneshot::channel();
    let running = actix_web::rt::spawn(server.run(async { stopped.await.unwrap_or(Stop::Now) }));
    TestServer {
        addr,
        admin,
        hands,
        stop: Some(stop),
        running,
    }
}

impl TestServer {
    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.addr).await
    }

    /// A connection whose client takes in little that it has not read.
    pub(crate) async fn connect_with_little_room(&self) -> Client {
        Client::connect_with_little_room(self.addr).await
    }

    /// The answer to one GET on a connection of its own.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.connect().await.exchange(get(target)).await
    }

    /// The one worker answers as it does in health.
    pub(crate) async fn still_serves(&self) {
        let answer = self.get("/quick").await;
        assert_eq!((answer.status, answer.json()), (200, quick_body()));
    }

    pub(crate) fn release(&self) {
        self.hands.release.send_replace(true);
    }

    pub(crate) fn stop(&mut self, how: Stop) {
        self.stop.take().expect("stopped once").send(how).unwrap();
    }

    /// Waits until the server has ended.
    pub(crate) async fn ended(self) {
        in_time(self.running).await.unwrap().unwrap();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.running.is_finished()
    }
}

/// What every problem has, in head and body.
pub(crate) fn problem(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{answer:?}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let body = answer.json();
    assert_eq!(
        (&body["status"], &body["code"]),
        (&json!(status), &json!(code))
    );
    assert!(answer.header("x-request-id").is_some(), "{answer:?}");
    assert_eq!(body["requestId"].as_str(), answer.header("x-request-id"));
    body
}

pub(crate) fn quick_body() -> Value {
    json!({ "quick": true })
}

fn document() -> OpenApi {
    let item = |method| PathItem::new(method, Operation::new());
    let paths = PathsBuilder::new()
        .path("/quick", item(HttpMethod::Get))
        .path("/text/{kind}/{length}", item(HttpMethod::Get))
        .path("/composed/{state}", item(HttpMethod::Get))
        .path("/changed", item(HttpMethod::Put))
        .path("/bytes", item(HttpMethod::Post));
    // With one path for several methods.
    let paths = paths
        .path("/tagged", item(HttpMethod::Get))
        .path("/tagged", item(HttpMethod::Post));
    // Large enough to be compressed.
    let mut info = Info::new("A server with routes for every occasion", "1");
    info.description = Some("What is told of it. ".repeat(100));
    OpenApiBuilder::new().info(info).paths(paths).build()
}

fn routes(app: &mut ServiceConfig<'_>) {
    app.route("/quick", web::get().to(quick))
        .route("/later/{name}", web::get().to(later))
        .route("/large", web::get().to(large))
        .route("/large-stream", web::get().to(large_stream))
        .route("/streamed", web::get().to(streamed))
        .route("/thread", web::get().to(thread))
        .route("/hang", web::get().to(hang))
        .route("/hang", web::post().to(hang))
        .route("/hang-stream", web::get().to(hang_stream))
        .route("/tagged", web::get().to(tagged))
        .route("/tagged", web::post().to(tagged))
        .route("/tagged/{status}", web::get().to(tagged_status))
        .route("/tagged-stream", web::get().to(tagged_stream))
        .route("/panic", web::get().to(panic_at_once))
        .route("/panic-later", web::get().to(panic_later))
        .route("/error/{status}", web::get().to(error_of_actix))
        .route("/own/{status}", web::get().to(own_answer))
        .route("/bare/{status}", web::get().to(bare_answer))
        .route("/number/{number}", web::get().to(number))
        .route("/bytes", web::post().to(bytes))
        .route("/json", web::post().to(read_json))
        .route("/unread", web::post().to(quick))
        .configure(crate::compress::routes)
        .configure(crate::kept::routes);
}

async fn quick() -> HttpResponse {
    HttpResponse::Ok().json(quick_body())
}

/// Answers with the name, after others have had their turn.
async fn later(name: web::Path<String>) -> HttpResponse {
    tokio::task::yield_now().await;
    HttpResponse::Ok().json(json!({ "later": *name }))
}

async fn large() -> HttpResponse {
    HttpResponse::Ok().body("x".repeat(LARGE))
}

async fn large_stream() -> HttpResponse {
    let piece = Bytes::from("x".repeat(64 * 1024));
    let pieces = std::iter::repeat_with(move || Ok::<_, Error>(piece.clone()));
    HttpResponse::Ok().streaming(futures_util::stream::iter(pieces.take(LARGE / (64 * 1024))))
}

async fn streamed() -> HttpResponse {
    let pieces = ["one ", "after ", "another"].map(|piece| Ok::<_, Error>(Bytes::from(piece)));
    HttpResponse::Ok().streaming(futures_util::stream::iter(pieces))
}

/// The name of the worker's thread, as a panic names it.
async fn thread() -> String {
    format!("{:?}", std::thread::current().id())
}

struct Ended(Hands);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended.send_modify(|ended| *ended += 1);
    }
}

async fn hang(hands: Data<Hands>) -> HttpResponse {
    let ended = Ended(Hands::clone(&hands));
    ended.0.begun.send_modify(|begun| *begun += 1);
    let mut release = ended.0.release.subscribe();
    release.wait_for(|release| *release).await.unwrap();
    HttpResponse::Ok().json(json!({ "released": true }))
}

/// Answers with a first piece, and with a second one when it is released.
async fn hang_stream(hands: Data<Hands>) -> HttpResponse {
    let ended = Ended(Hands::clone(&hands));
    ended.0.begun.send_modify(|begun| *begun += 1);
    let rest = async move {
        let mut release = ended.0.release.subscribe();
        release.wait_for(|release| *release).await.unwrap();
        Ok::<_, Error>(Bytes::from("second"))
    };
    let pieces = futures_util::stream::once(async { Ok(Bytes::from("first ")) });
    HttpResponse::Ok().streaming(pieces.chain(futures_util::stream::once(rest)))
}

/// The entity tag of the routes that have one.
pub(crate) const TAG: &str = "W/\"one,two\"";

/// Answers with an entity tag and all that may go with it.
async fn tagged() -> HttpResponse {
    tagged_builder(200).json(quick_body())
}

async fn tagged_status(status: web::Path<u16>) -> HttpResponse {
    tagged_builder(*status).json(quick_body())
}

async fn tagged_stream() -> HttpResponse {
    let pieces = ["one ", "after ", "another"].map(|piece| Ok::<_, Error>(Bytes::from(piece)));
    tagged_builder(200).streaming(futures_util::stream::iter(pieces))
}

fn tagged_builder(status: u16) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status_code(status));
    for (name, value) in [
        ("etag", TAG),
        ("cache-control", "private, max-age=7"),
        ("vary", "accept"),
        ("content-location", "/tagged/1"),
        ("expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("server-timing", "quick;dur=1.0"),
        ("cache-status", "bff; hit"),
        ("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("content-language", "en"),
    ] {
        response.insert_header((name, value));
    }
    response
}

async fn panic_at_once() -> HttpResponse {
    panic!("{SECRET}");
}

async fn panic_later() -> HttpResponse {
    tokio::task::yield_now().await;
    panic!("{SECRET}");
}

async fn error_of_actix(status: web::Path<u16>) -> Result<HttpResponse, Error> {
    let status = status_code(*status);
    Err(error::InternalError::new(SECRET, status).into())
}

/// A route that answers with a body of its own.
async fn own_answer(status: web::Path<u16>) -> HttpResponse {
    HttpResponse::build(status_code(*status)).json(json!({ "own": true }))
}

async fn bare_answer(status: web::Path<u16>) -> HttpResponse {
    HttpResponse::new(status_code(*status))
}

fn status_code(status: u16) -> actix_web::http::StatusCode {
    actix_web::http::StatusCode::from_u16(status).unwrap()
}

async fn number(number: web::Path<u8>) -> String {
    number.to_string()
}

async fn bytes(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "length": body.len() }))
}

async fn read_json(body: Json<Value>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "read": *body }))
}
