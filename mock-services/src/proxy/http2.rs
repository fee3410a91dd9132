//! HTTP/2: frames in both directions, and what a fault does to the streams they open.

use std::{
    io,
    sync::{Mutex, PoisonError, atomic::Ordering},
};

use tokio::{
    io::AsyncWriteExt as _,
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::Notify,
    time::sleep,
};

use super::{BlackHole, Common, Effect, Reset, connection::End, gate::Gate, wire::fill};

/// What clients begin with (RFC 9113, section 3.4). The first line and the empty one look like a head of HTTP/1.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The length of what stands before a frame's payload.
const FRAME_HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;

/// Whether a head is where HTTP/2 begins.
pub(super) fn is_preface(head: &[u8]) -> bool {
    PREFACE.starts_with(head)
}

/// Why nothing passes any more.
pub(super) enum Stop {
    With(End),
    /// After something that is no HTTP/2.
    Garbage,
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::With(End::Reset)
    }
}

/// One connection's way to the service and back.
pub(super) struct Passage<'a> {
    common: &'a Common,
    gate: &'a Gate,
    /// When the answer to come resets the connection.
    reset: Mutex<Option<Reset>>,
    /// Told when the client has acknowledged the service's settings.
    acknowledged: Notify,
}

impl<'a> Passage<'a> {
    pub(super) fn new(common: &'a Common, gate: &'a Gate) -> Self {
        Self {
            common,
            gate,
            reset: Mutex::new(None),
            acknowledged: Notify::new(),
        }
    }

    pub(super) async fn run(
        &self,
        client: &mut TcpStream,
        upstream: &mut TcpStream,
        inbox: &mut Vec<u8>,
        outbox: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_service, mut to_service) = upstream.split();
        let up = self.up(&mut from_client, &mut to_service, inbox);
        let down = self.down(&mut from_service, &mut to_client, outbox);
        tokio::try_join!(up, down)?;
        Ok(())
    }

    async fn up(
        &self,
        from: &mut ReadHalf<'_>,
        to: &mut WriteHalf<'_>,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        while buffer.len() < PREFACE.len() {
            if fill(from, buffer).await? == 0 {
                break;
            }
        }
        let preface: Vec<u8> = buffer.drain(..PREFACE.len().min(buffer.len())).collect();
        self.gate.pass(BlackHole::Requests).await;
        to.write_all(&preface).await?;
        // The streams of a client have ever higher numbers.
        let mut newest = 0;
        while let Some(frame) = frame(from, buffer).await? {
            if kind(&frame) == Some(HEADERS) && stream(&frame) > newest {
                newest = stream(&frame);
                self.request().await?;
            }
            if kind(&frame) == Some(SETTINGS) && has_flag(&frame, ACK) {
                self.acknowledged.notify_one();
            }
            self.gate.pass(BlackHole::Requests).await;
            to.write_all(&frame).await?;
        }
        to.shutdown().await?;
        Ok(())
    }

    /// What happens to a request before it is passed on.
    async fn request(&self) -> Result<(), Stop> {
        self.common.requests.fetch_add(1, Ordering::Relaxed);
        let plan = self.common.faults.plan(|effect| {
            matches!(
                effect,
                Effect::Latency(_)
                    | Effect::Hang
                    | Effect::Reset(_)
                    | Effect::Garbage
                    | Effect::BlackHole(_)
            )
        });
        if let Some(delay) = plan.delay {
            sleep(delay).await;
        }
        match plan.effect {
            Some(Effect::Hang) => Err(Stop::With(End::Hold)),
            Some(Effect::Garbage) => Err(Stop::Garbage),
            Some(Effect::Reset(Reset::AfterRequest)) => Err(Stop::With(End::Reset)),
            Some(Effect::Reset(moment)) => {
                *self.reset.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
                Ok(())
            }
            Some(Effect::BlackHole(direction)) => {
                self.gate.shut(direction, plan.edition);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn down(
        &self,
        from: &mut ReadHalf<'_>,
        to: &mut WriteHalf<'_>,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        while let Some(frame) = frame(from, buffer).await? {
            self.gate.pass(BlackHole::Answers).await;
            let reset = *self.reset.lock().unwrap_or_else(PoisonError::into_inner);
            let passed = reset.and_then(|moment| passed(&frame, moment));
            if passed.is_some() {
                // A client that has yet to write learns of the reset by that, and reads nothing of what came before it.
                self.acknowledged.notified().await;
            }
            to.write_all(&frame[..passed.unwrap_or(frame.len())])
                .await?;
            if passed.is_some() {
                return Err(Stop::With(End::Reset));
            }
        }
        self.gate.pass(BlackHole::Answers).await;
        to.shutdown().await?;
        Ok(())
    }
}

/// How much of a frame is passed on before the reset, if that is the moment for it.
fn passed(frame: &[u8], moment: Reset) -> Option<usize> {
    let half = frame.len().midpoint(FRAME_HEAD);
    let is_last = has_flag(frame, END_STREAM);
    match (kind(frame)?, moment) {
        (HEADERS, Reset::BeforeHead) => Some(0),
        (HEADERS, Reset::MidHead) => Some(half),
        (HEADERS, Reset::AfterHead) => Some(frame.len()),
        // There is no body.
        (HEADERS, Reset::MidBody) if is_last => Some(frame.len()),
        (DATA, Reset::MidBody) => Some(half),
        _ => None,
    }
}

/// The next whole frame, or what is left of one at the end.
async fn frame(from: &mut ReadHalf<'_>, buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(length) = whole(buffer) {
            // Not byte by byte, which takes a debug build seconds for a large message.
            let rest = buffer.split_off(length);
            return Ok(Some(std::mem::replace(buffer, rest)));
        }
        if fill(from, buffer).await? == 0 {
            let rest = std::mem::take(buffer);
            return Ok(Some(rest).filter(|rest| !rest.is_empty()));
        }
    }
}

/// The length of the frame at the beginning, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let [a, b, c, ..] = *bytes else {
        return None;
    };
    let payload = u32::from_be_bytes([0, a, b, c]);
    let length = FRAME_HEAD + usize::try_from(payload).ok()?;
    (bytes.len() >= length).then_some(length)
}

fn has_flag(frame: &[u8], flag: u8) -> bool {
    frame.get(4).is_some_and(|flags| flags & flag != 0)
}

fn kind(frame: &[u8]) -> Option<u8> {
    frame.get(3).copied()
}

fn stream(frame: &[u8]) -> u32 {
    let number = frame
        .get(5..FRAME_HEAD)
        .and_then(|bytes| bytes.try_into().ok());
    number.map_or(0, u32::from_be_bytes) & (u32::MAX >> 1)
}
