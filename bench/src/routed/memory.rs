//! A gibibyte passed on, each way: how much memory it takes.

use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::process::Server;

const GIB: u64 = 1 << 30;
const PIECE: usize = 64 * 1024;

/// How often the memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Memory in use, in KiB: before, and the most during each way.
pub(super) struct Memory {
    before: u64,
    down: u64,
    up: u64,
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = |kib: u64| kib / 1024;
        writeln!(
            f,
            "| 1 GiB passed on | resident memory at most, MiB |\n|---|---|"
        )?;
        writeln!(f, "| before | {} |", mib(self.before))?;
        writeln!(f, "| to the client | {} |", mib(self.down))?;
        writeln!(f, "| to the service | {} |", mib(self.up))
    }
}

/// A service that gives a gibibyte to whoever asks, and takes whatever is sent.
pub(super) fn service() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let addr = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // Whatever goes wrong, the client sees.
            thread::spawn(move || _ = serve(connection));
        }
    });
    Ok(addr)
}

fn serve(mut connection: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut piece = [0; PIECE];
    let end = loop {
        let count = connection.read(&mut piece)?;
        head.extend_from_slice(&piece[..count]);
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if count == 0 {
            return Ok(());
        }
    };
    if head.starts_with(b"GET ") {
        write!(
            connection,
            "HTTP/1.1 200 OK\r\nContent-Length: {GIB}\r\nConnection: close\r\n\r\n"
        )?;
        for _ in 0..GIB / PIECE as u64 {
            connection.write_all(&piece)?;
        }
        return Ok(());
    }
    let mut left = GIB - (head.len() - end) as u64;
    while left > 0 {
        let count = connection.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        left -= count as u64;
    }
    connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

/// Sends a gibibyte each way through `server`, under this prefix.
pub(super) fn measure(server: &Server, prefix: &str) -> Result<Memory> {
    let before = server.memory_kib()?;
    let down = format!("GET {prefix}blob HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
    let up = format!(
        "PUT {prefix}blob HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Length: {GIB}\r\n\r\n"
    );
    Ok(Memory {
        before,
        down: peak(server, down, 0, GIB)?,
        up: peak(server, up, GIB, 0)?,
    })
}

/// Sends `head` and so many bytes, and takes at least so many; the most memory meanwhile.
fn peak(server: &Server, head: String, sent: u64, taken: u64) -> Result<u64> {
    let addr = server.addr;
    let exchange = thread::spawn(move || -> std::io::Result<(Vec<u8>, u64)> {
        let mut connection = TcpStream::connect(addr)?;
        connection.write_all(head.as_bytes())?;
        let mut piece = [0; PIECE];
        for _ in 0..sent / PIECE as u64 {
            connection.write_all(&piece)?;
        }
        let (mut first, mut count) = (Vec::new(), 0);
        loop {
            let read = connection.read(&mut piece)?;
            if read == 0 {
                return Ok((first, count));
            }
            if first.is_empty() {
                first.extend_from_slice(&piece[..read.min(64)]);
            }
            count += read as u64;
        }
    });
    let mut most = 0;
    while !exchange.is_finished() {
        most = most.max(server.memory_kib()?);
        thread::sleep(LOOK);
    }
    let (first, count) = exchange.join().map_err(|_| "the client has panicked")??;
    if !first.starts_with(b"HTTP/1.1 200 ") || count < taken {
        let first = String::from_utf8_lossy(&first).into_owned();
        return Err(format!("{count} bytes came, beginning with {first:?}").into());
    }
    Ok(most)
}
