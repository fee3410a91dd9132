//! Silence: of an answer, of a connection, of a whole host; and signs of life.

use std::time::Duration;

use bff_shared::upstream::{Config, ErrorKind, Target};
use futures_util::FutureExt as _;

use super::calls::{GUARD, Upstream, failed};
use super::frames::{self, ACK, PING, Raw, answer, data, frame, head};
use super::server::{Answer, End, Server, message};

fn impatient(config: &mut Config) {
    config.attempt_timeout = Duration::from_millis(100);
}

async fn times_out(upstream: &Upstream) {
    let error = failed(upstream.get(1).await, ErrorKind::Timeout);
    assert!(error.maybe_processed(), "{error}");
}

/// A server whose first connection is in the hands of `first`; the others are good.
fn first(first: impl AsyncFn(&mut Raw) + 'static) -> Server {
    Server::frames(async move |mut raw: Raw| {
        if raw.number == 0 {
            first(&mut raw).await;
            raw.until_closed().await;
        } else {
            raw.greet().await;
            raw.serve().await;
        }
    })
}

#[actix_web::test]
async fn a_connection_on_which_nothing_comes_is_given_up() {
    let server = first(async |_| {});
    let upstream = Upstream::with(&server, impatient);
    times_out(&upstream).await;
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.connections(), 2);
    server.until(|seen| seen.closed == 1).await;
}

/// What it says first may come before the call or within it: then only the next one finds that nothing comes.
#[actix_web::test]
async fn a_connection_on_which_nothing_comes_but_settings_is_given_up() {
    let server = first(async |raw| raw.greet().await);
    let upstream = Upstream::with(&server, impatient);
    times_out(&upstream).await;
    if upstream.get(2).await.is_err() {
        assert_eq!(server.connections(), 1);
        assert_eq!(upstream.get(3).await, Ok(3));
    }
    assert_eq!(server.connections(), 2);
    server.until(|seen| seen.closed == 1).await;
}

#[actix_web::test]
async fn a_connection_that_falls_silent_is_given_up() {
    let server = first(async |raw| {
        raw.greet().await;
        let (stream, id) = raw.call().await.unwrap();
        raw.send(&answer(stream, id)).await;
    });
    let upstream = Upstream::with(&server, impatient);
    assert_eq!(upstream.get(1).await, Ok(1));
    // What is said of settings may come within the second call.
    times_out(&upstream).await;
    if upstream.get(2).await.is_err() {
        assert_eq!(upstream.get(3).await, Ok(3));
    }
    assert_eq!(server.connections(), 2);
    server.until(|seen| seen.closed == 1).await;
}

/// As where a hedge is sooner every time.
#[actix_web::test]
async fn a_dead_connection_is_given_up_though_each_call_is_left_soon() {
    let server = first(async |raw| {
        raw.greet().await;
        let (stream, id) = raw.call().await.unwrap();
        raw.send(&answer(stream, id)).await;
        while raw.call().await.is_some() {}
    });
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    let mut id = 2;
    while server.connections() == 1 {
        let call = upstream.spawn_get(id);
        // Until it was sent; to the connection after it, it is sent no less.
        server.until(|seen| seen.calls.len() >= id as usize).await;
        call.abort();
        id += 1;
    }
    assert!(id <= 5, "{id}");
    assert_eq!(upstream.get(9).await, Ok(9));
}

#[actix_web::test]
async fn an_answer_that_stops_anywhere_times_out() {
    let whole = Answer::thing(1).ending(End::Never);
    let no_message = Answer::of::<Vec<u8>>([]).ending(End::Never);
    let half = Answer::of([message(300)[..6].to_vec()]).ending(End::Never);
    for answer in [whole, no_message, half] {
        let server = Server::answering(move |received| match received.id() {
            1 => answer.clone(),
            id => Answer::thing(id),
        });
        let upstream = Upstream::with(&server, impatient);
        times_out(&upstream).await;
        // The stream is given up; the connection it was on is alive.
        server
            .until(|seen| seen.resets == [h2::Reason::CANCEL])
            .await;
        assert_eq!(upstream.get(2).await, Ok(2));
        assert_eq!(server.connections(), 1);
    }
}

#[actix_web::test]
async fn an_answer_that_drips_for_ever_times_out() {
    let server = Server::frames(async |mut raw: Raw| {
        raw.greet().await;
        let (stream, _) = raw.call().await.unwrap();
        raw.send(&head(stream)).await;
        // A message of a million bytes, one by one.
        raw.send(&data(stream, &[0, 0, 15, 66, 64])).await;
        while raw.send(&data(stream, b"x")).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    times_out(&Upstream::with(&server, impatient)).await;
    server.until(|seen| seen.connections == 1).await;
}

#[actix_web::test]
async fn a_connection_on_which_others_are_answered_is_kept() {
    let server = Server::start(async |mut call| match call.received.id() {
        1 => call.until_given_up().await,
        id => call.give(Answer::thing(id)).await,
    });
    let upstream = Upstream::with(&server, impatient);
    let silent = upstream.spawn_get(1);
    server.until(|seen| seen.calls.len() == 1).await;
    let mut id = 2;
    while !silent.is_finished() {
        assert_eq!(upstream.get(id).await, Ok(id));
        id += 1;
        // Leaves the clock time to go on.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    failed(silent.await.unwrap(), ErrorKind::Timeout);
    assert_eq!(upstream.get(id).await, Ok(id));
    assert_eq!(server.connections(), 1);
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
    let endpoint = Target::parse(&address).unwrap();
    let upstream = Upstream::at(vec![endpoint.clone()], |config| {
        config.connect_timeout = Duration::from_millis(100);
    });
    for outcome in [upstream.get(1).await, upstream.change(1).await] {
        let error = failed(outcome, ErrorKind::Timeout);
        assert!(!error.maybe_processed(), "{error}");
        assert!(
            error.detail().contains("connecting took too long"),
            "{error}"
        );
    }
    let upstream = Upstream::at(vec![endpoint], impatient);
    let error = failed(upstream.get(1).await, ErrorKind::Timeout);
    assert!(error.detail().contains("no whole answer"), "{error}");
}

fn alive(config: &mut Config) {
    config.grpc.keep_alive = Duration::from_millis(50);
    config.grpc.keep_alive_timeout = GUARD;
}

#[actix_web::test]
async fn an_idle_connection_is_asked_for_a_sign_of_life() {
    let server = Server::frames(async |mut raw: Raw| {
        raw.greet().await;
        while let Some(frame) = raw.frame().await {
            if frame.kind == PING && frame.flags & ACK == 0 {
                raw.send(&frames::frame(PING, ACK, 0, &frame.payload)).await;
            } else if frame.kind == frames::DATA {
                raw.send(&answer(frame.stream, 1)).await;
            }
        }
    });
    let upstream = Upstream::with(&server, alive);
    assert_eq!(upstream.get(1).await, Ok(1));
    server.until(|seen| seen.pings >= 3).await;
    assert_eq!(upstream.get(1).await, Ok(1));
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn an_idle_connection_without_a_sign_of_life_is_closed() {
    let server = Server::frames(async |mut raw: Raw| {
        raw.greet().await;
        raw.serve().await;
    });
    let upstream = Upstream::with(&server, |config| {
        alive(config);
        config.grpc.keep_alive_timeout = Duration::from_millis(50);
    });
    assert_eq!(upstream.get(1).await, Ok(1));
    server
        .until(|seen| seen.pings >= 1 && seen.closed == 1)
        .await;
    assert_eq!(upstream.get(2).await, Ok(2));
    assert_eq!(server.connections(), 2);
}

#[actix_web::test]
async fn a_call_under_way_on_a_dead_connection_ends_with_it() {
    let server = first(async |raw| raw.greet().await);
    let upstream = Upstream::with(&server, |config| {
        alive(config);
        config.grpc.keep_alive_timeout = Duration::from_millis(50);
    });
    let error = failed(upstream.get(1).await, ErrorKind::Unavailable);
    assert!(error.maybe_processed(), "{error}");
    assert_eq!(upstream.get(2).await, Ok(2));
}

#[actix_web::test]
async fn without_keep_alive_nobody_is_asked_for_a_sign_of_life() {
    let server = Server::frames(async |mut raw: Raw| {
        raw.greet().await;
        raw.serve().await;
    });
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    // As long as another one takes to be asked several times.
    let other = Server::frames(async |mut raw: Raw| {
        raw.greet().await;
        while let Some(got) = raw.frame().await {
            if got.kind == PING && got.flags & ACK == 0 {
                raw.send(&frame(PING, ACK, 0, &got.payload)).await;
            } else if got.kind == frames::DATA {
                raw.send(&answer(got.stream, 1)).await;
            }
        }
    });
    let asked = Upstream::with(&other, alive);
    assert_eq!(asked.get(1).await, Ok(1));
    other.until(|seen| seen.pings >= 3).await;
    assert_eq!(upstream.get(2).await, Ok(2));
    server
        .until(|seen| seen.pings == 0 && seen.connections == 1)
        .await;
}
