//! The demo as a new user runs it, on ports of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use mock_services::raw::{self, Answer};
use serde_json::{Value, json};

/// Long enough for any machine; only a demo that hangs gets there.
const GUARD: Duration = Duration::from_secs(60);

const ANY_PORTS: [&str; 20] = [
    "--web",
    "127.0.0.1:0",
    "--mobile",
    "127.0.0.1:0",
    "--web-admin",
    "127.0.0.1:0",
    "--mobile-admin",
    "127.0.0.1:0",
    "--order-service",
    "127.0.0.1:0",
    "--customer-service",
    "127.0.0.1:0",
    "--order-grpc",
    "127.0.0.1:0",
    "--customer-grpc",
    "127.0.0.1:0",
    "--order-faults",
    "127.0.0.1:0",
    "--customer-faults",
    "127.0.0.1:0",
];

struct Demo {
    child: Child,
    said: Receiver<String>,
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Fails if it has ended, which is what is wanted.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_demo"))
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (say, said) = channel();
        thread::spawn(move || {
            stderr
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| say.send(line))
        });
        Self { child, said }
    }

    /// The next line that begins with `start`, without it.
    fn line(&self, start: &str) -> String {
        loop {
            let line = self.said.recv_timeout(GUARD).expect(start);
            if let Some(rest) = line.trim_start().strip_prefix(start) {
                return rest.trim_start().to_owned();
            }
        }
    }

    /// The addresses in the next line that begins with `start`.
    fn addresses(&self, start: &str) -> Vec<SocketAddr> {
        let line = self.line(start);
        let urls = line
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("http://"));
        urls.map(|url| url.split('/').next().unwrap().parse().unwrap())
            .collect()
    }

    /// The first of them.
    fn address(&self, start: &str) -> SocketAddr {
        self.addresses(start)[0]
    }

    /// Everything it says until it ends, and its exit code.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let rest = self.said.iter().collect();
        (self.child.wait().unwrap().code(), rest)
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(sent.unwrap().success());
    }
}

/// Does what a `curl -X PUT` that the demo prints does.
async fn put(command: &str) {
    let (options, body) = command.split_once(" -d ").unwrap();
    let url = options
        .split_whitespace()
        .find_map(|word| word.strip_prefix("http://"));
    let (addr, path) = url.unwrap().split_once('/').unwrap();
    let json = [("Content-Type", "application/json")];
    let (path, body) = (format!("/{path}"), body.trim_matches('\''));
    let set = raw::send(addr.parse().unwrap(), "PUT", &path, &json, body).await;
    assert_eq!(set.unwrap().status, 200, "{command}");
}

async fn order(bff: SocketAddr, id: u64) -> Value {
    let answer = raw::get(bff, &format!("/orders/{id}")).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Whether settings of HTTP/2 are answered by settings.
fn speaks_http2(addr: SocketAddr) -> bool {
    let mut connection = TcpStream::connect(addr).unwrap();
    let mine = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    connection
        .write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &mine].concat())
        .unwrap();
    let mut theirs = [0; 9];
    connection.read_exact(&mut theirs).unwrap();
    theirs[3..] == mine[3..]
}

#[actix_web::test]
async fn the_demo_does_what_it_says_and_stops_on_ctrl_c() {
    let demo = Demo::start(&ANY_PORTS);
    let web = demo.address("web BFF");
    let mobile = demo.address("mobile BFF");
    let orders = demo.address("order service");
    let faults = demo.addresses("customer service")[1];
    let grpc = demo.addresses("both over gRPC");
    let commands: Vec<String> = (0..4).map(|_| demo.line("curl ")).collect();

    assert_eq!(commands[0], format!("http://{web}/orders/1"));
    assert_eq!(commands[1], format!("http://{mobile}/orders/1"));
    assert_eq!(commands[2], format!("http://{web}/services/orders/1"));
    assert!(
        commands[3].contains(&format!(" http://{faults}/faults ")),
        "{commands:?}"
    );
    for addr in grpc {
        assert!(speaks_http2(addr), "{addr}");
    }
    let fresh = order(web, 1).await;
    assert_eq!(
        (&fresh["customer"]["name"], &fresh["total"]),
        (&json!("John Doe"), &json!(5.5))
    );
    assert_eq!(
        order(web, 1).await["sources"]["customer"]["state"],
        "cached"
    );
    assert_eq!(order(mobile, 1).await["customerName"], "John Doe");
    assert_eq!(
        raw::get(orders, "/orders/1").await.unwrap().json()["customerId"],
        56
    );

    for bff in [web, mobile] {
        let own = raw::get(orders, "/orders/1").await.unwrap();
        let passed_on = raw::get(bff, "/services/orders/1").await.unwrap();
        assert_eq!((passed_on.status, passed_on.body), (200, own.body));
        let refused = raw::send(bff, "DELETE", "/services/orders/1", &[], "").await;
        assert_eq!(refused.unwrap().status, 405);
    }

    put(&commands[3]).await;
    assert_eq!(
        order(web, 2).await["sources"]["customer"],
        json!({ "state": "omitted", "reason": "unavailable" })
    );
    let healed = raw::send(faults, "DELETE", "/faults", &[], "").await;
    assert!(healed.unwrap().status < 300);
    assert_eq!(order(mobile, 3).await["sources"], Value::Null);

    demo.signal("INT");
    let (code, said) = demo.end();
    assert_eq!(
        (code, said.last().map(String::as_str)),
        (Some(0), Some("Stopped.")),
        "{said:?}"
    );
}

#[actix_web::test]
async fn over_grpc_the_answers_are_the_same() {
    let stack = |protocol| {
        let demo = Demo::start(&[&ANY_PORTS[..], &["--protocol", protocol]].concat());
        let (web, mobile) = (demo.address("web BFF"), demo.address("mobile BFF"));
        let faults = demo.addresses("customer service")[1];
        assert_eq!(demo.line("curl "), format!("http://{web}/orders/1"));
        (demo, web, mobile, faults)
    };
    let (_http, http_web, http_mobile, _) = stack("http");
    let (_grpc, grpc_web, grpc_mobile, faults) = stack("grpc");
    for (http, grpc) in [(http_web, grpc_web), (http_mobile, grpc_mobile)] {
        assert_eq!(order(http, 1).await, order(grpc, 1).await);
        // The second time from the cache.
        assert_eq!(
            order(http, 1).await["customer"],
            order(grpc, 1).await["customer"]
        );
        // There is nothing to pass on.
        let passed_on = raw::get(grpc, "/services/orders/1").await.unwrap();
        assert_eq!(passed_on.status, 404);
    }
    put(&format!(
        "http://{faults}/faults -d {{\"faults\":[{{\"refuse\":true}}]}}"
    ))
    .await;
    assert_eq!(
        order(grpc_web, 2).await["sources"]["customer"],
        json!({ "state": "omitted", "reason": "unavailable" })
    );
}

#[actix_web::test]
async fn every_fault_that_the_demo_names_can_be_set() {
    for protocol in ["http", "grpc"] {
        every_named_fault_can_be_set(protocol).await;
    }
}

async fn every_named_fault_can_be_set(protocol: &str) {
    let demo = Demo::start(&[&ANY_PORTS[..], &["--protocol", protocol]].concat());
    let web = demo.address("web BFF");
    let command = demo.line("curl -X PUT ");
    let named = demo.line("In place of ");
    let words = named.split_whitespace();
    let faults: Vec<&str> = words
        .map(|word| word.trim_end_matches([':', ',', '.']))
        .collect();
    assert_eq!(faults.len(), 5, "{named}");
    for fault in faults {
        put(&command.replace("{\"refuse\":true}", fault)).await;
        assert!(order(web, 1).await["total"].is_number());
    }
}

#[test]
fn every_port_in_use_is_named_with_the_option_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let options = ["--web", "--mobile", "--order-service", "--customer-service"];
    let mut arguments = ANY_PORTS.to_vec();
    for option in options {
        let place = arguments
            .iter()
            .position(|argument| *argument == option)
            .unwrap();
        arguments[place + 1] = &address;
    }

    let (code, said) = Demo::start(&arguments).end();

    assert_eq!(code, Some(1));
    for option in options {
        let fault = format!("{address} is in use: {option} ADDR");
        assert!(
            said.iter().any(|line| line.starts_with(&fault)),
            "{option}: {said:?}"
        );
    }
}

#[test]
fn the_other_ports_are_named_too() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for option in [
        "--web-admin",
        "--order-faults",
        "--customer-faults",
        "--order-grpc",
        "--customer-grpc",
    ] {
        let mut arguments = ANY_PORTS.to_vec();
        let place = ANY_PORTS.iter().position(|argument| *argument == option);
        arguments[place.unwrap() + 1] = &address;

        let (code, said) = Demo::start(&arguments).end();

        let fault = format!("{address} is in use: {option} ADDR");
        assert_eq!(code, Some(1));
        assert!(said.iter().any(|line| line.starts_with(&fault)), "{said:?}");
    }
}

#[test]
fn help_lists_every_option_with_its_default() {
    let output = Command::new(env!("CARGO_BIN_EXE_demo"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for (option, default) in [
        ("--web ", "127.0.0.1:8080"),
        ("--mobile ", "127.0.0.1:8083"),
        ("--web-admin ", "127.0.0.1:9080"),
        ("--mobile-admin ", "127.0.0.1:9083"),
        ("--order-service ", "127.0.0.1:8081"),
        ("--customer-service ", "127.0.0.1:8082"),
        ("--order-grpc ", "127.0.0.1:8091"),
        ("--customer-grpc ", "127.0.0.1:8092"),
        ("--order-faults ", "127.0.0.1:9081"),
        ("--customer-faults ", "127.0.0.1:9082"),
    ] {
        let line = help
            .lines()
            .find(|line| line.contains(option))
            .expect(option);
        assert!(help.contains(&format!("[default: {default}]")), "{line}");
    }
}

/// The answer, or all answers in a text, with the ages that they had when this was written.
fn ageless(text: &str) -> String {
    let mut parts = text.split("\"ageSeconds\":");
    let first = parts.next().unwrap().to_owned();
    let rest = parts.map(|part| part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    rest.fold(first, |all, part| all + "\"ageSeconds\":0" + part)
}

fn assert_shown(readme: &str, answer: &Answer) {
    assert!(readme.contains(&ageless(&answer.body)), "{}", answer.body);
}

#[actix_web::test]
async fn the_answers_in_the_readme_are_real() {
    let readme = ageless(include_str!("../../README.md"));
    let demo = Demo::start(&ANY_PORTS);
    let bffs = [demo.address("web BFF"), demo.address("mobile BFF")];
    for bff in bffs {
        assert_shown(&readme, &raw::get(bff, "/orders/1").await.unwrap());
    }
    let cached = raw::get(bffs[0], "/orders/1").await.unwrap();
    assert_eq!(cached.json()["sources"]["order"]["state"], "cached");
    assert_shown(&readme, &cached);
    let id = [("X-Request-Id", "01a20c20-5f1b-7787-a2cd-6ad564a17aa8")];
    let missing = raw::send(bffs[0], "GET", "/orders/20000", &id, "");
    assert_shown(&readme, &missing.await.unwrap());
}

#[actix_web::test]
async fn the_answer_of_graphql_in_the_readme_is_real() {
    let readme = include_str!("../../README.md");
    let demo = Demo::start(&ANY_PORTS);
    let web = demo.address("web BFF");
    let command = readme.lines().find(|line| line.contains("/graphql -H"));
    let body = command.unwrap().split_once(" -d ").unwrap().1;
    let json = [("Content-Type", "application/json")];

    let answer = raw::send(web, "POST", "/graphql", &json, body.trim_matches('\''));

    assert_shown(readme, &answer.await.unwrap());
}

#[actix_web::test]
async fn the_degraded_answers_in_the_readme_are_real() {
    let readme = ageless(include_str!("../../README.md"));
    // What takes five seconds in the README is so at once.
    let demo = Demo::start(&[&ANY_PORTS[..], &["--fresh-for", "0"]].concat());
    let bffs = [demo.address("web BFF"), demo.address("mobile BFF")];
    let command = demo.line("curl -X PUT ");
    let shown = command.replace(
        &command[..command.find("/faults").unwrap()],
        "localhost:9082",
    );
    assert!(readme.contains(&shown), "{shown}");
    for bff in bffs {
        order(bff, 1).await;
    }
    put(&command).await;

    for bff in bffs {
        let stale = degraded(bff, 1).await;
        assert_eq!(stale.json()["sources"]["customer"]["state"], "stale");
        assert_shown(&readme, &stale);
        assert_shown(&readme, &degraded(bff, 2).await);
    }
}

/// An answer to which the order service was quick enough on a machine that may be busy: it is asked each time, and one
/// of its old answers is taken if it is not. Where the customer service has failed five times already, the reason is
/// put back to what it was before.
async fn degraded(bff: SocketAddr, id: u64) -> Answer {
    loop {
        let mut answer = raw::get(bff, &format!("/orders/{id}")).await.unwrap();
        let state = answer.json()["sources"]["order"]["state"].take();
        if state.is_null() || state == "fresh" {
            answer.body = answer.body.replace("circuitOpen", "unavailable");
            return answer;
        }
    }
}
