//! Servers as processes: free ports, start, CPU time, and their end.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::Result;

/// The unit of CPU times in /proc: on Linux a hundredth of a second, whatever the kernel's own clock.
const TICK_SECONDS: f64 = 0.01;

/// A running server. It is killed, and its end waited for, when dropped.
pub(crate) struct Server {
    name: &'static str,
    pub(crate) addr: SocketAddr,
    pid: u32,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        _ = self.child.start_kill();
        while let Ok(None) = self.child.try_wait() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Server {
    /// Starts `command`, which listens on `addr`, and waits until it accepts connections.
    pub(crate) async fn start(
        name: &'static str,
        addr: SocketAddr,
        mut command: Command,
        log: Stdio,
    ) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            // Until it is a `Server`, which does the same.
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        let pid = child.id().ok_or_else(|| format!("{name} ended at once"))?;
        for _ in 0..100 {
            if let Some(status) = child.try_wait()? {
                return Err(format!("{name} ended at once: {status}").into());
            }
            if TcpStream::connect(addr).is_ok() {
                return Ok(Self {
                    name,
                    addr,
                    pid,
                    child,
                });
            }
            sleep(Duration::from_millis(100)).await;
        }
        Err(format!("{name} does not listen on {addr} after ten seconds").into())
    }

    /// Sends it a signal, by the name that `kill` knows.
    pub(crate) async fn signal(&self, name: &str) -> Result<()> {
        signal(self.pid, name).await
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(&mut self, within: Duration) -> Result<()> {
        match timeout(within, self.child.wait()).await {
            Ok(status) => Ok(_ = status?),
            Err(_) => Err(format!("{} has not ended after {within:?}", self.name).into()),
        }
    }

    /// Its memory in use, in KiB.
    pub(crate) fn memory_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| "/proc/<pid>/status is not as expected".into())
    }

    /// Its open file descriptors.
    pub(crate) fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.pid))?.count())
    }

    /// The CPU time that the process has used so far, of user and system together, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.pid);
        let stat =
            fs::read_to_string(path).map_err(|error| format!("{} is gone: {error}", self.name))?;
        let ticks = cpu_ticks(&stat).ok_or("/proc/<pid>/stat is not as expected")?;
        Ok(f64::from(ticks) * TICK_SECONDS)
    }
}

/// Sends a signal to a process, by the name that `kill` knows.
pub(crate) async fn signal(pid: u32, name: &str) -> Result<()> {
    let pid_text = pid.to_string();
    let mut kill = Command::new("kill");
    let status = kill.args(["-s", name, &pid_text]).status().await?;
    if status.success() {
        return Ok(());
    }
    Err(format!("SIG{name} cannot be sent to process {pid}").into())
}

/// utime and stime, the 14th and the 15th field; the 2nd, in parentheses, is the only one that may contain spaces.
fn cpu_ticks(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(11);
    Some(times.next()?.parse::<u32>().ok()? + times.next()?.parse::<u32>().ok()?)
}

/// `N` addresses on the loopback whose ports were free just now, all different.
pub(crate) fn free_addresses<const N: usize>() -> Result<[SocketAddr; N]> {
    let listen = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners = (0..N).map(listen).collect::<std::io::Result<Vec<_>>>()?;
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for (address, listener) in addresses.iter_mut().zip(&listeners) {
        *address = listener.local_addr()?;
    }
    Ok(addresses)
}

/// Addresses whose ports no outgoing connection is given: one that is killed can be started again at its address, and
/// nobody who calls a port that is down reaches himself.
pub(crate) fn lasting_addresses<const N: usize>() -> Result<[SocketAddr; N]> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")?;
    let first = range.split_whitespace().next();
    let first = first.and_then(|port| port.parse::<u16>().ok());
    let below = first.filter(|port| *port > 12_000).unwrap_or(32_768);
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for index in 0..N {
        addresses[index] = (0..1000)
            .map(|_| SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(10_000..below))))
            .find(|addr| !addresses.contains(addr) && TcpListener::bind(addr).is_ok())
            .ok_or("there are no free ports")?;
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "7 (a) b c) S 1 1 1 0 -1 4194304 475 0 2 0 112 130 0 0 20 0 5 0 209312";
        assert_eq!(cpu_ticks(stat), Some(242));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }
}
