//! Whatever is sent: no fault is lost, none is made up, and little of it is said back.

use proptest::prelude::*;

use super::*;

/// Values with the members in which they are right.
const VALUES: [(&str, &[&str]); 16] = [
    ("1", &["count", "weight", "price"]),
    ("9.0", &["count", "weight", "price"]),
    ("0", &["weight", "price"]),
    ("1e2", &["count", "price"]),
    ("101", &["price"]),
    ("-1.5", &["price"]),
    ("9007199254740993", &["price"]),
    ("\"abc\"", &["name"]),
    ("\"red\"", &["name", "color"]),
    ("\"\"", &[]),
    ("\"\\u0007\"", &[]),
    ("\"sixsix\"", &[]),
    ("null", &["weight", "color"]),
    ("true", &[]),
    ("{}", &[]),
    ("[]", &[]),
];

const NAMES: [&str; 8] = [
    "name", "count", "weight", "color", "price", "more", "", "näme",
];
const NEEDED: [&str; 3] = ["name", "count", "price"];

fn flat(fields: &mut Fields<'_>) -> Option<()> {
    let name = fields.text("name", 1..=5);
    let count = fields.integer("count", 1..=100);
    let weight = fields.optional_integer("weight", 0..=9);
    let color = fields.optional_word("color", "red or blue", color);
    let price = fields.number("price", "a number", |_| Some(()));
    name.and(count).and(weight).and(color).and(price)
}

/// What is wrong with these members, by the plain rules.
fn expected(members: &[(usize, usize)], path: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, name) in NAMES.iter().enumerate() {
        let mut own = members.iter().filter(|(of, _)| *of == place);
        let is_known = place < 5;
        match own.next() {
            None if NEEDED.contains(name) => wrong.push(format!("{path}{name}")),
            None => continue,
            Some((_, value)) => {
                if !is_known || !VALUES[*value].1.contains(name) {
                    wrong.push(format!("{path}{name}"));
                }
            }
        }
        if own.next().is_some() {
            wrong.push(format!("{path}{name}"));
        }
    }
    wrong
}

fn object(members: &[(usize, usize)]) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("\"{}\":{}", NAMES[*name], VALUES[*value].0))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn members() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..NAMES.len(), 0..VALUES.len()), 0..10)
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,200}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        prop::sample::select(vec!["name", "count", "lines", "price"]).prop_map(str::to_owned),
        ".{0,300}"
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn sorted(mut fields: Vec<String>) -> Vec<String> {
    fields.sort_unstable();
    fields
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_fault_is_lost_and_none_is_made_up(members in members()) {
        let wrong = expected(&members, "");
        let outcome = of_body(object(&members), flat);
        if wrong.is_empty() {
            prop_assert!(outcome.is_ok());
        } else {
            prop_assert_eq!(sorted(fields(outcome)), sorted(wrong));
        }
    }

    #[test]
    fn nor_in_any_of_a_list(items in prop::collection::vec(members(), 0..4)) {
        let wrong = items.iter().enumerate();
        let wrong: Vec<_> =
            wrong.flat_map(|(index, item)| expected(item, &format!("list[{index}]."))).collect();
        let list: Vec<_> = items.iter().map(|item| object(item)).collect();
        let body = format!("{{\"list\":[{}]}}", list.join(","));
        let outcome = of_body(body, |fields| fields.list("list", 0..=3, flat));
        if wrong.is_empty() {
            prop_assert_eq!(outcome.unwrap().len(), items.len());
        } else {
            prop_assert_eq!(sorted(fields(outcome)), sorted(wrong));
        }
    }

    #[test]
    fn whatever_is_sent_little_of_it_is_said_back(value in anything()) {
        let sent = value.to_string();
        if let Err(problem) = of_body(&sent, parcel) {
            let told = serde_json::to_value(problem.body("id")).unwrap();
            prop_assert_eq!(&told["status"], 400);
            for error in told["errors"].as_array().into_iter().flatten() {
                let field = error["field"].as_str().unwrap();
                let own = field.split_once("].").map_or(field, |(_, own)| own);
                prop_assert!(own.chars().count() <= 100, "{field}");
                // What is allowed is said, never what was sent.
                let detail = error["detail"].as_str().unwrap();
                prop_assert!(
                    ["must be ", "is missing", "is not known", "may be there once"]
                        .iter()
                        .any(|start| detail.starts_with(start)),
                    "{detail}"
                );
                prop_assert!(detail.len() < 150, "{detail}");
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(code(of_body(&bytes, parcel)).0, 400);
    }

    #[test]
    fn a_body_that_is_cut_anywhere_is_no_json(share in any::<prop::sample::Index>()) {
        let cut = share.index(WHOLE.len());
        prop_assert_eq!(code(of_body(&WHOLE[..cut], parcel)), (400, "invalidJson".to_owned()));
    }

    #[test]
    fn any_query_is_read_or_refused(query in "[a-c=&+%;0-9.]{0,40}") {
        let read = |fields: &mut Fields<'_>| {
            let a = fields.optional_integer("a", 0..=9);
            let b = fields.optional_word("b", "anything", |text| Some(text.to_owned()));
            Some((a?, b?))
        };
        let parameters: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let of = |name: &str| -> Vec<_> {
            let own = parameters.iter().filter(|(known, _)| known == name);
            own.map(|(_, value)| value.clone().into_owned()).collect()
        };
        let (a, b) = (of("a"), of("b"));
        let is_digit = |text: &String| text.len() == 1 && text.as_bytes()[0].is_ascii_digit();
        let is_right = a.len() + b.len() == parameters.len()
            && a.len() <= 1 && b.len() <= 1 && a.iter().all(is_digit);
        match of_query(&query, read) {
            Ok((number, text)) => {
                prop_assert!(is_right);
                prop_assert_eq!(number.map(|number| number.to_string()), a.first().cloned());
                prop_assert_eq!(text.as_ref(), b.first());
            }
            Err(problem) => prop_assert!(!is_right, "{problem:?}"),
        }
    }
}
