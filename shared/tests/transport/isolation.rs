//! Trap 6: one hung upstream holds up no other, and nobody waits in a line.

use std::rc::Rc;

use bff_shared::upstream::ErrorKind;
use futures_util::future::join_all;
use tokio::sync::Notify;

use super::calls::{Upstream, within};
use super::server::{RawServer, thing};

/// A server that answers nobody until `release` is notified, then everybody.
fn holding(release: &Rc<Notify>) -> RawServer {
    let release = Rc::clone(release);
    RawServer::start(async move |mut connection| {
        while let Some(request) = connection.request().await {
            release.notified().await;
            connection.write(thing(request.id())).await;
        }
    })
}

#[actix_web::test]
async fn an_upstream_that_hangs_to_its_limit_does_not_hold_up_another() {
    let release = Rc::new(Notify::new());
    let hung_server = holding(&release);
    let healthy_server = RawServer::answering(|request| thing(request.id()));
    let hung = Upstream::with(&hung_server, |config| config.max_in_flight = 8);
    let healthy = Upstream::with(&healthy_server, |config| config.max_in_flight = 8);
    let held: Vec<_> = (0..8).map(|id| hung.spawn_get(id)).collect();
    within(hung_server.read(8)).await;
    for id in 0..50 {
        assert_eq!(healthy.get(id).await, Ok(id));
    }
    assert!(
        held.iter().all(|call| !call.is_finished()),
        "nobody was released"
    );
    release.notify_waiters();
    for (id, call) in (0..).zip(within(join_all(held)).await) {
        assert_eq!(call.unwrap(), Ok(id));
    }
}

#[actix_web::test]
async fn calls_beyond_max_in_flight_are_refused_at_once_and_none_waits() {
    let release = Rc::new(Notify::new());
    let server = holding(&release);
    let upstream = Upstream::with(&server, |config| config.max_in_flight = 4);
    let held: Vec<_> = (0..4).map(|id| upstream.spawn_get(id)).collect();
    within(server.read(4)).await;
    for refusal in join_all((10..30).map(|id| upstream.get(id))).await {
        let error = refusal.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
        assert!(!error.maybe_processed(), "{error}");
    }
    assert!(
        held.iter().all(|call| !call.is_finished()),
        "nobody was released"
    );
    assert_eq!(upstream.report()["inFlight"], 4);
    assert_eq!(upstream.report()["refused"], 20);

    release.notify_waiters();
    for (id, call) in (0..).zip(within(join_all(held)).await) {
        assert_eq!(call.unwrap(), Ok(id));
    }
    assert_eq!(
        server.requests().len(),
        4,
        "what was refused did not wait to be sent"
    );
    assert_eq!(upstream.report()["inFlight"], 0);
}

#[actix_web::test]
async fn the_limit_is_one_for_all_clients_of_a_cluster() {
    let release = Rc::new(Notify::new());
    let server = holding(&release);
    let one = Upstream::with(&server, |config| config.max_in_flight = 1);
    let other = Upstream {
        client: bff_shared::upstream::Client::new(one.cluster.clone()),
        cluster: one.cluster.clone(),
    };
    let held = one.spawn_get(1);
    within(server.read(1)).await;
    assert_eq!(
        other.get(2).await.unwrap_err().kind(),
        ErrorKind::Overloaded
    );
    release.notify_waiters();
    assert_eq!(within(held).await.unwrap(), Ok(1));
    let next = other.spawn_get(3);
    within(server.read(2)).await;
    release.notify_waiters();
    assert_eq!(within(next).await.unwrap(), Ok(3));
}

#[actix_web::test]
async fn every_endpoint_gets_calls() {
    let servers: Vec<RawServer> = (0..3)
        .map(|_| RawServer::answering(|request| thing(request.id())))
        .collect();
    let upstream = Upstream::at(servers.iter().map(RawServer::endpoint).collect(), |_| {});
    for id in 0..12 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    for server in &servers {
        assert_eq!(server.connections(), 1);
    }
}
