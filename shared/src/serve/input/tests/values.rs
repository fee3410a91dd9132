//! Values: which are taken, and as what.

use super::*;

#[test]
fn whole_numbers_are_whole_however_they_are_written() {
    for (json, expected) in [
        ("0", Some(0)),
        ("1", Some(1)),
        ("1.0", Some(1)),
        ("1.000", Some(1)),
        ("1e3", Some(1000)),
        ("1E+3", Some(1000)),
        ("12.5e1", Some(125)),
        ("-0", Some(0)),
        ("-0.0", Some(0)),
        ("9007199254740991", Some((1 << 53) - 1)),
        // A float would make it another one.
        ("9007199254740993", Some((1 << 53) + 1)),
        ("18446744073709551615", Some(u64::MAX)),
        ("9007199254740993.0", None),
        ("18446744073709551616", None),
        ("1e30", None),
        ("1e400", None),
        ("0.5", None),
        ("1e-3", None),
        ("-1", None),
        ("\"1\"", None),
        ("\"\"", None),
        ("true", None),
        ("null", None),
        ("[1]", None),
        ("{}", None),
    ] {
        let body = format!("{{\"n\": {json} }}");
        let outcome = of_body(body, |fields| fields.integer("n", 0..=u64::MAX));
        match expected {
            Some(_) => assert_eq!(outcome.ok(), expected, "{json}"),
            None => assert_eq!(fields(outcome), ["n"], "{json}"),
        }
    }
}

#[test]
fn a_range_has_both_of_its_ends() {
    for (json, is_read) in [("0", false), ("1", true), ("100", true), ("101", false)] {
        let body = format!("{{\"n\":{json}}}");
        let read = |fields: &mut Fields<'_>| fields.integer("n", 1..=100);
        assert_eq!(of_body(&body, read).is_ok(), is_read, "{json}");
        assert_eq!(of_query(&format!("n={json}"), read).is_ok(), is_read);
    }
}

#[test]
fn a_number_in_a_query_has_one_name() {
    for (text, expected) in [
        ("0", Some(0)),
        ("7", Some(7)),
        ("%37", Some(7)),
        // As JSON Schema has it.
        ("7.0", Some(7)),
        ("9007199254740993", Some(9_007_199_254_740_993)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("", None),
        ("00", None),
        ("07", None),
        ("+7", None),
        ("%2B7", None),
        ("-0", None),
        ("-1", None),
        ("1.5", None),
        ("1.", None),
        (".0", None),
        ("1e3", None),
        ("7+", None),
        ("%207", None),
        ("0x7", None),
        ("%EF%BC%97", None),
        ("null", None),
    ] {
        let outcome = of_query(&format!("n={text}"), |fields| {
            fields.integer("n", 0..=u64::MAX)
        });
        match expected {
            Some(_) => assert_eq!(outcome.ok(), expected, "{text}"),
            None => assert_eq!(fields(outcome), ["n"], "{text}"),
        }
    }
}

#[test]
fn the_digits_of_a_number_are_handed_on_as_they_were_written() {
    for json in [
        "0",
        "-0",
        "1.50",
        "1e3",
        "12345678901234567.89",
        "0.1000000000000000055511151231257827",
        "1e400",
    ] {
        let body = format!("{{\"n\" : {json}\n}}");
        let outcome = of_body(body, |fields| {
            fields.number("n", "a number", |digits| Some(digits.to_owned()))
        });
        assert_eq!(outcome.unwrap(), json);
    }
    for json in ["\"1\"", "null", "true", "[1]", "{}"] {
        let body = format!("{{\"n\":{json}}}");
        let outcome = of_body(body, |fields| fields.number("n", "a number", |_| Some(())));
        assert_eq!(fields(outcome), ["n"], "{json}");
    }
}

#[test]
fn texts_are_measured_in_characters() {
    for (text, is_read) in [
        ("", false),
        ("a", true),
        ("abcde", true),
        ("abcdef", false),
        ("äöüßé", true),
        ("äöüßéä", false),
        ("\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}", true),
        ("     ", true),
        ("\\u00e4", true),
        ("\\ud83d\\ude00", true),
        ("\\\"\\\\", true),
    ] {
        let body = format!("{{\"t\":\"{text}\"}}");
        let outcome = of_body(body, |fields| fields.text("t", 1..=5));
        assert_eq!(outcome.is_ok(), is_read, "{text}");
    }
}

#[test]
fn a_text_has_no_control_characters() {
    for text in [
        "\\u0000",
        "a\\u0000",
        "\\n",
        "a\\r\\nb",
        "\\t",
        "\\u001b[m",
        "\\u007f",
        "\\u0085",
        "\u{9f}",
    ] {
        let body = format!("{{\"t\":\"{text}\"}}");
        assert_eq!(
            fields(of_body(body, |fields| fields.text("t", 0..=9))),
            ["t"]
        );
    }
    for text in ["%00", "a%0D%0Ab", "%7F", "%C2%85"] {
        let outcome = of_query(&format!("t={text}"), |fields| fields.text("t", 0..=9));
        assert_eq!(fields(outcome), ["t"], "{text}");
    }
}

#[test]
fn half_of_a_pair_of_surrogates_is_no_text() {
    for text in ["\\ud800", "\\ude00", "a\\ud83d", "\\ud83d\\ud83d"] {
        let body = format!("{{\"t\":\"{text}\"}}");
        assert_eq!(code(of_body(body, |fields| fields.text("t", 0..=9))).0, 400);
    }
}

#[test]
fn a_query_is_read_as_forms_are() {
    let text = |query: &str| of_query(query, |fields| fields.text("t", 0..=9));
    for (query, expected) in [
        ("t=a+b", "a b"),
        ("t=a%2Bb", "a+b"),
        ("t=a%20b", "a b"),
        ("t=%zz", "%zz"),
        ("t=%", "%"),
        ("t=%4", "%4"),
        ("t=", ""),
        ("t", ""),
        ("&&t=a&", "a"),
        ("t=a=b", "a=b"),
        ("%74=a", "a"),
        ("t=%C3%A4", "ä"),
        // What is no UTF-8 is replaced, and can do no harm.
        ("t=%FF", "\u{fffd}"),
    ] {
        assert_eq!(text(query).unwrap(), expected, "{query}");
    }
    assert_eq!(fields(text("t=a&=b")), [""]);
    assert_eq!(fields(text("t=a;u=b&u")), ["u"]);
    assert_eq!(fields(text("t=a&%74=b")), ["t"]);
    assert_eq!(fields(text("T=a")), ["t", "T"]);
    assert_eq!(fields(text("t[]=a")), ["t", "t[]"]);
    assert_eq!(fields(text("%FF=a&t=")), ["\u{fffd}"]);
}
