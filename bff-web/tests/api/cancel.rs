//! A client that goes away takes its calls with it.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::helpers::recorder::read_head;
use crate::helpers::{ANY_PORT, GUARD, endpoint, spawn_with, until};

#[actix_web::test]
async fn when_the_client_goes_the_call_to_a_hanging_service_ends() {
    let service = TcpListener::bind(ANY_PORT).await.unwrap();
    let url = format!("http://{}", service.local_addr().unwrap());
    let app = spawn_with(|config| config.services.customers.endpoints = vec![endpoint(&url)]).await;
    let mut client = TcpStream::connect(app.addr).await.unwrap();
    client
        .write_all(b"GET /orders/1 HTTP/1.1\r\nHost: test\r\n\r\n")
        .await
        .unwrap();
    let (mut call, _) = timeout(GUARD, service.accept())
        .await
        .expect("a call")
        .unwrap();
    assert!(
        read_head(&mut call)
            .await
            .unwrap()
            .starts_with("GET /customers/56 ")
    );
    assert_eq!(app.upstream("customers").await["inFlight"], 1);

    drop(client);

    // An end, or a reset: either way the connection is gone, long before any time-out.
    let rest = timeout(GUARD / 4, call.read(&mut [0]))
        .await
        .expect("the connection is closed");
    assert!(!matches!(rest, Ok(1..)), "{rest:?}");
    until("nothing is in flight", async || {
        app.upstream("customers").await["inFlight"] == 0
    })
    .await;
    let report = app.upstream("customers").await;
    assert_eq!(
        (
            &report["endpoints"][0]["inFlight"],
            &report["endpoints"][0]["attempts"]
        ),
        (&0.into(), &1.into())
    );
    assert_eq!(
        report["endpoints"][0]["failures"], 0,
        "the service is not to blame"
    );
    assert_eq!(app.orders.requests(), 1, "nothing is asked again");
}
