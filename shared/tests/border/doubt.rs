//! The rules, given what they have to find: a rule that finds nothing anywhere would hold everywhere.

use crate::rules;
use crate::source::{Line, Source, split, words};

/// The lines of the faults that `rule` finds in `text`.
fn found(path: &str, text: &str, rule: impl Fn(&Source) -> Vec<String>) -> Vec<usize> {
    let line = |fault: String| {
        let rest = fault
            .strip_prefix(path)
            .and_then(|rest| rest.strip_prefix(':'))
            .expect("a place");
        rest.split(':')
            .next()
            .and_then(|line| line.parse().ok())
            .expect("a line")
    };
    rule(&Source::new(path, text))
        .into_iter()
        .map(line)
        .collect()
}

fn is_found(path: &str, text: &str, rule: impl Fn(&Source) -> Vec<String>) -> bool {
    !found(path, text, rule).is_empty()
}

#[test]
fn code_literals_and_comments_are_told_apart() {
    let lines = split(
        "let a = \"b // \\\" c\"; // d \"e\"\nf('\"', '\\'', b'g') /* h\n/* i */ j */ <'k>\nr#\"l\" m\"# n",
    );
    let line = |code: &str, literal: &str, comment: &str| Line {
        code: code.to_owned(),
        literal: literal.to_owned(),
        comment: comment.to_owned(),
    };
    let expected = [
        line("let a = ; ", "\"b // \\\" c\"", "// d \"e\""),
        line("f(, , b) ", "'\"''\\'''g'", "/* h"),
        line(" <k>", "'", "/* i */ j */"),
        line(" n", "r#\"l\" m\"#", ""),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn names_are_made_of_words() {
    assert_eq!(words("OrderDesk"), ["order", "desk"]);
    assert_eq!(words("customer_id"), ["customer", "id"]);
    assert_eq!(words("MAX_ORDERS"), ["max", "orders"]);
    assert_eq!(words("getOrder2"), ["get", "order", "2"]);
    assert_eq!(words("Ordering"), ["ordering"]);
}

#[test]
fn words_of_the_domain_are_found() {
    let bad = [
        "struct OrderDesk;",
        "let customer_id = 1;",
        "fn orders() {}",
        "const MAX_CUSTOMERS: u8 = 1;",
        "let path = \"/orders/1\";",
        "let key = \"customer\";",
        "let raw = r\"order\";",
        "// an order is asked for",
        "/// Of each customer.",
        "//! Many Orders.",
        "/* the order's id */",
        "/// See [`OrderDesk`].",
    ];
    for text in bad {
        assert!(
            is_found("shared/src/serve/bad.rs", text, rules::domain_words),
            "{text}"
        );
    }
    let good = [
        "// in the order in which they came, in order to be tried",
        "use std::cmp::Ordering;",
        "let orderly_end = 1;",
        "/// Faults in order.",
        "let border = reorder();",
    ];
    for text in good {
        assert!(
            !is_found("shared/src/serve/good.rs", text, rules::domain_words),
            "{text}"
        );
    }
}

#[test]
fn a_fault_tells_its_line() {
    let text =
        "//! Fine.\n\nfn fine() {\n    let s = \"a\nb\";\n    customer();\n}\n\nstruct Order;\n";
    assert_eq!(found("a.rs", text, rules::domain_words), [6, 9]);
    let fault = rules::domain_words(&Source::new("a.rs", text)).remove(0);
    assert_eq!(fault, "a.rs:6: `customer` is a word of the domain");
}

#[test]
fn a_crate_outside_its_home_is_found() {
    let only = |source: &Source| rules::only_in(source, "awc", &["home.rs", "home/"]);
    let bad = [
        "use awc::Client;",
        "fn f(c: ::awc::Client) {}",
        "use {std::fmt, awc::http};",
        "extern crate awc;",
    ];
    for text in bad {
        assert!(is_found("else.rs", text, only), "{text}");
        assert!(!is_found("home.rs", text, only) && !is_found("home/inner.rs", text, only));
    }
    let good = [
        "pub mod awc;",
        "use super::transport::awc::AwcTransport;",
        "// awc",
        "let a = \"awc\";",
        "use x::{awc::A};",
    ];
    for text in good {
        assert!(!is_found("else.rs", text, only), "{text}");
    }
}

#[test]
fn a_room_that_uses_another_is_found() {
    let bad = [
        ("serve/edge.rs", "use crate::domain::order::Order;"),
        (
            "serve.rs",
            "use crate::{\n    config::Section,\n    domain,\n};",
        ),
        (
            "upstream/client.rs",
            "fn f() { crate::serve::Problem::new() }",
        ),
        ("upstream/client.rs", "use super::super::compose::Part;"),
        (
            "upstream/transport/awc.rs",
            "use super::super::super::{compose, config};",
        ),
        (
            "upstream.rs",
            "use crate::{config::{Section, Settings}, compose::Part};",
        ),
        ("compose.rs", "use super::config::Section;"),
        ("compose.rs", "use crate::serve;"),
        ("domain/order_details.rs", "use crate::serve::Problem;"),
        ("domain/order_details.rs", "use crate::config::Section;"),
        ("domain/services.rs", "use crate::serve::Config;"),
        ("config/section.rs", "use crate::upstream::Error;"),
    ];
    for (file, text) in bad {
        assert!(
            is_found(&format!("shared/src/{file}"), text, rules::rooms),
            "{file}: {text}"
        );
    }
    let good = [
        ("domain/services.rs", "use crate::config::Section;"),
        (
            "serve/edge.rs",
            "use crate::upstream::Instant; use super::{config, headers};",
        ),
        (
            "upstream/client.rs",
            "use crate::config::Section; use super::compose;",
        ),
        (
            "upstream/transport/awc.rs",
            "use super::super::{Cluster, serve};",
        ),
        ("compose.rs", "use crate::upstream::{Answer, config};"),
        (
            "domain/order_details.rs",
            "use crate::{compose::Part, upstream::Error};",
        ),
        ("lib.rs", "pub use crate::serve;"),
    ];
    for (file, text) in good {
        assert!(
            !is_found(&format!("shared/src/{file}"), text, rules::rooms),
            "{file}: {text}"
        );
    }
}

#[test]
fn a_client_that_knows_another_is_found() {
    assert!(is_found(
        "a.rs",
        "struct AClient; fn f(b: BClient) {}",
        rules::no_other_client
    ));
    assert!(!is_found(
        "a.rs",
        "struct AClient; impl AClient { fn of(c: Client) {} }",
        rules::no_other_client
    ));
}

#[test]
fn a_view_that_does_more_is_found() {
    for text in [
        "async fn f() {}",
        "use actix_web::web;",
        "fn f(c: &OrderClient) {}",
        "fn f(c: Client) {}",
        "x.await;",
    ] {
        assert!(is_found("a.rs", text, rules::pure_view), "{text}");
    }
    assert!(!is_found(
        "a.rs",
        "use bff_shared::compose::Part; // no async, no Client",
        rules::pure_view
    ));
}

#[test]
fn a_derive_is_found_wherever_it_stands() {
    let rule = |source: &Source| rules::no_derive(source, &["Serialize"]);
    for text in [
        "#[derive(Debug, Serialize)]",
        "#[derive(serde::Serialize)]",
        "#[derive(\n    Debug,\n    Serialize,\n)]",
        "#[cfg_attr(test, derive(Serialize))]",
    ] {
        assert!(is_found("a.rs", text, rule), "{text}");
    }
    assert!(!is_found(
        "a.rs",
        "#[derive(Debug)]\nstruct A;\nimpl Serialize for A {}",
        rule
    ));
}

#[test]
fn a_lint_switched_off_is_found() {
    let bad = [
        "#[allow(dead_code)]",
        "#![allow(clippy::all)]",
        "#[cfg_attr(test, allow(unused))]",
        "#[ allow ( unused ) ]",
        "#[allow(\n    unused,\n    reason = \"b\"\n)]",
    ];
    for text in bad {
        assert!(is_found("a.rs", text, rules::no_lint_off), "{text}");
    }
    for text in [
        "#[expect(dead_code, reason = \"a\")]",
        "allow(1);",
        "#[derive(Debug)] fn f() { allow(1) }",
        "// #[allow(a)]",
    ] {
        assert!(!is_found("a.rs", text, rules::no_lint_off), "{text}");
    }
}

#[test]
fn a_file_too_long_is_found() {
    assert_eq!(
        found("a.rs", &"x\n".repeat(11), |source| rules::at_most(
            source, 10
        )),
        [11]
    );
    assert!(!is_found("a.rs", &"x\n".repeat(10), |source| {
        rules::at_most(source, 10)
    }));
}
