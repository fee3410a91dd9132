//! The demo as a new user runs it, on ports of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use mock_services::raw;
use serde_json::json;

/// Long enough for any machine; only a demo that hangs gets there.
const GUARD: Duration = Duration::from_secs(60);

const ANY_PORTS: [&str; 12] = [
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

    /// The address in the next line that begins with `start`.
    fn address(&self, start: &str) -> SocketAddr {
        let line = self.line(start);
        let url = line.split_whitespace().next().unwrap();
        url.strip_prefix("http://").unwrap().parse().unwrap()
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

#[actix_web::test]
async fn the_demo_does_what_it_says_and_stops_on_ctrl_c() {
    let demo = Demo::start(&ANY_PORTS);
    let web = demo.address("web BFF");
    let mobile = demo.address("mobile BFF");
    let orders = demo.address("order service");
    let customers = demo.address("customer service");
    let commands: Vec<String> = (0..3).map(|_| demo.line("curl ")).collect();

    assert_eq!(commands[0], format!("http://{web}/orders/1"));
    assert_eq!(commands[1], format!("http://{mobile}/orders/1"));
    assert!(
        commands[2].contains(&format!("http://{customers}/faults")),
        "{commands:?}"
    );
    let order = raw::get(web, "/orders/1").await.unwrap().json();
    assert_eq!(
        (&order["customer"]["name"], &order["total"]),
        (&json!("John Doe"), &json!(5.5))
    );
    let card = raw::get(mobile, "/orders/1").await.unwrap().json();
    assert_eq!(card["customerName"], "John Doe");
    assert_eq!(
        raw::get(orders, "/orders/1").await.unwrap().json()["customerId"],
        56
    );

    let (_, body) = commands[2].split_once("-d '").unwrap();
    let json = [("Content-Type", "application/json")];
    let body = body.trim_end_matches('\'');
    let set = raw::send(customers, "PUT", "/faults", &json, body)
        .await
        .unwrap();
    assert_eq!(set.status, 200, "{set:?}");
    let order = raw::get(web, "/orders/1").await.unwrap().json();
    assert_eq!(
        order["sources"]["customer"],
        json!({ "state": "omitted", "reason": "timeout" })
    );

    demo.signal("INT");
    let (code, said) = demo.end();
    assert_eq!(
        (code, said.last().map(String::as_str)),
        (Some(0), Some("Stopped.")),
        "{said:?}"
    );
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
fn an_operators_port_in_use_is_named_too() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut arguments = ANY_PORTS.to_vec();
    arguments[5] = &address;

    let (code, said) = Demo::start(&arguments).end();

    let fault = format!("{address} is in use: --web-admin ADDR");
    assert_eq!(code, Some(1));
    assert!(said.iter().any(|line| line.starts_with(&fault)), "{said:?}");
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
    ] {
        let line = help
            .lines()
            .find(|line| line.contains(option))
            .expect(option);
        assert!(help.contains(&format!("[default: {default}]")), "{line}");
    }
}

#[actix_web::test]
async fn the_answers_in_the_readme_are_real() {
    let readme = include_str!("../../README.md");
    let demo = Demo::start(&ANY_PORTS);
    let bffs = [demo.address("web BFF"), demo.address("mobile BFF")];
    let customers = demo.address("customer service");

    for bff in bffs {
        let answer = raw::get(bff, "/orders/1").await.unwrap();
        assert!(readme.contains(&answer.body), "{}", answer.body);
    }

    let fault = json!({ "faults": [{ "status": { "code": 503 } }] }).to_string();
    let json = [("Content-Type", "application/json")];
    let set = raw::send(customers, "PUT", "/faults", &json, &fault).await;
    assert_eq!(set.unwrap().status, 200);
    for bff in bffs {
        let answer = raw::get(bff, "/orders/1").await.unwrap();
        assert!(readme.contains(&answer.body), "{}", answer.body);
    }

    let id = [("X-Request-Id", "01a20c20-5f1b-7787-a2cd-6ad564a17aa8")];
    let missing = raw::send(bffs[0], "GET", "/orders/20000", &id, "")
        .await
        .unwrap();
    assert!(readme.contains(&missing.body), "{}", missing.body);
}
