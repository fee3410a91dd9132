//! The real binary, as an operator runs it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use mock_services::raw::{self, Answer};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::GUARD;

/// The binary with these arguments and variables; nothing of this process's environment gets in.
pub(crate) fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bff-web"));
    command
        .env_clear()
        .args(arguments)
        .envs(variables.iter().copied());
    command
}

/// Runs the binary to its end.
pub(crate) async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = command(arguments, variables);
    let output = timeout(GUARD, spawn_blocking(move || command.output()));
    Ended::of(output.await.expect("it ends").unwrap().unwrap())
}

/// A run of the binary that is over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// A serving binary. Ended with the test even when the test fails.
pub(crate) struct Program {
    child: Child,
    lines: UnboundedReceiver<String>,
    pub(crate) addr: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails if it has ended, which is what is wanted.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Program {
    /// Serves on any ports, with one worker, without a drain delay and patiently, unless `variables` say otherwise.
    /// Returns when it listens.
    pub(crate) async fn serve(orders: &str, customers: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = command(
            &["serve"],
            &[
                ("BFF__LISTEN", "127.0.0.1:0"),
                ("BFF__ADMIN_LISTEN", "127.0.0.1:0"),
                ("BFF__WORKERS", "1"),
                ("BFF__DRAIN_DELAY", "0s"),
                ("BFF__DEADLINE", "30s"),
                ("BFF__STOP_TIMEOUT", "30s"),
                ("BFF__UPSTREAMS__ORDERS__ENDPOINTS", orders),
                ("BFF__UPSTREAMS__CUSTOMERS__ENDPOINTS", customers),
            ],
        );
        for upstream in ["ORDERS", "CUSTOMERS"] {
            for key in ["DEADLINE", "ATTEMPT_TIMEOUT", "CONNECT_TIMEOUT"] {
                command.env(format!("BFF__UPSTREAMS__{upstream}__{key}"), "30s");
            }
        }
        let mut child = command
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = unbounded_channel();
        thread::spawn(move || {
            stderr
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let nowhere = super::ANY_PORT;
        let mut program = Self {
            child,
            lines,
            addr: nowhere,
            admin: nowhere,
        };
        let line = program.line("serves on").await;
        let mut addresses = line.split("http://").skip(1).map(|rest| {
            let end = rest
                .find(|c: char| !(c.is_ascii_digit() || ".:".contains(c)))
                .unwrap_or(rest.len());
            rest[..end].parse().unwrap()
        });
        (program.addr, program.admin) = (addresses.next().unwrap(), addresses.next().unwrap());
        program
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        raw::get(self.addr, target).await.unwrap()
    }

    /// The next line of the log that contains `part`.
    pub(crate) async fn line(&mut self, part: &str) -> String {
        let next = async {
            loop {
                let line = self
                    .lines
                    .recv()
                    .await
                    .unwrap_or_else(|| panic!("it ended without a line with {part:?}"));
                if line.contains(part) {
                    return line;
                }
            }
        };
        timeout(GUARD, next)
            .await
            .unwrap_or_else(|_| panic!("no line with {part:?}"))
    }

    /// Sends a signal such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{name}"), &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end: the exit code, and the lines of the log that nobody has read yet.
    pub(crate) async fn end(mut self) -> (Option<i32>, Vec<String>) {
        let mut rest = Vec::new();
        let lines = async {
            while let Some(line) = self.lines.recv().await {
                rest.push(line);
            }
        };
        timeout(GUARD, lines).await.expect("it ends");
        // Its standard error is closed: it is as good as gone.
        (self.child.wait().unwrap().code(), rest)
    }
}
