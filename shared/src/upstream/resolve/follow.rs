//! Which name is looked up when, and what follows from the answers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::{Found, SHORTEST, Target};

/// What names are looked up with. A reason says why there is no answer, be it that there are no records.
pub(super) trait Lookup: Send + Sync + 'static {
    /// The A and AAAA records of `name`.
    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer<IpAddr>, String>>;

    /// The SRV records of `name`.
    fn services<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer<Service>, String>>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer<T> {
    pub(super) records: Vec<T>,
    /// The time-to-live of the record with the shortest.
    pub(super) ttl: Duration,
    /// Why addresses of one family are missing, where those of the other are there.
    pub(super) incomplete: Option<String>,
}

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Service {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// With a dot at the end, so that no search list applies to it.
    pub(super) target: Arc<str>,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            priority,
            weight,
            port,
            target,
        } = self;
        let target = target.trim_end_matches('.');
        write!(f, "{target}:{port} (priority {priority}, weight {weight})")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Question {
    Addresses(Arc<str>),
    Services(Arc<str>),
}

enum Said {
    Addresses(Result<Answer<IpAddr>, String>),
    Services(Result<Answer<Service>, String>),
}

/// What is known of a name.
#[derive(Debug)]
struct Known<T> {
    records: Vec<T>,
    asked: bool,
    /// Since the last success.
    failures: u32,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            asked: false,
            failures: 0,
        }
    }
}

impl<T: Ord + fmt::Display> Known<T> {
    /// Takes in what was said of `name`. When to ask again.
    fn learn(
        &mut self,
        name: &str,
        said: Result<Answer<T>, String>,
        refresh: Duration,
    ) -> Duration {
        self.asked = true;
        let (ttl, failure) = match said {
            Ok(answer) if !answer.records.is_empty() => {
                self.replace(name, answer.records);
                (answer.ttl, answer.incomplete)
            }
            Ok(_) => (SHORTEST, Some("it has no records".to_owned())),
            Err(why) => (SHORTEST, Some(why)),
        };
        let Some(why) = failure else {
            if std::mem::take(&mut self.failures) > 0 {
                log::info!("{name} can be looked up again");
            }
            return ttl.max(SHORTEST).min(refresh);
        };
        if self.failures == 0 {
            let known = self.records.len();
            log::warn!("the look-up of {name} failed, {known} records are known: {why}");
        }
        let wait = SHORTEST.saturating_mul(2u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        wait.min(refresh)
    }

    fn replace(&mut self, name: &str, mut records: Vec<T>) {
        records.sort_unstable();
        records.dedup();
        if self.records != records {
            let list: Vec<_> = records.iter().map(ToString::to_string).collect();
            log::info!("{name} stands for {}", list.join(", "));
            self.records = records;
        }
    }
}

/// The targets of one cluster, and all that is known of them.
pub(super) struct Following<P> {
    /// With what was found for each last.
    targets: Vec<(Target, Vec<Found>)>,
    refresh: Duration,
    /// The names that are being asked for or will be again.
    names: HashMap<Arc<str>, Known<IpAddr>>,
    services: HashMap<Arc<str>, Known<Service>>,
    publish: P,
    published: Vec<Found>,
}

impl<P: Fn(Vec<Found>)> Following<P> {
    pub(super) fn new(targets: Vec<Target>, refresh: Duration, publish: P) -> Self {
        Self {
            targets: targets
                .into_iter()
                .map(|target| (target, Vec::new()))
                .collect(),
            refresh: refresh.max(SHORTEST),
            names: HashMap::new(),
            services: HashMap::new(),
            publish,
            published: Vec::new(),
        }
    }

    /// Whether there is anything to look up.
    pub(super) fn has_names(&self) -> bool {
        !self.wanted().is_empty()
    }

    /// Looks up again and again.
    pub(super) async fn run(mut self, lookup: impl Lookup) {
        let lookup = &lookup;
        let ask = |question| async move {
            let said = match &question {
                Question::Addresses(name) => Said::Addresses(lookup.addresses(name).await),
                Question::Services(name) => Said::Services(lookup.services(name).await),
            };
            (question, said)
        };
        let pause = |question, wait| async move {
            tokio::time::sleep(wait).await;
            question
        };
        let mut asked = FuturesUnordered::new();
        let mut paused = FuturesUnordered::new();
        asked.extend(self.begin().into_iter().map(ask));
        loop {
            tokio::select! {
                Some((question, said)) = asked.next() => {
                    let wait = self.learn(&question, said);
                    paused.push(pause(question, wait));
                    asked.extend(self.begin().into_iter().map(ask));
                    self.publish();
                }
                Some(question) = paused.next() => {
                    if self.wanted().contains(&question) {
                        asked.push(ask(question));
                    } else if let Question::Addresses(name) = &question {
                        // Not before: a name that comes and goes would be asked for more often than it may.
                        self.names.remove(name);
                    }
                }
                else => return,
            }
        }
    }

    /// What has to be asked for.
    fn wanted(&self) -> HashSet<Question> {
        let mut wanted = HashSet::new();
        for (target, _) in &self.targets {
            match target {
                Target::Address(address) if address.host().parse::<IpAddr>().is_ok() => {}
                Target::Address(address) => {
                    wanted.insert(Question::Addresses(address.host().into()));
                }
                Target::Service(service) => {
                    wanted.insert(Question::Services(Arc::clone(service.name())));
                    let records = self.services.get(service.name());
                    let records = records.into_iter().flat_map(|known| &known.records);
                    wanted.extend(
                        records.map(|record| Question::Addresses(Arc::clone(&record.target))),
                    );
                }
            }
        }
        wanted
    }

    /// What has to be asked for and is not being asked for yet; it is from here on.
    fn begin(&mut self) -> Vec<Question> {
        let mut new = Vec::new();
        for question in self.wanted() {
            let is_new = match &question {
                Question::Addresses(name) => begin(&mut self.names, name),
                Question::Services(name) => begin(&mut self.services, name),
            };
            if is_new {
                new.push(question);
            }
        }
        new
    }

    fn learn(&mut self, question: &Question, said: Said) -> Duration {
        match (question, said) {
            (Question::Addresses(name), Said::Addresses(said)) => {
                let known = self.names.entry(Arc::clone(name)).or_default();
                let said = said.map(|mut answer| {
                    if answer.incomplete.is_some() {
                        let old = known.records.iter().copied();
                        let new = answer.records.clone();
                        answer.records.extend(
                            old.filter(|old| new.iter().all(|new| new.is_ipv4() != old.is_ipv4())),
                        );
                    }
                    answer
                });
                known.learn(name, said, self.refresh)
            }
            (Question::Services(name), Said::Services(said)) => {
                let known = self.services.entry(Arc::clone(name)).or_default();
                known.learn(name, said, self.refresh)
            }
            // A question is answered by what it asks for.
            _ => self.refresh,
        }
    }

    /// Publishes what is known, if it is not what was published last.
    pub(super) fn publish(&mut self) {
        for (target, last) in &mut self.targets {
            let (mut found, is_whole) = match target {
                Target::Address(address) => {
                    let instance = |ip| Found {
                        priority: 0,
                        address: SocketAddr::new(ip, address.port()),
                        authority: address.authority().into(),
                        weight: 1,
                    };
                    let known = self.names.get(address.host());
                    let found: Vec<_> = match address.host().parse() {
                        Ok(ip) => vec![instance(ip)],
                        Err(_) => known
                            .into_iter()
                            .flat_map(|known| known.records.iter().copied().map(instance))
                            .collect(),
                    };
                    (found, true)
                }
                Target::Service(service) => {
                    let records = self.services.get(service.name());
                    let records = records.map_or(&[][..], |known| &known.records);
                    instances(records, &self.names)
                }
            };
            // A new SRV record takes effect once its name was asked for: until then no old one goes, or for a moment
            // few instances, or none, would have to do for all.
            if !is_whole {
                found.append(last);
            }
            if !found.is_empty() {
                *last = distinct(&found);
            }
        }
        let found = distinct(self.targets.iter().flat_map(|(_, found)| found));
        if found != self.published {
            (self.publish)(found.clone());
            self.published = found;
        }
    }
}

fn begin<T>(known: &mut HashMap<Arc<str>, Known<T>>, name: &Arc<str>) -> bool {
    let is_new = !known.contains_key(name);
    if is_new {
        known.insert(Arc::clone(name), Known::default());
    }
    is_new
}

/// The instances behind SRV records as far as they are known, and whether each name was asked for.
fn instances(records: &[Service], names: &HashMap<Arc<str>, Known<IpAddr>>) -> (Vec<Found>, bool) {
    let mut found = Vec::new();
    let mut is_whole = true;
    for record in records {
        let Some(known) = names.get(&record.target) else {
            is_whole = false;
            continue;
        };
        is_whole &= known.asked;
        let host = record.target.trim_end_matches('.');
        let authority: Arc<str> = format!("{host}:{}", record.port).into();
        found.extend(known.records.iter().map(|ip| Found {
            priority: record.priority,
            address: SocketAddr::new(*ip, record.port),
            authority: Arc::clone(&authority),
            // RFC 2782 lets an instance of weight 0 have next to nothing of the load: by round robin, that is one share.
            weight: record.weight.max(1),
        }));
    }
    (found, is_whole)
}

/// Sorted; of an instance found twice, the one to be preferred.
fn distinct<'a>(found: impl IntoIterator<Item = &'a Found>) -> Vec<Found> {
    let mut best: BTreeMap<_, &Found> = BTreeMap::new();
    for found in found {
        let known = best
            .entry((found.address, &found.authority))
            .or_insert(found);
        *known = found.min(known);
    }
    let mut found: Vec<_> = best.into_values().cloned().collect();
    found.sort_unstable();
    found
}
