//! How an instance is told what to do: a line of JSON each way, on a port of its own that no fault reaches.

use std::io;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use super::behaviour::Behaviour;
use super::state::State;

/// What is asked of an instance; it answers with its counts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ask {
    /// What to do from now on.
    pub(crate) set: Option<Behaviour>,
    /// Whether the long lists are wanted too.
    pub(crate) full: bool,
}

pub(super) async fn serve(listener: TcpListener, state: Rc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Rc::clone(&state);
        spawn_local(async move { answer(stream, &state).await });
    }
}

async fn answer(stream: TcpStream, state: &State) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let ask: Ask = serde_json::from_str(&line)?;
    if let Some(behaviour) = ask.set {
        state.tell(behaviour);
    }
    let mut counts = serde_json::to_vec(&state.counts(ask.full))?;
    counts.push(b'\n');
    stream.write_all(&counts).await
}
