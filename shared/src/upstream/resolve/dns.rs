//! Look-ups as the system makes them: its hosts file, then its DNS servers, over UDP and what is too long for that over
//! TCP.
//!
//! Of the resolver underneath only the asking of one server is used. It keeps nothing: how long an answer is good is
//! decided above it. The search list is gone through here, so that the addresses of both families are of the same name,
//! and the servers, so that one that fails is followed by the next.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join};
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup as Records;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Hosts, TokioResolver};
use tokio::time::timeout;

use super::super::EndpointAddress;
use super::follow::{Answer, Lookup, Service};
use super::search::Search;

/// For one server, within which a lost packet is sent again; the next server is asked after it.
const SERVER_TIMEOUT: Duration = Duration::from_millis(1500);

/// For one name, whatever the number of servers and of domains in the search list.
const TIMEOUT: Duration = Duration::from_secs(5);

const FOREVER: Duration = Duration::MAX;

/// What a system's resolver is made of.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// When the files were written.
type Stamp = [Option<SystemTime>; 2];

/// Asks one server, or those of the system.
pub(super) struct Dns {
    server: Option<SocketAddr>,
    resolver: Mutex<Option<(Stamp, Arc<Resolver>)>>,
}

impl Dns {
    pub(super) fn new(server: Option<SocketAddr>) -> Self {
        Self {
            server,
            resolver: Mutex::new(None),
        }
    }

    /// Made anew once one of its files was written: a network that comes up late, or changes, does so.
    fn resolver(&self) -> Arc<Resolver> {
        let stamp = match self.server {
            Some(_) => Stamp::default(),
            None => FILES.map(|file| std::fs::metadata(file).and_then(|it| it.modified()).ok()),
        };
        let mut made = self.resolver.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some((of, resolver)) if *of == stamp => Arc::clone(resolver),
            _ => {
                let resolver = Arc::new(match self.server {
                    Some(server) => Resolver::of_servers(&[server]),
                    None => Resolver::of_system(),
                });
                *made = Some((stamp, Arc::clone(&resolver)));
                resolver
            }
        }
    }
}

impl Lookup for Dns {
    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer<IpAddr>, String>> {
        async move {
            let resolver = self.resolver();
            timeout(TIMEOUT, resolver.addresses(name))
                .await
                .unwrap_or_else(|_| Err("no DNS server answered in time".to_owned()))
        }
        .boxed()
    }

    fn services<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer<Service>, String>> {
        async move {
            let resolver = self.resolver();
            timeout(TIMEOUT, resolver.services(name))
                .await
                .unwrap_or_else(|_| Err("no DNS server answered in time".to_owned()))
        }
        .boxed()
    }
}

/// Why a question has no answer.
#[derive(Debug)]
enum Miss {
    /// There are no such records.
    Empty,
    /// The last server's answer is an error.
    Refused(String),
    /// The last server gave no answer.
    Silent(String),
}

impl Miss {
    fn reason(self, records: &str) -> String {
        match self {
            Self::Empty => format!("it has no {records}"),
            Self::Refused(why) | Self::Silent(why) => why,
        }
    }
}

pub(super) struct Resolver {
    hosts: Hosts,
    search: Search,
    servers: Vec<TokioResolver>,
    /// The place of the server that answered last: one that is dead is not waited for each time.
    first: AtomicUsize,
    /// Why there are no servers.
    fault: String,
}

impl Resolver {
    /// Neither with a hosts file nor with a search list.
    pub(super) fn of_servers(servers: &[SocketAddr]) -> Self {
        let config = |server: &SocketAddr| {
            let mut config = NameServerConfig::udp_and_tcp(server.ip());
            for connection in &mut config.connections {
                connection.port = server.port();
            }
            config
        };
        let servers = servers.iter().map(config).collect();
        Self::new(Hosts::default(), Search::default(), servers)
    }

    fn of_system() -> Self {
        let hosts = Hosts::from_system().unwrap_or_default();
        match read_system_conf() {
            Ok((config, options)) => {
                let search = Search {
                    domains: config.search().to_vec(),
                    dots: options.ndots,
                };
                Self::new(hosts, search, config.name_servers().to_vec())
            }
            Err(error) => Self {
                fault: format!("no DNS server is known: {error}"),
                ..Self::new(hosts, Search::default(), Vec::new())
            },
        }
    }

    fn new(hosts: Hosts, search: Search, servers: Vec<NameServerConfig>) -> Self {
        let mut fault = "no DNS server is known".to_owned();
        let mut resolvers = Vec::new();
        for server in servers {
            let config = ResolverConfig::from_name_servers(vec![server]);
            let provider = TokioRuntimeProvider::default();
            let builder = TokioResolver::builder_with_config(config, provider);
            match builder.with_options(options()).build() {
                Ok(resolver) => resolvers.push(resolver),
                Err(error) => fault = error.to_string(),
            }
        }
        Self {
            hosts,
            search,
            servers: resolvers,
            first: AtomicUsize::new(0),
            fault,
        }
    }

    pub(super) async fn addresses(&self, text: &str) -> Result<Answer<IpAddr>, String> {
        let name = parse(text)?;
        if let Some(answer) = self.without_server(&name) {
            return Ok(answer);
        }
        let mut miss = Miss::Empty;
        for name in self.search.candidates(&name) {
            let v4 = self.ask(&name, RecordType::A);
            let v6 = self.ask(&name, RecordType::AAAA);
            let (v4, v6) = match join(v4, v6).await {
                (Err(Miss::Empty), Err(Miss::Empty)) => continue,
                // It may be this name that is meant, and a later one another service's.
                (Err(silent @ Miss::Silent(_)), Err(_))
                | (Err(_), Err(silent @ Miss::Silent(_))) => {
                    miss = silent;
                    break;
                }
                (Err(refused @ Miss::Refused(_)), Err(_)) | (Err(_), Err(refused)) => {
                    miss = refused;
                    continue;
                }
                found => found,
            };
            let mut answer = Answer {
                records: Vec::new(),
                ttl: FOREVER,
                incomplete: None,
            };
            for (kind, found) in [("A", v4), ("AAAA", v6)] {
                match found {
                    Ok(found) => {
                        answer.ttl = answer.ttl.min(ttl(&found));
                        let addresses = found.answers().iter().filter_map(|it| it.data.ip_addr());
                        // What a server that blocks a name says; to connect there is to connect to oneself.
                        answer
                            .records
                            .extend(addresses.filter(|ip| !ip.is_unspecified()));
                    }
                    Err(Miss::Empty) => {}
                    Err(miss) => {
                        answer.incomplete = Some(format!("{kind} records: {}", miss.reason(kind)));
                    }
                }
            }
            return Ok(answer);
        }
        Err(miss.reason("A or AAAA records"))
    }

    async fn services(&self, text: &str) -> Result<Answer<Service>, String> {
        let name = parse(text)?;
        let mut miss = Miss::Empty;
        for name in self.search.candidates(&name) {
            let found = match self.ask(&name, RecordType::SRV).await {
                Ok(found) => found,
                Err(Miss::Empty) => continue,
                Err(refused @ Miss::Refused(_)) => {
                    miss = refused;
                    continue;
                }
                Err(silent) => {
                    miss = silent;
                    break;
                }
            };
            return Ok(Answer {
                records: found.answers().iter().filter_map(service).collect(),
                ttl: ttl(&found),
                incomplete: None,
            });
        }
        Err(miss.reason("SRV records"))
    }

    /// What the hosts file says, or everybody knows.
    fn without_server(&self, name: &Name) -> Option<Answer<IpAddr>> {
        let mut records: Vec<IpAddr> = [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|kind| {
                let query = Query::query(name.clone(), kind);
                self.hosts.lookup_static_host(&query)
            })
            .flat_map(|found| {
                let addresses = found.answers().iter().filter_map(|it| it.data.ip_addr());
                addresses.collect::<Vec<_>>()
            })
            .collect();
        // RFC 6761, section 6.3: localhost is never asked for.
        if name.is_localhost() {
            if records.is_empty() {
                records = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            }
            // Its addresses are those of one instance, which seldom listens on both.
            if records.iter().any(IpAddr::is_ipv4) {
                records.retain(IpAddr::is_ipv4);
            }
        }
        (!records.is_empty()).then_some(Answer {
            records,
            ttl: FOREVER,
            incomplete: None,
        })
    }

    /// Asks one server after the other, until one knows.
    async fn ask(&self, name: &Name, kind: RecordType) -> Result<Records, Miss> {
        let mut miss = Miss::Silent(self.fault.clone());
        let first = self.first.load(Relaxed);
        for turn in 0..self.servers.len() {
            let place = (first + turn) % self.servers.len();
            miss = match self.servers[place].lookup(name.clone(), kind).await {
                Ok(found) => {
                    self.first.store(place, Relaxed);
                    return Ok(found);
                }
                Err(NetError::Dns(DnsError::NoRecordsFound(none)))
                    if matches!(
                        none.response_code,
                        ResponseCode::NoError | ResponseCode::NXDomain
                    ) =>
                {
                    self.first.store(place, Relaxed);
                    return Err(Miss::Empty);
                }
                Err(NetError::Dns(error)) => Miss::Refused(error.to_string()),
                Err(error) => Miss::Silent(error.to_string()),
            };
        }
        Err(miss)
    }
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = SERVER_TIMEOUT;
    options.attempts = 0;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    // Without it a server may leave out what is more than 512 bytes and not say so, as Consul does.
    options.edns0 = true;
    options
}

fn parse(text: &str) -> Result<Name, String> {
    Name::from_ascii(text).map_err(|error| format!("it is no name: {error}"))
}

fn ttl(found: &Records) -> Duration {
    let shortest = found.answers().iter().map(|record| record.ttl).min();
    shortest.map_or(Duration::ZERO, |ttl| Duration::from_secs(ttl.into()))
}

/// `None` for what is no SRV record, and for one that names no instance: RFC 2782 lets the root stand for "no such
/// service here".
fn service(record: &hickory_resolver::proto::rr::Record) -> Option<Service> {
    let RData::SRV(srv) = &record.data else {
        return None;
    };
    let target = srv.target.to_lowercase().to_ascii();
    let host = target.trim_end_matches('.');
    // Whoever answers may write there what is no `Host`.
    EndpointAddress::parse(&format!("http://{host}:{}", srv.port)).ok()?;
    Some(Service {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target: format!("{host}.").into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_goes_first_and_one_of_localhost_s_families_suffices() {
        let mut hosts = Hosts::default();
        let file = "::1 localhost\n127.0.0.1 localhost\n10.0.0.1 a.test b\nfd00::1 b\n";
        hosts.read_hosts_conf(file.as_bytes()).unwrap();
        let resolver = Resolver::new(hosts, Search::default(), Vec::new());
        let known = |name: &str| {
            let answer = resolver.without_server(&parse(name).unwrap());
            answer.map(|answer| answer.records.iter().map(ToString::to_string).collect())
        };
        let expected = |addresses: &[&str]| -> Option<Vec<String>> {
            Some(addresses.iter().map(ToString::to_string).collect())
        };
        assert_eq!(known("localhost"), expected(&["127.0.0.1"]));
        assert_eq!(known("A.test"), expected(&["10.0.0.1"]));
        assert_eq!(known("b."), expected(&["10.0.0.1", "fd00::1"]));
        assert_eq!(known("c"), None);
    }
}
