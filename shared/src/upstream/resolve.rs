//! Where the instances of a service are, now.
//!
//! An IP address stands for itself. A name is looked up again and again by one task for each cluster, each name at the
//! pace that its answers allow, and every address found is an instance of its own.
//!
//! What was found last is kept, name by name, until something else is found. That a name has no records is no exception:
//! a DNS server says so while it starts, and an instance that is gone for good shows by failing.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;

use self::dns::Dns;
use self::follow::{Following, Lookup};
pub use self::target::{ServiceName, Target};
use crate::config::Section;

mod dns;
mod follow;
mod search;
mod target;
#[cfg(test)]
mod tests;

/// The shortest time between two look-ups of the same name, whatever its answers allow.
const SHORTEST: Duration = Duration::from_secs(1);

/// Where one instance was found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Found {
    /// As in an SRV record: the lowest is preferred. 0 for what needs none.
    pub(super) priority: u16,
    pub(super) address: SocketAddr,
    /// The `Host` of requests to it: as written in the settings, or target and port of an SRV record.
    pub(super) authority: Arc<str>,
    /// The share of requests among those of the same priority; never 0.
    pub(super) weight: u16,
}

/// How names are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiscoveryConfig {
    /// The longest time between two look-ups of the same name; a shorter time-to-live in the answer goes first.
    pub refresh: Duration,
    /// The DNS server that is asked, alone. Without one those of the system are, and its hosts file.
    pub server: Option<SocketAddr>,
}

impl Default for DiscoveryConfig {
    fn default() -> Self {
        Self {
            // Container DNS servers let an answer live for ten minutes, and replace containers in seconds.
            refresh: Duration::from_secs(5),
            server: None,
        }
    }
}

impl DiscoveryConfig {
    /// Reads the keys `dns_refresh` and `dns_server` of an upstream's section.
    pub fn read(section: &mut Section<'_>) -> Self {
        Self {
            refresh: section.duration(
                "dns_refresh",
                Self::default().refresh,
                SHORTEST..=Duration::from_secs(60 * 60),
                "How often, at least, names of endpoints are looked up again. The last good addresses are kept.",
            ),
            server: section.text(
                "dns_server",
                "",
                "an IP address and port such as \"10.0.0.2:53\", or \"\" for the system's DNS servers and hosts file",
                server,
                "The DNS server that is asked for the names of endpoints.",
            ),
        }
    }
}

fn server(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<SocketAddr>() {
        Ok(server) if server.port() == 0 => Err("nobody listens at port 0".to_owned()),
        Ok(server) => Ok(Some(server)),
        Err(_) if !text.contains(':') => Err("the port is missing".to_owned()),
        Err(_) => Err(String::new()),
    }
}

/// Keeps what stands behind an upstream's endpoints up to date while it lives.
pub(super) struct Discovery(Option<AbortHandle>);

impl Discovery {
    /// Follows `targets`. Calls `publish` with all that was found, sorted and without duplicates, each time it changed:
    /// before this returns with what needs no look-up, and then with everything that is known, from the first answer
    /// on. Never with nothing: while nothing at all is known, it is not called.
    ///
    /// # Panics
    /// Outside a Tokio runtime, if a target is a name.
    pub(super) fn follow(
        targets: Vec<Target>,
        config: DiscoveryConfig,
        publish: impl Fn(Vec<Found>) + Send + Sync + 'static,
    ) -> Self {
        Self::with(targets, config.refresh, Dns::new(config.server), publish)
    }

    fn with(
        targets: Vec<Target>,
        refresh: Duration,
        lookup: impl Lookup,
        publish: impl Fn(Vec<Found>) + Send + Sync + 'static,
    ) -> Self {
        let mut following = Following::new(targets, refresh, publish);
        following.publish();
        Self(
            following
                .has_names()
                .then(|| tokio::spawn(following.run(lookup)).abort_handle()),
        )
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Discovery")
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
