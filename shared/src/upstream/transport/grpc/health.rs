//! Whether an instance says that it is well: `grpc.health.v1` (grpc/doc/health-checking.md).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::PathAndQuery;
use hyper::client::conn::http2::Builder;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prost::Message;
use tokio::net::TcpStream;
use tonic::Request;

use super::ask;
use super::connection::Live;
use super::exchange::Exchange;
use crate::upstream::Code;

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

/// An answer is far smaller.
const LARGEST: usize = 1024;

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
        let live = Live {
            sender,
            origin,
            state: Arc::default(),
        };
        let exchange = Exchange::default();
        // An empty message: for no service by name.
        let request = Request::new(Bytes::new());
        let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
        let outcome = ask(&live, &exchange, LARGEST, path, request).await;
        match (outcome, exchange.code()) {
            (Ok((message, _)), Some(Code::Ok)) => match Answer::decode(message) {
                Ok(answer) if answer.status == SERVING => Ok(Health::Serving),
                Ok(_) => Ok(Health::NotServing),
                Err(error) => Err(io::Error::other(error)),
            },
            // Or it knows nothing of the whole server.
            (Err(_), Some(Code::Unimplemented | Code::NotFound)) => Ok(Health::NotOffered),
            (_, code) => Err(io::Error::other(format!("health: {code:?}"))),
        }
    }
    .boxed()
}
