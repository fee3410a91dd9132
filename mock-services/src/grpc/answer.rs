//! The frames of an answer, sound or not.

use std::{future::poll_fn, time::Duration};

use h2::{Reason, server::SendResponse};
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Bytes,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};
use tokio::{
    sync::{mpsc::UnboundedSender, watch},
    time::sleep,
};
use tonic::Status;

use super::{
    Reply,
    call::PREFIX,
    connection::Leave,
    spoil::{padded, spoilt},
};
use crate::{
    fault::{BodyFault, Effect, GoAway, GrpcAnswer, PAGE, Plan, stop},
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
    pub(super) async fn answer(mut self, reply: Option<Result<Reply, Status>>, mut plan: Plan) {
        let undone = || Err(Status::unavailable("a fault was set for this call"));
        let reply = reply.unwrap_or_else(undone);
        let effect = plan.answer.take().map(|(effect, _)| effect);
        match (effect, reply) {
            (Some(Effect::Status(status)), _) => {
                let code = StatusCode::from_u16(status.code);
                let retry_after = status.retry_after_seconds.map(HeaderValue::from);
                self.page(code.unwrap_or_default(), retry_after);
            }
            (Some(Effect::Body(BodyFault::Html)), _) => self.page(StatusCode::OK, None),
            // The reply is held: its work goes on for as long as this hangs.
            (Some(Effect::Hang), _held) => {
                if self.hold(&mut plan.stopping).await {
                    let detail = "the service stopped while this call hung";
                    self.status(&Status::unavailable(detail));
                }
            }
            (Some(Effect::GrpcStatus(status)), _) => self.status(&status.status()),
            (Some(Effect::RstStream(reason)), _) => self.respond.send_reset(reason),
            (Some(Effect::GoAway(how)), reply) => match how {
                GoAway::Refused => {
                    self.leave(Leave::Gracefully);
                    self.respond.send_reset(Reason::REFUSED_STREAM);
                }
                GoAway::Lost => {
                    self.leave(Leave::Now);
                    self.hold(&mut plan.stopping).await;
                }
                GoAway::Answered => {
                    self.leave(Leave::Gracefully);
                    self.reply(reply);
                }
            },
            (Some(Effect::Body(fault)), Ok(mut reply)) => {
                reply.message = spoilt(&reply.message, fault);
                self.message(&reply);
            }
            (Some(Effect::GrpcAnswer(fault)), Ok(reply)) => {
                self.misframed(&reply, fault, &mut plan.stopping).await;
            }
            (_, reply) => self.reply(reply),
        }
    }

    async fn misframed(
        &mut self,
        reply: &Reply,
        fault: GrpcAnswer,
        stopping: &mut watch::Receiver<bool>,
    ) {
        let head = self.head(reply);
        let Ok(mut stream) = self.respond.send_response(head, false) else {
            return;
        };
        let frame = framed(&reply.message);
        let frame = match fault {
            GrpcAnswer::NoMessage => Bytes::new(),
            GrpcAnswer::TwoMessages => [&*frame, &*frame].concat().into(),
            GrpcAnswer::CutMessage => frame.slice(..PREFIX + reply.message.len() / 2),
            GrpcAnswer::Compressed => [&[1], &frame[1..]].concat().into(),
            GrpcAnswer::Large => framed(&padded(&reply.message)),
            GrpcAnswer::NoTrailers | GrpcAnswer::LateTrailers => frame,
        };
        let _ = stream.send_data(frame, fault == GrpcAnswer::NoTrailers);
        match fault {
            GrpcAnswer::NoTrailers => {}
            GrpcAnswer::LateTrailers => tokio::select! {
                _ = poll_fn(|cx| stream.poll_reset(cx)) => {}
                () = stop(stopping) => {}
            },
            _ => {
                let _ = stream.send_trailers(trailers());
            }
        }
    }

    /// Keeps the call open; returns whether it is the service that ends that.
    async fn hold(&mut self, stopping: &mut watch::Receiver<bool>) -> bool {
        tokio::select! {
            biased;
            _ = poll_fn(|cx| self.respond.poll_reset(cx)) => false,
            () = stop(stopping) => true,
        }
    }

    fn leave(&self, how: Leave) {
        // An error is that the connection has ended.
        let _ = self.leave.send(how);
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

    /// No gRPC but a page of HTML.
    fn page(&mut self, status: StatusCode, retry_after: Option<HeaderValue>) {
        const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
        let mut response = self.response(status);
        response.headers_mut().insert(CONTENT_TYPE, HTML);
        if let Some(value) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        if let Ok(mut stream) = self.respond.send_response(response, false) {
            let _ = stream.send_data(Bytes::from_static(PAGE), true);
        }
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
