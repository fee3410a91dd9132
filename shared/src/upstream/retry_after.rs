//! When a service wants to be asked again (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{HeaderName, RETRY_AFTER};

use super::freshness::{delta_seconds, http_date};

/// What is asked for beyond this is a mistake, or as good as never.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What `Retry-After` asks for, counted from `now`: in seconds or as a date, a day at most. A date in the past means
/// at once. What is neither form is as if it were not there; of several the longest counts.
///
/// The clock is the wall clock, as a date is one of another host's.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let waits = headers.get_all(RETRY_AFTER).iter().filter_map(|value| {
        delta_seconds(value.as_bytes().trim_ascii()).or_else(|| {
            let date = http_date(value)?;
            Some(date.duration_since(now).unwrap_or_default())
        })
    });
    waits.max().map(|wait| wait.min(LONGEST))
}

/// What a gRPC service says of being asked again, in its trailers: in milliseconds (gRFC A6).
pub(super) const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// What a pushback asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushback {
    /// To be asked again after this time.
    After(Duration),
    /// Not to be asked again.
    Never,
}

/// The pushback of a gRPC answer. A negative one, and one that is no number, forbid to ask again (gRFC A6).
pub(super) fn pushback(metadata: &HeaderMap) -> Option<Pushback> {
    let text = metadata.get(PUSHBACK)?.to_str().ok();
    // A plus would be read too.
    let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let wait = digits.and_then(|digits| digits.parse::<u32>().ok());
    Some(wait.map_or(Pushback::Never, |wait| {
        Pushback::After(Duration::from_millis(wait.into()).min(LONGEST))
    }))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn asked(values: &[&[u8]], now: SystemTime) -> Option<Duration> {
        let values = values
            .iter()
            .map(|value| (RETRY_AFTER, HeaderValue::from_bytes(value).unwrap()));
        retry_after(&HeaderMap::from_iter(values), now)
    }

    #[test]
    fn each_form_and_what_is_none() {
        // Sun, 06 Nov 1994 08:49:37 GMT.
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, wait) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 120\t", Some(120)),
            ("007", Some(7)),
            ("86400", Some(86400)),
            ("86401", Some(86400)),
            ("99999999999999999999999", Some(86400)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sunday, 06-Nov-94 08:49:47 GMT", Some(10)),
            ("Sun Nov  6 08:49:47 1994", Some(10)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Mon, 07 Nov 1994 08:49:38 GMT", Some(86400)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(86400)),
            ("", None),
            ("soon", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("1s", None),
            ("\"1\"", None),
            ("1, 2", None),
            ("Mon, 06 Nov 1994 08:49:47 GMT", None),
            ("Sun, 06 Nov 1994 08:49:47 CET", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
        ] {
            let wait = wait.map(Duration::from_secs);
            assert_eq!(asked(&[value.as_bytes()], now), wait, "{value}");
        }
        assert_eq!(asked(&[], now), None);
        let several: [&[u8]; 3] = [b"5", b"\xff", b"Sun, 06 Nov 1994 08:49:57 GMT"];
        assert_eq!(asked(&several, now), Some(Duration::from_secs(20)));
    }

    #[test]
    fn a_pushback_is_a_number_of_milliseconds_or_forbids() {
        let pushed = |value: &[u8]| {
            let value = HeaderValue::from_bytes(value).unwrap();
            pushback(&HeaderMap::from_iter([(PUSHBACK, value)]))
        };
        for (value, millis) in [
            ("0", 0),
            ("1", 1),
            ("007", 7),
            ("2500", 2500),
            ("86400000", 86_400_000),
            // A day at most.
            ("86400001", 86_400_000),
            ("4294967295", 86_400_000),
        ] {
            let after = Pushback::After(Duration::from_millis(millis));
            assert_eq!(pushed(value.as_bytes()), Some(after), "{value}");
        }
        for value in [
            "-1",
            "-0",
            "-2500",
            "+1",
            "",
            "soon",
            "1.5",
            "1s",
            "0x1",
            "1, 2",
            " ",
            "4294967296",
            "99999999999999999999",
        ] {
            assert_eq!(pushed(value.as_bytes()), Some(Pushback::Never), "{value}");
        }
        assert_eq!(pushed(b"\xff"), Some(Pushback::Never));
        assert_eq!(pushback(&HeaderMap::new()), None);
        let http = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("1"))]);
        assert_eq!(pushback(&http), None);
    }

    proptest! {
        #[test]
        fn whatever_stands_there_is_read(
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4),
            seconds in 0..253_402_300_800_u64,
        ) {
            let values = values.iter().filter_map(|value| HeaderValue::from_bytes(value).ok());
            let headers = HeaderMap::from_iter(values.map(|value| (RETRY_AFTER, value)));
            let asked = retry_after(&headers, UNIX_EPOCH + Duration::from_secs(seconds));
            prop_assert!(asked.is_none_or(|wait| wait <= LONGEST));
        }

        #[test]
        fn what_is_written_is_what_is_read(now in 0..253_402_200_000_u64, wait in 0..=86_400_u64) {
            let (now, wait) = (UNIX_EPOCH + Duration::from_secs(now), Duration::from_secs(wait));
            let date = httpdate::fmt_http_date(now + wait);
            prop_assert_eq!(asked(&[date.as_bytes()], now), Some(wait));
            prop_assert_eq!(asked(&[wait.as_secs().to_string().as_bytes()], now), Some(wait));
        }
    }
}
