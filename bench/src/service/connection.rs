//! HTTP/1.1 as a service speaks it, with the faults that no HTTP server offers.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::behaviour::Behaviour;
use super::state::State;

/// Answers requests until the caller closes, or a fault does.
pub(super) async fn serve(state: Rc<State>, stream: TcpStream) {
    // A caller that resets its connection is no concern of a service's.
    _ = answer_all(&state, stream).await;
}

async fn answer_all(state: &State, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(2048);
    while let Some(path) = next_request(&mut stream, &mut buffer).await? {
        let behaviour = state.arrived();
        let Some((id, body)) = state.record(&path) else {
            stream
                .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                .await?;
            continue;
        };
        if one_in(behaviour.fail_one_in) {
            stream
                .write_all(&answer(
                    state,
                    "500 Internal Server Error",
                    &behaviour,
                    b"{}",
                ))
                .await?;
            continue;
        }
        let is_gone = tokio::select! {
            () = state.work(&behaviour) => false,
            () = closed(&stream, &mut buffer) => true,
        };
        if is_gone {
            state.gone(id);
            return Ok(());
        }
        if percent(behaviour.hints_percent) {
            state.hinted();
            stream
                .write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
                .await?;
        }
        let mut bytes = answer(state, "200 OK", &behaviour, &body);
        if percent(behaviour.cut_percent) {
            state.cut();
            bytes.truncate(bytes.len() - body.len() / 2);
            return stream.write_all(&bytes).await;
        }
        if behaviour.drip_ms == 0 {
            stream.write_all(&bytes).await?;
            continue;
        }
        for byte in bytes {
            stream.write_all(&[byte]).await?;
            sleep(Duration::from_millis(behaviour.drip_ms)).await;
        }
    }
    Ok(())
}

fn answer(state: &State, status: &str, behaviour: &Behaviour, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nCache-Control: {}\r\nDate: {}\r\n\r\n",
        body.len(),
        behaviour.cache_control,
        state.date(),
    );
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The path of the next request; `None` when the caller has closed. Requests have no bodies here.
async fn next_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let path = buffer[..end].split(|byte| *byte == b' ').nth(1);
            let path = String::from_utf8_lossy(path.unwrap_or_default()).into_owned();
            buffer.drain(..end + 4);
            return Ok(Some(path));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Waits until the caller closes.
async fn closed(stream: &TcpStream, buffer: &mut Vec<u8>) {
    while stream.readable().await.is_ok() {
        match stream.try_read_buf(buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

fn one_in(number: u32) -> bool {
    number > 0 && fastrand::u32(..number) == 0
}

fn percent(share: u32) -> bool {
    share > 0 && fastrand::u32(..100) < share
}
