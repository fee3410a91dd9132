use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use crate::http::send;

const BINARIES: [(&str, &str, &str); 2] = [
    (
        "order-service",
        env!("CARGO_BIN_EXE_order-service"),
        "/orders/1",
    ),
    (
        "customer-service",
        env!("CARGO_BIN_EXE_customer-service"),
        "/customers/56",
    ),
];

pub(crate) fn program(path: &str, arguments: &[&str]) -> assert_cmd::assert::Assert {
    assert_cmd::Command::new(path).args(arguments).assert()
}

pub(crate) fn stdout(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stdout).into_owned()
}

/// Ended with the test even when the test fails.
pub(crate) struct Program(pub(crate) Child);

impl Drop for Program {
    fn drop(&mut self) {
        // Fails if it has ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn help_tells_the_options_and_their_defaults() {
    for ((name, path, _), ports) in (BINARIES.into_iter()).zip([["8081", "8091"], ["8082", "8092"]])
    {
        let [port, grpc_port] = ports;
        let help = stdout(&program(path, &["--help"]).success());
        // The columns are as wide as the longest option.
        let words: Vec<_> = help.split_whitespace().collect();
        let help = words.join(" ");
        for expected in [
            &format!("Usage: {name}"),
            &format!("--listen <ADDR> Address and port to listen on [default: 127.0.0.1:{port}]"),
            &format!(
                "--grpc-listen <ADDR> Address and port to listen on for gRPC [default: 127.0.0.1:{grpc_port}]"
            ),
            "--seed",
            "--orders",
            "--customers",
            "--workers",
            "--faults",
            "--cache-control",
            "--no-etag",
            "--no-batch",
            r#"{"status":{"code":503}}"#,
            r#""after":true"#,
            "health",
        ] {
            assert!(help.contains(expected), "{expected}: not in {help}");
        }
        let version = stdout(&program(path, &["--version"]).success());
        assert_eq!(version, format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
        program(path, &["--workers", "0"]).failure().code(2);
        program(path, &["--no-batch", "500"]).failure().code(2);
        program(path, &["--cache-control", "a\nb"])
            .failure()
            .code(2);
    }
}

#[test]
fn a_port_in_use_is_named_with_the_option_to_change_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("address").to_string();
    for (name, path, _) in BINARIES {
        let message = format!("{name}: {addr} is in use; choose another address with --listen\n");
        program(path, &["--listen", &addr])
            .failure()
            .code(1)
            .stdout("")
            .stderr(message.clone());
        let other = ["--listen", "127.0.0.1:0", "--grpc-listen", &addr];
        program(path, &other)
            .failure()
            .code(1)
            .stdout("")
            .stderr(message.replace("--listen", "--grpc-listen"));
    }
}

#[test]
fn health_says_when_nobody_is_there() {
    for (_, path, _) in BINARIES {
        program(path, &["health", "--listen", "127.0.0.1:1"])
            .failure()
            .code(1);
    }
}

#[actix_web::test]
async fn it_says_where_it_listens_is_well_and_stops_on_a_signal() {
    for ((name, path, target), signal) in BINARIES.into_iter().zip(["-TERM", "-INT"]) {
        let child = Command::new(path)
            .args([
                "--listen",
                "127.0.0.1:0",
                "--grpc-listen",
                "127.0.0.1:0",
                "--customers",
                "3",
                "--workers",
                "2",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut program_running = Program(child);
        let output = program_running.0.stdout.take().expect("piped");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line");
        let addr = line
            .trim_end()
            .strip_prefix(&format!("{name} listens on http://"))
            .unwrap_or_else(|| panic!("{line:?}"));

        program(path, &["health", "--listen", addr]).success();
        assert_eq!(
            send(addr.parse().expect("address"), "GET", target, &[], "")
                .await
                .status,
            200
        );

        let pid = program_running.0.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .expect("kill")
                .success()
        );
        assert_eq!(program_running.0.wait().expect("ends").code(), Some(0));
    }
}

#[actix_web::test]
async fn the_customer_service_does_without_batches_if_told_to() {
    let (_, path, _) = BINARIES[1];
    for (arguments, status) in [
        (["--no-batch"].as_slice(), 404),
        (&["--no-batch", "501"], 501),
        (&[], 200),
    ] {
        let child = Command::new(path)
            .args(["--listen", "127.0.0.1:0"])
            .args(["--grpc-listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut running = Program(child);
        let output = running.0.stdout.take().expect("piped");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line");
        let (_, addr) = line.trim_end().split_once("http://").expect("an address");
        let addr = addr.parse().expect("address");
        let answer = send(addr, "GET", "/customers?ids=56", &[], "").await;
        assert_eq!(answer.status, status);
    }
}
