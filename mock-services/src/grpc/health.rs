//! `grpc.health.v1`: the service as a whole, and by its name.

use std::pin::Pin;

use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_server::{Health, HealthServer},
};

/// Whether the service says that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serving {
    Yes,
    No,
    /// It stops, and who watches is let go.
    Ended,
}

pub(super) struct Checks {
    name: &'static str,
    serving: watch::Receiver<Serving>,
}

pub(super) fn service(
    name: &'static str,
    serving: watch::Receiver<Serving>,
) -> HealthServer<Checks> {
    HealthServer::new(Checks { name, serving })
}

impl Checks {
    fn knows(&self, name: &str) -> bool {
        name.is_empty() || name == self.name
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

fn status(serving: Serving) -> ServingStatus {
    match serving {
        Serving::Yes => ServingStatus::Serving,
        Serving::No | Serving::Ended => ServingStatus::NotServing,
    }
}

type Watching = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for Checks {
    type WatchStream = Watching;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !self.knows(&request.get_ref().service) {
            return Err(Status::not_found("there is no such service"));
        }
        let serving = *self.serving.borrow();
        Ok(Response::new(answer(status(serving))))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Watching>, Status> {
        let known = self.knows(&request.get_ref().service);
        // What was seen last: a service that is not known stays so.
        let told = stream::unfold(
            (self.serving.clone(), None::<Serving>),
            move |(mut serving, seen)| async move {
                let changed = serving.wait_for(|now| {
                    *now == Serving::Ended || seen.is_none() || (known && seen != Some(*now))
                });
                let now = *changed.await.ok()?;
                if now == Serving::Ended {
                    return None;
                }
                let status = if known {
                    status(now)
                } else {
                    ServingStatus::ServiceUnknown
                };
                Some((Ok(answer(status)), (serving, Some(now))))
            },
        );
        Ok(Response::new(Box::pin(told)))
    }
}
