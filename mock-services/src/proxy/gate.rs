//! What black holes hold up.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{BlackHole, faults::Weather};

/// Whether bytes may pass on a connection.
#[derive(Debug)]
pub(super) struct Gate {
    weather: watch::Receiver<Weather>,
    /// The black hole of this connection alone, and the set of faults that it lasts as long as.
    own: Mutex<Option<(BlackHole, u64)>>,
}

impl Gate {
    pub(super) fn new(weather: watch::Receiver<Weather>) -> Self {
        Self {
            weather,
            own: Mutex::new(None),
        }
    }

    /// Lets nothing pass in this direction while the set of this edition is in force.
    pub(super) fn shut(&self, direction: BlackHole, edition: u64) {
        *self.own() = Some((direction, edition));
    }

    pub(super) fn is_shut(&self, direction: BlackHole) -> bool {
        self.stops(direction, &self.weather.borrow())
    }

    /// Waits until bytes may pass.
    pub(super) async fn pass(&self, direction: BlackHole) {
        if self.is_shut(direction) {
            let mut weather = self.weather.clone();
            // An error means that the proxy is gone, and all connections with it.
            let _ = weather
                .wait_for(|weather| !self.stops(direction, weather))
                .await;
        }
    }

    fn own(&self) -> MutexGuard<'_, Option<(BlackHole, u64)>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stops(&self, direction: BlackHole, weather: &Weather) -> bool {
        let everyone = match direction {
            BlackHole::Requests => weather.requests_lost,
            BlackHole::Answers => weather.answers_lost,
        };
        everyone || *self.own() == Some((direction, weather.edition))
    }
}
