//! The binary's command line and settings: what it accepts, and what it says to the rest.

use std::net::TcpListener;

use bff_shared::config::Settings;
use bff_shared::domain::ServicesConfig;
use bff_web::{Config, PROGRAM};
use tempfile::NamedTempFile;

use crate::helpers::binary::{Ended, run};
use crate::helpers::{ANY_PORT, endpoint};

/// The settings file as it is committed.
const EXAMPLE: &str = include_str!("../../bff-web.example.toml");

/// A settings file that is gone with the test.
fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::with_suffix(".toml").unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// Runs `command` with this file.
async fn run_with(command: &str, file: &NamedTempFile, variables: &[(&str, &str)]) -> Ended {
    run(
        &[command, "--config", file.path().to_str().unwrap()],
        variables,
    )
    .await
}

const FAULTY: &str = r#"listen = "nowhere"
workers = 5000
lisen = "127.0.0.1:1"

[upstreams.orders]
endpoints = ["https://orders:8081"]
deadline = "2"

[log]
format = "xml"
"#;

const FAULTY_VARIABLES: [(&str, &str); 3] = [
    ("BFF__DEADLINE", "soon"),
    ("BFF__LISTN", "127.0.0.1:1"),
    ("BFF__UPSTREAMS__CUSTOMERS__MAX_IN_FLIGHT", "0"),
];

/// What each line of the report begins with, after the file's name, and what else it says.
const FAULTS: [(&str, &str); 9] = [
    (
        ":1:10: listen = \"nowhere\": ",
        "an IP address and port such as \"127.0.0.1:8080\"",
    ),
    (":2:11: workers = 5000: ", "a whole number from 0 to 1024"),
    (":3:1: lisen = ", "did you mean listen?"),
    (
        ":6:14: upstreams.orders.endpoints = \"https://orders:8081\": ",
        "use http inside",
    ),
    (
        ":7:12: upstreams.orders.deadline = \"2\": ",
        "a duration such as \"800ms\" or \"2s\" from 1ms to 1m",
    ),
    (
        ":10:10: log.format = \"xml\": ",
        "one of \"text\", \"json\"",
    ),
    (
        "BFF__DEADLINE: deadline = \"soon\": ",
        "a duration such as \"800ms\" or \"2s\" from 1ms to 1m",
    ),
    ("BFF__LISTN: ", "did you mean BFF__LISTEN?"),
    (
        "BFF__UPSTREAMS__CUSTOMERS__MAX_IN_FLIGHT: upstreams.customers.max_in_flight = \"0\": ",
        "from 1 to 100000",
    ),
];

fn assert_every_fault(ended: &Ended, file: &NamedTempFile) {
    assert_eq!(
        (ended.code, &*ended.stdout),
        (Some(2), ""),
        "{}",
        ended.stderr
    );
    let mut lines = ended.stderr.lines();
    assert_eq!(lines.next(), Some("9 settings are wrong:"));
    let name = file.path().to_str().unwrap();
    for ((start, allowed), line) in FAULTS.into_iter().zip(lines) {
        let told = line.trim_start();
        let told = told.strip_prefix(name).unwrap_or(told);
        assert!(
            told.starts_with(start) && told.contains(allowed),
            "{start} and {allowed}: not in {line}"
        );
    }
    assert_eq!(
        ended.stderr.lines().count(),
        1 + FAULTS.len(),
        "{}",
        ended.stderr
    );
}

#[actix_web::test]
async fn check_config_accepts_what_is_right() {
    let file =
        file("deadline = \"1s\"\n[upstreams.orders]\nendpoints = [\"http://orders:8081\"]\n");

    let ended = run_with("check-config", &file, &[("BFF__LOG__FORMAT", "json")]).await;

    assert_eq!(
        (ended.code, &*ended.stdout, &*ended.stderr),
        (Some(0), "The settings are fine.\n", "")
    );
}

#[actix_web::test]
async fn check_config_names_every_fault_at_once() {
    let file = file(FAULTY);

    let ended = run_with("check-config", &file, &FAULTY_VARIABLES).await;

    assert_every_fault(&ended, &file);
}

#[actix_web::test]
async fn with_wrong_settings_nothing_is_served_and_nobody_is_asked() {
    let file = file(FAULTY);

    for command in ["serve", "health"] {
        assert_every_fault(&run_with(command, &file, &FAULTY_VARIABLES).await, &file);
    }
}

#[actix_web::test]
async fn wrong_settings_are_found_before_a_port_is_taken() {
    let taken = TcpListener::bind(ANY_PORT).unwrap();
    let addr = taken.local_addr().unwrap().to_string();

    let ended = run(
        &["serve"],
        &[("BFF__LISTEN", &addr), ("BFF__DEADLINE", "soon")],
    )
    .await;

    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(!ended.stderr.contains("cannot listen"), "{}", ended.stderr);
}

#[actix_web::test]
async fn a_file_that_is_not_there_is_a_fault() {
    for command in ["check-config", "serve"] {
        let ended = run(&[command, "--config", "/nowhere/bff.toml"], &[]).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""));
        assert!(
            ended.stderr.contains("/nowhere/bff.toml"),
            "{}",
            ended.stderr
        );
    }
}

#[actix_web::test]
async fn the_two_listeners_need_two_addresses() {
    let ended = run(
        &["check-config"],
        &[("BFF__ADMIN_LISTEN", "127.0.0.1:8080")],
    )
    .await;

    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("admin_listen")
            && ended.stderr.contains("another address than listen"),
        "{}",
        ended.stderr
    );
}

#[actix_web::test]
async fn a_port_in_use_is_named_with_the_setting_that_changes_it() {
    let taken = TcpListener::bind(ANY_PORT).unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";

    for (key, listen, admin) in [("listen", &*addr, free), ("admin_listen", free, &*addr)] {
        let ended = run(
            &["serve"],
            &[
                ("BFF__LISTEN", listen),
                ("BFF__ADMIN_LISTEN", admin),
                ("BFF__LOG__FILTER", "off"),
            ],
        )
        .await;
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        for part in [
            &addr,
            "the port is in use",
            &format!("`{key}`"),
            &format!("BFF__{}", key.to_uppercase()),
        ] {
            assert!(
                ended.stderr.contains(part),
                "{part}: not in {}",
                ended.stderr
            );
        }
    }
}

#[test]
fn the_committed_example_is_what_the_code_says() {
    assert_eq!(
        EXAMPLE,
        PROGRAM.example(),
        "renew it: cargo run -q -p bff-web -- example-config > bff-web/bff-web.example.toml"
    );
}

#[test]
fn the_example_sets_every_key_to_its_default() {
    let example = Settings::new()
        .with_file("example", EXAMPLE)
        .read(Config::read)
        .unwrap();

    assert_eq!(example, Settings::new().read(Config::read).unwrap());
    assert_eq!(
        example,
        Config::new(ServicesConfig::new(
            endpoint("http://127.0.0.1:8081"),
            endpoint("http://127.0.0.1:8082")
        ))
    );
}

#[actix_web::test]
async fn the_example_is_accepted_and_printed() {
    let accepted = run(
        &[
            "check-config",
            "--config",
            concat!(env!("CARGO_MANIFEST_DIR"), "/bff-web.example.toml"),
        ],
        &[],
    )
    .await;
    assert_eq!((accepted.code, &*accepted.stderr), (Some(0), ""));

    // Even where the settings given are wrong: the example is what helps then.
    let printed = run(&["example-config"], &FAULTY_VARIABLES).await;
    assert_eq!(
        (printed.code, &*printed.stdout, &*printed.stderr),
        (Some(0), EXAMPLE, "")
    );
}

#[actix_web::test]
async fn help_names_every_command() {
    let help = run(&["--help"], &[]).await;

    assert_eq!((help.code, &*help.stderr), (Some(0), ""));
    for part in [
        "Usage: bff-web",
        "serve",
        "check-config",
        "example-config",
        "openapi",
        "health",
        "--config <FILE>",
    ] {
        assert!(help.stdout.contains(part), "{part}: not in {}", help.stdout);
    }
    let version = run(&["--version"], &[]).await;
    assert_eq!(
        (version.code, version.stdout),
        (Some(0), format!("bff-web {}\n", env!("CARGO_PKG_VERSION")))
    );
}

#[actix_web::test]
async fn a_wrong_command_line_is_refused() {
    for arguments in [
        &["--nope"][..],
        &["nope"],
        &["serve", "more"],
        &["--config"],
    ] {
        let ended = run(arguments, &[]).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{arguments:?}");
        assert!(
            ended.stderr.contains("--help"),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn the_readme_lists_every_key_with_its_default() {
    let readme = include_str!("../../../README.md");
    // The customer service has the same keys as the order service: the README says so once.
    let keys = bff_shared::config::describe(Config::read);
    let keys = keys
        .iter()
        .filter(|key| !key.path.starts_with("upstreams.customers."));
    let row = |path: &str| {
        readme
            .lines()
            .find(|line| line.starts_with(&format!("| `{path}` |")))
    };
    let mut listed = 0;
    for key in keys {
        let row = row(&key.path).unwrap_or_else(|| panic!("README.md does not list {}", key.path));
        let default = match (&*key.default, key.default.trim_matches(['[', ']', '"'])) {
            ("[]", _) => "[]",
            (_, "") => "\"\"",
            (_, default) => default,
        };
        let default = default.replace("\", \"", ", ");
        assert!(
            row.contains(&format!("`{default}`")),
            "{row}: the default is {default}"
        );
        listed += 1;
    }
    let section = readme
        .split("## Settings")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next());
    let rows = section
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| `"));
    assert_eq!(
        rows.count(),
        listed,
        "README.md lists keys that do not exist"
    );
}
