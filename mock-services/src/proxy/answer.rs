//! The way of an answer to the client, and what faults make of it.

use std::time::Duration;

use tokio::{
    io::AsyncWriteExt as _,
    net::tcp::{ReadHalf, WriteHalf},
    time::sleep,
};

use super::{
    BlackHole, Cut, Effect, Reset,
    connection::{End, Next},
    faults::Plan,
    framing::{Answer, Body, MOST_HEAD, head_end, reframed},
    gate::Gate,
    wire::fill,
};

const EARLY_HINTS: &[u8] =
    b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n";

/// Where answers go out.
pub(super) struct Outlet<'a> {
    client: WriteHalf<'a>,
    gate: &'a Gate,
    drip: Option<Duration>,
}

impl<'a> Outlet<'a> {
    pub(super) fn new(client: WriteHalf<'a>, gate: &'a Gate) -> Self {
        Self {
            client,
            gate,
            drip: None,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        let pieces = bytes.chunks(if self.drip.is_some() {
            1
        } else {
            bytes.len().max(1)
        });
        for piece in pieces {
            self.gate.pass(BlackHole::Answers).await;
            self.client.write_all(piece).await.map_err(|_| End::Gone)?;
            if let Some(interval) = self.drip {
                sleep(interval).await;
            }
        }
        Ok(())
    }
}

/// Reads an answer from the service and passes it on as the plan says.
pub(super) async fn answer(
    service: &mut ReadHalf<'_>,
    outlet: &mut Outlet<'_>,
    outbox: &mut Vec<u8>,
    head_only: bool,
    plan: Plan,
) -> Next {
    let passage = Passage {
        service,
        outlet,
        outbox,
    };
    passage.run(head_only, plan).await.unwrap_or_else(Next::End)
}

struct Passage<'a, 's, 'c> {
    service: &'a mut ReadHalf<'s>,
    outlet: &'a mut Outlet<'c>,
    outbox: &'a mut Vec<u8>,
}

impl Passage<'_, '_, '_> {
    async fn run(mut self, head_only: bool, plan: Plan) -> Result<Next, End> {
        if plan.effect == Some(Effect::EarlyHints) {
            self.outlet.write(EARLY_HINTS).await?;
        }
        let (head, answer) = loop {
            let Some(head) = self.head().await? else {
                return self.pass_on(0, Body::UntilClose).await;
            };
            let Some(answer) = Answer::of(&self.outbox[..head], head_only) else {
                return self.pass_on(0, Body::UntilClose).await;
            };
            match answer.status {
                101 => return Ok(Next::Tunnel),
                100..=199 => self.send(head).await?,
                _ => break (head, answer),
            }
        };
        if let Some(delay) = plan.delay {
            sleep(delay).await;
        }
        match plan.effect {
            Some(Effect::Reset(reset)) => self.reset(reset, head, answer.body).await,
            Some(Effect::Cut(cut)) => self.cut(cut, head, answer).await,
            Some(Effect::Announce(announce)) if answer.has_body => {
                let data = self.collect(head, answer.body).await?;
                let length = data.len() as u64 + announce.extra_bytes;
                self.reframe(head, &format!("Content-Length: {length}"), &data)
                    .await?;
                Err(End::Hold)
            }
            Some(Effect::Drip(drip)) => {
                self.outlet.drip = Some(Duration::from_millis(drip.interval_ms.into()));
                self.pass_on(head, answer.body).await
            }
            _ => self.pass_on(head, answer.body).await,
        }
    }

    /// The length of the head at the beginning of the outbox, or `None` if there is none in it.
    async fn head(&mut self) -> Result<Option<usize>, End> {
        loop {
            if let Some(head) = head_end(self.outbox) {
                return Ok(Some(head));
            }
            if self.outbox.len() > MOST_HEAD {
                return Ok(None);
            }
            if !self.more().await? {
                self.send(self.outbox.len()).await?;
                return Err(End::Close);
            }
        }
    }

    /// Reads on. False if the service has closed the connection, which is nothing that gets past a
    /// black hole either.
    async fn more(&mut self) -> Result<bool, End> {
        let read = fill(self.service, self.outbox).await;
        if !matches!(read, Ok(1..)) {
            self.outlet.gate.pass(BlackHole::Answers).await;
        }
        match read {
            Ok(count) => Ok(count > 0),
            Err(_) => Err(End::Reset),
        }
    }

    /// Passes on so many bytes of the outbox.
    async fn send(&mut self, count: usize) -> Result<(), End> {
        self.outlet.write(&self.outbox[..count]).await?;
        self.outbox.drain(..count);
        Ok(())
    }

    /// Passes on what begins with so many bytes of head.
    async fn pass_on(&mut self, head: usize, mut body: Body) -> Result<Next, End> {
        let mut count = head + body.take(&self.outbox[head..], None);
        loop {
            self.send(count).await?;
            if body.is_done() {
                return Ok(Next::Request);
            }
            if !self.more().await? {
                return Err(End::Close);
            }
            count = body.take(self.outbox, None);
        }
    }

    /// Reads the whole body, and returns what it carries.
    async fn collect(&mut self, head: usize, mut body: Body) -> Result<Vec<u8>, End> {
        let mut data = Vec::new();
        let mut end = head;
        loop {
            end += body.take(&self.outbox[end..], Some(&mut data));
            if body.is_done() || !self.more().await? {
                self.outbox.truncate(end);
                return Ok(data);
            }
        }
    }

    async fn reset(&mut self, reset: Reset, head: usize, body: Body) -> Result<Next, End> {
        let count = match reset {
            Reset::AfterRequest | Reset::BeforeHead => 0,
            Reset::MidHead => head / 2,
            Reset::AfterHead => head,
            Reset::MidBody => {
                self.collect(head, body).await?;
                head + (self.outbox.len() - head) / 2
            }
        };
        self.send(count).await?;
        Err(End::Reset)
    }

    async fn cut(&mut self, cut: Cut, head: usize, answer: Answer) -> Result<Next, End> {
        if !answer.has_body {
            self.pass_on(head, answer.body).await?;
            return Err(End::Close);
        }
        let data = self.collect(head, answer.body).await?;
        let half = &data[..data.len() / 2];
        let chunk = format!("{:x}\r\n", data.len());
        let (field, body) = match cut {
            Cut::Sized => (format!("Content-Length: {}", data.len()), half.to_vec()),
            // A chunk without data would be the last.
            Cut::InChunk | Cut::BeforeLastChunk if data.is_empty() => (CHUNKED.to_owned(), data),
            Cut::InChunk => (CHUNKED.to_owned(), [chunk.as_bytes(), half].concat()),
            Cut::BeforeLastChunk => (
                CHUNKED.to_owned(),
                [chunk.as_bytes(), &data, b"\r\n"].concat(),
            ),
        };
        self.reframe(head, &field, &body).await?;
        Err(End::Close)
    }

    async fn reframe(&mut self, head: usize, field: &str, body: &[u8]) -> Result<(), End> {
        let mut answer = reframed(&self.outbox[..head], field);
        answer.extend_from_slice(body);
        self.outlet.write(&answer).await
    }
}

const CHUNKED: &str = "Transfer-Encoding: chunked";
