//! Each rule on its own.

use std::time::UNIX_EPOCH;

use super::*;

/// Sun, 06 Nov 1994 08:49:37 GMT.
const NOW: u64 = 784_111_777;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// What is allowed by the fields of `head`, one on each line. `@5` is the date five seconds from now.
fn allowed(head: &str) -> Allowance {
    let mut headers = HeaderMap::new();
    for line in head.lines() {
        let (name, value) = line.split_once(':').unwrap();
        let value = match value.trim().strip_prefix('@') {
            Some(offset) => {
                let time = NOW.saturating_add_signed(offset.parse().unwrap());
                httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(time))
            }
            None => value.trim().to_owned(),
        };
        let name = HeaderName::try_from(name).unwrap();
        headers.append(name, HeaderValue::try_from(value).unwrap());
    }
    allowance(&headers, now())
}

fn cache_control(value: &str) -> Allowance {
    allowed(&format!("Cache-Control: {value}"))
}

fn seconds(seconds: Option<u64>) -> Option<Duration> {
    seconds.map(Duration::from_secs)
}

#[test]
fn headers_that_say_nothing_allow_keeping_and_promise_nothing() {
    let nothing = Allowance {
        storable: true,
        no_store: false,
        age: Duration::ZERO,
        fresh_for: None,
        private_fresh_for: None,
        stale_while_revalidate: None,
        stale_if_error: None,
        never_stale: false,
    };
    for head in [
        "",
        "Cache-Control:",
        "Cache-Control: , ,",
        "Cache-Control: public, immutable, must-understand, community=\"UCI\", x-max-age=5",
        "Vary: Accept-Encoding, Accept",
        "Vary: x-*",
        "ETag: \"1\"\nLast-Modified: Sun, 06 Nov 1994 08:00:00 GMT",
        "Age: soon",
        "Date: today",
        // For requests alone (RFC 9111, section 5.4).
        "Pragma: no-cache",
        "Retry-After: 5",
    ] {
        assert_eq!(allowed(head), nothing, "{head}");
    }
}

#[test]
fn the_ordinary_case_in_full() {
    let said = "Cache-Control: max-age=60, stale-while-revalidate=30, stale-if-error=600\n\
                Date: @-2\nAge: 7\nVary: Accept";
    let expected = Allowance {
        storable: true,
        no_store: false,
        age: Duration::from_secs(7),
        fresh_for: seconds(Some(53)),
        private_fresh_for: seconds(Some(53)),
        stale_while_revalidate: seconds(Some(30)),
        stale_if_error: seconds(Some(600)),
        never_stale: false,
    };
    assert_eq!(allowed(said), expected);
}

#[test]
fn what_may_not_be_kept() {
    for head in [
        "Cache-Control: no-store",
        "Cache-Control: private",
        "Cache-Control: private=\"set-cookie\"",
        "Cache-Control: private=\"a, b\", max-age=60",
        "Cache-Control: private=",
        "Cache-Control: PRIVATE",
        "Cache-Control: public, private",
        "Cache-Control: max-age=60\nCache-Control: private",
        "Vary: *",
        "Vary: Accept, *",
        "Vary: Accept\nVary: ,*",
        "Set-Cookie: a=b",
        "Set-Cookie:",
        "Cache-Control: public, max-age=60\nSet-Cookie: a=b",
    ] {
        assert!(!allowed(head).storable, "{head}");
    }
}

#[test]
fn no_store_is_told_from_what_is_merely_not_shared() {
    for (value, no_store) in [
        ("no-store", true),
        ("No-Store", true),
        ("max-age=60, no-store", true),
        ("max-age=60,no-store,public", true),
        ("no-store=1", true),
        ("no-store=\"a\"", true),
        // It is the status that would have to be understood, and that is not looked at.
        ("must-understand, no-store", true),
        ("private", false),
        ("no-cache", false),
        ("no-storefront", false),
        ("x=\"no-store\"", false),
        ("x=\"a, no-store, b\"", false),
        ("x=\"a\\\", no-store\"", false),
        ("x=no-store", false),
    ] {
        assert_eq!(cache_control(value).no_store, no_store, "{value}");
    }
}

#[test]
fn the_lifetime_that_cache_control_tells() {
    for (value, shared, private) in [
        ("max-age=60", Some(60), Some(60)),
        ("MAX-AGE=60", Some(60), Some(60)),
        ("max-age=\"60\"", Some(60), Some(60)),
        ("  ,max-age=60 ,, ", Some(60), Some(60)),
        ("max-age = 60", Some(60), Some(60)),
        ("max-age=0", Some(0), Some(0)),
        ("max-age=0060", Some(60), Some(60)),
        ("max-age=60, s-maxage=5", Some(5), Some(60)),
        ("s-maxage=90, max-age=60", Some(90), Some(60)),
        ("s-maxage=90", Some(90), None),
        ("private, max-age=60", Some(60), Some(60)),
        // no-cache, of some fields too.
        ("no-cache", Some(0), Some(0)),
        ("no-cache, max-age=60, s-maxage=60", Some(0), Some(0)),
        ("no-cache=\"set-cookie\", max-age=60", Some(0), Some(0)),
        // Of several the shortest.
        ("max-age=60, max-age=60", Some(60), Some(60)),
        ("max-age=60, max-age=5", Some(5), Some(5)),
        ("max-age=5, max-age=60", Some(5), Some(5)),
        ("max-age=60, max-age=x", Some(0), Some(0)),
        ("s-maxage=5, s-maxage=60, max-age=7", Some(5), Some(7)),
        // What is no number of seconds.
        ("max-age", Some(0), Some(0)),
        ("max-age=", Some(0), Some(0)),
        ("max-age=\"\"", Some(0), Some(0)),
        ("max-age=-1", Some(0), Some(0)),
        ("max-age=+60", Some(0), Some(0)),
        ("max-age=1.5", Some(0), Some(0)),
        ("max-age=60s", Some(0), Some(0)),
        ("max-age=1e3", Some(0), Some(0)),
        ("max-age='60'", Some(0), Some(0)),
        ("max-age=\" 60\"", Some(0), Some(0)),
        ("max-age=60; public", Some(0), Some(0)),
        ("s-maxage=x, max-age=60", Some(0), Some(60)),
        // Too many.
        (
            "max-age=2147483647",
            Some(2_147_483_647),
            Some(2_147_483_647),
        ),
        ("max-age=2147483648", Some(1 << 31), Some(1 << 31)),
        ("max-age=2147483649", Some(1 << 31), Some(1 << 31)),
        (
            "max-age=99999999999999999999999",
            Some(1 << 31),
            Some(1 << 31),
        ),
    ] {
        let allowed = cache_control(value);
        assert_eq!(allowed.fresh_for, seconds(shared), "{value}");
        assert_eq!(allowed.private_fresh_for, seconds(private), "{value}");
    }
}

#[test]
fn what_is_no_list_of_directives_is_stale_and_hides_nothing() {
    for (value, no_store) in [
        ("public max-age=60", false),
        ("max-age=60, public no-store", false),
        ("max-age=60, =5", false),
        ("max-age=60, x=a b", false),
        ("max-age=60, a/b", false),
        ("max-age=60, x=\"a", false),
        ("max-age=60, x=\"a\"b", false),
        ("max-age=60, \"no-store\"", false),
        ("max-age=60, x=\"a, no-store", true),
        ("max-age=60, x=\"a, no-store, private=\"b\"", true),
        ("max-age=60, x=\"a\" b, no-store", true),
    ] {
        let allowed = cache_control(value);
        assert_eq!(allowed.fresh_for, seconds(Some(0)), "{value}");
        assert_eq!(allowed.private_fresh_for, seconds(Some(0)), "{value}");
        assert!(allowed.never_stale, "{value}");
        assert_eq!(allowed.no_store, no_store, "{value}");
    }
    let headers = HeaderMap::from_iter([(
        CACHE_CONTROL,
        HeaderValue::from_bytes(b"max-age=60, \xff, no-store").unwrap(),
    )]);
    let allowed = allowance(&headers, now());
    assert!(allowed.no_store);
    assert_eq!(allowed.fresh_for, seconds(Some(0)));
}

#[test]
fn several_fields_are_one_list() {
    let several = "Cache-Control: max-age=60\nCache-Control: s-maxage=30, max-age=50\n\
                   Cache-Control: stale-if-error=5";
    let one = cache_control("max-age=60, s-maxage=30, max-age=50, stale-if-error=5");
    assert_eq!(allowed(several), one);
    assert_eq!(one.fresh_for, seconds(Some(30)));
    assert_eq!(one.private_fresh_for, seconds(Some(50)));
}

#[test]
fn the_lifetime_that_expires_tells() {
    for (head, left) in [
        // Without a date it counts from now.
        ("Expires: @60", Some(60)),
        ("Expires: Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
        ("Expires: Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
        ("Expires: Sun Nov  6 08:50:37 1994", Some(60)),
        ("Date: no date\nExpires: @60", Some(60)),
        ("Age: 50\nExpires: @60", Some(10)),
        // Otherwise from the date, less the age that the date shows.
        ("Date: @-10\nExpires: @60", Some(60)),
        ("Date: @20\nExpires: @60", Some(40)),
        // Over.
        ("Expires: @0", Some(0)),
        ("Expires: @-1", Some(0)),
        ("Date: @60\nExpires: @23", Some(0)),
        // No date at all, or none that there is.
        ("Expires: 0", Some(0)),
        ("Expires: -1", Some(0)),
        ("Expires:", Some(0)),
        ("Expires: Sun, 06 Nov 1994 08:50:37 CET", Some(0)),
        ("Expires: Mon, 06 Nov 1994 08:50:37 GMT", Some(0)),
        ("Expires: Wed, 30 Feb 2033 08:50:37 GMT", Some(0)),
        ("Expires: ü", Some(0)),
        // Of several the first to come; and it does not count beside a max-age, valid or not.
        ("Expires: @60\nExpires: @10", Some(10)),
        ("Expires: @60\nExpires: 0", Some(0)),
        ("Cache-Control: max-age=5\nExpires: @60", Some(5)),
        ("Cache-Control: max-age=90\nExpires: 0", Some(90)),
        ("Cache-Control: max-age=x\nExpires: @60", Some(0)),
        ("Cache-Control: no-cache\nExpires: @60", Some(0)),
        ("Cache-Control: public\nExpires: @60", Some(60)),
        // As far off as can be written.
        ("Expires: Fri, 31 Dec 9999 23:59:59 GMT", Some(1 << 31)),
    ] {
        let allowed = allowed(head);
        assert_eq!(allowed.fresh_for, seconds(left), "{head}");
        assert_eq!(allowed.private_fresh_for, seconds(left), "{head}");
    }
    let both = allowed("Cache-Control: s-maxage=5\nExpires: @60");
    assert_eq!(both.fresh_for, seconds(Some(5)));
    assert_eq!(both.private_fresh_for, seconds(Some(60)));
}

#[test]
fn the_age_on_arrival() {
    for (head, age) in [
        ("Age: 7", 7),
        ("Age:  7 ", 7),
        ("Age: 0", 0),
        ("Date: @-10", 10),
        ("Date: @0", 0),
        // A clock that is ahead of ours.
        ("Date: @3600", 0),
        ("Date: @3600\nAge: 3", 3),
        // Whichever is more.
        ("Date: @-10\nAge: 3", 10),
        ("Date: @-10\nAge: 30", 30),
        ("Date: @-10\nDate: @-20", 20),
        // Of several the first; what is no number does not count.
        ("Age: 7, 9", 7),
        ("Age: 7\nAge: 3", 7),
        ("Age: , 7", 7),
        ("Age: x, 7", 7),
        ("Age: -7", 0),
        ("Age: 7.5", 0),
        ("Age: \"7\"", 0),
        ("Age: 7 9", 0),
        ("Age: 99999999999999999999", 1 << 31),
        ("Date: Thu, 01 Jan 1970 00:00:00 GMT", NOW),
    ] {
        assert_eq!(allowed(head).age, Duration::from_secs(age), "{head}");
        let aged = allowed(&format!("{head}\nCache-Control: max-age=60, s-maxage=8"));
        assert_eq!(aged.fresh_for, seconds(Some(8_u64.saturating_sub(age))));
        assert_eq!(
            aged.private_fresh_for,
            seconds(Some(60_u64.saturating_sub(age)))
        );
    }
}

#[test]
fn part_of_a_second_is_no_age() {
    let date = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
    let headers = HeaderMap::from_iter([(DATE, date)]);
    for (passed, age) in [(0, 0), (999, 0), (1000, 1), (1999, 1)] {
        let now = now() + Duration::from_millis(passed);
        assert_eq!(allowance(&headers, now).age, Duration::from_secs(age));
    }
}

#[test]
fn what_may_be_used_when_stale() {
    for (value, revalidate, error) in [
        ("stale-while-revalidate=30", Some(30), None),
        ("Stale-If-Error=30", None, Some(30)),
        (
            "stale-if-error=\"30\", stale-while-revalidate=0",
            Some(0),
            Some(30),
        ),
        ("stale-if-error=30, stale-if-error=5", None, Some(5)),
        (
            "stale-if-error, stale-while-revalidate=-1",
            Some(0),
            Some(0),
        ),
        ("stale-if-error=9999999999", None, Some(1 << 31)),
        ("max-age=60", None, None),
    ] {
        let allowed = cache_control(value);
        assert_eq!(
            allowed.stale_while_revalidate,
            seconds(revalidate),
            "{value}"
        );
        assert_eq!(allowed.stale_if_error, seconds(error), "{value}");
        assert!(!allowed.never_stale, "{value}");
    }
}

#[test]
fn what_may_never_be_used_when_stale() {
    for value in [
        "must-revalidate",
        "Must-Revalidate",
        "must-revalidate=1",
        "proxy-revalidate",
        "s-maxage=60",
        "s-maxage=x",
        "no-cache",
        "no-cache=\"a\"",
        "max-age=60, must-revalidate, stale-if-error=60",
    ] {
        assert!(cache_control(value).never_stale, "{value}");
    }
    for value in [
        "max-age=60",
        "private",
        "no-store",
        "public",
        "x=\"no-cache\"",
    ] {
        assert!(!cache_control(value).never_stale, "{value}");
    }
}
