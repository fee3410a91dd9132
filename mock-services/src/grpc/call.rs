//! One call, from its head to its answer.

use std::{future::poll_fn, sync::Arc};

use h2::{RecvStream, server::SendResponse};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};
use tokio::sync::mpsc::UnboundedSender;
use tonic::Status;

use super::{Shared, answer::Outlet, connection::Leave, mounted, name_of};
use crate::server::REQUEST_ID;

/// What stands before a message: whether it is compressed, and its length.
pub(super) const PREFIX: usize = 5;

/// No message that is sent here may be larger, in bytes; as over HTTP.
const MOST_BYTES: usize = 64 * 1024;

pub(super) async fn serve(
    shared: Arc<Shared>,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    leave: UnboundedSender<Leave>,
) {
    let path = request.uri().path();
    if path.starts_with("/grpc.health.v1.Health/") {
        return mounted::serve(&shared.health, request, respond).await;
    }
    if path.starts_with("/grpc.reflection.v1.ServerReflection/") {
        return mounted::serve(&shared.reflection, request, respond).await;
    }
    let mut outlet = Outlet::new(respond, leave, request.headers().get(REQUEST_ID));
    if request.method() != Method::POST {
        return outlet.plain(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !is_grpc(request.headers().get(CONTENT_TYPE)) {
        return outlet.plain(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let methods = shared.contract.methods;
    let method = methods.iter().copied().find(|known| *known == path);
    shared.counts.count_call(method);
    let mut plan = shared.faults.plan_of_call(method);
    let Some(message) = message(request.into_body()).await else {
        return;
    };
    let Some(method) = method else {
        return outlet.status(&Status::unimplemented("there is no such method"));
    };
    if let Some(plan) = &mut plan
        && !outlet.wait(plan.delay, &mut plan.stopping).await
    {
        return;
    }
    let work = || {
        let reply =
            message.and_then(|message| (shared.contract.handler)(name_of(method), &message));
        reply.map(|mut reply| {
            reply.cache_control = (shared.cache_control.clone()).filter(|_| reply.is_record);
            reply
        })
    };
    let Some(mut plan) = plan else {
        return outlet.reply(work());
    };
    let reply = plan.does_work().then(work);
    if outlet.wait(plan.late, &mut plan.stopping).await {
        outlet.answer(reply, plan).await;
    }
}

fn is_grpc(content_type: Option<&HeaderValue>) -> bool {
    let content_type = content_type.and_then(|value| value.to_str().ok());
    matches!(
        content_type,
        Some("application/grpc" | "application/grpc+proto")
    )
}

/// The one message of a call, or what is wrong with it; `None` if the client has gone.
async fn message(mut body: RecvStream) -> Option<Result<Bytes, Status>> {
    let mut received = Vec::new();
    while let Some(data) = poll_fn(|cx| body.poll_data(cx)).await {
        let data = data.ok()?;
        // It would fail if the stream were closed, and then the next piece tells.
        let _ = body.flow_control().release_capacity(data.len());
        received.extend_from_slice(&data);
        if received.len() > PREFIX + MOST_BYTES {
            return Some(Err(Status::resource_exhausted(format!(
                "the message must have at most {MOST_BYTES} bytes"
            ))));
        }
    }
    Some(unpacked(&received))
}

fn unpacked(received: &[u8]) -> Result<Bytes, Status> {
    let Some(([compressed, length @ ..], message)) = received.split_first_chunk::<PREFIX>() else {
        return Err(Status::internal("there is no message"));
    };
    if *compressed != 0 {
        let detail = "this service reads no compressed messages";
        return Err(Status::unimplemented(detail));
    }
    if u32::from_be_bytes(*length) as usize != message.len() {
        return Err(Status::internal("this is not one whole message"));
    }
    Ok(Bytes::copy_from_slice(message))
}
