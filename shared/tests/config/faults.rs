//! What every kind of fault says, and where it says it is.

use std::path::PathBuf;

use bff_shared::config::Settings;

use crate::helpers::*;

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
