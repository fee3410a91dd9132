//! What is read, from where, and what the keys say of themselves.

use bff_shared::config::{Settings, describe, example};

use crate::helpers::*;

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
