//! What is done in the background to know how endpoints are: connections tried to those that are perhaps not there, and,
//! where they offer it, their health asked for.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::Cluster;
use crate::upstream::transport::grpc::health::{Health, check};
use crate::upstream::{Endpoint, Instant, Protocol};

/// How often a connection to an endpoint that is perhaps not there is tried in the background.
const PAUSE: Duration = Duration::from_secs(1);

/// How long it is remembered that an endpoint offers nothing of its health.
const NOT_OFFERED: Duration = Duration::from_secs(300);

impl Cluster {
    /// Tries connections to an endpoint that is perhaps not there, until one is made or the endpoint is gone.
    pub(super) fn watch(&self, endpoint: &Arc<Endpoint>) {
        if !endpoint.begin_watch() {
            return;
        }
        let (name, endpoint) = (Arc::clone(&self.name), Arc::downgrade(endpoint));
        let (connect, asks_health) = (self.connect, self.asks_health());
        let connect_timeout = self.config.connect_timeout;
        tokio::spawn(async move {
            loop {
                sleep(PAUSE).await;
                let Some(endpoint) = endpoint.upgrade() else {
                    return;
                };
                let reached = if asks_health {
                    Box::pin(serves(Arc::clone(&endpoint)))
                } else {
                    connect(endpoint.socket())
                };
                let outcome = timeout(connect_timeout, reached).await;
                if matches!(outcome, Ok(Ok(()))) {
                    log::info!("{name}: {endpoint} can be connected to again");
                    endpoint.end_watch();
                    endpoint.reachable(Instant::now());
                    return;
                }
                endpoint.unreachable(Instant::now());
            }
        });
    }

    /// Asks every endpoint for its health while the cluster lives, where it offers that.
    pub(super) fn follow_health(self: &Arc<Self>) {
        if !self.asks_health() {
            return;
        }
        let interval = self.config.grpc.health_interval;
        let weak = Arc::downgrade(self);
        let allowed = self.config.attempt_timeout;
        tokio::spawn(async move {
            let mut not_offered: HashMap<u64, Instant> = HashMap::new();
            while let Some(cluster) = weak.upgrade() {
                let now = Instant::now();
                not_offered.retain(|_, since| now.saturating_duration_since(*since) < NOT_OFFERED);
                let members = cluster.members();
                let asked = members
                    .iter()
                    .map(|member| &member.endpoint)
                    .filter(|endpoint| !not_offered.contains_key(&endpoint.id()));
                let answers = join_all(asked.map(|endpoint| async {
                    let answer = timeout(allowed, health(endpoint)).await;
                    (Arc::clone(endpoint), answer)
                }));
                for (endpoint, answer) in answers.await {
                    match answer {
                        Ok(Ok(Health::NotOffered)) => {
                            not_offered.insert(endpoint.id(), now);
                            cluster.heard(&endpoint, true);
                        }
                        Ok(Ok(health)) => cluster.heard(&endpoint, health == Health::Serving),
                        // Whether it can be asked at all shows with every call.
                        Ok(Err(_)) | Err(_) => {}
                    }
                }
                drop((members, cluster));
                sleep(interval).await;
            }
        });
    }

    fn asks_health(&self) -> bool {
        self.config.protocol == Protocol::Grpc && !self.config.grpc.health_interval.is_zero()
    }

    fn heard(&self, endpoint: &Endpoint, serves: bool) {
        if endpoint.set_serving(serves) {
            let name = &self.name;
            if serves {
                log::info!("{name}: {endpoint} says that it is serving again");
            } else {
                log::warn!("{name}: {endpoint} says that it is not serving, and is asked last");
            }
        }
    }
}

async fn health(endpoint: &Endpoint) -> io::Result<Health> {
    check(endpoint.socket(), endpoint.authority().into()).await
}

/// Whether the endpoint can be asked, by what it says itself where it says anything.
async fn serves(endpoint: Arc<Endpoint>) -> io::Result<()> {
    match health(&endpoint).await? {
        Health::Serving | Health::NotOffered => Ok(()),
        Health::NotServing => Err(io::Error::other("not serving")),
    }
}
