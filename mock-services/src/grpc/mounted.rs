//! Services of others, made for another server: streams and all.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use h2::{RecvStream, server::SendResponse};
use hyper::{
    Request, Response,
    body::{Body as _, Bytes, Frame},
};
use tonic::{
    body::Body,
    codegen::{BoxFuture, Service},
};

pub(super) type Mounted =
    Box<dyn Fn(Request<Body>) -> BoxFuture<Response<Body>, Infallible> + Send + Sync>;

pub(super) fn mount<S>(service: S) -> Mounted
where
    S: Service<
            Request<Body>,
            Response = Response<Body>,
            Error = Infallible,
            Future = BoxFuture<Response<Body>, Infallible>,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    // What tonic makes of a contract is always ready.
    Box::new(move |request| service.clone().call(request))
}

/// Passes a call on, and its answer back until the client goes.
pub(super) async fn serve(
    service: &Mounted,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) {
    let Ok(response) = service(request.map(|body| Body::new(Incoming(body)))).await;
    let (head, mut body) = response.into_parts();
    let Ok(mut stream) = respond.send_response(Response::from_parts(head, ()), false) else {
        return;
    };
    loop {
        let frame = tokio::select! {
            _ = poll_fn(|cx| stream.poll_reset(cx)) => return,
            frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)) => frame,
        };
        let sent = match frame.and_then(Result::ok).map(Frame::into_data) {
            Some(Ok(data)) => stream.send_data(data, false),
            Some(Err(frame)) => {
                // Trailers are the last.
                let trailers = frame.into_trailers().unwrap_or_default();
                let _ = stream.send_trailers(trailers);
                return;
            }
            None => {
                let _ = stream.send_data(Bytes::new(), true);
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The body of a request.
struct Incoming(RecvStream);

impl hyper::body::Body for Incoming {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        Poll::Ready(match ready!(self.0.poll_data(cx)) {
            Some(Ok(data)) => {
                // It is kept no longer than it takes to look at it.
                let released = self.0.flow_control().release_capacity(data.len());
                Some(released.map(|()| Frame::data(data)))
            }
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }
}
