//! A call whose future is dropped: its stream is given up, its connection is not, and nothing is left behind.

use h2::Reason;

use super::calls::{Upstream, within};
use super::server::{Answer, End, Server, message};

/// A server that answers the call for thing 1 as far as `begun` and no more, and all others well.
fn server(begun: Option<Answer>) -> Server {
    Server::start(async move |mut call| match (call.received.id(), &begun) {
        (1, None) => call.until_given_up().await,
        (1, Some(begun)) => call.give(begun.clone().ending(End::Never)).await,
        (id, _) => call.give(Answer::thing(id)).await,
    })
}

#[actix_web::test]
async fn a_call_that_is_left_gives_up_its_stream_and_nothing_else() {
    for begun in [
        None,
        Some(Answer::of::<Vec<u8>>([])),
        Some(Answer::of([message(1)[..6].to_vec()])),
        Some(Answer::thing(1)),
    ] {
        let server = server(begun);
        // With a single place, a call that left something behind would leave none for the next.
        let upstream = Upstream::with(&server, |config| config.max_in_flight = 1);
        for round in 1..=3 {
            let call = upstream.spawn_get(1);
            server.until(|seen| seen.calls.len() == 2 * round - 1).await;
            assert_eq!(upstream.report()["inFlight"], 1);
            call.abort();
            assert!(within(call).await.unwrap_err().is_cancelled());
            server.until(|seen| seen.resets.len() == round).await;
            assert_eq!(upstream.report()["inFlight"], 0);
            assert_eq!(upstream.endpoint()["inFlight"], 0);
            assert_eq!(upstream.get(2).await, Ok(2));
        }
        server
            .until(|seen| seen.resets == [Reason::CANCEL; 3])
            .await;
        assert_eq!(server.connections(), 1);
    }
}

#[actix_web::test]
async fn many_that_leave_at_once_take_no_connection_from_the_others() {
    let server = Server::start(async |mut call| match call.received.id() {
        1..100 => call.until_given_up().await,
        id => call.give(Answer::thing(id)).await,
    });
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(100).await, Ok(100));
    let calls: Vec<_> = (1..100).map(|id| upstream.spawn_get(id)).collect();
    server.until(|seen| seen.calls.len() == 100).await;
    for call in &calls {
        call.abort();
    }
    server.until(|seen| seen.resets.len() == 99).await;
    assert_eq!(upstream.get(101).await, Ok(101));
    assert_eq!(server.connections(), 1);
}

#[actix_web::test]
async fn with_the_last_of_its_clients_a_connection_ends() {
    let server = Server::good();
    let upstream = Upstream::of(&server);
    assert_eq!(upstream.get(1).await, Ok(1));
    drop(upstream);
    server.until(|seen| seen.closed == 1).await;
}
