//! Discovery against a DNS server of the test's own, over sockets.

use std::net::Ipv4Addr;

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::upstream::resolve::dns::Resolver;

#[derive(Debug, Clone)]
enum Reply {
    /// With this time-to-live.
    Records(u32, Vec<RData>),
    /// As `Records`, and over UDP only that there is more.
    Long(u32, Vec<RData>),
    Code(ResponseCode),
    Silence,
}

type Key = (String, RecordType);

/// With how often each was asked for.
type Zone = Arc<Mutex<(HashMap<Key, Reply>, HashMap<Key, usize>)>>;

/// What is not in its zone does not exist.
struct Server {
    address: SocketAddr,
    zone: Zone,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start() -> Self {
        // The port that is free for one protocol may be taken for the other.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let zone = Zone::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_udp(udp, Arc::clone(&zone)));
        tasks.spawn(serve_tcp(tcp, Arc::clone(&zone)));
        Self {
            address,
            zone,
            _tasks: tasks,
        }
    }

    fn set(&self, name: &str, kind: RecordType, reply: Reply) {
        let key = (name.to_owned(), kind);
        self.zone.lock().unwrap().0.insert(key, reply);
    }

    fn asked(&self, name: &str, kind: RecordType) -> usize {
        let key = (name.to_owned(), kind);
        self.zone.lock().unwrap().1.get(&key).copied().unwrap_or(0)
    }

    fn set_address(&self, name: &str, address: [u8; 4]) {
        self.set(name, RecordType::A, Reply::Records(1, vec![a(address)]));
    }

    fn follow(&self, targets: &[&str]) -> Followed {
        let config = DiscoveryConfig {
            refresh: SHORTEST,
            server: Some(self.address),
        };
        Followed::start(targets, config)
    }
}

async fn serve_udp(socket: UdpSocket, zone: Zone) {
    let mut buffer = [0; 4096];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        if let Some(answer) = answer(&zone, &buffer[..length], true) {
            socket.send_to(&answer, from).await.unwrap();
        }
    }
}

async fn serve_tcp(listener: TcpListener, zone: Zone) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        // One question for each connection; the end of it is the asker's business.
        let length = stream.read_u16().await.unwrap();
        let mut question = vec![0; length.into()];
        stream.read_exact(&mut question).await.unwrap();
        if let Some(answer) = answer(&zone, &question, false) {
            let length = u16::try_from(answer.len()).unwrap();
            stream.write_u16(length).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    }
}

fn answer(zone: &Zone, question: &[u8], over_udp: bool) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).unwrap();
    let query = question.queries[0].clone();
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.add_query(query.clone());
    let key = (query.name().to_ascii(), query.query_type());
    let reply = {
        let mut zone = zone.lock().unwrap();
        *zone.1.entry(key.clone()).or_default() += 1;
        zone.0.get(&key).cloned()
    };
    match reply {
        None => answer.metadata.response_code = ResponseCode::NXDomain,
        Some(Reply::Silence) => return None,
        Some(Reply::Code(code)) => answer.metadata.response_code = code,
        Some(Reply::Long(..)) if over_udp => answer.metadata.truncation = true,
        Some(Reply::Records(ttl, records) | Reply::Long(ttl, records)) => {
            for data in records {
                let name = query.name().clone();
                answer.add_answer(Record::from_rdata(name, ttl, data));
            }
        }
    }
    Some(answer.to_vec().unwrap())
}

fn a([a, b, c, d]: [u8; 4]) -> RData {
    RData::A(Ipv4Addr::new(a, b, c, d).into())
}

fn aaaa(last: u16) -> RData {
    let address = IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, last]);
    RData::from(address)
}

fn srv_to(priority: u16, weight: u16, port: u16, target: &str) -> RData {
    let target = Name::from_ascii(target).unwrap();
    RData::SRV(SRV::new(priority, weight, port, target))
}

struct Followed {
    _discovery: Discovery,
    published: UnboundedReceiver<Vec<Found>>,
}

impl Followed {
    fn start(targets: &[&str], config: DiscoveryConfig) -> Self {
        let (send, published) = unbounded_channel();
        let targets = targets.iter().copied().map(target).collect();
        let discovery = Discovery::follow(targets, config, move |found| send.send(found).unwrap());
        Self {
            _discovery: discovery,
            published,
        }
    }

    /// The publication that comes next.
    async fn next(&mut self) -> String {
        let next = timeout(Duration::from_secs(30), self.published.recv());
        shown(&next.await.expect("something is published").unwrap())
    }

    /// Waits for this to be published.
    async fn until(&mut self, expected: &str) {
        while self.next().await != expected {}
    }
}

async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), wait).await.unwrap();
}

#[tokio::test]
async fn addresses_of_both_families_come_and_go() {
    let server = Server::start().await;
    let v4 = Reply::Records(600, vec![a([10, 0, 0, 1]), a([0, 0, 0, 0])]);
    server.set("stock.test.", RecordType::A, v4);
    let v6 = Reply::Records(0, vec![aaaa(1)]);
    server.set("stock.test.", RecordType::AAAA, v6);
    let mut followed = server.follow(&["http://stock.test:81"]);
    let both = "10.0.0.1:81(stock.test:81) [fd00::1]:81(stock.test:81)";
    assert_eq!(followed.next().await, both);

    server.set_address("stock.test.", [10, 0, 0, 2]);
    let none = Reply::Code(ResponseCode::NXDomain);
    server.set("stock.test.", RecordType::AAAA, none);
    followed.until("10.0.0.2:81(stock.test:81)").await;
}

/// After each failure the other name changes, so that there is something to be published.
#[tokio::test]
async fn what_is_known_outlasts_errors_silence_and_the_end_of_a_name() {
    let server = Server::start().await;
    server.set_address("a.test.", [10, 0, 0, 1]);
    server.set_address("b.test.", [10, 0, 1, 0]);
    let mut followed = server.follow(&["http://a.test", "http://b.test"]);
    followed
        .until("10.0.0.1:80(a.test) 10.0.1.0:80(b.test)")
        .await;
    let failures = [
        Reply::Code(ResponseCode::ServFail),
        Reply::Code(ResponseCode::Refused),
        Reply::Code(ResponseCode::NXDomain),
        Reply::Records(1, Vec::new()),
        Reply::Silence,
    ];
    for (last, failure) in (1..).zip(failures) {
        server.set("a.test.", RecordType::A, failure);
        let asked = server.asked("a.test.", RecordType::A);
        until(|| server.asked("a.test.", RecordType::A) > asked).await;
        server.set_address("b.test.", [10, 0, 1, last]);
        let expected = format!("10.0.0.1:80(a.test) 10.0.1.{last}:80(b.test)");
        assert_eq!(followed.next().await, expected);
    }
    server.set_address("a.test.", [10, 0, 0, 2]);
    assert_eq!(
        followed.next().await,
        "10.0.0.2:80(a.test) 10.0.1.5:80(b.test)"
    );
}

#[tokio::test]
async fn srv_records_are_followed_to_their_hosts() {
    let server = Server::start().await;
    let name = "_http._tcp.stock.test.";
    let records = vec![
        srv_to(1, 0, 81, "A.test."),
        srv_to(2, 5, 82, "b.test."),
        srv_to(0, 0, 80, "."),
    ];
    server.set(name, RecordType::SRV, Reply::Records(1, records));
    server.set_address("a.test.", [10, 0, 0, 1]);
    server.set_address("b.test.", [10, 0, 0, 2]);
    let mut followed = server.follow(&["srv+http://_http._tcp.stock.test"]);
    followed
        .until("1*1@10.0.0.1:81(a.test:81) 2*5@10.0.0.2:82(b.test:82)")
        .await;

    // One name fails, and the other changes.
    let failure = Reply::Code(ResponseCode::ServFail);
    server.set("b.test.", RecordType::A, failure);
    server.set_address("a.test.", [10, 0, 0, 3]);
    assert_eq!(
        followed.next().await,
        "1*1@10.0.0.3:81(a.test:81) 2*5@10.0.0.2:82(b.test:82)"
    );
    let records = vec![srv_to(0, 1, 83, "a.test.")];
    server.set(name, RecordType::SRV, Reply::Records(1, records));
    assert_eq!(followed.next().await, "10.0.0.3:83(a.test:83)");
}

#[tokio::test]
async fn what_is_too_long_for_udp_is_asked_for_over_tcp() {
    let server = Server::start().await;
    let records = (0..200).map(|last| a([10, 0, 0, last])).collect();
    server.set("long.test.", RecordType::A, Reply::Long(1, records));
    let mut followed = server.follow(&["http://long.test"]);
    let found = followed.next().await;
    assert_eq!(found.split(' ').count(), 200);
}

#[tokio::test]
async fn a_server_that_fails_is_followed_by_the_next_and_not_asked_first_again() {
    for failure in [Reply::Code(ResponseCode::ServFail), Reply::Silence] {
        let (bad, good) = (Server::start().await, Server::start().await);
        for kind in [RecordType::A, RecordType::AAAA] {
            bad.set("a.test.", kind, failure.clone());
        }
        good.set_address("a.test.", [10, 0, 0, 1]);
        let resolver = Resolver::of_servers(&[bad.address, good.address]);
        let found = resolver.addresses("a.test").await.unwrap();
        assert_eq!(found.records, [IpAddr::from([10, 0, 0, 1])]);
        assert_eq!(found.incomplete, None);
        let asked = bad.asked("a.test.", RecordType::A);
        assert!(asked > 0);
        assert!(resolver.addresses("b.test").await.is_err());
        assert!(resolver.addresses("a.test").await.is_ok());
        assert_eq!(bad.asked("a.test.", RecordType::A), asked);
    }
}

#[tokio::test]
async fn one_family_is_found_where_the_other_fails() {
    let server = Server::start().await;
    server.set_address("a.test.", [10, 0, 0, 1]);
    let failure = Reply::Code(ResponseCode::ServFail);
    server.set("a.test.", RecordType::AAAA, failure);
    let resolver = Resolver::of_servers(&[server.address]);
    let found = resolver.addresses("a.test").await.unwrap();
    assert_eq!(found.records, [IpAddr::from([10, 0, 0, 1])]);
    assert!(found.incomplete.unwrap().starts_with("AAAA records"));
}

/// The server knows neither, and is not asked.
#[tokio::test]
async fn localhost_is_known_without_a_server() {
    let server = Server::start().await;
    let mut followed = server.follow(&["http://localhost:81"]);
    assert_eq!(followed.next().await, "127.0.0.1:81(localhost:81)");
    let mut followed = Followed::start(&["http://localhost:81"], DiscoveryConfig::default());
    assert_eq!(followed.next().await, "127.0.0.1:81(localhost:81)");
}
