//! What a service's headers allow a shared cache to do with its answer (RFC 9111, RFC 5861).
//!
//! Where headers contradict each other or cannot be read, the reading that allows less holds: an answer that is asked
//! for again costs time, one that is kept against the service's will is wrong.
//!
//! The clock is the wall clock, `SystemTime`: the dates that it is set against are another host's wall clock.

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What more seconds than this count as (RFC 9111, section 1.2.2).
const MOST_SECONDS: u64 = 1 << 31;

/// What an answer's headers allow. Its status is not looked at: which ones are kept is the cache's choice
/// (RFC 9111, section 3). So `must-understand` does not lift a `no-store` (section 5.2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowance {
    /// Whether a shared cache may keep it at all: neither `no-store` nor `private`, the latter with names of fields
    /// too (RFC 9111, sections 5.2.2.5 and 5.2.2.7); no `Vary: *`, which no later request matches (section 4.1); and
    /// no `Set-Cookie`, which is one caller's, though section 7.3 would leave that to `Cache-Control`.
    pub(super) storable: bool,
    /// `no-store` was said outright: outward, nothing that this answer is a part of may be kept.
    pub(super) no_store: bool,
    /// Its age on arrival, in whole seconds (RFC 9111, section 4.2.3): by `Age` or by `Date`, whichever is more.
    /// How long the exchange took is not in it; that is known to who asked.
    pub(super) age: Duration,
    /// How long it stays fresh from now on (RFC 9111, section 4.2): the lifetime by `s-maxage`, else `max-age`, else
    /// `Expires`, less the age. `None` where the headers say nothing about it; nothing is guessed then.
    pub(super) fresh_for: Option<Duration>,
    /// The same for a private cache, which neither `s-maxage` nor `private` concerns: what is told outward.
    pub(super) private_fresh_for: Option<Duration>,
    /// For how long it may be used after that while it is asked for anew (RFC 5861, section 3). [`never_stale`]
    /// forbids it all the same.
    ///
    /// [`never_stale`]: Self::never_stale
    pub(super) stale_while_revalidate: Option<Duration>,
    /// For how long it may be used after that when asking anew fails (RFC 5861, section 4). [`never_stale`] forbids
    /// it all the same.
    ///
    /// [`never_stale`]: Self::never_stale
    pub(super) stale_if_error: Option<Duration>,
    /// Never to be used once stale (RFC 9111, section 4.2.4): `must-revalidate`, `proxy-revalidate`, `no-cache`, and
    /// `s-maxage`, which implies it (section 5.2.2.10).
    pub(super) never_stale: bool,
}

/// What `headers`, received at `now`, allow.
pub(super) fn allowance(headers: &HeaderMap, now: SystemTime) -> Allowance {
    let said = Directives::of(headers);
    let age = age(headers, now);
    let left = |lifetime: Option<Duration>| match lifetime {
        _ if said.no_cache => Some(Duration::ZERO),
        Some(lifetime) => Some(lifetime.saturating_sub(age)),
        None => None,
    };
    // Expires counts only where there is no max-age (RFC 9111, section 5.3).
    let lifetime = said.max_age.or_else(|| until_expired(headers, now));
    Allowance {
        storable: !said.no_store
            && !said.private
            && !headers.contains_key(SET_COOKIE)
            && !members(headers, &VARY).any(|name| name == b"*"),
        no_store: said.no_store,
        age,
        fresh_for: left(said.s_maxage.or(lifetime)),
        private_fresh_for: left(lifetime),
        stale_while_revalidate: said.stale_while_revalidate,
        stale_if_error: said.stale_if_error,
        never_stale: said.no_cache || said.revalidate || said.s_maxage.is_some(),
    }
}

/// The `delta-seconds` of RFC 9111, section 1.2.2: digits and nothing else; too many of them mean the most there is.
pub(super) fn delta_seconds(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = digits.iter().fold(0, |seconds: u64, digit| {
        (seconds * 10 + u64::from(digit - b'0')).min(MOST_SECONDS)
    });
    Some(Duration::from_secs(seconds))
}

/// A date in any of the three forms of RFC 9110, section 5.6.7.
pub(super) fn http_date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// The age on arrival (RFC 9111, section 4.2.3).
fn age(headers: &HeaderMap, now: SystemTime) -> Duration {
    // One value is meant: of several the first counts, and what is no number does not (RFC 9111, section 5.1).
    let told = members(headers, &AGE).find_map(delta_seconds);
    let apparent = dates(headers).min().map(|made| seconds_from(made, now));
    told.max(apparent).unwrap_or_default()
}

/// The lifetime by `Expires` (RFC 9111, section 5.3). What is no date, "0" above all, lies in the past.
fn until_expired(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let expiries = headers.get_all(EXPIRES).iter().map(http_date);
    let lifetimes = expiries.map(|expiry| {
        expiry.map_or(Duration::ZERO, |expiry| {
            // What bears no date was made when it came (RFC 9110, section 6.6.1).
            seconds_from(dates(headers).max().unwrap_or(now), expiry)
        })
    });
    lifetimes.min()
}

/// Every `Date`; there ought to be one at most. One that is not valid is as if it were not there.
fn dates(headers: &HeaderMap) -> impl Iterator<Item = SystemTime> {
    headers.get_all(DATE).iter().filter_map(date)
}

/// An [`http_date`] as most answers of the same second have it: read once, and not for each of them.
fn date(value: &HeaderValue) -> Option<SystemTime> {
    thread_local! {
        static LAST: RefCell<Option<(HeaderValue, SystemTime)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| {
        if let Some((same, date)) = last
            && same == value
        {
            return Some(*date);
        }
        let date = http_date(value)?;
        *last = Some((value.clone(), date));
        Some(date)
    })
}

/// Whole seconds; zero if `end` lies before `start`.
fn seconds_from(start: SystemTime, end: SystemTime) -> Duration {
    let passed = end.duration_since(start).unwrap_or_default();
    Duration::from_secs(passed.as_secs().min(MOST_SECONDS))
}

/// The members of a list in which nothing is quoted, over all of its fields (RFC 9110, section 5.6.1).
fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let fields = headers.get_all(name).into_iter();
    fields
        .flat_map(|field| field.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// What `Cache-Control` says, all of its fields together (RFC 9111, section 5.2.2).
#[derive(Debug, Default)]
struct Directives {
    no_store: bool,
    private: bool,
    no_cache: bool,
    /// `must-revalidate` or `proxy-revalidate`.
    revalidate: bool,
    max_age: Option<Duration>,
    s_maxage: Option<Duration>,
    stale_while_revalidate: Option<Duration>,
    stale_if_error: Option<Duration>,
}

impl Directives {
    fn of(headers: &HeaderMap) -> Self {
        let mut said = Self::default();
        for field in headers.get_all(CACHE_CONTROL) {
            let mut rest = field.as_bytes();
            while let Some(directive) = Directive::next(&mut rest) {
                said.add(&directive);
            }
        }
        said
    }

    fn add(&mut self, directive: &Directive<'_>) {
        let is = |name: &str| directive.name.eq_ignore_ascii_case(name.as_bytes());
        if directive.malformed {
            // What was meant is not known: to ask again is always right (RFC 9111, section 4.2.1).
            self.no_cache = true;
        }
        if is("max-age") {
            directive.shorten(&mut self.max_age);
        } else if is("s-maxage") {
            directive.shorten(&mut self.s_maxage);
        } else if is("stale-while-revalidate") {
            directive.shorten(&mut self.stale_while_revalidate);
        } else if is("stale-if-error") {
            directive.shorten(&mut self.stale_if_error);
        } else if is("no-store") {
            self.no_store = true;
        } else if is("private") {
            self.private = true;
        } else if is("no-cache") {
            self.no_cache = true;
        } else if is("must-revalidate") || is("proxy-revalidate") {
            self.revalidate = true;
        }
    }
}

/// One directive: `name`, `name=token` or `name="text"`.
struct Directive<'a> {
    name: &'a [u8],
    value: Option<&'a [u8]>,
    /// Not of one of those forms.
    malformed: bool,
}

impl<'a> Directive<'a> {
    /// Takes the first directive off `rest`, passing over members of the list that are empty. Spaces around `=` do
    /// not belong there and are passed over as well.
    fn next(rest: &mut &'a [u8]) -> Option<Self> {
        loop {
            *rest = rest.trim_ascii_start();
            match rest.split_first()? {
                (b',', after) => *rest = after,
                _ => break,
            }
        }
        let end = rest.iter().position(|byte| matches!(byte, b',' | b'='));
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        let name = name.trim_ascii_end();
        let mut directive = Self {
            name,
            value: None,
            malformed: name.is_empty() || !is_token(name),
        };
        let Some(after) = after.strip_prefix(b"=") else {
            *rest = after;
            return Some(directive);
        };
        let after = after.trim_ascii_start();
        let (value, next) = if let Some(quoted) = quoted_string(after) {
            quoted
        } else {
            // A quote that does not end where it should is no token, and hides nothing that comes after it.
            let comma = after.iter().position(|byte| *byte == b',');
            let (token, next) = after.split_at(comma.unwrap_or(after.len()));
            directive.malformed |= !is_token(token.trim_ascii());
            (token.trim_ascii(), next)
        };
        directive.value = Some(value);
        *rest = next;
        Some(directive)
    }

    /// Of several values the shortest counts, and what is no number of seconds is the shortest there is (RFC 9111,
    /// section 4.2.1).
    fn shorten(&self, said: &mut Option<Duration>) {
        let seconds = self.value.and_then(delta_seconds).unwrap_or_default();
        *said = Some(said.map_or(seconds, |said| said.min(seconds)));
    }
}

/// The text in quotes that `member` begins with, and what follows: nothing, or the next member with its comma
/// (RFC 9110, section 5.6.4).
fn quoted_string(member: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = member.strip_prefix(b"\"")?;
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })?;
    let rest = text[end + 1..].trim_ascii_start();
    (rest.is_empty() || rest.starts_with(b",")).then_some((&text[..end], rest))
}

/// Whether nothing stands there that a token may not hold (RFC 9110, section 5.6.2).
fn is_token(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
