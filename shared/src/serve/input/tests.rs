use actix_web::test::TestRequest;
use serde_json::Value;

use super::*;

mod arbitrary;
mod values;

/// Something that a client sends.
#[derive(Debug, PartialEq, Eq)]
struct Parcel {
    name: String,
    count: u64,
    weight: Option<u64>,
    color: Option<char>,
    price: String,
    lines: Vec<(String, u64)>,
}

fn color(word: &str) -> Option<char> {
    match word {
        "red" => Some('r'),
        "blue" => Some('b'),
        _ => None,
    }
}

fn parcel(fields: &mut Fields<'_>) -> Option<Parcel> {
    let name = fields.text("name", 1..=5);
    let count = fields.integer("count", 1..=100);
    let weight = fields.optional_integer("weight", 0..=9);
    let color = fields.optional_word("color", "red or blue", color);
    let price = fields.number("price", "a number", |digits| Some(digits.to_owned()));
    let lines = fields.list("lines", 1..=2, |line| {
        let name = line.text("name", 1..=5);
        let count = line.integer("count", 1..=100);
        Some((name?, count?))
    });
    Some(Parcel {
        name: name?,
        count: count?,
        weight: weight?,
        color: color?,
        price: price?,
        lines: lines?,
    })
}

fn json_request() -> HttpRequest {
    let request = TestRequest::default().insert_header((CONTENT_TYPE, "application/json"));
    request.to_http_request()
}

fn of_body<T>(
    body: impl AsRef<[u8]>,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Problem> {
    read_json(&json_request(), body.as_ref(), read)
}

fn of_query<T>(query: &str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Problem> {
    let request = TestRequest::with_uri(&format!("/?{query}")).to_http_request();
    read_query(&request, read)
}

/// What a client is told: the problem as it stands in the body.
fn told<T: fmt::Debug>(outcome: Result<T, Problem>) -> Value {
    serde_json::to_value(outcome.unwrap_err().body("id")).unwrap()
}

fn code<T: fmt::Debug>(outcome: Result<T, Problem>) -> (u64, String) {
    let told = told(outcome);
    let code = told["code"].as_str().unwrap().to_owned();
    (told["status"].as_u64().unwrap(), code)
}

/// The faults, each with its field.
fn faults<T: fmt::Debug>(outcome: Result<T, Problem>) -> Vec<(String, String)> {
    let told = told(outcome);
    assert_eq!(
        (&told["status"], &told["code"]),
        (&400.into(), &"invalidInput".into())
    );
    let errors = told["errors"].as_array().unwrap().iter();
    errors
        .map(|error| {
            let text = |name: &str| error[name].as_str().unwrap().to_owned();
            (text("field"), text("detail"))
        })
        .collect()
}

fn fields<T: fmt::Debug>(outcome: Result<T, Problem>) -> Vec<String> {
    faults(outcome)
        .into_iter()
        .map(|(field, _)| field)
        .collect()
}

const WHOLE: &str = r#"{"name":"books","count":3,"weight":7,"color":"red","price":1.50,
    "lines":[{"name":"a","count":1},{"count":2,"name":"b"}]}"#;

#[test]
fn what_is_as_it_has_to_be_is_read() {
    let parcel_read = Parcel {
        name: "books".to_owned(),
        count: 3,
        weight: Some(7),
        color: Some('r'),
        price: "1.50".to_owned(),
        lines: vec![("a".to_owned(), 1), ("b".to_owned(), 2)],
    };
    assert_eq!(of_body(WHOLE, parcel).unwrap(), parcel_read);
}

#[test]
fn json_has_to_be_announced_as_json() {
    for (media_type, is_read) in [
        (Some("application/json"), true),
        (Some("Application/JSON"), true),
        (Some("application/json; charset=utf-8"), true),
        (Some(" application/json ;x"), true),
        (None, false),
        (Some(""), false),
        (Some("text/plain"), false),
        (Some("application/jsonp"), false),
        (Some("application/problem+json"), false),
        (Some("application/x-www-form-urlencoded"), false),
    ] {
        let mut request = TestRequest::default();
        if let Some(media_type) = media_type {
            request = request.insert_header((CONTENT_TYPE, media_type));
        }
        let outcome = read_json(&request.to_http_request(), WHOLE.as_bytes(), parcel);
        if is_read {
            assert!(outcome.is_ok(), "{media_type:?}");
        } else {
            assert_eq!(code(outcome), (415, "unsupportedMediaType".to_owned()));
        }
    }
}

#[test]
fn what_is_no_json_object_is_said_to_be_none() {
    for body in [
        &b""[..],
        b" ",
        b"{",
        b"{\"name\"}",
        b"{name:1}",
        b"{'name':1}",
        b"{\"name\":1,}",
        b"{\"name\":01}",
        b"{\"name\":NaN}",
        b"{} {}",
        b"{}x",
        b"[]",
        b"null",
        b"7",
        b"\"secret text\"",
        b"name=secret",
        b"\xef\xbb\xbf{}",
        b"{\"name\":\"\xff\"}",
        b"{\"\\ud800\":1}",
    ] {
        let told = told(of_body(body, parcel));
        let shown = String::from_utf8_lossy(body);
        assert_eq!(
            (&told["status"], &told["code"]),
            (&400.into(), &"invalidJson".into()),
            "{shown}"
        );
        assert!(!told.to_string().contains("secret"), "{told}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let body = r#"{"name":"","count":"3","weight":10,"color":"green","size":1,"size":2,
        "lines":[{"name":7,"count":0},{"count":2,"count":2,"more":{}}]}"#;
    let expected = [
        ("size", "may be there once"),
        (
            "name",
            "must be a text of 1 to 5 characters without control characters",
        ),
        ("count", "must be a whole number from 1 to 100"),
        ("weight", "must be a whole number from 0 to 9"),
        ("color", "must be red or blue"),
        ("price", "is missing: it must be a number"),
        (
            "lines[0].name",
            "must be a text of 1 to 5 characters without control characters",
        ),
        ("lines[0].count", "must be a whole number from 1 to 100"),
        ("lines[1].count", "may be there once"),
        (
            "lines[1].name",
            "is missing: it must be a text of 1 to 5 characters without control characters",
        ),
        ("lines[1].more", "is not known: known are name, count"),
        (
            "size",
            "is not known: known are name, count, weight, color, price, lines",
        ),
    ];
    let expected = expected.map(|(field, detail)| (field.to_owned(), detail.to_owned()));
    assert_eq!(faults(of_body(body, parcel)), expected);
    let told = told(of_body(body, parcel));
    assert!(told["detail"].as_str().unwrap().contains("lines[1].name"));
}

#[test]
fn in_a_query_too() {
    let read = |fields: &mut Fields<'_>| {
        let count = fields.integer("count", 1..=100);
        let weight = fields.optional_integer("weight", 0..=9);
        let color = fields.word("color", "red or blue", color);
        Some((count?, weight?, color?))
    };
    assert_eq!(of_query("color=red&count=7", read).unwrap(), (7, None, 'r'));
    assert_eq!(
        of_query("count=7&color=b%6Cue&weight=0", read).unwrap(),
        (7, Some(0), 'b')
    );
    let query = "count=0&weight=&color=green&color=red&color=x&more=1&more=2&b";
    let expected = ["color", "more", "count", "weight", "color", "more", "b"];
    assert_eq!(fields(of_query(query, read)), expected);
    assert_eq!(fields(of_query("", read)), ["count", "color"]);
}

#[test]
fn what_is_not_known_is_named_where_nothing_is() {
    let outcome = of_query("a=1", |_| Some(()));
    assert_eq!(
        faults(outcome),
        [("a".to_owned(), "is not known".to_owned())]
    );
    assert!(of_query("", |_| Some(())).is_ok());
    assert!(of_body("{}", |_| Some(())).is_ok());
}

#[test]
fn missing_and_null_are_the_same_where_a_member_may_be_missing_and_only_there() {
    let color = |fields: &mut Fields<'_>| fields.optional_word("color", "red or blue", color);
    let weight = |fields: &mut Fields<'_>| fields.optional_integer("weight", 0..=9);
    for body in ["{}", r#"{"color":null}"#, r#"{ "color" : null }"#] {
        assert_eq!(of_body(body, color).unwrap(), None);
    }
    for body in ["{}", r#"{"weight":null}"#] {
        assert_eq!(of_body(body, weight).unwrap(), None);
    }
    for body in [
        r#"{"weight":"null"}"#,
        r#"{"weight":false}"#,
        r#"{"weight":[]}"#,
    ] {
        assert_eq!(fields(of_body(body, weight)), ["weight"], "{body}");
    }
    let whole: Value = serde_json::from_str(WHOLE).unwrap();
    for name in ["name", "count", "price", "lines"] {
        let mut body = whole.clone();
        body[name] = Value::Null;
        let faults = faults(of_body(body.to_string(), parcel));
        assert_eq!(faults[0].0, name);
        assert!(
            faults.len() == 1 && faults[0].1.starts_with("must be "),
            "{faults:?}"
        );
    }
}

#[test]
fn a_list_has_so_many_objects() {
    let read =
        |fields: &mut Fields<'_>| fields.list("list", 1..=2, |item| item.integer("n", 1..=9));
    assert_eq!(
        of_body(r#"{"list":[{"n":1},{"n":2}]}"#, read).unwrap(),
        [1, 2]
    );
    for body in [
        r#"{"list":[]}"#,
        r#"{"list":[{"n":1},{"n":2},{"n":3}]}"#,
        r#"{"list":{"n":1}}"#,
        r#"{"list":"[]"}"#,
        r#"{"list":null}"#,
        r#"{"list":7}"#,
    ] {
        let expected = (
            "list".to_owned(),
            "must be a list of 1 to 2 objects".to_owned(),
        );
        assert_eq!(faults(of_body(body, read)), [expected], "{body}");
    }
    for item in ["1", "null", "[]", "\"{}\"", r#"[{"n":1}]"#, "true"] {
        let body = format!(r#"{{"list":[{{"n":1}},{item}]}}"#);
        let expected = ("list[1]".to_owned(), "must be an object".to_owned());
        assert_eq!(faults(of_body(body, read)), [expected], "{item}");
    }
}

#[test]
fn lists_in_lists_are_named_by_their_whole_path() {
    let read = |fields: &mut Fields<'_>| {
        fields.list("outer", 0..=9, |outer| {
            outer.list("inner", 0..=9, |inner| inner.integer("n", 1..=9))
        })
    };
    let body = r#"{"outer":[{"inner":[{"n":1},{"n":2}]},{"inner":[{"n":3},{"n":0},{"m":1}]}]}"#;
    let expected = [
        "outer[1].inner[1].n",
        "outer[1].inner[2].n",
        "outer[1].inner[2].m",
    ];
    assert_eq!(fields(of_body(body, read)), expected);
}

#[test]
fn deep_nesting_is_refused_and_ends_nothing() {
    for depth in [100, 127, 128, 129, 1000, 30_000] {
        for (open, close) in [("[", "]"), ("{\"name\":", "}"), ("[{\"lines\":", "}]")] {
            for inside in ["1", "[]", "{}"] {
                let deep = format!("{}{inside}{}", open.repeat(depth), close.repeat(depth));
                for body in [
                    deep.clone(),
                    format!("{{\"lines\":{deep}}}"),
                    format!("{{\"x\":{deep}}}"),
                ] {
                    assert_eq!(code(of_body(body, parcel)).0, 400);
                }
            }
            assert_eq!(code(of_body(open.repeat(depth), parcel)).0, 400);
        }
    }
}

#[test]
fn of_very_many_faults_a_hundred_are_told() {
    let members: Vec<_> = (0..3000).map(|number| format!("\"m{number}\":1")).collect();
    let body = format!("{{{}}}", members.join(","));
    assert_eq!(fields(of_body(&body, parcel)).len(), 100);
}
