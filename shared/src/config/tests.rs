//! Texts, names and bytes that are broken, down to any at all; the test beside the crate covers the settings proper.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn build(s: &mut Section<'_>) {
    let some = |text: &str| match text.contains('/') {
        true => Ok(text.to_owned()),
        false => Err(format!("{text} has no slash")),
    };
    s.address("listen", SocketAddr::from(([127, 0, 0, 1], 80)), "");
    s.section("upstreams", |s| {
        s.section("stock", |s| {
            let ms = Duration::from_millis(1);
            let deadline = s.duration("deadline", 800 * ms, ms..=60_000 * ms, "");
            let attempt = s.duration("attempt", 300 * ms, ms..=60_000 * ms, "");
            if attempt > deadline {
                s.reject("attempt", "longer than the deadline");
            }
            s.integer("retries", 2, 1..=10, "");
            s.flag("hedge", false, "");
            s.choice("mode", 1, &[("fast", 1), ("slow", 2)], "");
            s.text("path", "/", "a path", some, "");
            s.list("endpoints", &["/"], "a path", some, "");
        });
    });
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

fn place(fault: &Fault) -> (usize, usize) {
    match fault.origin {
        Origin::File { line, column, .. } => (line, column),
        _ => panic!("{fault} is in no file"),
    }
}

#[test]
fn places_count_characters_whatever_the_line_ends() {
    let text = "# äöü𝄞\r\n\r\n[upstreams.stock] # é\r\n  \"path\" = 'ä'\r\nupstreams = 1\r\n";
    let places: Vec<_> = faults(file(text)).iter().map(place).collect();
    assert_eq!(places, [(4, 12), (5, 1)]);
    let inline = "upstreams = { stock = { path = \"/äöü𝄞\", retries = 0 } }";
    assert_eq!(
        faults(file(inline)).iter().map(place).collect::<Vec<_>>(),
        [(1, 51)]
    );
    // A byte order mark is no character anybody counts.
    assert_eq!(
        faults(file("\u{feff}listen = 1"))
            .iter()
            .map(place)
            .collect::<Vec<_>>(),
        [(1, 10)]
    );
}

#[test]
fn syntax_faults_come_together_with_the_values_that_could_be_read() {
    let text = "listen \"x\"\n[upstreams.stock]\nmode = slow\nretries = 99\nhedge = tru\npath = \"/x\nattempt = 2s\n";
    let faults = faults(file(text));
    let places: Vec<_> = faults.iter().map(place).collect();
    assert_eq!(
        places,
        [(1, 8), (3, 8), (4, 11), (5, 9), (6, 11), (7, 11)],
        "{faults}"
    );
    let syntax = faults
        .iter()
        .filter(|fault| fault.allowed.starts_with("TOML syntax: "));
    assert_eq!(syntax.count(), 5);
}

#[test]
fn one_slip_of_syntax_is_one_fault() {
    for text in [
        // The array swallows what is below it.
        "upstreams.stock.endpoints = [ \"a://b\",\nlisten = \"x\"\n[upstreams.stock]\nretries = 99\n",
        "listen = \"\"\"abc\nx = 3\n",
        "listen = { a = 1\n",
        // The keys below may belong to another table.
        "[upstreams stock]\nretries = 99\nx = 1\n",
        "[upstreams.stock\nretries = 99\n",
        "listen = 'x\n",
        "listen =\n",
        "listen\n",
        "]\n",
        "listen = '127.0.0.1:1'\nlisten = '127.0.0.1:2'\n",
    ] {
        let printed = printed(file(text));
        assert_eq!(printed.len(), 1, "{text}: {printed:#?}");
        assert!(printed[0].contains("TOML syntax: "), "{printed:?}");
    }
    // Below a header that is sound, everything counts again.
    let text = "[upstreams stock]\nx = 1\n[upstreams.stock]\nretries = 99\n";
    assert_eq!(
        faults(file(text)).iter().map(place).collect::<Vec<_>>(),
        [(1, 11), (4, 11)]
    );
}

#[test]
fn a_variable_without_a_key_is_a_fault() {
    for variable in [
        "BFF__",
        "BFF____X",
        "BFF__LISTEN__",
        "BFF__UPSTREAMS____RETRIES",
    ] {
        let printed = printed(env(&[(variable, "1")]));
        assert_eq!(printed.len(), 1, "{printed:?}");
        assert!(
            printed[0].starts_with(&format!("{variable}: a name is missing")),
            "{printed:?}"
        );
    }
    let expected = "BFF__UPSTREAMS: upstreams = \"x\": this names a section; allowed: a variable for one of its keys, \
                    such as BFF__UPSTREAMS__STOCK__DEADLINE";
    assert_eq!(printed(env(&[("BFF__UPSTREAMS", "x")])), [expected]);
}

#[test]
fn variables_that_do_not_count_are_left_alone() {
    let vars = [
        ("PATH", "x"),
        ("BFF_LISTEN", "x"),
        ("bff__listen", "x"),
        ("BFF__listen", "x"),
        ("BFF", "x"),
    ];
    assert_eq!(env(&vars).read(build), Ok(()));
}

#[cfg(unix)]
#[test]
fn names_and_values_that_are_not_utf_8_are_faults() {
    use std::os::unix::ffi::OsStringExt;

    let broken = |start: &str| OsString::from_vec([start.as_bytes(), b"\xff"].concat());
    let vars = [
        (OsString::from("BFF__LISTEN"), broken("x")),
        (broken("BFF__"), OsString::from("x")),
        (broken("OTHER"), broken("x")),
    ];
    assert_eq!(
        printed(Settings::new().with_env(vars)),
        [
            "BFF__LISTEN: listen = \"x\u{fffd}\": the value is not UTF-8",
            "BFF__\u{fffd}: the variable's name is not UTF-8",
        ]
    );
}

#[test]
fn what_is_echoed_is_bounded_and_on_one_line() {
    let long = "ä".repeat(10_000);
    let values = [format!("a\n\u{1b}[31m\u{202e}{long}"), long];
    for value in &values {
        for settings in [
            env(&[("BFF__LISTEN", value)]),
            env(&[("BFF__UPSTREAMS__STOCK__PATH", value)]),
            env(&[("BFF__UPSTREAMS__STOCK__ENDPOINTS", value)]),
            env(&[(
                &format!("BFF__{}", value.to_uppercase().replace('M', "")),
                "x",
            )]),
            file(&format!("listen = '''{}'''", value.replace('\u{1b}', ""))),
            file(&format!("'{}' = 1", value.replace(['\n', '\u{1b}'], ""))),
        ] {
            let printed = printed(settings);
            assert_eq!(printed.len(), 1);
            assert!(
                printed[0].chars().count() < 2000,
                "{}",
                printed[0].chars().count()
            );
            assert!(
                !printed[0].contains(|c: char| c.is_control() || c == '\u{202e}'),
                "{printed:?}"
            );
        }
    }
    let cut = env(&[("BFF__LISTEN", &values[1])]);
    let value = faults(cut)
        .iter()
        .next()
        .and_then(|fault| fault.value.clone())
        .unwrap();
    assert_eq!(value, format!("\"{}…", "ä".repeat(199)));
}

#[test]
fn a_rejected_combination_stands_where_its_key_was_given() {
    let attempt = "upstreams.stock.attempt";
    let text = "longer than the deadline";
    let both = "[upstreams.stock]\nattempt = '3s'\ndeadline = '2s'\n";
    assert_eq!(
        printed(file(both)),
        [format!("bff.toml:2:11: {attempt} = '3s': {text}")]
    );
    let short = "[upstreams.stock]\ndeadline = '200ms'\n";
    assert_eq!(
        printed(file(short)),
        [format!("by default: {attempt} = \"300ms\": {text}")]
    );
    let variable = "BFF__UPSTREAMS__STOCK__ATTEMPT";
    let settings = file(both).with_env([(variable, "4s")]);
    assert_eq!(
        printed(settings),
        [format!("{variable}: {attempt} = \"4s\": {text}")]
    );
}

#[test]
fn a_section_rejects_a_key_of_one_below() {
    let build = |s: &mut Section<'_>| {
        s.section("a", |s| s.integer("b", 1, 1..=9, ""));
        s.reject("a.b", "not so");
    };
    let faults = file("[a]\nb = 2").read(build).unwrap_err();
    assert!(
        faults
            .to_string()
            .ends_with("bff.toml:2:5: a.b = 2: not so"),
        "{faults}"
    );
}

#[test]
fn nothing_is_rejected_on_the_ground_of_a_default_that_stands_in() {
    for text in [
        "attempt = '3s'\ndeadline = '4'\n",
        "attempt = '3s'\ndedline = '4s'\n",
        "attempt = '3s'\ndeadline = '4s\n",
    ] {
        let printed = printed(file(&format!("[upstreams.stock]\n{text}")));
        assert_eq!(printed.len(), 1, "{printed:?}");
        assert!(printed[0].starts_with("bff.toml:3:"), "{printed:?}");
    }
    // A fault in another section has no bearing on it.
    let printed = printed(file("listen = 1\n[upstreams.stock]\nattempt = '3s'\n"));
    assert_eq!(printed.len(), 2, "{printed:?}");
}

/// Texts near enough to TOML and to the known keys that every part of the reading is reached.
fn tomlish() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(vec![
            "listen", "upstreams", "stock", "deadline", "retries", "endpoints", "hedge", "=", " = ", ".", ",", "\n",
            "\r\n", "[", "]", "[[", "]]", "{", "}", "\"", "'", "'''", "\"\"\"", "#", "1", "0x", "\"2s\"", "true", "\\",
            "\\u", "1979-05-27", "é", "[upstreams.stock]\n", "endpoints = [\n", "[listen]\n", "\u{feff}", "\t", "-",
        ])
        .prop_map(str::to_owned),
        1 => ".{0,4}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn variable() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "__",
        "_",
        "LISTEN",
        "UPSTREAMS",
        "STOCK",
        "RETRIES",
        "ENDPOINTS",
        "X",
        "x",
        "É",
        ".",
        "\"",
    ]);
    prop::collection::vec(piece, 0..7).prop_map(|pieces| format!("BFF__{}", pieces.concat()))
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), toml in tomlish()) {
        for text in [text, toml] {
            if let Err(faults) = file(&text).read(build) {
                prop_assert!(faults.iter().count() > 0);
                let lines = text.matches('\n').count() + 1;
                for fault in faults.iter().filter(|fault| fault.origin != Origin::Default) {
                    let (line, column) = place(fault);
                    prop_assert!((1..=lines).contains(&line));
                    let length = text.split('\n').nth(line - 1).map_or(0, |line| line.chars().count());
                    prop_assert!((1..=length + 1).contains(&column), "{fault}");
                }
                prop_assert_eq!(faults.to_string().lines().count(), faults.iter().count() + 1);
            }
        }
    }

    #[test]
    fn no_environment_panics(
        vars in prop::collection::vec((variable(), any::<String>()), 0..4),
        text in tomlish(),
    ) {
        let _ = file(&text).with_env(vars).read(build);
    }

    #[test]
    fn no_bytes_in_the_environment_panic(name in any::<Vec<u8>>(), value in any::<Vec<u8>>()) {
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt;
            let name = OsString::from_vec([b"BFF__", &*name].concat());
            let _ = Settings::new().with_env([(name, OsString::from_vec(value))]).read(build);
        }
    }

    #[test]
    fn every_duration_is_read_as_it_is_written(seconds in any::<u32>(), nanos in 0..1_000_000_000_u32) {
        let duration = Duration::new(seconds.into(), nanos);
        let ask = |default| {
            move |s: &mut Section<'_>| s.duration("d", default, Duration::ZERO..=Duration::MAX, "")
        };
        let written = describe(ask(duration)).remove(0).default;
        let read = file(&format!("d = {written}")).read(ask(Duration::ZERO));
        prop_assert_eq!(read, Ok(duration));
        let read = env(&[("BFF__D", written.trim_matches('"'))]).read(ask(Duration::ZERO));
        prop_assert_eq!(read, Ok(duration));
    }

    #[test]
    fn every_default_text_survives_the_example(default in any::<String>()) {
        let ask = |s: &mut Section<'_>| s.text("t", &default, "any text", |text| Ok(text.to_owned()), "");
        let text = example("", &describe(ask));
        let read = file(&text).read(ask);
        prop_assert_eq!(read.as_ref(), Ok(&default));
    }
}
