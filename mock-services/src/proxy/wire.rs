//! Reading and passing on bytes, whatever they mean.

use std::{future::pending, io};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
};

use super::{BlackHole, framing::MOST_HEAD, gate::Gate};

/// How much is read at once, in bytes.
const PIECE: usize = 16 * 1024;

/// Reads what is there, or waits for something.
pub(super) async fn fill(
    from: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<usize> {
    buffer.reserve(PIECE);
    from.read_buf(buffer).await
}

/// Returns when the client has ended the connection, if it has not sent too much to be kept.
pub(super) async fn watch(client: &mut TcpStream, inbox: &mut Vec<u8>) {
    while inbox.len() <= MOST_HEAD {
        if let Ok(0) | Err(_) = fill(client, inbox).await {
            return;
        }
    }
    pending::<()>().await;
}

/// Takes what comes until the client ends the connection.
pub(super) async fn leave_to(client: &mut TcpStream) {
    let mut ignored = Vec::new();
    while let Ok(1..) = fill(client, &mut ignored).await {
        ignored.clear();
    }
}

pub(super) async fn pass_all(
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    buffer: &mut Vec<u8>,
    gate: &Gate,
    direction: BlackHole,
) -> io::Result<()> {
    loop {
        gate.pass(direction).await;
        to.write_all(buffer).await?;
        buffer.clear();
        if fill(from, buffer).await? == 0 {
            gate.pass(direction).await;
            return to.shutdown().await;
        }
    }
}
