//! Trap 8: endpoints that are named are looked up aside, and asked by their name.

use std::time::Duration;

use bff_shared::upstream::{ErrorKind, Target};

use super::calls::{Upstream, within};
use super::server::{RawServer, thing};

fn named(authority: &str) -> Target {
    Target::parse(&format!("http://{authority}")).unwrap()
}

/// Each call opens a connection, so that each of the name's addresses has its turn as the first to be tried,
/// including those where nobody listens.
#[actix_web::test]
async fn an_endpoint_named_by_host_is_connected_to_and_asked_by_that_name() {
    let server = RawServer::answering(|request| thing(request.id()));
    let authority = format!("localhost:{}", server.port());
    let upstream = Upstream::at(vec![named(&authority)], |config| {
        config.idle_timeout = Duration::ZERO;
    });
    for id in 0..4 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    assert_eq!(server.connections(), 4);
    for request in server.requests() {
        assert_eq!(request.header("host"), Some(authority.as_str()));
    }
    let address = upstream.report()["endpoints"][0]["address"].to_string();
    assert!(
        address.contains(&format!("127.0.0.1:{}", server.port())),
        "{address}"
    );
}

#[actix_web::test]
async fn an_endpoint_given_as_an_ip_address_is_asked_by_that_address() {
    let server = RawServer::answering(|request| thing(request.id()));
    let authority = format!("127.0.0.1:{}", server.port());
    assert_eq!(Upstream::of(&server).get(1).await, Ok(1));
    assert_eq!(
        server.requests()[0].header("host"),
        Some(authority.as_str())
    );
}

#[actix_web::test]
async fn a_name_that_stands_for_nothing_ends_in_time_and_holds_up_no_other_upstream() {
    let server = RawServer::answering(|request| thing(request.id()));
    let healthy = Upstream::of(&server);
    let nowhere = Upstream::at(vec![named("nowhere.invalid:8080")], |config| {
        config.connect_timeout = Duration::from_millis(200);
    });
    let lost: Vec<_> = (0..10).map(|id| nowhere.spawn_get(id)).collect();
    for id in 0..20 {
        assert_eq!(healthy.get(id).await, Ok(id));
    }
    for call in lost {
        let error = within(call).await.unwrap().unwrap_err();
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::Timeout | ErrorKind::Unavailable),
            "{error}"
        );
        assert!(!error.maybe_processed(), "{error}");
    }
    assert_eq!(nowhere.report()["inFlight"], 0);
}
