//! One client's connection.

use std::{sync::Arc, time::Duration};

use h2::{Ping, PingPong, Reason};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Shared, call, told};

/// How long after the last sign of life a client is asked for another, and how long it has for it.
const PING_AFTER: Duration = Duration::from_secs(60);
const PONG_WITHIN: Duration = Duration::from_secs(20);

/// How a call has its connection ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leave {
    /// With a GOAWAY, and when all calls are done.
    Gracefully,
    /// With a GOAWAY and now.
    Now,
}

pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    // An answer is several small frames.
    let _ = stream.set_nodelay(true);
    let greeted = tokio::select! {
        () = told(&mut stop) => return,
        greeted = h2::server::handshake(stream) => greeted,
    };
    let Ok(mut connection) = greeted else {
        return;
    };
    let silence = silence(connection.ping_pong());
    tokio::pin!(silence);
    let (leave, mut leaving) = mpsc::unbounded_channel();
    let mut calls = JoinSet::new();
    let mut stopping = false;
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    calls.spawn(call::serve(Arc::clone(&shared), request, respond, leave.clone()));
                }
                Some(Err(_)) | None => break,
            },
            Some(how) = leaving.recv() => match how {
                Leave::Gracefully => connection.graceful_shutdown(),
                Leave::Now => connection.abrupt_shutdown(Reason::NO_ERROR),
            },
            () = told(&mut stop), if !stopping => {
                stopping = true;
                connection.graceful_shutdown();
            }
            Some(_) = calls.join_next() => {}
            () = &mut silence => break,
        }
    }
}

/// Returns when the client gives no sign of life any more.
async fn silence(pings: Option<PingPong>) {
    let Some(mut pings) = pings else {
        return;
    };
    loop {
        sleep(PING_AFTER).await;
        if !matches!(
            timeout(PONG_WITHIN, pings.ping(Ping::opaque())).await,
            Ok(Ok(_))
        ) {
            return;
        }
    }
}
