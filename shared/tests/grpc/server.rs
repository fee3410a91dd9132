//! Servers: one whose streams do what a test wrote, and one that speaks frames, for what no HTTP/2 server would say.

use std::net::SocketAddr;
use std::rc::Rc;

use bff_shared::upstream::Target;
use bytes::Bytes;
use h2::Reason;
use h2::server::{Builder, SendResponse};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use prost::Message as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::calls::Thing;
use super::frames::Raw;

/// What a server has seen since it began.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    /// Connections whose end was seen.
    pub(crate) closed: usize,
    pub(crate) calls: Vec<Received>,
    /// Why callers gave up streams.
    pub(crate) resets: Vec<Reason>,
    /// PING frames; counted by servers that speak frames.
    pub(crate) pings: usize,
}

/// A listener on a free port of 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    seen: watch::Sender<Seen>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Lets `script` answer each call.
    pub(crate) fn start(script: impl AsyncFn(Call) + 'static) -> Self {
        Self::with(Builder::new(), script)
    }

    /// The same with settings of HTTP/2.
    pub(crate) fn with(builder: Builder, script: impl AsyncFn(Call) + 'static) -> Self {
        let script = Rc::new(script);
        Self::listen(async move |tcp, _, seen: watch::Sender<Seen>| {
            serve(tcp, &builder, &seen, Rc::clone(&script)).await;
            seen.send_modify(|seen| seen.closed += 1);
        })
    }

    /// A server that answers each call with what `answer` makes of it.
    pub(crate) fn answering(answer: impl Fn(&Received) -> Answer + 'static) -> Self {
        Self::start(async move |call| {
            let answer = answer(&call.received);
            call.give(answer).await;
        })
    }

    /// A server that answers each call well.
    pub(crate) fn good() -> Self {
        Self::answering(|received| Answer::thing(received.id()))
    }

    /// Lets `script` drive each connection by frames; the connection closes when the script lets go of it.
    pub(crate) fn frames(script: impl AsyncFn(Raw) + 'static) -> Self {
        Self::listen(async move |tcp, number, seen| script(Raw::new(tcp, number, seen)).await)
    }

    fn listen(script: impl AsyncFn(TcpStream, usize, watch::Sender<Seen>) + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let seen = watch::Sender::new(Seen::default());
        let (script, sender) = (Rc::new(script), seen.clone());
        let accepting = actix_rt::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                tcp.set_nodelay(true).unwrap();
                let number = sender.borrow().connections;
                sender.send_modify(|seen| seen.connections += 1);
                let (script, seen) = (Rc::clone(&script), sender.clone());
                actix_rt::spawn(async move { script(tcp, number, seen).await });
            }
        });
        Self {
            address,
            seen,
            accepting,
        }
    }

    pub(crate) fn endpoint(&self) -> Target {
        Target::parse(&format!("http://{}", self.address)).unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.borrow().connections
    }

    /// The calls read so far, over all connections.
    pub(crate) fn calls(&self) -> Vec<Received> {
        self.seen.borrow().calls.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.borrow().calls.len()
    }

    /// Waits until what was seen is so.
    pub(crate) async fn until(&self, is_so: impl FnMut(&Seen) -> bool) {
        let mut seen = self.seen.subscribe();
        super::calls::within(seen.wait_for(is_so)).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    tcp: TcpStream,
    builder: &Builder,
    seen: &watch::Sender<Seen>,
    script: Rc<impl AsyncFn(Call) + 'static>,
) {
    let Ok(mut connection) = builder.handshake::<_, Bytes>(tcp).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let (script, seen) = (Rc::clone(&script), seen.clone());
        actix_rt::spawn(async move {
            if let Some(received) = Received::read(request).await {
                seen.send_modify(|seen| seen.calls.push(received.clone()));
                let call = Call {
                    received,
                    respond,
                    seen,
                };
                script(call).await;
            }
        });
    }
}

/// A call as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: http::Method,
    pub(crate) uri: http::Uri,
    pub(crate) headers: HeaderMap,
    /// Everything, frames of gRPC included.
    pub(crate) body: Vec<u8>,
}

impl Received {
    async fn read(request: Request<h2::RecvStream>) -> Option<Self> {
        let (parts, mut stream) = request.into_parts();
        let mut body = Vec::new();
        while let Some(data) = stream.data().await {
            let data = data.ok()?;
            stream.flow_control().release_capacity(data.len()).ok()?;
            body.extend_from_slice(&data);
        }
        Some(Self {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
        })
    }

    /// One that came in frames of which only the body was looked at.
    pub(crate) fn of_body(body: Vec<u8>) -> Self {
        Self {
            method: http::Method::POST,
            uri: http::Uri::default(),
            headers: HeaderMap::new(),
            body,
        }
    }

    /// Which thing is asked for.
    pub(crate) fn id(&self) -> u32 {
        Thing::decode(&self.body[5..]).unwrap().id
    }

    /// The value of the field `name`, which must not stand there twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next().map(|value| value.to_str().unwrap());
        assert_eq!(values.next(), None, "{name} is there twice");
        first
    }
}

/// One call in the hands of a script.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) received: Received,
    respond: SendResponse<Bytes>,
    seen: watch::Sender<Seen>,
}

impl Call {
    /// Answers, and keeps the stream until its caller has it, or has given it up.
    pub(crate) async fn give(mut self, answer: Answer) {
        let mut response = Response::new(());
        *response.status_mut() = answer.status.try_into().unwrap();
        *response.headers_mut() = header_map(&answer.head);
        let only_head = answer.data.is_empty() && matches!(answer.end, End::Data);
        let Ok(mut stream) = self.respond.send_response(response, only_head) else {
            return;
        };
        let last = answer.data.len();
        for (index, data) in answer.data.into_iter().enumerate() {
            let ends = index + 1 == last && matches!(answer.end, End::Data);
            if stream.send_data(data, ends).is_err() {
                return;
            }
        }
        match answer.end {
            End::Trailers(trailers) => _ = stream.send_trailers(header_map(&trailers)),
            End::Data => {}
            End::Never => {
                let reset = std::future::poll_fn(|cx| stream.poll_reset(cx)).await;
                note(&self.seen, &reset);
            }
        }
    }

    /// Says nothing until the caller gives the stream up.
    pub(crate) async fn until_given_up(&mut self) {
        let reset = std::future::poll_fn(|cx| self.respond.poll_reset(cx)).await;
        note(&self.seen, &reset);
    }
}

fn note(seen: &watch::Sender<Seen>, reset: &Result<Reason, h2::Error>) {
    if let Ok(reason) = reset {
        seen.send_modify(|seen| seen.resets.push(*reason));
    }
}

/// Names and values.
pub(crate) type Fields = Vec<(&'static str, &'static str)>;

fn header_map(fields: &Fields) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    headers
}

/// What a call is answered with.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: Fields,
    pub(crate) data: Vec<Bytes>,
    pub(crate) end: End,
}

/// How an answer ends.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Trailers(Fields),
    /// With its last frame, trailers or not.
    Data,
    Never,
}

impl Answer {
    /// The thing `id`, and that all went well.
    pub(crate) fn thing(id: u32) -> Self {
        Self::of([message(id)])
    }

    /// What `data` is made of, and that all went well.
    pub(crate) fn of<D: Into<Bytes>>(data: impl IntoIterator<Item = D>) -> Self {
        Self {
            status: 200,
            head: vec![("content-type", "application/grpc")],
            data: data.into_iter().map(Into::into).collect(),
            end: End::Trailers(vec![("grpc-status", "0")]),
        }
    }

    /// A status in trailers.
    pub(crate) fn code(code: &'static str) -> Self {
        Self::of::<Bytes>([]).ending(End::Trailers(vec![("grpc-status", code)]))
    }

    /// A status in the head, which is all there is ("Trailers-Only").
    pub(crate) fn only(code: &'static str) -> Self {
        Self::of::<Bytes>([])
            .with("grpc-status", code)
            .ending(End::Data)
    }

    /// The same with another field in its head.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.head.push((name, value));
        self
    }

    /// The same with another field in what comes last.
    pub(crate) fn with_last(mut self, name: &'static str, value: &'static str) -> Self {
        match &mut self.end {
            End::Trailers(fields) => fields.push((name, value)),
            End::Data | End::Never => self.head.push((name, value)),
        }
        self
    }

    pub(crate) fn ending(self, end: End) -> Self {
        Self { end, ..self }
    }
}

/// The thing `id` as a message with its five bytes before it.
pub(crate) fn message(id: u32) -> Vec<u8> {
    framed(0, &Thing { id }.encode_to_vec())
}

/// Bytes as a message of gRPC.
pub(crate) fn framed(flag: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[flag], &length[..], bytes].concat()
}
