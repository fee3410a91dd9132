//! Carrying a fault out on one request.

use std::{f64::consts::TAU, time::Duration};

use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, MessageBody, to_bytes},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, RETRY_AFTER},
    },
    middleware::Next,
};
use serde_json::{Value, json};
use tokio::{sync::watch, time::timeout};

use super::{BodyFault, Effect, Latency, StatusFault, check::MOST_MS};
use crate::{answer, body, dice::Dice};

/// What a proxy has to say in place of a service.
pub(crate) const PAGE: &[u8] =
    b"<!DOCTYPE html><html><body><h1>We will be right back</h1></body></html>";

/// What is to happen to one request.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How long to wait before all else.
    pub(crate) delay: Option<Duration>,
    /// How long to wait with the answer.
    pub(crate) late: Option<Duration>,
    /// What to answer, and whether the work is done nevertheless.
    pub(crate) answer: Option<(Effect, bool)>,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Plan {
    pub(crate) async fn carry_out(
        mut self,
        mut req: ServiceRequest,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse, Error> {
        let is_spoilt = matches!(self.answer, Some((Effect::Body(_), _)));
        let does_work = self.does_work();
        if is_spoilt {
            // A 304 has no body to spoil.
            req.headers_mut().remove(IF_NONE_MATCH);
        }
        // A client that goes while this waits is noticed once its body was read.
        if self.delay.is_some() || (!does_work && (self.late.is_some() || self.hangs())) {
            body::receive(&mut req).await;
        }
        self.wait(self.delay).await;
        if does_work {
            let response = next.call(req).await?;
            self.wait(self.late).await;
            self.answer(response).await
        } else {
            let nothing = HttpResponse::NoContent().finish();
            self.wait(self.late).await;
            self.answer(req.into_response(nothing)).await
        }
    }

    /// Whether what was asked for is done, whatever is answered.
    pub(crate) fn does_work(&self) -> bool {
        (self.answer.as_ref()).is_none_or(|(effect, after)| *after || effect.comes_after())
    }

    fn hangs(&self) -> bool {
        matches!(self.answer, Some((Effect::Hang, _)))
    }

    async fn wait(&mut self, time: Option<Duration>) {
        if let Some(time) = time {
            // Whether the time is up or the service stops makes no difference here.
            let _ = timeout(time, stop(&mut self.stopping)).await;
        }
    }

    /// The response as the plan wants it. What the request was for is worked on until this is done.
    async fn answer(mut self, response: ServiceResponse) -> Result<ServiceResponse, Error> {
        let (req, response) = response.into_parts();
        let response = match self.answer {
            None
            | Some((
                // The last four are for calls alone.
                Effect::Latency(_)
                | Effect::GrpcStatus(_)
                | Effect::GrpcAnswer(_)
                | Effect::RstStream(_)
                | Effect::GoAway(_),
                _,
            )) => response,
            Some((Effect::Status(status), _)) => error_answer(&status),
            Some((Effect::Hang, _)) => {
                stop(&mut self.stopping).await;
                let detail = "the service stopped while this request hung";
                answer::problem(StatusCode::SERVICE_UNAVAILABLE, detail)
            }
            Some((Effect::Body(fault), _)) => spoil(response, fault).await?,
        };
        Ok(ServiceResponse::new(req, response))
    }
}

/// Returns when the service stops.
pub(crate) async fn stop(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and the service with it.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

fn error_answer(fault: &StatusFault) -> HttpResponse {
    let status = StatusCode::from_u16(fault.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer::problem(status, "a fault was set for this request");
    if let Some(seconds) = fault.retry_after_seconds {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Puts a spoilt body into an answer, whatever its status. `Cache-Control` stays: that a bad answer
/// may be kept is part of the trap. The tag goes, as it was the sound body's.
async fn spoil(response: HttpResponse, fault: BodyFault) -> Result<HttpResponse, Error> {
    let (mut head, body) = response.into_parts();
    let mut body = to_bytes(body).await?.to_vec();
    match fault {
        BodyFault::Malformed => body.truncate(body.len() / 2),
        BodyFault::WrongShape => body = [b"{\"data\":", body.as_slice(), b"}"].concat(),
        BodyFault::WrongId => {
            if let Ok(mut value) = serde_json::from_slice(&body) {
                shift_ids(&mut value);
                body = value.to_string().into_bytes();
            }
        }
        BodyFault::Empty => body.clear(),
        BodyFault::Html => {
            *head.status_mut() = StatusCode::OK;
            head.headers_mut().insert(
                CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            );
            body = PAGE.to_vec();
        }
    }
    head.headers_mut().remove(ETAG);
    Ok(head.set_body(body.boxed()))
}

/// Gives the record, or each of the list, the id after its own.
fn shift_ids(value: &mut Value) {
    if let Some(id) = value.get("id").and_then(Value::as_u64) {
        value["id"] = json!(id + 1);
    }
    if let Some(items) = value.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(shift_ids);
    }
}

impl Latency {
    pub(crate) fn draw(&self, dice: &mut Dice) -> Duration {
        let milliseconds = match *self {
            Self::FixedMs(milliseconds) => f64::from(milliseconds),
            Self::UniformMs(min, max) => f64::from(min) + f64::from(max - min) * dice.fraction(),
            Self::NormalMs { mean, stddev } => {
                // Box and Muller's way from two uniform numbers to a normal one.
                let radius = (-2.0 * (1.0 - dice.fraction()).ln()).sqrt();
                f64::from(mean) + f64::from(stddev) * radius * (TAU * dice.fraction()).cos()
            }
            Self::ParetoMs { min, shape } => {
                f64::from(min) / (1.0 - dice.fraction()).powf(1.0 / shape)
            }
        };
        Duration::from_secs_f64(milliseconds.clamp(0.0, f64::from(MOST_MS)) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted_draws(latency: &Latency) -> Vec<f64> {
        let mut dice = Dice::new(7);
        let mut draws: Vec<f64> = (0..10_001)
            .map(|_| latency.draw(&mut dice).as_secs_f64() * 1000.0)
            .collect();
        draws.sort_by(f64::total_cmp);
        draws
    }

    #[test]
    fn uniform_latencies_fill_their_range() {
        let draws = sorted_draws(&Latency::UniformMs(10, 20));
        assert!(draws[0] >= 10.0 && draws[0] < 10.1);
        assert!(draws[10_000] <= 20.0 && draws[10_000] > 19.9);
    }

    #[test]
    fn normal_latencies_lie_around_the_mean_and_never_below_zero() {
        let draws = sorted_draws(&Latency::NormalMs {
            mean: 100,
            stddev: 20,
        });
        assert!(
            (draws[5_000] - 100.0).abs() < 2.0,
            "median {}",
            draws[5_000]
        );
        // 84 % of a normal distribution lie below one standard deviation above the mean.
        assert!((draws[8_413] - 120.0).abs() < 2.0, "{}", draws[8_413]);

        let draws = sorted_draws(&Latency::NormalMs {
            mean: 1,
            stddev: 100,
        });
        assert!(draws[0].abs() < f64::EPSILON);
    }

    #[test]
    fn pareto_latencies_have_a_least_and_a_tail_cut_at_a_minute() {
        let draws = sorted_draws(&Latency::ParetoMs {
            min: 50,
            shape: 1.0,
        });
        assert!(draws[0] >= 50.0);
        assert!(
            (draws[5_000] - 100.0).abs() < 5.0,
            "median {}",
            draws[5_000]
        );
        let draws = sorted_draws(&Latency::ParetoMs {
            min: 50,
            shape: 0.01,
        });
        assert!((draws[10_000] - 60_000.0).abs() < f64::EPSILON);
    }
}
