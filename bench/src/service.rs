//! One instance of a service as a process of its own: it can be killed, stopped and started again, and does what it is
//! told over a second port.

mod behaviour;
mod connection;
mod control;
mod record;
mod state;

use std::io::Read as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::SystemTime;

use clap::ValueEnum;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

pub(crate) use self::behaviour::{Behaviour, Counts};
pub(crate) use self::control::Ask;
pub(crate) use self::record::{Customer, Line, Order, customer_of};
use self::state::State;
use crate::Result;

/// How an instance is started.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which service
    #[arg(long)]
    pub(crate) kind: Kind,
    /// Where it answers
    #[arg(long)]
    pub(crate) listen: SocketAddr,
    /// Where it is told what to do
    #[arg(long)]
    pub(crate) control: SocketAddr,
    /// What it does, as JSON
    #[arg(long, default_value = "{}")]
    pub(crate) behaviour: String,
}

/// Which service an instance is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Order,
    Customer,
}

/// Serves until the process is killed or its standard input ends, which happens when whoever started it is gone.
pub(crate) async fn run(options: &Options) -> Result<()> {
    std::thread::spawn(|| {
        _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let state = Rc::new(State::new(
        options.kind,
        serde_json::from_str(&options.behaviour)?,
    ));
    let control = TcpListener::bind(options.control).await?;
    let listener = TcpListener::bind(options.listen).await?;
    // For whoever started this: from now on connections are accepted.
    println!("{}", micros(SystemTime::now()));
    let everything = async {
        spawn_local(control::serve(control, Rc::clone(&state)));
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    spawn_local(connection::serve(Rc::clone(&state), stream));
                }
                // Out of descriptors: the next round may find some.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    LocalSet::new().run_until(everything).await
}

/// Microseconds since 1970: what the processes of one machine can compare.
pub(crate) fn micros(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
