//! Discovery on a paused clock, with scripted answers.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::sleep;

use super::follow::{Answer, Service};
use super::*;
use crate::config::Settings;
use crate::upstream::Instant;

mod dns;
mod series;

type Outcome<T> = Result<Answer<T>, String>;

/// Answers in turn; whoever asks for more waits for ever.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    addresses: HashMap<String, VecDeque<Outcome<IpAddr>>>,
    services: HashMap<String, VecDeque<Outcome<Service>>>,
    asked: Vec<(String, Instant)>,
    published: Vec<Vec<Found>>,
}

impl Script {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap()
    }

    fn name(self, name: &str, outcomes: impl IntoIterator<Item = Outcome<IpAddr>>) -> Self {
        let outcomes = outcomes.into_iter().collect();
        self.lines().addresses.insert(name.to_owned(), outcomes);
        self
    }

    fn service(self, name: &str, outcomes: impl IntoIterator<Item = Outcome<Service>>) -> Self {
        let outcomes = outcomes.into_iter().collect();
        self.lines().services.insert(name.to_owned(), outcomes);
        self
    }

    fn follow(&self, targets: &[&str]) -> Discovery {
        let script = self.clone();
        Discovery::with(
            targets.iter().copied().map(target).collect(),
            Duration::from_secs(5),
            self.clone(),
            move |found| script.lines().published.push(found),
        )
    }

    /// Plays the script to its end, on the paused clock.
    async fn play(&self, targets: &[&str]) {
        let _following = self.follow(targets);
        sleep(Duration::from_secs(100_000)).await;
    }

    /// What was published, an instance a word.
    fn published(&self) -> Vec<String> {
        self.lines()
            .published
            .iter()
            .map(|found| shown(found))
            .collect()
    }

    /// The whole seconds between the times that `name` was asked for.
    fn pauses(&self, name: &str) -> Vec<u64> {
        let lines = self.lines();
        let times: Vec<_> = lines
            .asked
            .iter()
            .filter(|(asked, _)| asked == name)
            .map(|(_, at)| *at)
            .collect();
        let pauses = times.windows(2).map(|pair| pair[1] - pair[0]);
        pauses.map(|pause| pause.as_secs()).collect()
    }
}

impl Lookup for Script {
    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Outcome<IpAddr>> {
        let mut lines = self.lines();
        lines.asked.push((name.to_owned(), Instant::now()));
        let outcome = lines.addresses.get_mut(name).and_then(VecDeque::pop_front);
        outcome.map_or_else(|| pending().boxed(), |outcome| async { outcome }.boxed())
    }

    fn services<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Outcome<Service>> {
        let mut lines = self.lines();
        lines.asked.push((name.to_owned(), Instant::now()));
        let outcome = lines.services.get_mut(name).and_then(VecDeque::pop_front);
        outcome.map_or_else(|| pending().boxed(), |outcome| async { outcome }.boxed())
    }
}

fn target(text: &str) -> Target {
    Target::parse(text).unwrap()
}

/// `priority*weight@address(authority)`, without the numbers that say nothing.
fn shown(found: &[Found]) -> String {
    let shown = found.iter().map(|found| {
        let Found {
            priority,
            address,
            authority,
            weight,
        } = found;
        match (priority, weight) {
            (0, 1) => format!("{address}({authority})"),
            _ => format!("{priority}*{weight}@{address}({authority})"),
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn of<T>(records: Vec<T>, seconds: u64) -> Outcome<T> {
    Ok(Answer {
        records,
        ttl: Duration::from_secs(seconds),
        incomplete: None,
    })
}

fn at(addresses: &[&str]) -> Outcome<IpAddr> {
    of(addresses.iter().map(|ip| ip.parse().unwrap()).collect(), 1)
}

fn failed<T>() -> Outcome<T> {
    Err("scripted".to_owned())
}

fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Service {
    Service {
        priority,
        weight,
        port,
        target: target.into(),
    }
}

#[test]
fn endpoints_are_addresses_or_names_of_services() {
    for text in [
        "http://10.0.0.7:8081",
        "http://[::1]:80",
        "http://stock",
        "srv+http://_http._tcp.stock.service.consul",
        "srv+http://stock.",
    ] {
        assert_eq!(target(text).to_string(), text);
    }
    let long = format!("srv+http://{}", "a".repeat(64));
    for (text, why) in [
        ("srv+http://stock:80", "port"),
        ("srv+http://stock/", "path"),
        ("srv+http://stock?a", "query"),
        ("srv+http://me@stock", "user"),
        ("srv+http://10.0.0.1", "IP address"),
        ("srv+http://[::1]", "IP address"),
        ("srv+http://", "a name of"),
        ("srv+http://a..b", "a name of"),
        ("srv+http://a b", "a name of"),
        (&long, "a name of"),
        ("srv+https://stock", "srv+http://"),
        ("stock:80", "srv+http://"),
        ("https://stock", "https"),
        ("http://stock:80/path", "path"),
    ] {
        let refusal = Target::parse(text).unwrap_err();
        assert!(refusal.contains(why), "{text}: {refusal}");
    }
}

#[test]
fn settings_are_read_and_refused() {
    let read = |text: &str| {
        let settings = Settings::new().with_file("bff.toml", text);
        settings.read(DiscoveryConfig::read)
    };
    assert_eq!(read("").unwrap(), DiscoveryConfig::default());
    assert_eq!(
        read("dns_refresh = \"30s\"\ndns_server = \"[::1]:5353\"").unwrap(),
        DiscoveryConfig {
            refresh: Duration::from_secs(30),
            server: Some("[::1]:5353".parse().unwrap()),
        }
    );
    for bad in ["10.0.0.2", "10.0.0.2:0", "dns:53", ":53", "10.0.0.2:99999"] {
        let faults = read(&format!("dns_server = \"{bad}\"")).unwrap_err();
        let text = faults.iter().map(ToString::to_string).collect::<String>();
        assert!(text.contains("\"10.0.0.2:53\""), "{bad}: {text}");
    }
    assert!(read("dns_refresh = \"500ms\"").is_err());
}

/// Without a runtime.
#[test]
fn ip_addresses_are_known_at_once() {
    let script = Script::default();
    let _following = script.follow(&["http://10.0.0.2:81", "http://[::1]", "http://10.0.0.1"]);
    assert_eq!(
        script.published(),
        ["10.0.0.1:80(10.0.0.1) 10.0.0.2:81(10.0.0.2:81) [::1]:80([::1])"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_is_all_its_addresses_beside_those_that_need_no_look_up() {
    let script = Script::default().name("stock", [at(&["10.0.0.2", "::2", "10.0.0.2"]), failed()]);
    let following = script.follow(&["http://10.0.0.1", "http://stock:81", "http://stock:82"]);
    assert_eq!(script.published(), ["10.0.0.1:80(10.0.0.1)"]);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(
        script.published()[1],
        "10.0.0.1:80(10.0.0.1) 10.0.0.2:81(stock:81) 10.0.0.2:82(stock:82) \
         [::2]:81(stock:81) [::2]:82(stock:82)"
    );
    assert_eq!(script.published().len(), 2);
    drop(following);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_asked_for_at_the_pace_of_its_answers_and_failures() {
    let lives = |seconds| of(vec![IpAddr::from([10, 0, 0, 1])], seconds);
    let outcomes = [lives(0), lives(1), lives(3), lives(600)].into_iter();
    let outcomes =
        outcomes
            .chain((0..5).map(|_| failed()))
            .chain([of(Vec::new(), 600), lives(2), failed()]);
    let script = Script::default().name("stock", outcomes);
    script.play(&["http://stock"]).await;
    assert_eq!(script.pauses("stock"), [1, 1, 3, 5, 1, 2, 4, 5, 5, 5, 2, 1]);
    assert_eq!(script.published(), ["10.0.0.1:80(stock)"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_found_last_is_kept_name_by_name() {
    let script = Script::default()
        .name("a", [at(&["10.0.0.1"]), failed(), at(&["10.0.0.3"])])
        .name("b", [at(&["10.0.0.2"]), at(&[]), at(&["10.0.0.2"])]);
    script.play(&["http://a", "http://b"]).await;
    let published = script.published();
    assert_eq!(published.last().unwrap(), "10.0.0.2:80(b) 10.0.0.3:80(a)");
    assert!(
        published[1..]
            .iter()
            .all(|found| found.split(' ').count() == 2),
        "{published:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn of_half_an_answer_the_other_half_is_what_was_found_last() {
    let half = |address: &str| {
        at(&[address]).map(|answer| Answer {
            incomplete: Some("scripted".to_owned()),
            ..answer
        })
    };
    let both = at(&["10.0.0.1", "::1"]);
    let outcomes = [both, half("10.0.0.2"), half("::2"), at(&["10.0.0.3"])];
    let script = Script::default().name("a", outcomes);
    script.play(&["http://a"]).await;
    assert_eq!(
        script.published(),
        [
            "10.0.0.1:80(a) [::1]:80(a)",
            "10.0.0.2:80(a) [::1]:80(a)",
            "10.0.0.2:80(a) [::2]:80(a)",
            "10.0.0.3:80(a)"
        ]
    );
    assert_eq!(script.pauses("a"), [1, 1, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn srv_records_tell_priority_weight_host_and_port() {
    let records = vec![
        srv(2, 0, 81, "a.x."),
        srv(1, 7, 82, "b.x."),
        srv(3, 9, 82, "b.x."),
        srv(1, 1, 83, "gone.x."),
    ];
    let script = Script::default()
        .service("_http._tcp.x", [of(records, 60)])
        .name("a.x.", [at(&["10.0.0.1", "::1"])])
        .name("b.x.", [at(&["10.0.0.2"])])
        .name("gone.x.", [failed(), failed()]);
    script.play(&["srv+http://_http._tcp.x"]).await;
    assert_eq!(
        script.published().last().unwrap(),
        "1*7@10.0.0.2:82(b.x:82) 2*1@10.0.0.1:81(a.x:81) 2*1@[::1]:81(a.x:81)"
    );
}

#[tokio::test(start_paused = true)]
async fn an_old_srv_record_goes_once_the_new_ones_were_asked_for() {
    let a = srv(0, 1, 80, "a.");
    let b = srv(0, 1, 80, "b.");
    let c = srv(0, 1, 80, "c.");
    let script = Script::default()
        .service(
            "s",
            [
                of(vec![a.clone()], 1),
                failed(),
                of(vec![b.clone(), c.clone()], 1),
                of(vec![c], 1),
                of(vec![b], 1),
            ],
        )
        .name("a.", (0..9).map(|_| at(&["10.0.0.1"])))
        .name("b.", (0..9).map(|_| at(&["10.0.0.2"])))
        .name("c.", (0..9).map(|_| failed()));
    script.play(&["srv+http://s"]).await;
    let (a, b) = ("10.0.0.1:80(a:80)", "10.0.0.2:80(b:80)");
    let published = script.published();
    let both = format!("{a} {b}");
    // The name of `c` may have been asked for before that of `b` was answered, or after.
    let published: Vec<_> = published.iter().filter(|found| **found != both).collect();
    assert_eq!(published, [a, b]);
    // Each by itself, and none twice at a time.
    assert!(script.pauses("a.").iter().all(|pause| *pause == 1));
    assert!(script.pauses("b.").iter().all(|pause| *pause >= 1));
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_its_owner() {
    let script = Script::default().name("a", [at(&["10.0.0.1"]), at(&["10.0.0.2"])]);
    let following = script.follow(&["http://a"]);
    sleep(Duration::from_millis(500)).await;
    drop(following);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(script.published(), ["10.0.0.1:80(a)"]);
    assert_eq!(Arc::strong_count(&script.0), 1);
}
