//! Trap 5: one time-out covers connect, head and body. The servers here answer only when a call has ended, or never.

use std::time::Duration;

use bff_shared::upstream::{Config, Context, Deadline, Error, ErrorKind, Instant, Request};
use futures_util::future::FutureExt as _;

use super::calls::{Upstream, within};
use super::server::{RawServer, thing};

fn impatient(config: &mut Config) {
    config.attempt_timeout = Duration::from_millis(100);
}

/// What a call ends as that must run into its time, and that its connection is closed then.
async fn timed_out(server: &RawServer) -> Error {
    let upstream = Upstream::with(server, impatient);
    let error = upstream.get(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.maybe_processed(), "{error}");
    within(server.closed(1)).await;
    error
}

#[actix_web::test]
async fn a_server_that_accepts_and_says_nothing_times_out() {
    let server = RawServer::start(async |mut connection| {
        connection.request().await;
        connection.until_closed().await;
    });
    timed_out(&server).await;
    assert_eq!(server.requests().len(), 1);
}

#[actix_web::test]
async fn a_head_that_drips_for_ever_times_out() {
    let server = RawServer::start(async |mut connection| {
        connection.request().await;
        connection.write("HTTP/1.1 200 OK\r\nX-Slow: ").await;
        // Slow enough for the time to be over before the head is too large.
        while connection.write("x").await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        connection.until_closed().await;
    });
    timed_out(&server).await;
}

#[actix_web::test]
async fn a_body_that_drips_for_ever_times_out() {
    for head in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let server = RawServer::start(async move |mut connection| {
            connection.request().await;
            connection
                .write(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n"))
                .await;
            let piece = if head.ends_with("chunked") {
                "1\r\n \r\n"
            } else {
                " "
            };
            while connection.write(piece).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            connection.until_closed().await;
        });
        timed_out(&server).await;
    }
}

#[actix_web::test]
async fn a_body_that_stops_before_its_end_times_out() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"id\":1}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"id\":1}\r\n",
    ] {
        let server = RawServer::start(async move |mut connection| {
            connection.request().await;
            connection.write(answer).await;
            connection.until_closed().await;
        });
        timed_out(&server).await;
    }
}

/// A listener whose queue of connections nobody accepts is full: the kernel lets further ones wait.
struct BlackHole {
    listener: tokio::net::TcpListener,
    _waiting:
        Vec<futures_util::future::LocalBoxFuture<'static, std::io::Result<tokio::net::TcpStream>>>,
    _queued: Vec<tokio::net::TcpStream>,
}

impl BlackHole {
    fn open() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let (mut waiting, mut queued) = (Vec::new(), Vec::new());
        for _ in 0..16 {
            let mut connect = tokio::net::TcpSocket::new_v4()
                .unwrap()
                .connect(address)
                .boxed_local();
            match (&mut connect).now_or_never() {
                Some(stream) => queued.push(stream.unwrap()),
                None => waiting.push(connect),
            }
        }
        Self {
            listener,
            _waiting: waiting,
            _queued: queued,
        }
    }
}

#[actix_web::test]
async fn connecting_to_where_nobody_accepts_times_out_and_has_processed_nothing() {
    let hole = BlackHole::open();
    let address = format!("http://{}", hole.listener.local_addr().unwrap());
    let endpoint = bff_shared::upstream::Target::parse(&address).unwrap();
    let upstream = Upstream::at(vec![endpoint.clone()], |config| {
        config.connect_timeout = Duration::from_millis(100);
    });
    let error = upstream.get(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(!error.maybe_processed(), "{error}");
    assert!(
        error.detail().contains("connecting took too long"),
        "{error}"
    );

    let upstream = Upstream::at(vec![endpoint], impatient);
    let error = upstream.get(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.detail().contains("no whole answer"), "{error}");
}

#[actix_web::test]
async fn the_sooner_of_the_callers_deadline_and_the_upstreams_ends_a_call() {
    let server = RawServer::start(async |mut connection| {
        connection.request().await;
        connection.until_closed().await;
    });
    let short = Duration::from_millis(100);
    let upstream = Upstream::with(&server, |config| config.deadline = short);
    let error = upstream.get(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");

    let upstream = Upstream::of(&server);
    let context = Context::new(Deadline::after(Instant::now(), short));
    let error = upstream
        .call(&context, Request::get("/things/1"), |_| Ok(()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    within(server.closed(2)).await;
}

#[actix_web::test]
async fn once_the_deadline_is_over_no_connection_is_opened() {
    let server = RawServer::answering(|request| thing(request.id()));
    let upstream = Upstream::of(&server);
    let context = Context::new(Deadline::after(Instant::now(), Duration::ZERO));
    for request in [
        Request::get("/things/1"),
        Request::new(http::Method::POST, "/things/1"),
    ] {
        let error = upstream
            .call(&context, request, |_| Ok(()))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(!error.maybe_processed(), "{error}");
    }
    // One call that is allowed, behind which an earlier connection would have been accepted.
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.connections(), 1);
    assert_eq!(server.requests()[0].id(), 2);
}

/// The repeat gets what the first attempt has left of the deadline, not a deadline of its own.
#[actix_web::test]
async fn a_repeat_does_not_stretch_the_deadline() {
    let server = RawServer::start(async |mut connection| {
        while let Some(request) = connection.request().await {
            if connection.number == 0 && request.id() == 2 {
                // Time that the repeat must not have again.
                return tokio::time::sleep(Duration::from_millis(20)).await;
            }
            connection.write(thing(request.id())).await;
        }
    });
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    assert_eq!(upstream.get(2).await, Ok(2));
    let left: Vec<u64> = server
        .requests()
        .iter()
        .map(|request| {
            let left = request.header("x-envoy-expected-rq-timeout-ms");
            left.unwrap().parse().unwrap()
        })
        .collect();
    assert_eq!(left.len(), 3);
    assert!(left[2] < left[1], "{left:?}");
}
