//! What a figure is measured on: instances of both services as processes, and bff-web before them.

use std::array;
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::Context;
use crate::Result;
use crate::process::{self, Server, lasting_addresses};
use crate::service::{Ask, Behaviour, Counts, Kind};

/// How long an instance may take for what it is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// One instance of a service.
pub(super) struct Instance {
    kind: Kind,
    pub(super) addr: SocketAddr,
    control: SocketAddr,
    /// What it does, also after it was started again.
    pub(super) behaviour: Behaviour,
    child: Option<Child>,
}

impl Instance {
    async fn new(kind: Kind, addrs: [SocketAddr; 2], behaviour: &Behaviour) -> Result<Self> {
        let [addr, control] = addrs;
        let mut instance = Self {
            kind,
            addr,
            control,
            behaviour: behaviour.clone(),
            child: None,
        };
        instance.start().await?;
        Ok(instance)
    }

    /// Starts it, again where it was; returns when it began to listen, in microseconds since 1970.
    pub(super) async fn start(&mut self) -> Result<u64> {
        let mut command = Command::new(std::env::current_exe()?);
        let kind = match self.kind {
            Kind::Order => "order",
            Kind::Customer => "customer",
        };
        command
            .args(["__service", "--kind", kind])
            .args(["--listen", &self.addr.to_string()])
            .args(["--control", &self.control.to_string()])
            .args(["--behaviour", &serde_json::to_string(&self.behaviour)?])
            // Closed when this process is gone, however that came about.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let out = child.stdout.take().ok_or("a pipe is missing")?;
        let mut line = String::new();
        timeout(PATIENCE, BufReader::new(out).read_line(&mut line))
            .await
            .map_err(|_| "an instance does not start")??;
        self.child = Some(child);
        let since = line.trim().parse();
        Ok(since.map_err(|_| format!("an instance did not start: {line:?}"))?)
    }

    /// SIGKILL: whoever calls it from now on is refused.
    pub(super) async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// SIGSTOP: connections are accepted, by the kernel, and nobody answers.
    pub(super) async fn stop(&self) -> Result<()> {
        self.signal("STOP").await
    }

    /// SIGCONT.
    pub(super) async fn resume(&self) -> Result<()> {
        self.signal("CONT").await
    }

    async fn signal(&self, name: &str) -> Result<()> {
        let pid = self.child.as_ref().and_then(Child::id);
        process::signal(pid.ok_or("an instance is gone")?, name).await
    }

    /// From now on it does this.
    pub(super) async fn set(&mut self, behaviour: Behaviour) -> Result<()> {
        self.behaviour = behaviour.clone();
        let set = Some(behaviour);
        self.ask(&Ask { set, full: false }).await?;
        Ok(())
    }

    /// What it has seen.
    pub(super) async fn counts(&self, full: bool) -> Result<Counts> {
        self.ask(&Ask { set: None, full }).await
    }

    async fn ask(&self, ask: &Ask) -> Result<Counts> {
        let exchange = async {
            let mut stream = BufReader::new(TcpStream::connect(self.control).await?);
            let mut line = serde_json::to_string(ask)?;
            line.push('\n');
            stream.write_all(line.as_bytes()).await?;
            line.clear();
            stream.read_line(&mut line).await?;
            Ok::<_, std::io::Error>(line)
        };
        let line = timeout(PATIENCE, exchange).await;
        let line = line.map_err(|_| "an instance does not do what it is told")??;
        Ok(serde_json::from_str(&line)?)
    }
}

/// A running bff-web.
pub(super) struct Bff {
    pub(super) server: Server,
    pub(super) addr: SocketAddr,
    pub(super) admin: SocketAddr,
}

impl Bff {
    pub(super) async fn start(
        context: &Context<'_>,
        [addr, admin]: [SocketAddr; 2],
        services: &Services,
        workers: u32,
    ) -> Result<Self> {
        Self::start_with(context, [addr, admin], services, workers, Vec::new()).await
    }

    /// With further settings.
    pub(super) async fn start_with(
        context: &Context<'_>,
        [addr, admin]: [SocketAddr; 2],
        services: &Services,
        workers: u32,
        settings: Vec<(String, String)>,
    ) -> Result<Self> {
        let mut command = context.programs.command("bff-web")?;
        command
            .envs(settings)
            .env("BFF__LISTEN", addr.to_string())
            .env("BFF__ADMIN_LISTEN", admin.to_string())
            .env("BFF__WORKERS", workers.to_string())
            .env("BFF__UPSTREAMS__ORDERS__ENDPOINTS", list(&services.orders))
            .env(
                "BFF__UPSTREAMS__CUSTOMERS__ENDPOINTS",
                list(&services.customers),
            );
        let log = match &context.options.bff_log {
            None => Stdio::null(),
            Some(path) => OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)?
                .into(),
        };
        let server = Server::start("bff-web", addr, command, log).await?;
        Ok(Self {
            server,
            addr,
            admin,
        })
    }
}

fn list(instances: &[Instance]) -> String {
    let urls = instances
        .iter()
        .map(|instance| format!("http://{}", instance.addr));
    urls.collect::<Vec<_>>().join(",")
}

/// Two instances of each service.
pub(super) struct Services {
    pub(super) orders: [Instance; 2],
    pub(super) customers: [Instance; 2],
}

impl Services {
    pub(super) async fn start(orders: &Behaviour, customers: &Behaviour) -> Result<Self> {
        let addrs: [SocketAddr; 8] = lasting_addresses()?;
        let at = |index: usize| array::from_fn(|port| addrs[2 * index + port]);
        Ok(Self {
            orders: [
                Instance::new(Kind::Order, at(0), orders).await?,
                Instance::new(Kind::Order, at(1), orders).await?,
            ],
            customers: [
                Instance::new(Kind::Customer, at(2), customers).await?,
                Instance::new(Kind::Customer, at(3), customers).await?,
            ],
        })
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut Instance> {
        self.orders.iter_mut().chain(&mut self.customers)
    }

    /// Changes what all of them do.
    pub(super) async fn set_all(&mut self, change: impl Fn(&mut Behaviour)) -> Result<()> {
        for instance in self.all() {
            let mut behaviour = instance.behaviour.clone();
            change(&mut behaviour);
            instance.set(behaviour).await?;
        }
        Ok(())
    }

    /// Requests that the instances of a kind have seen.
    pub(super) async fn requests(&self, kind: Kind) -> Result<u64> {
        let instances = match kind {
            Kind::Order => &self.orders,
            Kind::Customer => &self.customers,
        };
        let mut sum = 0;
        for instance in instances {
            sum += instance.counts(false).await?.requests;
        }
        Ok(sum)
    }
}

/// The services and one bff-web.
pub(super) struct Stack {
    // Dropped first: what it would otherwise see is no part of a figure.
    pub(super) bff: Bff,
    pub(super) services: Services,
}

impl Stack {
    /// Starts all of it: both services behave alike.
    pub(super) async fn start(context: &Context<'_>, behaviour: &Behaviour) -> Result<Self> {
        let services = Services::start(behaviour, behaviour).await?;
        let bff = Bff::start(context, lasting_addresses()?, &services, 2).await?;
        Ok(Self { bff, services })
    }
}
