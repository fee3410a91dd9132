//! The end under load: nothing is lost, and no client has to repeat anything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bff_shared::serve::Stop;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::client::{Client, get, in_time, request};
use crate::server::{TestServer, quick_body, spawn};

fn with_drain(delay: Duration) -> TestServer {
    spawn(|config| {
        config.workers = 2;
        config.drain_delay = delay;
        config.stop_timeout = Duration::from_secs(300);
    })
}

/// Waits until nobody listens any more.
async fn refused(addr: SocketAddr) {
    in_time(async {
        while TcpStream::connect(addr).await.is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Where a balancer sends a new connection.
#[derive(Debug, Default)]
struct Balancer {
    /// The first instance is not ready, or gone.
    is_first_out: AtomicBool,
    is_over: AtomicBool,
    /// Answers, by instance.
    answers: [AtomicUsize; 2],
    /// Answers that announced the end of their connection.
    told: AtomicUsize,
    /// Connections that were closed while their client waited for nothing.
    closed_idle: AtomicUsize,
}

impl Balancer {
    /// Asks the first instance for its readiness, as often as balancers do, and oftener.
    async fn watch(&self, admin: SocketAddr) {
        while !self.is_first_out.load(Relaxed) {
            let is_ready = async {
                let mut client = Client::connect(admin).await;
                client.exchange(get("/readyz")).await.status == 200
            };
            if !is_ready.await {
                self.is_first_out.store(true, Relaxed);
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// A client that uses each connection until told that it ends, or until it is closed while idle, and pauses for
    /// `pause` between two requests. What it does not get an answer to, fails the test.
    async fn client(&self, instances: [SocketAddr; 2], pause: Duration) {
        while !self.is_over.load(Relaxed) {
            let instance = usize::from(self.is_first_out.load(Relaxed));
            let mut client = Client::connect(instances[instance]).await;
            while !self.is_over.load(Relaxed) {
                let answer = client.exchange(get("/later/1")).await;
                assert_eq!(answer.status, 200);
                self.answers[instance].fetch_add(1, Relaxed);
                if answer.header("connection") == Some("close") {
                    self.told.fetch_add(1, Relaxed);
                    client.closed_without_a_word().await;
                    break;
                }
                if client.is_closed_within(pause).await {
                    self.closed_idle.fetch_add(1, Relaxed);
                    break;
                }
            }
        }
    }
}

#[actix_web::test]
async fn under_load_no_request_goes_without_an_answer() {
    let mut first = with_drain(Duration::from_millis(400));
    let second = with_drain(Duration::ZERO);
    let instances = [first.addr, second.addr];
    let balancer = Arc::new(Balancer::default());
    // From those that never pause to those that are silent through all of the end.
    let pauses = [0, 0, 1, 3, 10, 50, 100, 300, 700, 5_000, 60_000, 60_000];
    let clients: Vec<_> = pauses
        .into_iter()
        .cycle()
        .take(3 * pauses.len())
        .map(|pause| {
            let balancer = Arc::clone(&balancer);
            let pause = Duration::from_millis(pause);
            actix_web::rt::spawn(async move { balancer.client(instances, pause).await })
        })
        .collect();
    let watch = {
        let (balancer, admin) = (Arc::clone(&balancer), first.admin);
        actix_web::rt::spawn(async move { balancer.watch(admin).await })
    };
    let answered = async |instance: usize, count: usize| {
        let answers = &balancer.answers[instance];
        in_time(async {
            while answers.load(Relaxed) < count {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    };
    answered(0, 1000).await;

    first.stop(Stop::Drain);
    first.ended().await;
    let so_far = balancer.answers[1].load(Relaxed);
    answered(1, so_far + 500).await;

    balancer.is_over.store(true, Relaxed);
    in_time(watch).await.unwrap();
    for (client, pause) in clients.into_iter().zip(pauses.into_iter().cycle()) {
        if pause >= 5_000 {
            client.abort();
            // Whether it had failed before.
            assert!(
                client
                    .await
                    .map_or_else(|error| error.is_cancelled(), |()| true)
            );
        } else {
            in_time(client).await.unwrap();
        }
    }
    assert!(balancer.told.load(Relaxed) > 0);
    assert!(balancer.closed_idle.load(Relaxed) > 0);
}

#[actix_web::test]
async fn without_draining_too_a_kept_connection_in_use_gets_its_answers() {
    let mut server = with_drain(Duration::ZERO);
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = server.connect().await;
        assert_eq!(client.exchange(get("/quick")).await.status, 200);
        clients.push(client);
    }
    let clients: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            actix_web::rt::spawn(async move {
                loop {
                    let answer = client.exchange(get("/later/1")).await;
                    assert_eq!(answer.status, 200);
                    if answer.header("connection") == Some("close") {
                        client.closed_without_a_word().await;
                        return;
                    }
                }
            })
        })
        .collect();

    server.stop(Stop::Now);

    for client in clients {
        in_time(client).await.unwrap();
    }
    server.ended().await;
}

#[actix_web::test]
async fn a_request_of_which_half_has_come_is_answered_when_the_rest_comes() {
    let mut server = with_drain(Duration::ZERO);
    let mut kept = server.connect().await;
    assert_eq!(kept.exchange(get("/quick")).await.status, 200);
    kept.send("GET /quick HT").await;
    let mut new = server.connect().await;
    new.send("GET /quick HTTP/1.1\r\nHost: te").await;

    server.stop(Stop::Now);
    refused(server.addr).await;
    kept.send("TP/1.1\r\nHost: test\r\n\r\n").await;
    new.send("st\r\n\r\n").await;

    for client in [&mut kept, &mut new] {
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.json()), (200, quick_body()));
        assert_eq!(answer.header("connection"), Some("close"));
        client.closed_without_a_word().await;
    }
    server.ended().await;
}

#[actix_web::test]
async fn a_connection_is_open_while_its_streamed_answer_is_and_gets_one_more() {
    let mut server = with_drain(Duration::ZERO);
    let mut client = server.connect().await;
    client.send(get("/hang-stream")).await;
    // The head went out before there was anything to announce.
    let head = client.answer_to_head().await;
    assert_eq!((head.status, head.header("connection")), (200, None));

    server.stop(Stop::Now);
    refused(server.addr).await;
    // Far longer than idle connections are kept.
    sleep(Duration::from_millis(2_500)).await;
    server.release();

    let body = b"6\r\nfirst \r\n6\r\nsecond\r\n0\r\n\r\n";
    assert_eq!(client.take(body.len()).await, body);
    let answer = client.exchange(get("/quick")).await;
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    client.closed_without_a_word().await;
    server.ended().await;
}

#[actix_web::test]
async fn a_client_of_http_1_0_that_keeps_its_connection_is_told_too() {
    let mut server = with_drain(Duration::from_secs(1));
    let old =
        request("GET", "/quick").replace("HTTP/1.1\r\n", "HTTP/1.0\r\nConnection: keep-alive\r\n");
    let mut client = server.connect().await;
    let answer = client.exchange(&old).await;
    assert_eq!(answer.header("connection"), Some("keep-alive"));

    server.stop(Stop::Drain);
    in_time(async {
        loop {
            let answer = client.exchange(&old).await;
            assert_eq!(answer.status, 200);
            // Without the option, a connection of HTTP/1.0 ends.
            if answer.header("connection") != Some("keep-alive") {
                return client.closed_without_a_word().await;
            }
        }
    })
    .await;
    server.ended().await;
}

#[actix_web::test]
async fn pipelined_requests_that_were_read_are_answered_and_the_last_is_told() {
    let mut server = with_drain(Duration::ZERO);
    let mut client = server.connect().await;
    client
        .send(get("/hang") + &get("/quick") + &get("/later/1"))
        .await;
    server.hands.begun(1).await;

    server.stop(Stop::Now);
    refused(server.addr).await;
    server.release();

    assert_eq!(client.answer().await.json()["released"], true);
    assert_eq!(client.answer().await.json(), quick_body());
    let last = client.answer().await;
    assert_eq!(last.json()["later"], "1");
    assert_eq!(last.header("connection"), Some("close"));
    client.closed_without_a_word().await;
    server.ended().await;
}

#[actix_web::test]
async fn the_report_names_the_phase() {
    let mut server = with_drain(Duration::ZERO);
    let mut client = server.connect().await;
    client.send(get("/hang")).await;
    server.hands.begun(1).await;

    server.stop(Stop::Now);
    refused(server.addr).await;

    let mut admin = Client::connect(server.admin).await;
    let report = admin.exchange(get("/upstreams")).await.json();
    assert_eq!(report["server"]["phase"], "stopping");
    assert_eq!(report["server"]["inFlight"], 1);
    server.release();
    assert_eq!(client.answer().await.status, 200);
    server.ended().await;
}
