//! One client's connection.

use std::sync::Arc;

use tokio::{io::copy_bidirectional, net::TcpStream};

use super::Common;

pub(super) async fn serve(mut client: TcpStream, closings: u64, common: Arc<Common>) {
    let _ = (
        closings,
        common.faults.plan().edition,
        common.faults.weather(),
    );
    if let Ok(mut upstream) = TcpStream::connect(common.upstream).await {
        let _ = copy_bidirectional(&mut client, &mut upstream).await;
    }
}
