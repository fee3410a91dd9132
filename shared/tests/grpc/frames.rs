//! HTTP/2 by the frame (RFC 9113, section 4).

use std::collections::HashMap;

use h2::Reason;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::server::{Received, Seen, message};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
const GOAWAY: u8 = 7;

pub(crate) const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const PREFACE: usize = 24;

/// A frame.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// One connection in the hands of a script. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Raw {
    /// Which one it is, counted from zero.
    pub(crate) number: usize,
    tcp: TcpStream,
    unread: Vec<u8>,
    preface: bool,
    /// What came so far of each call.
    bodies: HashMap<u32, Vec<u8>>,
    seen: watch::Sender<Seen>,
    closed: bool,
}

impl Raw {
    pub(crate) fn new(tcp: TcpStream, number: usize, seen: watch::Sender<Seen>) -> Self {
        Self {
            number,
            tcp,
            unread: Vec::new(),
            preface: false,
            bodies: HashMap::new(),
            seen,
            closed: false,
        }
    }

    /// Says what every server says first.
    pub(crate) async fn greet(&mut self) {
        self.send(&frame(SETTINGS, 0, 0, &[])).await;
        self.send(&frame(SETTINGS, ACK, 0, &[])).await;
    }

    /// The next frame; `None` once the client has closed.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.parse() {
                if frame.kind == PING && frame.flags & ACK == 0 {
                    self.seen.send_modify(|seen| seen.pings += 1);
                }
                if frame.kind == RST_STREAM
                    && let Ok(code) = frame.payload[..].try_into()
                {
                    let reason = Reason::from(u32::from_be_bytes(code));
                    self.seen.send_modify(|seen| seen.resets.push(reason));
                }
                return Some(frame);
            }
            if !matches!(self.tcp.read_buf(&mut self.unread).await, Ok(1..)) {
                if !self.closed {
                    self.closed = true;
                    self.seen.send_modify(|seen| seen.closed += 1);
                }
                return None;
            }
        }
    }

    fn parse(&mut self) -> Option<Frame> {
        if !self.preface {
            if self.unread.len() < PREFACE {
                return None;
            }
            self.unread.drain(..PREFACE);
            self.preface = true;
        }
        let head: [u8; 9] = self.unread.get(..9)?.try_into().unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = self.unread.get(9..9 + length)?.to_vec();
        self.unread.drain(..9 + length);
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        })
    }

    /// The stream of the next whole call, and which thing it asks for.
    pub(crate) async fn call(&mut self) -> Option<(u32, u32)> {
        loop {
            let frame = self.frame().await?;
            if frame.kind == DATA {
                let body = self.bodies.entry(frame.stream).or_default();
                body.extend_from_slice(&frame.payload);
            }
            if matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0 {
                let body = self.bodies.remove(&frame.stream).unwrap_or_default();
                let received = Received::of_body(body);
                let id = received.id();
                self.seen.send_modify(|seen| seen.calls.push(received));
                return Some((frame.stream, id));
            }
        }
    }

    /// Sends bytes; false when the client is gone.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.tcp.write_all(bytes).await.is_ok()
    }

    /// Answers every call well until the client closes.
    pub(crate) async fn serve(&mut self) {
        while let Some((stream, id)) = self.call().await {
            self.send(&answer(stream, id)).await;
        }
    }

    /// Waits until the client has closed, whatever it sends before.
    pub(crate) async fn until_closed(&mut self) {
        while self.frame().await.is_some() {}
    }

    /// Closes with a reset in place of an orderly end.
    pub(crate) fn abort(self) {
        self.tcp.set_zero_linger().unwrap();
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of an answer: status 200 and a content type.
pub(crate) fn head(stream: u32) -> Vec<u8> {
    let block = [
        // `:status: 200` has the number 8 in the static table (RFC 7541, appendix A).
        vec![0x88],
        field("content-type", "application/grpc"),
    ];
    frame(HEADERS, END_HEADERS, stream, &block.concat())
}

/// A field that is neither indexed nor compressed (RFC 7541, section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    [
        &[0, length(name)],
        name.as_bytes(),
        &[length(value)],
        value.as_bytes(),
    ]
    .concat()
}

pub(crate) fn data(stream: u32, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, 0, stream, bytes)
}

/// The end of a stream, with a status.
pub(crate) fn trailers(stream: u32, code: &str) -> Vec<u8> {
    let flags = END_HEADERS | END_STREAM;
    frame(HEADERS, flags, stream, &field("grpc-status", code))
}

/// The thing `id`, whole.
pub(crate) fn answer(stream: u32, id: u32) -> Vec<u8> {
    [
        head(stream),
        data(stream, &message(id)),
        trailers(stream, "0"),
    ]
    .concat()
}

pub(crate) fn reset(stream: u32, reason: Reason) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &u32::from(reason).to_be_bytes())
}

/// That no stream after `last` is looked at.
pub(crate) fn go_away(last: u32, reason: Reason) -> Vec<u8> {
    let payload = [last.to_be_bytes(), u32::from(reason).to_be_bytes()].concat();
    frame(GOAWAY, 0, 0, &payload)
}
