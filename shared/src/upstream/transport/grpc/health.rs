//! Whether an instance says that it is well: `grpc.health.v1` (grpc/doc/health-checking.md).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::PathAndQuery;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prost::Message;
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::{Code, Request, Status};

use super::Whole;

/// What an instance says of its health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) enum Health {
    /// It takes calls.
    Serving,
    /// It does not, or not yet, or not any more.
    NotServing,
    /// It has no such method: nobody can tell.
    NotOffered,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Answer {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `HealthCheckResponse.ServingStatus.SERVING`.
const SERVING: i32 = 1;

/// Asks the instance behind `socket`, over a connection of its own, for the health of the whole server.
///
/// # Errors
/// It cannot be connected to, or gives no answer to go by.
pub(in crate::upstream) fn check(
    socket: SocketAddr,
    authority: Arc<str>,
) -> BoxFuture<'static, io::Result<Health>> {
    async move {
        let tcp = TcpStream::connect(socket).await?;
        let mut builder = Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new());
        let (sender, connection) = builder
            .handshake(TokioIo::new(tcp))
            .await
            .map_err(io::Error::other)?;
        let origin = Uri::try_from(format!("http://{authority}")).map_err(io::Error::other)?;
        // It ends with its only sender.
        tokio::spawn(connection.map(drop));
        match ask(sender, origin).await {
            Ok(SERVING) => Ok(Health::Serving),
            Ok(_) => Ok(Health::NotServing),
            Err(status) => match status.code() {
                Code::Unimplemented => Ok(Health::NotOffered),
                // It knows nothing of the whole server.
                Code::NotFound => Ok(Health::NotOffered),
                code => Err(io::Error::other(format!("health: {code:?}"))),
            },
        }
    }
    .boxed()
}

async fn ask(sender: SendRequest<Body>, origin: Uri) -> Result<i32, Status> {
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    // An empty message: for no service by name.
    let request = Request::new(Bytes::new());
    let mut grpc = Grpc::with_origin(Plain(sender), origin);
    let answer = grpc.unary(request, path, Whole).await?.into_inner();
    Answer::decode(answer)
        .map(|answer| answer.status)
        .map_err(|_| Status::internal("no such message"))
}

/// A connection as tonic uses it.
struct Plain(SendRequest<Body>);

impl tower_service::Service<http::Request<Body>> for Plain {
    type Response = http::Response<hyper::body::Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<Self::Response, hyper::Error>>;

    fn poll_ready(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        self.0.send_request(request).boxed()
    }
}
