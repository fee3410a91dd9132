//! One attempt: an endpoint, a time, an answer judged.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{ETAG, HeaderName, LAST_MODIFIED, VARY};
use twox_hash::XxHash3_64;

use super::{Call, Client, Lost, Reply};
use crate::upstream::cache::Entry;
use crate::upstream::classify::of_transport;
use crate::upstream::cluster::Taken;
use crate::upstream::endpoint::AttemptEnd;
use crate::upstream::freshness::{Allowance, allowance};
use crate::upstream::retry::Failed;
use crate::upstream::transport::{Attempt, TransportError};
use crate::upstream::{Endpoint, Error, ErrorKind, Instant, Response, ResponseClass, Undecodable};

/// How one attempt ended without an answer.
pub(super) struct Failure {
    pub(super) error: Error,
    /// What the decision on a repeat needs.
    pub(super) failed: Failed,
    /// What its endpoint is told.
    pub(super) end: AttemptEnd,
}

impl Client {
    /// Asks the endpoint that was taken. Dropped, it counts as cancelled, or as overtaken if it `lost`.
    pub(super) async fn attempt<T, D>(
        &self,
        call: &Call<'_, D>,
        taken: Taken<'_>,
        lost: &Lost,
    ) -> Result<Reply, Failure>
    where
        T: Send + Sync + 'static,
        D: Fn(&Response) -> Result<T, Undecodable>,
    {
        // Just now: a look at the clock costs more than most of what is done between.
        let now = taken.since;
        let allowed = self.cluster.config().attempt_timeout;
        let limit = call.deadline.at_most(now, allowed);
        let taken = taken.unless(lost);
        let endpoint = &*taken.endpoint;
        let attempt = Attempt {
            endpoint,
            request: call.request,
            context: call.context,
            remaining: call.announced(now),
        };
        let sent = self
            .timers
            .attempts
            .until(limit.instant(), self.transport.send(attempt))
            .await;
        let waited = limit.remaining(now);
        let now = Instant::now();
        let outcome = match sent {
            Some(Ok(response)) => {
                let late = late(waited, allowed);
                self.judge(endpoint, call, &response, late, now)
            }
            Some(Err(error)) => Err(self.transport_failure(endpoint, &error)),
            None => Err(self.timed_out(endpoint, waited, allowed)),
        };
        let end = match &outcome {
            Ok(_) => AttemptEnd::Answered,
            Err(failure) => {
                taken.endpoint.failed(failure.error.kind(), now);
                failure.end
            }
        };
        taken.end(end, now);
        outcome
    }

    /// Response validation: the innermost policy, so that what it refuses counts as a failure of the attempt.
    fn judge<T, D>(
        &self,
        endpoint: &Endpoint,
        call: &Call<'_, D>,
        response: &Response,
        late: AttemptEnd,
        now: Instant,
    ) -> Result<Reply, Failure>
    where
        T: Send + Sync + 'static,
        D: Fn(&Response) -> Result<T, Undecodable>,
    {
        let status = response.status;
        let class = if call.request.is_answered_by(status) {
            ResponseClass::Success
        } else {
            ResponseClass::of_response(response)
        };
        let (kind, end) = match class {
            ResponseClass::Success => {
                return match (call.decode)(response) {
                    Ok(value) => Ok(Reply::Whole(entry(
                        call,
                        response,
                        Some(Arc::new(value)),
                        now,
                    ))),
                    Err(why) => {
                        let detail =
                            format!("{endpoint} answered {} with {why}", response.answered());
                        Err(self.failure(ErrorKind::InvalidResponse, detail))
                    }
                };
            }
            ResponseClass::NotFound => return Ok(Reply::Whole(entry(call, response, None, now))),
            ResponseClass::Unexpected if call.conditional && status == StatusCode::NOT_MODIFIED => {
                return Ok(Reply::NotModified(entry(call, response, None, now)));
            }
            ResponseClass::Throttled => (ErrorKind::Overloaded, AttemptEnd::Throttled),
            ResponseClass::TimedOut => (ErrorKind::Timeout, late),
            ResponseClass::Unavailable => (ErrorKind::Unavailable, FAILED),
            // A real answer, though of no use.
            ResponseClass::Refused => (ErrorKind::InvalidResponse, AttemptEnd::Answered),
            ResponseClass::Unexpected => (ErrorKind::InvalidResponse, FAILED),
        };
        let retry_after = response.retry_after();
        let failure = self.failure(kind, format!("{endpoint} answered {}", response.answered()));
        Err(Failure {
            error: failure.error.with_retry_after(retry_after),
            failed: Failed {
                repeatable: end != AttemptEnd::Answered && !response.forbids_repeats(),
                retry_after,
                ..failure.failed
            },
            end,
        })
    }

    fn transport_failure(&self, endpoint: &Endpoint, error: &TransportError) -> Failure {
        let (kind, end) = of_transport(error);
        let failure = self.failure(kind, format!("{endpoint}: {error}"));
        Failure {
            error: if error.is_before_sending() {
                failure.error.never_sent()
            } else {
                failure.error
            },
            failed: Failed {
                connection_ended: matches!(
                    error,
                    TransportError::StaleConnection | TransportError::CutShort(_)
                ),
                ..failure.failed
            },
            end,
        }
    }

    fn timed_out(&self, endpoint: &Endpoint, waited: Duration, allowed: Duration) -> Failure {
        let detail = format!(
            "{endpoint} gave no whole answer within {} ms",
            waited.as_millis()
        );
        Failure {
            end: late(waited, allowed),
            ..self.failure(ErrorKind::Timeout, detail)
        }
    }

    /// A call that no endpoint got.
    pub(super) fn unsent(&self, kind: ErrorKind, detail: impl Into<String>) -> Failure {
        let failure = self.failure(kind, detail);
        Failure {
            error: failure.error.never_sent(),
            failed: Failed {
                repeatable: false,
                ..failure.failed
            },
            ..failure
        }
    }

    fn failure(&self, kind: ErrorKind, detail: impl Into<String>) -> Failure {
        Failure {
            error: self.error(kind, detail),
            failed: Failed {
                repeatable: true,
                connection_ended: false,
                retry_after: None,
            },
            end: FAILED,
        }
    }
}

/// What it means for an endpoint that it was too late, with so long of the time that is `allowed`.
fn late(waited: Duration, allowed: Duration) -> AttemptEnd {
    if waited * 2 >= allowed {
        AttemptEnd::TimedOut { unreachable: false }
    } else {
        // Its caller was in a hurry: that says nothing about the endpoint.
        AttemptEnd::Cancelled
    }
}

const FAILED: AttemptEnd = AttemptEnd::Failed { unreachable: false };

pub(super) fn entry<D>(
    call: &Call<'_, D>,
    response: &Response,
    value: Option<Arc<dyn Any + Send + Sync>>,
    now: Instant,
) -> Entry {
    let allowance = allowance(&response.headers, SystemTime::now());
    Entry {
        value,
        allowance: Allowance {
            // Only a plain 200, or that there is nothing, is an answer to the same question asked again.
            storable: allowance.storable
                && matches!(response.status.as_u16(), 200 | 304 | 404 | 410)
                && !varies_by_caller(call, response),
            ..allowance
        },
        received: now,
        etag: response.headers.get(ETAG).cloned(),
        last_modified: response.headers.get(LAST_MODIFIED).cloned(),
        status: response.status,
        validator: XxHash3_64::oneshot(&response.body),
        bytes: response.body.len(),
        renewed: false,
    }
}

/// What one caller sends and the next may not, though this one does not.
const CALLERS: [&str; 4] = [
    "traceparent",
    "tracestate",
    "x-envoy-expected-rq-timeout-ms",
    "x-request-id",
];

/// Whether the service chose its answer by what belongs to one caller alone, which no key has (RFC 9111, section 4.1).
fn varies_by_caller<D>(call: &Call<'_, D>, response: &Response) -> bool {
    let varying = response.headers.get_all(VARY).iter();
    varying
        .flat_map(|names| names.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .any(|name| {
            let is_passed_on = |(own, _): &(HeaderName, _)| *own == name;
            call.context.propagate.iter().any(is_passed_on) || CALLERS.contains(&name.as_str())
        })
}
