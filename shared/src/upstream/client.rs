//! The policy stack, composed. One client for each worker thread and upstream.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout_at;

use super::transport::awc::AwcTransport;
use super::transport::{Attempt, Transport, TransportError};
use super::{
    Answer, Cluster, Context, Deadline, Endpoint, Error, ErrorKind, Instant, Request, Response,
    ResponseClass, Undecodable,
};

/// Calls one upstream under its policies.
#[derive(Debug, Clone)]
pub struct Client {
    cluster: Arc<Cluster>,
    transport: Rc<dyn Transport>,
}

/// How one attempt ended without an answer.
struct Failure {
    error: Error,
    /// Whether the cause was a pooled connection that the service had closed meanwhile.
    stale_connection: bool,
}

impl Client {
    /// A client that speaks HTTP/1.1 to the cluster, for the current thread.
    #[must_use]
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let transport = Rc::new(AwcTransport::new(Arc::clone(&cluster)));
        Self { cluster, transport }
    }

    /// A client over another transport.
    #[must_use]
    pub fn with_transport(cluster: Arc<Cluster>, transport: Rc<dyn Transport>) -> Self {
        Self { cluster, transport }
    }

    /// Asks the upstream and decodes what it says. `decode` also judges: what it refuses is an invalid answer.
    ///
    /// # Errors
    /// [`Error`], by the end of the context's deadline or the upstream's own, whichever is sooner. Dropping the
    /// future ends the call and closes its connection.
    pub async fn call<T>(
        &self,
        context: &Context,
        request: Request,
        decode: impl Fn(&Response) -> Result<T, Undecodable>,
    ) -> Result<Answer<T>, Error> {
        let now = Instant::now();
        let deadline = context
            .deadline
            .at_most(now, self.cluster.config().deadline);
        self.cluster.budget.deposit(now);
        // A stale connection is worth one repeat: the next one is most likely fresh. Never for a request that must not
        // be done twice, since a closed connection does not tell whether the service had read it.
        let mut may_repeat = request.is_idempotent();
        loop {
            match self.attempt(context, &request, deadline, &decode).await {
                Err(failure) if failure.stale_connection && may_repeat && self.pay_for_repeat() => {
                    may_repeat = false;
                }
                outcome => return outcome.map_err(|failure| failure.error),
            }
        }
    }

    fn pay_for_repeat(&self) -> bool {
        self.cluster.budget.withdraw(Instant::now())
    }

    async fn attempt<T>(
        &self,
        context: &Context,
        request: &Request,
        deadline: Deadline,
        decode: impl Fn(&Response) -> Result<T, Undecodable>,
    ) -> Result<Answer<T>, Failure> {
        let now = Instant::now();
        let remaining = deadline.remaining(now);
        if remaining.is_zero() {
            return Err(self.unsent(ErrorKind::Timeout, "no time was left to ask"));
        }
        let Some(_place) = self.cluster.admit() else {
            return Err(self.unsent(
                ErrorKind::Overloaded,
                "as many calls in flight as max_in_flight allows",
            ));
        };
        let Some(endpoint) = self.cluster.pick() else {
            return Err(self.unsent(ErrorKind::Unavailable, "no endpoint"));
        };
        let _in_flight = endpoint.begin();
        let attempt = Attempt {
            endpoint,
            request,
            context,
            remaining,
        };
        let limit = deadline.at_most(now, self.cluster.config().attempt_timeout);
        let outcome = match timeout_at(limit.instant(), self.transport.send(attempt)).await {
            Ok(Ok(response)) => self.judge(endpoint, &response, decode),
            Ok(Err(error)) => Err(self.transport_failure(endpoint, &error)),
            Err(_) => Err(self.failure(
                ErrorKind::Timeout,
                timeout_detail(endpoint, limit.remaining(now)),
            )),
        };
        if let Err(failure) = &outcome {
            endpoint.failed(&failure.error, Instant::now());
        }
        outcome
    }

    /// Response validation: the innermost policy, so that what it refuses counts as a failure of the attempt.
    fn judge<T>(
        &self,
        endpoint: &Endpoint,
        response: &Response,
        decode: impl Fn(&Response) -> Result<T, Undecodable>,
    ) -> Result<Answer<T>, Failure> {
        let kind = match ResponseClass::of(response.status) {
            ResponseClass::Success => {
                return match decode(response) {
                    Ok(value) => Ok(Answer {
                        value,
                        freshness: response.freshness(),
                    }),
                    Err(why) => {
                        let detail = format!(
                            "{} answered {} with {why}",
                            endpoint.address(),
                            response.status
                        );
                        Err(self.failure(ErrorKind::InvalidResponse, detail))
                    }
                };
            }
            ResponseClass::NotFound => ErrorKind::NotFound,
            ResponseClass::Throttled => ErrorKind::Overloaded,
            ResponseClass::Unavailable => ErrorKind::Unavailable,
            ResponseClass::Refused | ResponseClass::Unexpected => ErrorKind::InvalidResponse,
        };
        let mut failure = self.failure(
            kind,
            format!("{} answered {}", endpoint.address(), response.status),
        );
        failure.error = failure.error.with_retry_after(response.retry_after());
        Err(failure)
    }

    fn transport_failure(&self, endpoint: &Endpoint, error: &TransportError) -> Failure {
        let kind = match error {
            TransportError::Invalid(_) => ErrorKind::InvalidResponse,
            TransportError::ConnectTimeout => ErrorKind::Timeout,
            TransportError::Connect(_)
            | TransportError::StaleConnection
            | TransportError::Disconnected(_) => ErrorKind::Unavailable,
        };
        let mut failure = self.failure(kind, format!("{}: {error}", endpoint.address()));
        failure.stale_connection = *error == TransportError::StaleConnection;
        if matches!(
            error,
            TransportError::Connect(_) | TransportError::ConnectTimeout
        ) {
            failure.error = failure.error.never_sent();
        }
        failure
    }

    fn unsent(&self, kind: ErrorKind, detail: &str) -> Failure {
        let mut failure = self.failure(kind, detail);
        failure.error = failure.error.never_sent();
        failure
    }

    fn failure(&self, kind: ErrorKind, detail: impl Into<String>) -> Failure {
        Failure {
            error: Error::new(kind, self.cluster.name(), detail),
            stale_connection: false,
        }
    }
}

fn timeout_detail(endpoint: &Endpoint, waited: Duration) -> String {
    format!(
        "{} gave no whole answer within {} ms",
        endpoint.address(),
        waited.as_millis()
    )
}

#[cfg(test)]
mod tests;
