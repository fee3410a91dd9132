//! The frames of an answer, sound or not.

use std::{future::poll_fn, time::Duration};

use h2::server::SendResponse;
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Bytes,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue},
};
use tokio::{
    sync::{mpsc::UnboundedSender, watch},
    time::sleep,
};
use tonic::Status;

use super::{Reply, connection::Leave};
use crate::{
    fault::{Plan, stop},
    server::REQUEST_ID,
};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Where the answer to a call goes.
pub(super) struct Outlet {
    respond: SendResponse<Bytes>,
    leave: UnboundedSender<Leave>,
    request_id: Option<HeaderValue>,
}

impl Outlet {
    pub(super) fn new(
        respond: SendResponse<Bytes>,
        leave: UnboundedSender<Leave>,
        request_id: Option<&HeaderValue>,
    ) -> Self {
        Self {
            respond,
            leave,
            request_id: request_id.cloned(),
        }
    }

    /// Waits; returns whether the client is still there.
    pub(super) async fn wait(
        &mut self,
        time: Option<Duration>,
        stopping: &mut watch::Receiver<bool>,
    ) -> bool {
        let Some(time) = time else {
            return true;
        };
        tokio::select! {
            biased;
            _ = poll_fn(|cx| self.respond.poll_reset(cx)) => false,
            // Whether the time is up or the service stops makes no difference here.
            () = stop(stopping) => true,
            () = sleep(time) => true,
        }
    }

    /// Answers as the plan says; without a reply no work was done.
    pub(super) async fn answer(mut self, reply: Option<Result<Reply, Status>>, plan: Plan) {
        let _ = plan;
        match reply {
            Some(reply) => self.reply(reply),
            None => self.status(&Status::unavailable("a fault was set for this call")),
        }
    }

    /// The sound answer.
    pub(super) fn reply(&mut self, reply: Result<Reply, Status>) {
        match reply {
            Ok(reply) => self.message(&reply),
            Err(status) => self.status(&status),
        }
    }

    fn message(&mut self, reply: &Reply) {
        let head = self.head(reply);
        // An error is that the client has gone, here and below.
        if let Ok(mut stream) = self.respond.send_response(head, false) {
            let _ = stream.send_data(framed(&reply.message), false);
            let _ = stream.send_trailers(trailers());
        }
    }

    /// A status without a message, and so without trailers of their own.
    pub(super) fn status(&mut self, status: &Status) {
        let mut response = self.response(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, GRPC);
        // It fails on messages that cannot be sent, and none here is one.
        let _ = status.add_header(headers);
        let _ = self.respond.send_response(response, true);
    }

    /// No gRPC.
    pub(super) fn plain(&mut self, status: StatusCode) {
        let _ = self.respond.send_response(self.response(status), true);
    }

    fn head(&self, reply: &Reply) -> Response<()> {
        let mut response = self.response(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, GRPC);
        if reply.replayed {
            headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        if let Some(value) = &reply.cache_control {
            headers.insert(CACHE_CONTROL, value.clone());
        }
        response
    }

    fn response(&self, status: StatusCode) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = status;
        if let Some(id) = &self.request_id {
            let name = HeaderName::from_static(REQUEST_ID);
            response.headers_mut().insert(name, id.clone());
        }
        response
    }
}

/// A message behind its length.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], length.to_be_bytes().as_slice(), message]
        .concat()
        .into()
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))])
}
