//! Clients that leave in the middle: nothing goes on behind them.

use std::time::Duration;

use tokio::sync::watch;

use crate::stack::{Service, get, request, stack};
use crate::wire::{Ended, in_time};

/// A service that does as `begin` says and tells when its connection was closed.
fn watched(begin: &'static str) -> (Service, watch::Receiver<Option<Ended>>) {
    let (sender, ended) = watch::channel(None);
    let service = Service::start(async move |mut wire, _| {
        // Whoever leaves while the connection is being made takes it along as well.
        if wire.next_head().await.is_some() {
            wire.send(begin).await;
        }
        let (_, how) = wire.rest().await;
        sender.send_replace(Some(how));
    });
    (service, ended)
}

#[actix_web::test]
async fn who_leaves_at_any_time_takes_the_services_connection_along() {
    const POST: &str = "Content-Length: 100\r\n";
    for (bytes, begin) in [
        (get(""), ""),
        (get(""), "HTTP/1.1 200 OK\r\ncontent-le"),
        (
            get(""),
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        ),
        (get(""), "HTTP/1.1 200 OK\r\n\r\nhalf"),
        (request("POST", "", POST) + "half", ""),
        (
            request("POST", "", POST) + "half",
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        ),
    ] {
        for how in [Ended::InOrder, Ended::Reset] {
            let (service, mut ended) = watched(begin);
            let stack = stack(&[service.addr]);
            let mut client = stack.connect().await;
            client.send(&bytes).await;
            in_time(async {
                while service.connections() == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
            if begin.ends_with("half") {
                client.head().await;
            }
            match how {
                Ended::InOrder => drop(client),
                Ended::Reset => client.reset(),
            }
            in_time(ended.wait_for(Option::is_some)).await.unwrap();
            stack.is_idle().await;
            let report = stack.report().await;
            assert_eq!(
                report["endpoints"][0]["failures"], 0,
                "nobody's fault: {report}"
            );
        }
    }
}

#[actix_web::test]
async fn half_a_body_does_not_look_like_a_whole_one() {
    let (sender, mut seen) = watch::channel(None);
    let service = Service::start(async move |mut wire, _| {
        wire.head().await;
        let (rest, _) = wire.rest().await;
        sender.send_replace(Some(String::from_utf8(rest).unwrap()));
    });
    let stack = stack(&[service.addr]);
    let mut client = stack.connect().await;
    client
        .send(request("POST", "", "Transfer-Encoding: chunked\r\n") + "4\r\nhalf\r\n")
        .await;
    assert!(client.is_silent().await);
    drop(client);
    let seen = in_time(seen.wait_for(Option::is_some)).await.unwrap();
    assert_eq!(seen.as_deref(), Some("4\r\nhalf\r\n"));
}
