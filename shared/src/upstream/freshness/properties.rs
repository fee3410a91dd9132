//! For whatever headers; and what another reading of RFC 9111 makes of them.

use std::time::UNIX_EPOCH;

use http::header::LAST_MODIFIED;
use http::{Request, Response};
use http_cache_semantics::{CacheOptions, CachePolicy};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// Most is said by `Cache-Control`.
const READ: [HeaderName; 8] = [
    AGE,
    CACHE_CONTROL,
    CACHE_CONTROL,
    CACHE_CONTROL,
    DATE,
    EXPIRES,
    SET_COOKIE,
    VARY,
];

type Fields = Vec<(HeaderName, HeaderValue)>;

fn map(fields: &Fields) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, value.clone());
    }
    headers
}

fn value(text: impl AsRef<[u8]>) -> HeaderValue {
    HeaderValue::from_bytes(text.as_ref()).unwrap()
}

/// Any time that can be written as a date, and parts of a second with it.
fn time() -> impl Strategy<Value = SystemTime> {
    let seconds = prop_oneof![0..1_u64 << 31, 0..253_402_300_800_u64];
    (seconds, 0..1_000_000_000_u32)
        .prop_map(|(seconds, nanos)| UNIX_EPOCH + Duration::new(seconds, nanos))
}

/// What `Cache-Control` and its like are made of, in whatever sequence: seldom a list.
fn pieces() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "max-age",
        "s-maxage",
        "no-store",
        "private",
        "no-cache",
        "public",
        "x",
        "stale-if-error",
        "=",
        "=",
        "=",
        "\"",
        "\"",
        ",",
        ",",
        ", ",
        " ",
        "\\",
        "\t",
        "60",
        "7",
        "0",
        "-",
        "*",
        "99999999999999999999",
        "é",
        "=\"",
        "\",",
    ]);
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn any_value() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        3 => pieces().prop_map(value),
        1 => time().prop_map(|time| value(httpdate::fmt_http_date(time))),
        // Every byte that a field may hold.
        1 => prop::collection::vec(b' '..=255, 0..40).prop_map(|bytes| {
            value(bytes.iter().map(|byte| if *byte == 127 { b'\t' } else { *byte }).collect::<Vec<_>>())
        }),
    ]
}

fn any_fields() -> impl Strategy<Value = Fields> {
    prop::collection::vec((select(READ.to_vec()), any_value()), 0..8)
}

/// Whether `less` allows nothing that `more` does not. Where headers say nothing about a time, nothing but zero is less.
fn allows_no_more(less: &Allowance, more: &Allowance) -> bool {
    let shorter = |time: fn(&Allowance) -> Option<Duration>| match (time(less), time(more)) {
        (Some(less), Some(more)) => less <= more,
        (less, None) => less.unwrap_or_default().is_zero(),
        (None, Some(_)) => false,
    };
    (more.storable || !less.storable)
        && (less.no_store || !more.no_store)
        && (less.never_stale || !more.never_stale)
        && less.age >= more.age
        && shorter(|allowed| allowed.fresh_for)
        && shorter(|allowed| allowed.private_fresh_for)
        && shorter(|allowed| allowed.stale_while_revalidate)
        && shorter(|allowed| allowed.stale_if_error)
}

/// `fields` with `directive` as a field of its own, or in one that is there, at either end.
fn with(fields: &Fields, directive: &str, place: Index) -> Fields {
    let mut fields = fields.clone();
    let places: Vec<usize> = (0..fields.len())
        .filter(|i| fields[*i].0 == CACHE_CONTROL)
        .collect();
    let place = place.index(2 + 2 * places.len());
    if place < 2 {
        let at = if place == 0 { 0 } else { fields.len() };
        fields.insert(at, (CACHE_CONTROL, value(directive)));
    } else {
        let there = &mut fields[places[(place - 2) / 2]].1;
        let (before, directive) = (there.as_bytes(), directive.as_bytes());
        *there = value(match place % 2 {
            0 => [directive, b", ", before].concat(),
            _ => [before, b", ", directive].concat(),
        });
    }
    fields
}

proptest! {
    #[test]
    fn whatever_stands_there_is_read_and_no_time_is_beyond_the_most(fields in any_fields(), now in time()) {
        let allowed = allowance(&map(&fields), now);
        let most = Duration::from_secs(MOST_SECONDS);
        let times = [
            allowed.fresh_for,
            allowed.private_fresh_for,
            allowed.stale_while_revalidate,
            allowed.stale_if_error,
            Some(allowed.age),
        ];
        for time in times.into_iter().flatten() {
            prop_assert!(time <= most && time.subsec_nanos() == 0, "{time:?}");
        }
        for fresh in [allowed.fresh_for, allowed.private_fresh_for].into_iter().flatten() {
            prop_assert!(fresh.is_zero() || fresh + allowed.age <= most);
        }
        prop_assert!(!(allowed.no_store && allowed.storable));
    }

    #[test]
    fn a_restriction_more_never_allows_more(
        fields in any_fields(),
        now in time(),
        restriction in select(vec![
            "no-store", "NO-STORE", "private", "private=\"set-cookie\"", "no-cache", "no-cache=\"age\"",
            "must-revalidate", "proxy-revalidate", "max-age=0", "max-age=x", "s-maxage=0", "s-maxage",
            "stale-if-error=0", "stale-while-revalidate=0",
        ]),
        place in any::<Index>(),
    ) {
        let before = allowance(&map(&fields), now);
        let after = allowance(&map(&with(&fields, restriction, place)), now);
        prop_assert!(allows_no_more(&after, &before), "{after:?} {before:?}");
    }

    #[test]
    fn saying_a_time_again_never_prolongs_it(
        fields in any_fields(),
        now in time(),
        name in select(vec!["max-age", "s-maxage", "stale-if-error", "stale-while-revalidate"]),
        times in any::<[u32; 2]>(),
        places in any::<[Index; 2]>(),
    ) {
        let once = with(&fields, &format!("{name}={}", times[0]), places[0]);
        let twice = with(&once, &format!("{name}={}", times[1]), places[1]);
        let (once, twice) = (allowance(&map(&once), now), allowance(&map(&twice), now));
        prop_assert!(allows_no_more(&twice, &once), "{twice:?} {once:?}");
    }

    #[test]
    fn another_field_of_these_never_allows_more(
        fields in any_fields(),
        now in time(),
        (name, other) in (select(vec![SET_COOKIE, VARY]), any_value()),
    ) {
        let before = allowance(&map(&fields), now);
        let mut fields = fields;
        fields.push((name, other));
        prop_assert!(allows_no_more(&allowance(&map(&fields), now), &before));
    }

    #[test]
    fn what_is_left_is_the_lifetime_less_the_age(
        (max_age, age) in (any::<u64>(), any::<u64>()),
        (date, expires, now) in (time(), time(), time()),
        with_max_age: bool,
    ) {
        let whole = |time: SystemTime| i128::from(time.duration_since(UNIX_EPOCH).unwrap().as_secs());
        let most = i128::from(MOST_SECONDS);
        let mut fields = vec![
            (AGE, HeaderValue::from(age)),
            (DATE, value(httpdate::fmt_http_date(date))),
            (EXPIRES, value(httpdate::fmt_http_date(expires))),
        ];
        if with_max_age {
            fields.push((CACHE_CONTROL, value(format!("max-age={max_age}"))));
        }
        let allowed = allowance(&map(&fields), now);
        let lifetime = if with_max_age { max_age.into() } else { whole(expires) - whole(date) };
        let expected_age = i128::from(age).max(whole(now) - whole(date)).min(most);
        let left = (lifetime.min(most) - expected_age).max(0);
        prop_assert_eq!(i128::from(allowed.age.as_secs()), expected_age);
        prop_assert_eq!(allowed.fresh_for.map(|left| i128::from(left.as_secs())), Some(left));
        prop_assert_eq!(allowed.fresh_for, allowed.private_fresh_for);
    }
}

/// A number of seconds or what is none, bare, quoted, or with spaces that do not belong there.
///
/// Left out for what http-cache-semantics makes of it: no value at all and `+60`, which are no numbers of seconds
/// (RFC 9111, sections 1.2.2 and 4.2.1), and more than 2^31, which is to count as that (section 1.2.2).
fn timed(name: &'static str) -> impl Strategy<Value = String> {
    let number = prop_oneof![
        6 => (0..1000_u64).prop_map(|seconds| seconds.to_string()),
        1 => (0..=MOST_SECONDS).prop_map(|seconds| seconds.to_string()),
        1 => select(vec!["", "x", "-1", "1.5", "60s", "007"]).prop_map(str::to_owned),
    ];
    (number, 0..3).prop_map(move |(number, form)| match form {
        0 => format!("{name}={number}"),
        1 => format!("{name}=\"{number}\""),
        _ => format!("{name} = {number}"),
    })
}

/// `Cache-Control` as it ought to be: each directive once, or again in the same words.
///
/// Left out for what http-cache-semantics makes of it: names in capitals, which mean the same (RFC 9111, section 5.2);
/// `proxy-revalidate`, which forbids use once stale, not before (section 5.2.2.8); `immutable`, which is no lifetime
/// (RFC 8246); a directive inside a quoted string, which is none (RFC 9110, section 5.6.4); and different values for
/// one directive, of which it takes the first, where RFC 9111, section 4.2.1, leaves that or stale, and we what is less.
fn cache_control() -> impl Strategy<Value = Vec<HeaderValue>> {
    let other = select(vec![
        "no-store",
        "private",
        "private=\"set-cookie, x\"",
        "no-cache",
        "no-cache=\"set-cookie\"",
        "must-revalidate",
        "public",
        "must-understand",
        "stale-if-error=60",
        "stale-while-revalidate=60",
        "x=\"a; b\"",
        "max-agent=5",
    ]);
    let all = (
        prop::option::of(timed("max-age")),
        prop::option::of(timed("s-maxage")),
        prop_oneof![
            Just(Vec::new()),
            prop::collection::vec(other.prop_map(str::to_owned), 0..4)
        ],
    );
    let all = all.prop_map(|(max_age, s_maxage, other)| {
        let mut all: Vec<String> = other.into_iter().chain(max_age).chain(s_maxage).collect();
        // Of `private` and `private="…"` only one form, as of `no-cache`.
        let name = |text: &str| text.split('=').next().map(str::to_owned);
        let unlike = all.clone();
        all.retain(|one| {
            let first = unlike.iter().find(|other| name(other) == name(one));
            first == Some(one)
        });
        all
    });
    let fields = (
        all.prop_shuffle(),
        select(vec![", ", ",", " ,, ", "\t,"]),
        any::<bool>(),
    );
    fields.prop_map(|(all, comma, apart)| match apart {
        true => all.iter().map(value).collect(),
        false if all.is_empty() => Vec::new(),
        false => vec![value(all.join(comma))],
    })
}

/// Well-formed headers, and what they say at `now`.
///
/// Left out for what http-cache-semantics makes of it: a `Date` that shows more age than `Age`, which it does not look
/// at (RFC 9111, section 4.2.3); several fields of `Age`, `Date` or `Expires`, or lists in them, which ought not to be
/// (section 5.1); and `Pragma`, which means nothing in an answer (section 5.4).
fn well_formed(now: u64) -> impl Strategy<Value = HeaderMap> {
    let date = |seconds: u64| {
        value(httpdate::fmt_http_date(
            UNIX_EPOCH + Duration::from_secs(seconds),
        ))
    };
    let age = prop_oneof![2 => Just(None), 3 => (0..900_u64).prop_map(Some)];
    let dated = age.prop_flat_map(move |age| {
        let made = now - age.unwrap_or_default()..now + 900;
        let date = prop_oneof![
            1 => Just(None),
            1 => Just(Some(value("yesterday"))),
            4 => made.prop_map(move |made| Some(date(made))),
        ];
        let age = match age {
            Some(age) => Just(Some(value(age.to_string()))).boxed(),
            None => select(vec![None, Some(value("soon")), Some(value("-5"))]).boxed(),
        };
        (age, date)
    });
    let expires = prop_oneof![
        2 => Just(None),
        1 => select(vec!["0", "-1", "", "tomorrow"]).prop_map(|text| Some(value(text))),
        3 => (now - 900..now + 2000).prop_map(move |at| Some(date(at))),
    ];
    let modified = (0..now).prop_map(date);
    let others = (
        prop::option::weighted(
            0.2,
            select(vec!["*", "accept", "accept, *", "accept , x"]).prop_map(value),
        ),
        prop::option::weighted(0.1, Just(value("a=b"))),
        prop::option::weighted(0.2, modified),
    );
    (cache_control(), dated, expires, others).prop_map(
        |(control, (age, date), expires, (vary, cookie, modified))| {
            let mut headers = HeaderMap::new();
            for value in control {
                headers.append(CACHE_CONTROL, value);
            }
            let single = [
                (AGE, age),
                (DATE, date),
                (EXPIRES, expires),
                (VARY, vary),
                (SET_COOKIE, cookie),
                (LAST_MODIFIED, modified),
            ];
            for (name, value) in single {
                headers.extend(value.map(|value| (name, value)));
            }
            headers
        },
    )
}

fn oracle(headers: &HeaderMap, now: SystemTime, shared: bool) -> CachePolicy {
    let mut response = Response::new(());
    *response.headers_mut() = headers.clone();
    let options = CacheOptions {
        shared,
        cache_heuristic: 0.0,
        ..CacheOptions::default()
    };
    CachePolicy::new_options(&Request::new(()), &response, now, options)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn http_cache_semantics_says_the_same(
        (now, headers) in (10_000..4_000_000_000_u64).prop_flat_map(|now| (Just(now), well_formed(now))),
        nanos in 0..1_000_000_000_u32,
    ) {
        let now = UNIX_EPOCH + Duration::new(now, nanos);
        let allowed = allowance(&headers, now);
        let shared = oracle(&headers, now, true);
        // It keeps what no request will match, and cookies, though for no time.
        let never_matches = members(&headers, &VARY).any(|name| name == b"*");
        let kept = shared.is_storable() && !never_matches && !headers.contains_key(SET_COOKIE);
        prop_assert_eq!(allowed.storable, kept);
        if allowed.storable {
            let left = shared.time_to_live(now).as_secs();
            prop_assert_eq!(allowed.fresh_for.unwrap_or_default().as_secs(), left);
        }
        let private = oracle(&headers, now, false);
        prop_assert_eq!(allowed.no_store, !private.is_storable());
        if !allowed.no_store && !never_matches {
            let left = private.time_to_live(now).as_secs();
            prop_assert_eq!(allowed.private_fresh_for.unwrap_or_default().as_secs(), left);
        }
    }
}
