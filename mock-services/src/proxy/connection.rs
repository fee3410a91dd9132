//! One client's connection, from request to request.

use std::{
    future::pending,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

use super::{
    BlackHole, Common, Effect, Reset,
    answer::{Outlet, answer},
    faults::Plan,
    framing::{Body, MOST_HEAD, Request, head_end},
    gate::Gate,
    http2::{self, Passage, Stop},
    upload::{Upload, sending},
    wire::{fill, leave_to, pass_all, watch},
};

const GARBAGE: &[u8] = b"\x00\xff\x16\x03 this is no answer \xfe\r\n\r\n\x00";

/// How the two sides go on after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// With another request.
    Request,
    /// With bytes that are no HTTP any more.
    Tunnel,
    /// With the frames of HTTP/2.
    Frames,
    /// Not at all.
    End(End),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With a reset.
    Reset,
    /// In an orderly way.
    Close,
    /// By the client, whose patience is all that limits it.
    Hold,
    /// The client has ended it.
    Gone,
}

pub(super) async fn serve(
    mut client: TcpStream,
    closings: u64,
    upstream: SocketAddr,
    common: Arc<Common>,
) {
    // What drips shall drip.
    let _ = client.set_nodelay(true);
    let mut weather = common.faults.weather();
    let mut conversation = Conversation::new(&common, upstream);
    let end = tokio::select! {
        biased;
        _ = weather.wait_for(|weather| weather.closings > closings) => End::Reset,
        end = conversation.run(&mut client) => end,
    };
    if end == End::Reset {
        // If this fails it was reset already.
        let _ = client.set_zero_linger();
    }
}

struct Conversation<'a> {
    common: &'a Common,
    service: SocketAddr,
    gate: Gate,
    upstream: Option<TcpStream>,
    /// What the client has sent and nobody has taken yet.
    inbox: Vec<u8>,
    /// The same of the service.
    outbox: Vec<u8>,
    /// Whether a request is there in part, so that closing would become a reset.
    unread: bool,
}

impl<'a> Conversation<'a> {
    fn new(common: &'a Common, service: SocketAddr) -> Self {
        Self {
            common,
            service,
            gate: Gate::new(common.faults.weather()),
            upstream: None,
            inbox: Vec::new(),
            outbox: Vec::new(),
            unread: false,
        }
    }

    /// Requests and answers until the connection is to end.
    async fn run(&mut self, client: &mut TcpStream) -> End {
        let end = loop {
            match self.request(client).await {
                Next::Request => {}
                Next::Tunnel => break self.tunnel(client).await,
                Next::Frames => break self.frames(client).await,
                Next::End(end) => break end,
            }
        };
        match end {
            End::Close => {
                // The client may have gone first.
                let _ = client.shutdown().await;
                if self.unread {
                    leave_to(client).await;
                }
            }
            End::Hold => leave_to(client).await,
            End::Reset | End::Gone => {}
        }
        end
    }

    /// One request and its answer.
    async fn request(&mut self, client: &mut TcpStream) -> Next {
        let head = match self.head(client).await {
            Ok(Some(head)) => head,
            Ok(None) => return Next::Tunnel,
            Err(end) => return Next::End(end),
        };
        if http2::is_preface(&self.inbox[..head]) {
            return Next::Frames;
        }
        self.common.requests.fetch_add(1, Ordering::Relaxed);
        let Some(request) = Request::of(&self.inbox[..head]) else {
            return Next::Tunnel;
        };
        let plan = self.common.faults.plan(|_| true);
        self.unread = true;
        match plan.effect {
            Some(Effect::Hang) => return Next::End(End::Hold),
            Some(Effect::Garbage | Effect::Reset(Reset::AfterRequest)) => {
                return Next::End(self.refuse_answer(client, head, request.body, &plan).await);
            }
            Some(Effect::BlackHole(direction)) => self.gate.shut(direction, plan.edition),
            _ => {}
        }
        match self.connect(client).await {
            Ok(mut upstream) => {
                let next = self
                    .exchange(client, &mut upstream, head, request, plan)
                    .await;
                self.upstream = Some(upstream);
                next
            }
            Err(end) => Next::End(end),
        }
    }

    /// The length of the next request's head, or `None` if what comes has none.
    async fn head(&mut self, client: &mut TcpStream) -> Result<Option<usize>, End> {
        loop {
            if let Some(head) = head_end(&self.inbox) {
                return Ok(Some(head));
            }
            if self.inbox.len() > MOST_HEAD {
                return Ok(None);
            }
            let (upstream, outbox) = (&mut self.upstream, &mut self.outbox);
            let unasked = async {
                match upstream {
                    Some(upstream) => fill(upstream, outbox).await,
                    None => pending().await,
                }
            };
            let unasked = tokio::select! {
                biased;
                read = fill(client, &mut self.inbox) => match read {
                    Ok(0) => return Err(End::Close),
                    Ok(_) => continue,
                    Err(_) => return Err(End::Gone),
                },
                unasked = unasked => unasked,
            };
            self.pass(client, BlackHole::Answers).await?;
            match unasked {
                Ok(0) => return Err(End::Close),
                Ok(_) if client.write_all(&self.outbox).await.is_ok() => self.outbox.clear(),
                Ok(_) => return Err(End::Gone),
                Err(_) => return Err(End::Reset),
            }
        }
    }

    /// Reads the whole request and sends it nowhere.
    async fn refuse_answer(
        &mut self,
        client: &mut TcpStream,
        head: usize,
        mut body: Body,
        plan: &Plan,
    ) -> End {
        body.take(&self.inbox[head..], None);
        while !body.is_done() {
            self.inbox.clear();
            match fill(client, &mut self.inbox).await {
                Ok(1..) => body.take(&self.inbox, None),
                Ok(0) | Err(_) => return End::Gone,
            };
        }
        self.unread = false;
        if let Some(delay) = plan.delay {
            sleep(delay).await;
        }
        if let Err(end) = self.pass(client, BlackHole::Answers).await {
            return end;
        }
        if plan.effect != Some(Effect::Garbage) {
            return End::Reset;
        }
        match client.write_all(GARBAGE).await {
            Ok(()) => End::Close,
            Err(_) => End::Gone,
        }
    }

    /// The connection to the service, once bytes may go there.
    async fn connect(&mut self, client: &mut TcpStream) -> Result<TcpStream, End> {
        self.pass(client, BlackHole::Requests).await?;
        if let Some(upstream) = self.upstream.take() {
            return Ok(upstream);
        }
        let Ok(upstream) = TcpStream::connect(self.service).await else {
            self.pass(client, BlackHole::Answers).await?;
            // The nearest to being refused that a client can be that is connected.
            return Err(End::Reset);
        };
        let _ = upstream.set_nodelay(true);
        Ok(upstream)
    }

    /// Waits until bytes may go in this direction, unless the client does not.
    async fn pass(&mut self, client: &mut TcpStream, direction: BlackHole) -> Result<(), End> {
        if self.gate.is_shut(direction) {
            tokio::select! {
                biased;
                () = self.gate.pass(direction) => {}
                () = watch(client, &mut self.inbox) => return Err(End::Gone),
            }
        }
        Ok(())
    }

    async fn exchange(
        &mut self,
        client: &mut TcpStream,
        upstream: &mut TcpStream,
        head: usize,
        request: Request,
        plan: Plan,
    ) -> Next {
        let (mut from_client, to_client) = client.split();
        let (mut from_service, mut to_service) = upstream.split();
        let sent = AtomicBool::new(false);
        let upload = Upload {
            inbox: &mut self.inbox,
            gate: &self.gate,
            sent: &sent,
        };
        let mut upload = pin!(upload.run(&mut from_client, &mut to_service, head, request.body));
        let mut outlet = Outlet::new(to_client, &self.gate);
        let download = answer(
            &mut from_service,
            &mut outlet,
            &mut self.outbox,
            request.head_only,
            plan,
        );
        let next = tokio::select! {
            // The request goes before anything comes of it.
            biased;
            end = &mut upload => Next::End(end),
            next = download => next,
        };
        let next = if next == Next::Request && !sent.load(Ordering::Relaxed) {
            // Answered too early; the rest of the request must still go.
            tokio::select! {
                biased;
                end = sending(upload.as_mut(), &sent) => end.map_or(next, Next::End),
                // Whatever it is, it is not the answer to a request that was not made yet.
                _ = fill(&mut from_service, &mut self.outbox) => Next::End(End::Close),
            }
        } else {
            next
        };
        self.unread = !sent.load(Ordering::Relaxed);
        next
    }

    /// Passes frames on in both directions until both have ended, or a fault says otherwise.
    async fn frames(&mut self, client: &mut TcpStream) -> End {
        let mut upstream = match self.connect(client).await {
            Ok(upstream) => upstream,
            Err(end) => return end,
        };
        let passage = Passage::new(self.common, &self.gate);
        let (inbox, outbox) = (&mut self.inbox, &mut self.outbox);
        let end = passage.run(client, &mut upstream, inbox, outbox).await;
        match end {
            Ok(()) => End::Close,
            Err(Stop::With(end)) => end,
            Err(Stop::Garbage) => match client.write_all(GARBAGE).await {
                Ok(()) => End::Close,
                Err(_) => End::Gone,
            },
        }
    }

    /// Passes bytes on in both directions until both have ended.
    async fn tunnel(&mut self, client: &mut TcpStream) -> End {
        let mut upstream = match self.connect(client).await {
            Ok(upstream) => upstream,
            Err(end) => return end,
        };
        let (mut from_client, mut to_client) = client.split();
        let (mut from_service, mut to_service) = upstream.split();
        let (inbox, outbox, gate) = (&mut self.inbox, &mut self.outbox, &self.gate);
        let up = pass_all(
            &mut from_client,
            &mut to_service,
            inbox,
            gate,
            BlackHole::Requests,
        );
        let down = pass_all(
            &mut from_service,
            &mut to_client,
            outbox,
            gate,
            BlackHole::Answers,
        );
        match tokio::try_join!(up, down) {
            Ok(_) => End::Close,
            Err(_) => End::Reset,
        }
    }
}
