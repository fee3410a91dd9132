//! Whether an answer is what was expected, to the last header.

use mock_services::raw::Answer;
use serde_json::{Value, json};

use crate::cell::{Body, Calls, Client, Expected, Service};
use crate::known::{Known, same};
use crate::stack::Seen;

/// How much of a source's state is settled by what was done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Good {
    /// It was asked just now.
    Fresh,
    /// It was asked just now or before.
    FreshOrCached,
    /// It was asked before.
    Cached,
}

impl Good {
    fn allows(self, state: &str) -> bool {
        match self {
            Self::Fresh => state == "fresh",
            Self::FreshOrCached => matches!(state, "fresh" | "cached"),
            Self::Cached => state == "cached",
        }
    }
}

/// An answer, who got it, and what was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Got<'a> {
    pub(crate) client: Client,
    pub(crate) asked: &'a Known,
    pub(crate) answer: &'a Answer,
}

impl Got<'_> {
    /// Checks status, body, sources and headers. The sources that nothing is said of are `good`: order and customer.
    pub(crate) fn check(&self, expected: &Expected, good: [Good; 2]) -> Result<(), String> {
        self.checked(expected, good)
            .map_err(|why| format!("{why}: {expected:?}, {good:?}: {:?}", self.answer))
    }

    fn checked(&self, expected: &Expected, good: [Good; 2]) -> Result<(), String> {
        same(&json!(self.answer.status), &json!(expected.status))?;
        let body: Value = serde_json::from_str(&self.answer.body)
            .map_err(|error| format!("the body is no JSON: {error}"))?;
        let headers = |name: &str| self.answer.header(name);
        if let Body::Problem(code) = expected.body {
            return self.problem(&body, code, expected.retry_after);
        }
        if let Some(after) = headers("retry-after") {
            return Err(format!("Retry-After: {after}"));
        }
        self.asked.order_in(self.client, &body)?;
        match expected.body {
            Body::NoCustomer(_) => self.asked.no_customer_in(self.client, &body)?,
            _ => self.asked.customer_in(self.client, &body)?,
        }
        let mut degraded = false;
        for (service, good) in [Service::Order, Service::Customer].into_iter().zip(good) {
            let said = self.said(service, &expected.body);
            degraded |= said.is_some();
            self.source(service, &body, said, good)?;
        }
        let cache_control = headers("cache-control").unwrap_or_default();
        let kept = cache_control.starts_with("private, max-age=");
        let etag = headers("etag").map(|tag| tag.starts_with("W/\""));
        match (degraded, cache_control, etag) {
            (true, "no-store", None) => Ok(()),
            (false, _, Some(true)) if kept => Ok(()),
            _ => Err(format!("Cache-Control: {cache_control}, ETag: {etag:?}")),
        }
    }

    /// State and reason of a source that is not good.
    fn said(&self, service: Service, body: &Body) -> Option<(&'static str, &'static str)> {
        match *body {
            Body::Stale(stale, reason) if stale == service => Some(("stale", reason)),
            Body::NoCustomer(reason) if service == Service::Customer => {
                let state = match self.client {
                    Client::Web => "omitted",
                    Client::Mobile => "default",
                };
                Some((state, reason))
            }
            _ => None,
        }
    }

    /// What body, `Server-Timing` and `Cache-Status` say of a source.
    fn source(
        &self,
        service: Service,
        body: &Value,
        said: Option<(&'static str, &'static str)>,
        good: Good,
    ) -> Result<(), String> {
        let name = service.source();
        let shown = &body["sources"][name];
        let [timing, cache] = ["server-timing", "cache-status"].map(|field| {
            let members = self.answer.header(field).unwrap_or_default().split(", ");
            members
                .filter_map(|member| member.strip_prefix(name))
                .find(|rest| rest.starts_with(';'))
                .unwrap_or_default()
                .to_owned()
        });
        let state = match said {
            Some((state, reason)) => {
                same(&shown["state"], &json!(state))?;
                same(&shown["reason"], &json!(reason))?;
                // In a cache nothing is younger than nothing, and what is not from there has no age.
                same(
                    &json!(shown["ageSeconds"].is_u64()),
                    &json!(state == "stale"),
                )?;
                let begins = match (state, reason) {
                    // Nobody was asked,
                    ("stale", "circuitOpen") => "; hit; ttl=",
                    (_, "circuitOpen") => "; detail=",
                    // or the answer of somebody who was did not come.
                    ("stale", _) => "; fwd=stale; ttl=",
                    _ => "; fwd=miss; ",
                };
                let ends = format!("detail={reason}");
                if !cache.starts_with(begins) || !cache.ends_with(&ends) {
                    return Err(format!("Cache-Status of {name}: {cache}"));
                }
                format!("{state} {reason}")
            }
            None => {
                let state = timing.rsplit('"').nth(1).unwrap_or_default().to_owned();
                if !good.allows(&state) {
                    return Err(format!("the {name} is {state:?}, not {good:?}"));
                }
                match self.client {
                    Client::Web => same(&shown["state"], &json!(state))?,
                    // The app is told of what is degraded only.
                    Client::Mobile => same(shown, &Value::Null)?,
                }
                same(&shown["reason"], &Value::Null)?;
                let begins = if state == "cached" { "; hit" } else { "; fwd=" };
                if !cache.starts_with(begins) || cache.contains("detail=") {
                    return Err(format!("Cache-Status of {name}: {cache}"));
                }
                state
            }
        };
        if timing.starts_with(";dur=") && timing.ends_with(&format!(";desc=\"{state}\"")) {
            Ok(())
        } else {
            Err(format!("Server-Timing of {name}: {timing}"))
        }
    }

    fn problem(&self, body: &Value, code: &str, retry_after: Option<u64>) -> Result<(), String> {
        let headers = |name: &str| self.answer.header(name);
        same(&body["code"], &json!(code))?;
        same(&body["status"], &json!(self.answer.status))?;
        same(&body["type"], &json!(format!("urn:bff:problem:{code}")))?;
        same(&body["requestId"], &json!(headers("x-request-id")))?;
        let mut members: Vec<_> = body.as_object().into_iter().flatten().collect();
        members.sort_unstable_by_key(|(name, _)| *name);
        let names: Vec<_> = members.iter().map(|(name, _)| name.as_str()).collect();
        let all = ["code", "detail", "requestId", "status", "title", "type"];
        same(&json!(names), &json!(all))?;
        for (name, expected) in [
            ("content-type", Some("application/problem+json")),
            ("cache-control", Some("no-store")),
            ("etag", None),
        ] {
            same(&json!(headers(name)), &json!(expected))?;
        }
        let shown = headers("retry-after").map(|after| after.parse().unwrap_or(u64::MAX));
        same(&json!(shown), &json!(retry_after))
    }
}

/// Checks what was asked of the service that fails, and of the other one.
pub(crate) fn check_calls(
    expected: &Expected,
    failing: [Seen; 2],
    other: [Seen; 2],
) -> Result<(), String> {
    let made = |[before, after]: [Seen; 2]| {
        let hedges = after.hedges.saturating_sub(before.hedges);
        (after.calls() - before.calls(), hedges)
    };
    let (calls, hedges) = made(failing);
    let fits = match expected.calls {
        Calls::InAll(expected) => calls == expected,
        Calls::Series {
            least,
            most,
            hedges: expected,
        } => {
            let series = calls - hedges;
            least <= series && series <= most && expected.is_none_or(|expected| hedges == expected)
        }
    };
    if !fits {
        return Err(format!(
            "{calls} calls, {hedges} of them hedges, where {:?} were expected",
            expected.calls
        ));
    }
    // A hedge would be the doing of a slow machine.
    let (calls, hedges) = made(other);
    if calls - hedges != expected.other_calls {
        return Err(format!("{calls} calls to the other service"));
    }
    Ok(())
}
