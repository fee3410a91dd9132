//! The proxy without faults, and what the tests of its faults are made of.

use std::{
    io::ErrorKind,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mock_services::proxy::{self, Options, Proxy, ProxyFault};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
pub(crate) const POST: &str = "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nwiki";
pub(crate) const ANSWER: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-A:  b\r\n\r\n0123456789";
pub(crate) const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4;x\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n";

/// No test depends on how long this is, other than one that fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("in vain: {what}"),
    }
}

/// Waits for something that nobody announces.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    patiently(what, async {
        while !condition().await {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// A service that answers whatever it is asked with the same bytes, and counts.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) addr: SocketAddr,
    requests: Arc<AtomicU64>,
    gone: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Service {
    pub(crate) async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("address");
        let requests = Arc::new(AtomicU64::new(0));
        let (ended, gone) = watch::channel(0);
        let task = tokio::spawn({
            let requests = Arc::clone(&requests);
            async move {
                while let Ok((mut connection, _)) = listener.accept().await {
                    let (requests, ended) = (Arc::clone(&requests), ended.clone());
                    tokio::spawn(async move {
                        let mut bytes = Vec::new();
                        while let Ok(1..) = connection.read_buf(&mut bytes).await {
                            if bytes.ends_with(b"\r\n\r\n") || bytes.ends_with(b"wiki") {
                                bytes.clear();
                                requests.fetch_add(1, Ordering::Relaxed);
                                if connection.write_all(answer.as_bytes()).await.is_err() {
                                    break;
                                }
                            }
                        }
                        ended.send_modify(|ended| *ended += 1);
                    });
                }
            }
        });
        Self {
            addr,
            requests,
            gone,
            task,
        }
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Waits until so many connections have ended.
    pub(crate) async fn ended(&mut self, count: u64) {
        patiently(
            "the end of a connection",
            self.gone.wait_for(|gone| *gone >= count),
        )
        .await
        .expect("the service runs");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Closed,
    Reset,
}

/// A client that sees every byte and how a connection ends.
#[derive(Debug)]
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self(TcpStream::connect(addr).await.expect("connects"))
    }

    pub(crate) async fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.expect("sends");
    }

    /// The next bytes, as many as `expected` has, which they must be.
    pub(crate) async fn expect(&mut self, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        let read = patiently(expected, self.0.read_exact(&mut bytes)).await;
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text, expected, "{read:?}");
    }

    /// Everything until the end, and how that came.
    pub(crate) async fn rest(&mut self) -> (String, Ending) {
        let mut bytes = Vec::new();
        let ending = match patiently("the end", self.0.read_to_end(&mut bytes)).await {
            Ok(_) => Ending::Closed,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ending::Reset,
            Err(error) => panic!("{error}"),
        };
        (String::from_utf8_lossy(&bytes).into_owned(), ending)
    }

    /// Waits for a byte, or says how the connection ended instead.
    pub(crate) async fn comes(&self) -> Result<(), Ending> {
        match patiently("anything", self.0.peek(&mut [0])).await {
            Ok(0) => Err(Ending::Closed),
            Ok(_) => Ok(()),
            Err(_) => Err(Ending::Reset),
        }
    }

    /// What has come by now.
    pub(crate) fn so_far(&self) -> String {
        let mut bytes = [0; 1024];
        let count = self.0.try_read(&mut bytes).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    /// Nothing has come, and nothing has ended. Says nothing about what is still on its way.
    pub(crate) fn expect_silence(&self) {
        let mut byte = [0];
        match self.0.try_read(&mut byte) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("{other:?} {byte:?}"),
        }
    }

    pub(crate) async fn close_half(&mut self) {
        self.0.shutdown().await.expect("closes");
    }
}

/// A request on a connection of its own, and all that comes of it until the connection ends.
pub(crate) async fn ask(proxy: &Proxy, request: &str) -> (String, Ending) {
    let mut client = Client::connect(proxy.addr()).await;
    client.send(request).await;
    client.rest().await
}

pub(crate) async fn start(answer: &'static str) -> (Service, Proxy) {
    let service = Service::start(answer).await;
    let proxy = proxy::start(&Options::to(service.addr)).expect("a free port");
    (service, proxy)
}

/// How often each fault was applied.
pub(crate) fn applied(proxy: &Proxy) -> Vec<u64> {
    proxy
        .faults()
        .report()
        .iter()
        .map(|report| report.applied)
        .collect()
}

/// Waits until the first fault was applied.
pub(crate) async fn one_applied(proxy: &Proxy) {
    until("the fault", async || applied(proxy)[0] >= 1).await;
}

/// A listener for a test that is the service itself.
pub(crate) async fn by_hand() -> (TcpListener, Proxy) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let upstream = listener.local_addr().expect("address");
    let proxy = proxy::start(&Options::to(upstream)).expect("a free port");
    (listener, proxy)
}

pub(crate) async fn accept(listener: &TcpListener) -> Client {
    let accepted = patiently("a connection", listener.accept()).await;
    Client(accepted.expect("a connection").0)
}

#[actix_web::test]
async fn requests_and_answers_pass_byte_for_byte_over_one_connection() {
    for answer in [ANSWER, CHUNKED, "HTTP/1.1 204 No Content\r\n\r\n"] {
        let (mut service, proxy) = start(answer).await;
        let mut client = Client::connect(proxy.addr()).await;
        for request in [GET, POST, GET] {
            client.send(request).await;
            client.expect(answer).await;
        }
        assert_eq!((proxy.requests(), proxy.connections()), (3, 1));
        assert_eq!(service.requests(), 3);
        drop(client);
        service.ended(1).await;
        proxy.stop().await;
    }
}

#[actix_web::test]
async fn what_the_service_sees_is_what_the_client_sent() {
    let (listener, proxy) = by_hand().await;
    let mut client = Client::connect(proxy.addr()).await;
    let request = "PUT /a?b HTTP/1.1\r\nHOST:  x \r\nTransfer-Encoding: chunked\r\n\r\n";
    client.send(&request[..20]).await;
    client.send(&request[20..]).await;
    let mut service = accept(&listener).await;
    service.expect(request).await;
    // Interim answers come while the request is not whole.
    service.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
    for piece in ["3\r", "\nab", "c\r\n0\r\n", "A: b\r\n\r\n"] {
        client.send(piece).await;
        service.expect(piece).await;
    }
    service.send(ANSWER).await;
    client.expect(ANSWER).await;
    client.send(GET).await;
    service.expect(GET).await;
    assert_eq!(proxy.requests(), 2);
}

#[actix_web::test]
async fn an_answer_that_comes_before_the_whole_request_does_not_cost_the_connection() {
    let (listener, proxy) = by_hand().await;
    let mut client = Client::connect(proxy.addr()).await;
    client.send(&POST[..POST.len() - 2]).await;
    let mut service = accept(&listener).await;
    service.expect(&POST[..POST.len() - 2]).await;
    service.send(ANSWER).await;
    client.expect(ANSWER).await;
    client.send("ki").await;
    client.send(GET).await;
    service.expect("ki").await;
    service.expect(GET).await;
    service.send(ANSWER).await;
    client.expect(ANSWER).await;
    assert_eq!(proxy.requests(), 2);
}

#[actix_web::test]
async fn a_large_body_passes_in_both_directions_at_once() {
    const LENGTH: usize = 4 << 20;
    let (listener, proxy) = by_hand().await;
    let body = "x".repeat(LENGTH);
    let (head, answer) = (
        format!("POST / HTTP/1.1\r\nContent-Length: {LENGTH}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"),
    );
    let mut client = Client::connect(proxy.addr()).await;
    client.send(&head).await;
    let mut service = accept(&listener).await;
    service.expect(&head).await;
    service.send(&answer).await;
    client.expect(&answer).await;
    let (mut client_reads, mut client_writes) = client.0.split();
    let (mut service_reads, mut service_writes) = service.0.split();
    let (mut up, mut down) = (vec![0; LENGTH], vec![0; LENGTH]);
    let all = async {
        tokio::try_join!(
            client_writes.write_all(body.as_bytes()),
            service_writes.write_all(body.as_bytes()),
            service_reads.read_exact(&mut up),
            client_reads.read_exact(&mut down),
        )
    };
    patiently("all of both bodies", all).await.expect("passes");
    assert!(up == body.as_bytes() && down == body.as_bytes());
    client.send(GET).await;
    service.expect(GET).await;
}

#[actix_web::test]
async fn the_end_of_one_side_is_the_end_of_the_other() {
    // While nothing is asked, and when an answer ends with its connection.
    for (answer, framed) in [(ANSWER, true), ("HTTP/1.1 200 OK\r\n\r\nall", false)] {
        let (listener, proxy) = by_hand().await;
        let mut client = Client::connect(proxy.addr()).await;
        client.send(GET).await;
        let mut service = accept(&listener).await;
        service.expect(GET).await;
        service.send(answer).await;
        if framed {
            client.expect(answer).await;
        }
        drop(service);
        let rest = if framed { "" } else { answer };
        assert_eq!(client.rest().await, (rest.to_owned(), Ending::Closed));
    }
    // A client that sends no more is for the service to judge.
    let (listener, proxy) = by_hand().await;
    let mut client = Client::connect(proxy.addr()).await;
    client.send(GET).await;
    let mut service = accept(&listener).await;
    service.expect(GET).await;
    client.close_half().await;
    assert_eq!(service.rest().await, (String::new(), Ending::Closed));
    service.send(ANSWER).await;
    assert_eq!(client.rest().await, (ANSWER.to_owned(), Ending::Closed));
}

#[actix_web::test]
async fn what_is_no_http_passes_as_well() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n";
    for (request, answer) in [
        ("HELO * SMTP/2.0\r\n\r\n", "\0\0\r\n"),
        ("CONNECT a:1 HTTP/1.1\r\n\r\n", ANSWER),
        ("GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n", switch),
    ] {
        let (listener, proxy) = by_hand().await;
        let mut client = Client::connect(proxy.addr()).await;
        client.send(request).await;
        let mut service = accept(&listener).await;
        service.expect(request).await;
        service.send(answer).await;
        client.expect(answer).await;
        for word in ["a", "bc", "d"] {
            client.send(word).await;
            service.expect(word).await;
            service.send(word).await;
            client.expect(word).await;
        }
        client.close_half().await;
        assert_eq!(service.rest().await, (String::new(), Ending::Closed));
        drop(service);
        assert_eq!(client.rest().await, (String::new(), Ending::Closed));
    }
}

#[actix_web::test]
async fn without_a_service_there_are_resets() {
    let (listener, proxy) = by_hand().await;
    drop(listener);
    assert_eq!(ask(&proxy, GET).await, (String::new(), Ending::Reset));
}

/// At a loopback address of its own (macOS has but one), or another test could take the port in between.
#[cfg(target_os = "linux")]
#[actix_web::test]
async fn stopped_or_dropped_it_ends_all_it_had() {
    for stop in [true, false] {
        let mut service = Service::start(ANSWER).await;
        let proxy = proxy::start(&Options {
            listen: "127.0.0.3:0".parse().expect("an address"),
            ..Options::to(service.addr)
        })
        .expect("a free port");
        let mut clients = Vec::new();
        for fault in [
            ProxyFault::hang(),
            ProxyFault::announce_extra(1),
            ProxyFault::black_hole_answers().times(1),
            ProxyFault::latency_ms(60_000),
        ] {
            let applied = fault.clone().times(1);
            proxy.faults().set(vec![applied]);
            let mut client = Client::connect(proxy.addr()).await;
            client.send(GET).await;
            one_applied(&proxy).await;
            clients.push(client);
        }
        let (addr, faults) = (proxy.addr(), proxy.faults().clone());
        if stop {
            patiently("the proxy to stop", proxy.stop()).await;
        } else {
            drop(proxy);
        }
        assert!(TcpStream::connect(addr).await.is_err());
        // Neither does a handle to its faults bring it back.
        faults.set(vec![ProxyFault::refuse()]);
        faults.clear();
        assert!(TcpStream::connect(addr).await.is_err());
        let successor = TcpListener::bind(addr).await;
        drop(successor.expect("the port is free again"));
        for mut client in clients {
            client.rest().await;
        }
        service.ended(3).await;
    }
}
