//! When a service wants to be asked again (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

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
