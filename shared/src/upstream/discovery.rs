//! The addresses that an endpoint's name stands for.
//!
//! The HTTP client's own look-up blocks a thread for each new connection and cannot be cancelled. Here one task for
//! each name looks it up again and again, and whoever connects takes what was found last.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::EndpointAddress;

/// How soon a failed look-up is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What a name stands for, kept up to date while this value lives.
#[derive(Debug)]
pub(super) struct Addresses {
    found: watch::Receiver<Option<Arc<[SocketAddr]>>>,
    task: Option<AbortHandle>,
    /// How many connections were opened: each begins with the next address.
    turn: AtomicUsize,
}

impl Addresses {
    /// An IP address stands for itself; for a name a task on the current runtime begins to look it up.
    pub(super) fn follow(address: &EndpointAddress, refresh: Duration) -> Self {
        if let Ok(ip) = address.host().parse::<IpAddr>() {
            let (_, found) = watch::channel(Some(Arc::from([SocketAddr::new(ip, address.port())])));
            return Self {
                found,
                task: None,
                turn: AtomicUsize::new(0),
            };
        }
        let (publish, found) = watch::channel(None);
        let task = tokio::spawn(look_up(address.clone(), refresh, publish));
        Self {
            found,
            task: Some(task.abort_handle()),
            turn: AtomicUsize::new(0),
        }
    }

    /// The addresses found last, each time another one first; waits for the first look-up to succeed.
    pub(super) async fn in_turn(&self) -> Vec<SocketAddr> {
        let mut found = self.found.clone();
        // The channel never closes on a value that is still missing: its task ends only with `self`.
        let mut addresses = found
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|found| found.as_deref().map(<[_]>::to_vec))
            .unwrap_or_default();
        if let Some(turn) = self.turn.fetch_add(1, Relaxed).checked_rem(addresses.len()) {
            addresses.rotate_left(turn);
        }
        addresses
    }

    /// The addresses found last, for reports.
    pub(super) fn known(&self) -> Vec<String> {
        self.found
            .borrow()
            .iter()
            .flat_map(|found| found.iter().map(ToString::to_string))
            .collect()
    }
}

impl Drop for Addresses {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn look_up(
    address: EndpointAddress,
    refresh: Duration,
    publish: watch::Sender<Option<Arc<[SocketAddr]>>>,
) {
    loop {
        let pause = match lookup_host((address.host(), address.port()))
            .await
            .map(Vec::from_iter)
        {
            Ok(mut addresses) if !addresses.is_empty() => {
                addresses.sort_unstable();
                addresses.dedup();
                publish.send_if_modified(|known| {
                    let found: Arc<[SocketAddr]> = addresses.into();
                    let changed = known.as_ref() != Some(&found);
                    if changed {
                        log::info!("{address} stands for {found:?}");
                        *known = Some(found);
                    }
                    changed
                });
                refresh
            }
            Ok(_) => RETRY,
            Err(error) => {
                log::warn!("{address} cannot be looked up: {error}");
                RETRY
            }
        };
        tokio::time::sleep(pause).await;
    }
}
