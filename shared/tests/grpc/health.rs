//! What instances say of their health (grpc.health.v1).

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bff_shared::upstream::{Config, ErrorKind};

use super::calls::{Upstream, failed, within};
use super::server::{Answer, Call, End, Received, Server, framed};

const CHECK: &str = "/grpc.health.v1.Health/Check";

/// Asks often, so that a test need not wait.
fn asking(config: &mut Config) {
    config.grpc.health_interval = Duration::from_millis(5);
}

fn says(status: u8) -> Answer {
    Answer::of([framed(0, &[8, status])])
}

fn serving() -> Answer {
    says(1)
}

fn not_serving() -> Answer {
    says(2)
}

/// An instance whose health a test says, and which answers all other calls well.
struct Instance {
    server: Server,
    health: Rc<RefCell<Answer>>,
}

impl Instance {
    fn saying(health: Answer) -> Self {
        let health = Rc::new(RefCell::new(health));
        let said = Rc::clone(&health);
        let server = Server::start(async move |call: Call| {
            let answer = match call.received.uri.path() {
                CHECK => said.borrow().clone(),
                _ => Answer::thing(call.received.id()),
            };
            call.give(answer).await;
        });
        Self { server, health }
    }

    fn says(&self, health: Answer) {
        self.health.replace(health);
    }

    /// Waits until it was asked for its health `more` times from now on: what it said the time before is known then.
    async fn asked(&self, more: usize) {
        let until = self.checks() + more;
        let is_check = |call: &&Received| call.uri.path() == CHECK;
        self.server
            .until(|seen| seen.calls.iter().filter(is_check).count() >= until)
            .await;
    }

    fn checks(&self) -> usize {
        let calls = self.server.calls();
        calls.iter().filter(|call| call.uri.path() == CHECK).count()
    }

    fn things(&self) -> usize {
        self.server.count() - self.checks()
    }
}

fn both(one: &Instance, other: &Instance) -> Upstream {
    Upstream::at(vec![one.server.endpoint(), other.server.endpoint()], asking)
}

/// Whether the report says of an instance that it serves: in which order they stand there is not said.
fn serves(upstream: &Upstream, server: &Server) -> bool {
    let report = upstream.report();
    let mut endpoints = report["endpoints"].as_array().unwrap().iter();
    let address = format!("http://{}", server.address());
    let endpoint = endpoints.find(|endpoint| endpoint["address"] == address);
    endpoint.unwrap()["serving"].as_bool().unwrap()
}

async fn until_serving(upstream: &Upstream, server: &Server, is_so: bool) {
    within(async {
        while serves(upstream, server) != is_so {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[actix_web::test]
async fn who_is_not_serving_gets_no_calls_while_another_does_and_gets_them_again() {
    let (one, other) = (Instance::saying(not_serving()), Instance::saying(serving()));
    let upstream = both(&one, &other);
    until_serving(&upstream, &one.server, false).await;
    until_serving(&upstream, &other.server, true).await;
    for id in 0..50 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    assert_eq!((one.things(), other.things()), (0, 50));

    one.says(serving());
    until_serving(&upstream, &one.server, true).await;
    other.says(not_serving());
    until_serving(&upstream, &other.server, false).await;
    for id in 0..50 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    assert_eq!((one.things(), other.things()), (50, 50));
}

#[actix_web::test]
async fn who_is_the_only_one_is_asked_though_it_is_not_serving() {
    for status in [0, 2, 3, 77] {
        let one = Instance::saying(says(status));
        let upstream = Upstream::with(&one.server, asking);
        until_serving(&upstream, &one.server, false).await;
        assert_eq!(upstream.get(1).await, Ok(1));
    }
    let (one, other) = (
        Instance::saying(not_serving()),
        Instance::saying(not_serving()),
    );
    let upstream = both(&one, &other);
    until_serving(&upstream, &one.server, false).await;
    until_serving(&upstream, &other.server, false).await;
    for id in 0..10 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
}

#[actix_web::test]
async fn what_is_asked_is_the_health_of_the_whole_server() {
    let one = Instance::saying(serving());
    let _upstream = Upstream::with(&one.server, asking);
    one.asked(1).await;
    let calls = one.server.calls();
    assert_eq!(calls[0].uri.path(), CHECK);
    assert_eq!(calls[0].body, framed(0, b""));
    assert_eq!(calls[0].header("content-type"), Some("application/grpc"));
}

#[actix_web::test]
async fn who_offers_nothing_of_its_health_serves_and_is_not_asked_again_soon() {
    for code in ["12", "5"] {
        for answer in [Answer::only(code), Answer::code(code)] {
            let one = Instance::saying(answer);
            let upstream = Upstream::with(&one.server, asking);
            one.asked(1).await;
            // Another one is asked many times meanwhile.
            let other = Instance::saying(serving());
            let _other = Upstream::with(&other.server, asking);
            other.asked(10).await;
            assert_eq!(one.checks(), 1);
            assert_eq!(upstream.endpoint()["serving"], true);
            assert_eq!(upstream.get(1).await, Ok(1));
        }
    }
}

#[actix_web::test]
async fn what_is_no_answer_changes_nothing() {
    let html = Answer {
        status: 503,
        head: vec![("content-type", "text/html")],
        ..Answer::of(["<html>"]).ending(End::Data)
    };
    for nonsense in [
        Answer::only("14"),
        Answer::only("0"),
        Answer::only("nonsense"),
        Answer::only("13").with("grpc-status-details-bin", "no base64!"),
        Answer::of([framed(0, b"\xff\xff")]),
        Answer::of([framed(1, b"\x08\x01")]),
        Answer::of([framed(0, b"\x08\x01"), framed(0, b"\x08\x02")]),
        Answer::thing(1).ending(End::Data),
        html,
    ] {
        for serves in [true, false] {
            let said = if serves { serving() } else { not_serving() };
            let one = Instance::saying(said);
            let upstream = Upstream::with(&one.server, asking);
            one.asked(1).await;
            until_serving(&upstream, &one.server, serves).await;
            one.says(nonsense.clone());
            one.asked(3).await;
            assert_eq!(upstream.endpoint()["serving"], serves, "{nonsense:?}");
            // It is still listened to.
            one.says(if serves { not_serving() } else { serving() });
            until_serving(&upstream, &one.server, !serves).await;
        }
    }
}

#[actix_web::test]
async fn who_does_not_answer_holds_up_nobody_else() {
    let hanging = Server::start(async |mut call: Call| match call.received.uri.path() {
        CHECK => call.until_given_up().await,
        _ => {
            let id = call.received.id();
            call.give(Answer::thing(id)).await;
        }
    });
    let other = Instance::saying(not_serving());
    let upstream = Upstream::at(
        vec![hanging.endpoint(), other.server.endpoint()],
        |config| {
            asking(config);
            config.attempt_timeout = Duration::from_millis(50);
        },
    );
    until_serving(&upstream, &other.server, false).await;
    assert!(serves(&upstream, &hanging));
    assert_eq!(upstream.get(1).await, Ok(1));
    assert_eq!(other.things(), 0);
}

#[actix_web::test]
async fn with_no_interval_nobody_is_asked_and_with_its_cluster_the_asking_ends() {
    let silent = Instance::saying(not_serving());
    let upstream = Upstream::of(&silent.server);
    let asked = Instance::saying(serving());
    let other = Upstream::with(&asked.server, asking);
    asked.asked(5).await;
    assert_eq!(silent.checks(), 0);
    assert_eq!(upstream.get(1).await, Ok(1));

    drop(other);
    // What is under way may end.
    let until = asked.checks() + 2;
    let watch = Instance::saying(serving());
    let _watch = Upstream::with(&watch.server, asking);
    watch.asked(20).await;
    assert!(asked.checks() <= until);
}

#[actix_web::test]
async fn with_no_interval_a_lost_instance_is_connected_to_and_not_asked() {
    let server = Server::frames(async |mut raw| {
        raw.greet().await;
        while raw.call().await.is_some() && raw.number > 0 {}
    });
    let upstream = Upstream::of(&server);
    failed(upstream.get(1).await, ErrorKind::Unavailable);
    server.until(|seen| seen.closed == 1).await;
    assert_eq!((server.connections(), server.count()), (2, 1));
}
