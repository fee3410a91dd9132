//! A client of gRPC calls that is no more than HTTP/2, and shows every frame.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

use std::{cell::Cell, future::poll_fn, net::SocketAddr, time::Duration};

use h2::{Ping, Reason, RecvStream, client};
use hyper::{HeaderMap, Request, body::Bytes};
use tokio::{net::TcpStream, time::timeout};

/// Far longer than anything here takes.
pub(crate) const GUARD: Duration = Duration::from_secs(20);

/// How an answer ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With `END_STREAM`.
    Whole,
    Reset(Reason),
    /// With the connection, whether a GOAWAY announced it or not.
    GoneAway,
    /// It has not.
    Silence,
}

/// All that came of one call.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) data: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) end: End,
    /// Whether the connection takes another call.
    pub(crate) goes_on: bool,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn message(&self) -> &[u8] {
        let (prefix, message) = self.data.split_at(5);
        assert_eq!(prefix[0], 0);
        let length = u32::from_be_bytes(prefix[1..].try_into().unwrap());
        assert_eq!(length as usize, message.len());
        message
    }
}

fn end(error: &h2::Error) -> End {
    match error.reason() {
        Some(reason) if error.is_reset() => End::Reset(reason),
        Some(Reason::NO_ERROR) if error.is_go_away() => End::GoneAway,
        _ if error.is_io() => End::GoneAway,
        _ => panic!("{error:?}"),
    }
}

fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap();
    [&[0], length.to_be_bytes().as_slice(), message]
        .concat()
        .into()
}

pub(crate) async fn call(addr: SocketAddr, path: &str, message: &[u8]) -> Seen {
    let seen = timeout(GUARD, call_unguarded(addr, path, message));
    seen.await.expect("the call comes to its end")
}

async fn call_unguarded(addr: SocketAddr, path: &str, message: &[u8]) -> Seen {
    let stream = TcpStream::connect(addr).await.unwrap();
    let mut builder = client::Builder::new();
    builder
        .initial_window_size(16 << 20)
        .initial_connection_window_size(16 << 20);
    let (client, mut connection) = builder.handshake::<_, Bytes>(stream).await.unwrap();
    let mut pings = connection.ping_pong().unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let request = Request::post(format!("http://{addr}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("x-request-id", "b-2")
        .body(());
    let (answer, mut upload) = client.send_request(request.unwrap(), false).unwrap();
    upload.send_data(framed(message), true).unwrap();
    let mut seen = Seen {
        status: 0,
        headers: HeaderMap::new(),
        data: Vec::new(),
        trailers: None,
        end: End::Silence,
        goes_on: true,
    };
    tokio::pin!(answer);
    // What the service does not send while the connection echoes so often it does not send at all.
    let echoes = Cell::new(0);
    let silence = async {
        while echoes.get() < 20 {
            if pings.ping(Ping::opaque()).await.is_err() {
                return false;
            }
            echoes.set(echoes.get() + 1);
        }
        true
    };
    tokio::pin!(silence);
    let mut goes_on = None;
    let mut body = None;
    seen.end = loop {
        let step = async {
            match &mut body {
                None => match (&mut answer).await {
                    Ok(response) => {
                        let (head, stream) = response.into_parts();
                        (seen.status, seen.headers) = (head.status.as_u16(), head.headers);
                        body = Some(stream);
                        None
                    }
                    Err(error) => Some(end(&error)),
                },
                Some(body) => read(body, &mut seen).await,
            }
        };
        tokio::select! {
            biased;
            ended = step => match ended {
                Some(end) => break end,
                None => echoes.set(0),
            },
            echoed = &mut silence, if goes_on.is_none() => {
                goes_on = Some(echoed);
                if echoed {
                    break End::Silence;
                }
            }
        }
    };
    // A GOAWAY that comes with the end is there after as many echoes.
    echoes.set(0);
    let goes_on = match goes_on {
        Some(goes_on) => goes_on,
        None => silence.await,
    };
    seen.goes_on = goes_on && client.ready().await.is_ok();
    connection.abort();
    seen
}

/// The next piece of a body, and its end if that is it.
async fn read(body: &mut RecvStream, seen: &mut Seen) -> Option<End> {
    match poll_fn(|cx| body.poll_data(cx)).await {
        Some(Ok(data)) => {
            body.flow_control().release_capacity(data.len()).unwrap();
            seen.data.extend_from_slice(&data);
            None
        }
        Some(Err(error)) => Some(end(&error)),
        None => match poll_fn(|cx| body.poll_trailers(cx)).await {
            Ok(trailers) => {
                seen.trailers = trailers;
                Some(End::Whole)
            }
            Err(error) => Some(end(&error)),
        },
    }
}
