//! The settings engine from outside: what is read, and what every kind of fault says and where.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bff_shared::config::{Faults, Section, Settings, describe, example};

const MS: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, PartialEq)]
struct Read {
    listen: SocketAddr,
    deadline: Duration,
    attempt: Duration,
    retries: u32,
    hedge: bool,
    mode: char,
    path: String,
    endpoints: Vec<String>,
}

/// Every kind of key. The first section is asked for before the last key of the top, as a program may.
fn build(s: &mut Section<'_>) -> Read {
    let mut read = s.section("upstreams", |s| s.section("orders", upstream));
    let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
    read.listen = s.address("listen", listen, "Where it listens.");
    read
}

fn upstream(s: &mut Section<'_>) -> Read {
    let slash = |text: &str| match text.strip_prefix('/') {
        Some(rest) => Ok(rest.to_owned()),
        None => Err("it begins with no slash".to_owned()),
    };
    let url = |text: &str| match text.contains("://") {
        true => Ok(text.to_owned()),
        false => Err(format!("{text} is no URL")),
    };
    let span = MS..=60_000 * MS;
    let deadline = s.duration("deadline", 800 * MS, span.clone(), "How long all may take.");
    let attempt = s.duration("attempt", 300 * MS, span, "How long one may take.");
    if attempt > deadline {
        s.reject("attempt", "longer than the deadline");
    }
    Read {
        listen: SocketAddr::from(([0, 0, 0, 0], 0)),
        deadline,
        attempt,
        retries: s.integer("retries", 2, 1..=10, "How often it is tried again."),
        hedge: s.flag("hedge", false, "Whether a second call is sent."),
        mode: s.choice(
            "mode",
            'f',
            &[("fast", 'f'), ("slow", 's')],
            "How.\nIn two lines.",
        ),
        path: s.text(
            "path",
            "/a\"b\\c",
            "a path such as \"/orders\"",
            slash,
            "Its path.",
        ),
        endpoints: s.list(
            "endpoints",
            &["http://a:1", "http://b:2"],
            "a URL",
            url,
            "Where.",
        ),
    }
}

fn defaults() -> Read {
    Settings::new().read(build).expect("the defaults are right")
}

fn faults(settings: Settings) -> Faults {
    settings.read(build).expect_err("something is wrong")
}

fn printed(settings: Settings) -> Vec<String> {
    faults(settings).iter().map(ToString::to_string).collect()
}

fn file(text: &str) -> Settings {
    Settings::new().with_file("bff.toml", text)
}

fn env(vars: &[(&str, &str)]) -> Settings {
    Settings::new().with_env(vars.iter().copied())
}

/// A file for one test; the directory is the build's own.
fn scratch(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("config-{name}"));
    fs::write(&path, bytes).expect("the build's directory can be written");
    path
}

const ADDRESS: &str = r#"an IP address and port such as "127.0.0.1:8080" or "[::1]:8080""#;
const DURATION: &str = r#"a duration such as "800ms" or "2s" from 1ms to 1m"#;
const LIST: &str =
    "an array of one or more strings (in the environment with commas between them), each a URL";

#[test]
fn every_key_is_read_from_a_file() {
    let text = r#"
        listen = "[::1]:1"
        [upstreams.orders]
        deadline = "1s 500ms"
        attempt = "1s"
        retries = 0x0a
        hedge = true
        mode = "slow"
        path = '/x'
        endpoints = ["a://b"]
    "#;
    let expected = Read {
        listen: "[::1]:1".parse().unwrap(),
        deadline: 1500 * MS,
        attempt: 1000 * MS,
        retries: 10,
        hedge: true,
        mode: 's',
        path: "x".to_owned(),
        endpoints: vec!["a://b".to_owned()],
    };
    assert_eq!(file(text).read(build), Ok(expected));
}

#[test]
fn every_key_is_read_from_the_environment() {
    let vars = [
        ("BFF__LISTEN", "[::1]:1"),
        ("BFF__UPSTREAMS__ORDERS__DEADLINE", "1s 500ms"),
        ("BFF__UPSTREAMS__ORDERS__ATTEMPT", "1s"),
        ("BFF__UPSTREAMS__ORDERS__RETRIES", "10"),
        ("BFF__UPSTREAMS__ORDERS__HEDGE", "true"),
        ("BFF__UPSTREAMS__ORDERS__MODE", "slow"),
        ("BFF__UPSTREAMS__ORDERS__PATH", "/x"),
        ("BFF__UPSTREAMS__ORDERS__ENDPOINTS", "a://b, c://d"),
    ];
    let expected = Read {
        listen: "[::1]:1".parse().unwrap(),
        deadline: 1500 * MS,
        attempt: 1000 * MS,
        retries: 10,
        hedge: true,
        mode: 's',
        path: "x".to_owned(),
        endpoints: vec!["a://b".to_owned(), "c://d".to_owned()],
    };
    assert_eq!(env(&vars).read(build), Ok(expected));
}

#[test]
fn the_environment_wins_over_the_file_in_either_order() {
    let text = "upstreams.orders.retries = 3\nupstreams.orders.hedge = true";
    let vars = [("BFF__UPSTREAMS__ORDERS__RETRIES", "4")];
    let expected = Read {
        retries: 4,
        hedge: true,
        ..defaults()
    };
    assert_eq!(
        file(text).with_env(vars).read(build).as_ref(),
        Ok(&expected)
    );
    assert_eq!(env(&vars).with_file("f", text).read(build), Ok(expected));
}

#[test]
fn a_later_file_wins_over_an_earlier_one() {
    let first = "upstreams.orders.retries = 3\nupstreams.orders.hedge = true";
    let settings = file(first).with_file("second", "upstreams.orders.retries = 4");
    assert_eq!(
        settings.read(build),
        Ok(Read {
            retries: 4,
            hedge: true,
            ..defaults()
        })
    );
}

#[test]
fn a_wrong_value_in_the_file_shows_although_the_environment_wins() {
    let settings =
        file("upstreams.orders.retries = 99").with_env([("BFF__UPSTREAMS__ORDERS__RETRIES", "4")]);
    let expected = "bff.toml:1:28: upstreams.orders.retries = 99: a whole number from 1 to 10";
    assert_eq!(printed(settings), [expected]);
}

#[test]
fn each_wrong_value_in_a_file_says_why_and_what_is_allowed() {
    let unit = |number: &str| {
        format!(
            "a number alone has no unit: write \"{number}s\" or \"{number}ms\"; allowed: {DURATION}"
        )
    };
    let is = |what: &str, allowed: &str| format!("this is {what}; allowed: {allowed}");
    let modes = r#"one of "fast", "slow""#;
    let path = r#"a path such as "/orders""#;
    let number = "a whole number from 1 to 10";
    for (key, value, text) in [
        ("deadline", r#""2""#, unit("2")),
        ("deadline", "2", unit("2")),
        ("deadline", "-2", DURATION.to_owned()),
        ("deadline", "2.5", is("a number with a fraction", DURATION)),
        ("deadline", r#""soon""#, DURATION.to_owned()),
        ("deadline", r#""""#, DURATION.to_owned()),
        ("deadline", r#""-2s""#, DURATION.to_owned()),
        ("deadline", r#""0s""#, DURATION.to_owned()),
        ("deadline", r#""1m 1ns""#, DURATION.to_owned()),
        ("deadline", "true", is("true or false", DURATION)),
        ("deadline", "12:00:00", is("a date or time", DURATION)),
        ("retries", "0", number.to_owned()),
        ("retries", "11", number.to_owned()),
        ("retries", "-1", number.to_owned()),
        (
            "retries",
            "99999999999999999999999999999999999999999999",
            number.to_owned(),
        ),
        ("retries", r#""3""#, is("a string", number)),
        ("retries", "3.0", is("a number with a fraction", number)),
        ("hedge", r#""true""#, is("a string", "true or false")),
        ("hedge", "1", is("a number", "true or false")),
        ("mode", r#""Fast""#, modes.to_owned()),
        ("mode", "false", is("true or false", modes)),
        (
            "path",
            r#""a""#,
            format!("it begins with no slash; allowed: {path}"),
        ),
        ("path", r#"["/a"]"#, is("an array", path)),
        ("path", "{ a = 1 }", is("a table", path)),
        ("endpoints", r#""http://a""#, is("a string", LIST)),
        (
            "endpoints",
            "[]",
            format!("there is no entry; allowed: {LIST}"),
        ),
    ] {
        let text_in = format!("[upstreams.orders]\n{key} = {value}\n");
        let column = key.len() + 4;
        let expected = format!("bff.toml:2:{column}: upstreams.orders.{key} = {value}: {text}");
        assert_eq!(printed(file(&text_in)), [expected]);
    }
}

#[test]
fn each_wrong_address_says_why() {
    for (value, why) in [
        (
            "localhost:8080",
            "names are not looked up here: write the IP address",
        ),
        (
            ":8080",
            "the IP address is missing: 0.0.0.0 stands for every interface",
        ),
        ("127.0.0.1", "the port is missing"),
        ("", "the port is missing"),
    ] {
        let expected = format!("BFF__LISTEN: listen = {value:?}: {why}; allowed: {ADDRESS}");
        assert_eq!(printed(env(&[("BFF__LISTEN", value)])), [expected]);
    }
    for value in ["127.0.0.1:99999", "::1", "[::1]"] {
        let expected = format!("BFF__LISTEN: listen = {value:?}: {ADDRESS}");
        assert_eq!(printed(env(&[("BFF__LISTEN", value)])), [expected]);
    }
}

#[test]
fn each_wrong_value_in_the_environment_says_why() {
    for (key, value, text) in [
        (
            "DEADLINE",
            "2",
            format!("a number alone has no unit: write \"2s\" or \"2ms\"; allowed: {DURATION}"),
        ),
        ("DEADLINE", "", DURATION.to_owned()),
        ("RETRIES", "3 ", "a whole number from 1 to 10".to_owned()),
        ("RETRIES", "", "a whole number from 1 to 10".to_owned()),
        ("HEDGE", "yes", "true or false".to_owned()),
        ("MODE", "", r#"one of "fast", "slow""#.to_owned()),
        (
            "ENDPOINTS",
            " ",
            format!("there is no entry; allowed: {LIST}"),
        ),
    ] {
        let path = format!("upstreams.orders.{}", key.to_lowercase());
        let variable = format!("BFF__UPSTREAMS__ORDERS__{key}");
        let expected = format!("{variable}: {path} = {value:?}: {text}");
        assert_eq!(printed(env(&[(&variable, value)])), [expected]);
    }
}

#[test]
fn each_wrong_entry_of_a_list_is_a_fault_of_its_own() {
    let text = "[upstreams.orders]\nendpoints = [\n  \"x://ä\", \"b\", # one\n\t\"é\", 3,\n  \"\", \"x://ä\"\n]\n";
    assert_eq!(
        printed(file(text)),
        [
            r#"bff.toml:3:12: upstreams.orders.endpoints = "b": b is no URL; allowed: a URL"#.to_owned(),
            r#"bff.toml:4:2: upstreams.orders.endpoints = "é": é is no URL; allowed: a URL"#.to_owned(),
            format!("bff.toml:4:7: upstreams.orders.endpoints = 3: this is a number; allowed: {LIST}"),
            r#"bff.toml:5:3: upstreams.orders.endpoints = "": an entry is empty; allowed: a URL"#.to_owned(),
            r#"bff.toml:5:7: upstreams.orders.endpoints = "x://ä": this entry is here twice; allowed: a URL"#
                .to_owned(),
        ]
    );
    let vars = [("BFF__UPSTREAMS__ORDERS__ENDPOINTS", "a://b,,a://b,c")];
    let values: Vec<_> = faults(env(&vars))
        .iter()
        .map(|fault| fault.value.clone())
        .collect();
    assert_eq!(
        values,
        [r#""""#, r#""a://b""#, r#""c""#].map(|value| Some(value.to_owned()))
    );
}

#[test]
fn all_faults_come_at_once_the_file_first() {
    let text = "[upstreams.orders]\nretries = 0\nhedge = 1\n[upstreams]\nx = 1\n";
    let settings = env(&[("BFF__LISTEN", "x"), ("BFF__A", "1")]).with_file("bff.toml", text);
    let faults = faults(settings);
    let keys: Vec<_> = faults.iter().map(|fault| &*fault.key).collect();
    assert_eq!(
        keys,
        [
            "upstreams.orders.retries",
            "upstreams.orders.hedge",
            "upstreams.x",
            "a",
            "listen"
        ]
    );
    let text = faults.to_string();
    assert!(
        text.starts_with("5 settings are wrong:\n  bff.toml:2:11: "),
        "{text}"
    );
    assert_eq!(text.lines().count(), 6);
    let one = printed(file("x = 1"));
    assert_eq!(one.len(), 1);
    assert!(
        self::faults(file("x = 1"))
            .to_string()
            .starts_with("1 setting is wrong:\n  bff.toml:1:1: x = 1: ")
    );
}

#[test]
fn an_unknown_key_in_a_file_names_the_nearest() {
    for (text, expected) in [
        (
            "lisen = 'x'",
            "1:1: lisen = 'x': no such setting; did you mean listen?",
        ),
        (
            "upstreams.orders.dedline = 1",
            "1:18: upstreams.orders.dedline = 1: no such setting; did you mean upstreams.orders.deadline?",
        ),
        (
            "deadline = 1",
            "1:1: deadline = 1: no such setting; did you mean upstreams.orders.deadline?",
        ),
        (
            "[upstreams.ordres]\nretries = 1",
            "1:12: upstreams.ordres: no such setting; did you mean upstreams.orders?",
        ),
        (
            "zz = [\n1]",
            "1:1: zz = [\\n1]: no such setting; known are listen, upstreams",
        ),
        (
            "[upstreams]\nzz.yy = 1",
            "2:1: upstreams.zz: no such setting; known in upstreams are orders",
        ),
        (
            "'li.sten' = 1",
            "1:1: \"li.sten\" = 1: no such setting; known are listen, upstreams",
        ),
    ] {
        assert_eq!(printed(file(text)), [format!("bff.toml:{expected}")]);
    }
}

#[test]
fn an_unknown_variable_names_the_nearest() {
    for (variable, path, text) in [
        ("BFF__LISTN", "listn", "did you mean BFF__LISTEN?"),
        (
            "BFF__UPSTREMS__ORDERS__DEADLINE",
            "upstrems.orders.deadline",
            "did you mean BFF__UPSTREAMS__ORDERS__DEADLINE?",
        ),
        (
            "BFF__UPSTREAMS__ORDERS_RETRIES",
            "upstreams.orders_retries",
            "did you mean BFF__UPSTREAMS__ORDERS__RETRIES?",
        ),
        ("BFF__LISTEN__X", "listen.x", "did you mean BFF__LISTEN?"),
        ("BFF__ZZ", "zz", "known are BFF__LISTEN, BFF__UPSTREAMS__…"),
    ] {
        let expected = format!("{variable}: {path} = \"1\": no such setting; {text}");
        assert_eq!(printed(env(&[(variable, "1")])), [expected]);
    }
}

#[test]
fn a_table_where_a_value_is_due_and_the_reverse() {
    assert_eq!(
        printed(file("upstreams = 5\n[listen]\nx = 1")),
        [
            "bff.toml:1:13: upstreams = 5: this is a number; allowed: a table, [upstreams]"
                .to_owned(),
            format!("bff.toml:2:2: listen = {{…}}: this is a table; allowed: {ADDRESS}"),
        ]
    );
    assert_eq!(
        printed(file("[[upstreams]]\nx = 1")),
        [
            "bff.toml:1:1: upstreams = [[upstreams]]: this is an array; allowed: a table, [upstreams]"
        ]
    );
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let missing = directory.join("config-missing.toml");
    for path in [&directory, &missing] {
        let printed = printed(Settings::load(Some(path)));
        let expected = format!("{}: the file cannot be read: ", path.display());
        assert_eq!(printed.len(), 1);
        assert!(printed[0].starts_with(&expected), "{printed:?}");
    }
    let path = scratch("latin.toml", b"# \xc3\xa4\n# \xc3\xa4 \xe4\n");
    let expected = format!("{}:2:5: the file is not UTF-8 from here on", path.display());
    assert_eq!(printed(Settings::load(Some(&path))), [expected]);
}

#[test]
fn a_file_is_loaded() {
    let path = scratch("good.toml", b"upstreams.orders.retries = 7");
    assert_eq!(
        Settings::load(Some(&path)).read(build),
        Ok(Read {
            retries: 7,
            ..defaults()
        })
    );
    assert_eq!(Settings::load(None).read(build), Ok(defaults()));
}

#[test]
fn the_keys_are_described_in_the_order_asked() {
    let keys = describe(build);
    let paths: Vec<_> = keys.iter().map(|key| &*key.path).collect();
    let orders = [
        "deadline",
        "attempt",
        "retries",
        "hedge",
        "mode",
        "path",
        "endpoints",
    ];
    let mut expected: Vec<_> = orders
        .iter()
        .map(|key| format!("upstreams.orders.{key}"))
        .collect();
    expected.push("listen".to_owned());
    assert_eq!(paths, expected);
    assert_eq!(keys[6].env(), "BFF__UPSTREAMS__ORDERS__ENDPOINTS");
    assert_eq!(keys[6].default, r#"["http://a:1", "http://b:2"]"#);
    assert_eq!(keys[0].allowed, DURATION);
}

#[test]
fn the_example_file_reads_to_the_defaults() {
    let keys = describe(build);
    let text = example("Settings.\n\nSecond part.", &keys);
    let start = "# Settings.\n#\n# Second part.\n\n# Where it listens.\n# Allowed: an IP address and port such as \
                 \"127.0.0.1:8080\" or \"[::1]:8080\".\n# Environment: BFF__LISTEN\nlisten = \"127.0.0.1:8080\"\n\n\
                 [upstreams.orders]\n\n# How long all may take.\n";
    assert!(text.starts_with(start), "{text}");
    assert_eq!(file(&text).read(build), Ok(defaults()));
    for key in &keys {
        // Every key is there, and what is there is read: emptied, each is a fault.
        let name = key.path.rsplit('.').next().unwrap();
        let emptied = text.replace(
            &format!("\n{name} = {}\n", key.default),
            &format!("\n{name} = {{}}\n"),
        );
        assert_eq!(
            faults(file(&emptied))
                .iter()
                .map(|fault| &fault.key)
                .collect::<Vec<_>>(),
            [&key.path]
        );
    }
}
