//! What is answered when services fail: the same, where their failures say the same.
//!
//! Two that sound alike do not, and are in the fault matrix alone. `DEADLINE_EXCEEDED` is the service's own word, and a
//! 504 may be anybody's: the one is a timeout, the other a service that does not work. And a body without bytes is no
//! JSON, but a message: one of a batch that nobody was found for.

use std::net::SocketAddr;
use std::time::Duration;

use mock_services::fault::{BodyFault, Code, Fault};
use tokio::net::TcpSocket;

use crate::stack::{Client, Service, Setup};
use crate::twins::Twins;
use crate::wire::Answer;
use crate::writes::{order, place};

const TOLD: Setup = Setup {
    cache_control: Some("max-age=600"),
    default_ttl: Duration::ZERO,
    customers: 1000,
    no_batch: None,
    down: None,
    hurried: None,
    repeats: 2,
};

/// As above, but for something that is old at once, and of use when nothing newer can be had. It is given before the
/// pause that a repeat would come after, and how many of those are then made is nobody's concern.
const OLD: Setup = Setup {
    cache_control: Some("max-age=0, stale-if-error=600"),
    repeats: 0,
    ..TOLD
};

/// The screens that need this order, this customer, and lists.
async fn screens(twins: &mut Twins, id: u64) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (client, target) in [
        (Client::Web, format!("/orders/{id}")),
        (Client::Web, "/orders?limit=20".to_owned()),
        (Client::Web, format!("/orders?customerId={id}")),
        (Client::Web, format!("/customers/{id}")),
        (Client::Mobile, format!("/orders/{id}")),
        (Client::Mobile, "/orders?limit=20".to_owned()),
        (Client::Mobile, format!("/orders?customerId={id}")),
        (Client::Mobile, format!("/home/{id}")),
    ] {
        answers.push(twins.get(client, &target).await);
    }
    answers
}

/// That the failure was met at all.
fn assert_degraded(answers: &[Answer], what: &str) {
    let is_degraded = |answer: &Answer| {
        answer.status >= 500 || answer.header("cache-control") == Some("no-store")
    };
    let degraded = answers.iter().filter(|answer| is_degraded(answer)).count();
    assert!(degraded > 1, "{what}: {degraded} degraded answers");
}

/// The same of HTTP and of gRPC. Which further codes of gRPC are as these is in the fault matrix.
fn corresponding() -> [(&'static str, [Fault; 2]); 8] {
    let both = |fault: Fault| [fault.clone(), fault];
    [
        ("500", [Fault::status(500), Fault::grpc(Code::Internal)]),
        ("503", [Fault::status(503), Fault::grpc(Code::Unavailable)]),
        (
            "503 for long",
            [
                Fault::status_retry_after(503, 40),
                Fault::grpc_pushback(Code::Unavailable, 40_000),
            ],
        ),
        (
            "429",
            [Fault::status(429), Fault::grpc(Code::ResourceExhausted)],
        ),
        ("spoilt", both(Fault::body(BodyFault::Malformed))),
        ("another kind", both(Fault::body(BodyFault::WrongShape))),
        ("another record", both(Fault::body(BodyFault::WrongId))),
        ("no API", both(Fault::body(BodyFault::Html))),
    ]
}

#[actix_web::test]
async fn failures_that_correspond_are_answered_alike() {
    for service in [Service::Orders, Service::Customers] {
        for (what, faults) in corresponding() {
            let mut twins = Twins::start(&TOLD);
            twins.inflict(service, &faults);
            assert_degraded(&screens(&mut twins, 5).await, what);
            twins.heal();
            screens(&mut twins, 5).await;
        }
    }
}

#[actix_web::test]
async fn old_answers_stand_in_alike() {
    for service in [Service::Orders, Service::Customers] {
        for (what, faults) in corresponding() {
            let mut twins = Twins::start(&OLD);
            screens(&mut twins, 5).await;
            twins.inflict(service, &faults);
            assert_degraded(&screens(&mut twins, 5).await, what);
        }
    }
}

#[actix_web::test]
async fn writes_fail_alike_and_are_had_again_with_their_keys() {
    for after in [false, true] {
        for (what, faults) in corresponding() {
            let mut twins = Twins::start(&TOLD);
            for client in [Client::Web, Client::Mobile] {
                let faults = faults.clone();
                let faults = faults.map(|fault| if after { fault.after() } else { fault });
                // All three attempts, and then of one write the first.
                let faults = [faults.clone(), faults.map(|fault| fault.times(1))];
                let body = order(client, 9, what);
                twins.inflict(Service::Orders, &faults[0]);
                let key = format!("{client:?}-first");
                let failed = place(&mut twins, client, &key, &body).await;
                // Nobody knows beforehand which number a new order gets.
                let is_failed = failed.status >= 500 || what == "another record";
                assert!(is_failed, "{what}: {failed:?}");
                let target = "/orders/2/cancel";
                twins.send(client, "POST", target, &[], "").await;
                twins.heal();
                let placed = place(&mut twins, client, &key, &body).await;
                assert_eq!(placed.status, 201, "{what}: {placed:?}");
                twins.inflict(Service::Orders, &faults[1]);
                let key = format!("{client:?}-second");
                place(&mut twins, client, &key, &body).await;
                twins.heal();
                twins.get(client, "/orders?customerId=9").await;
            }
        }
    }
}

#[actix_web::test]
async fn silence_is_answered_alike() {
    for service in [Service::Orders, Service::Customers] {
        // Nothing that this machine has to do in that time counts: the service never answers.
        let mut twins = Twins::start(&Setup {
            hurried: Some((service, Duration::from_millis(300))),
            ..TOLD
        });
        twins.inflict(service, &[Fault::hang(), Fault::hang()]);
        assert_degraded(&screens(&mut twins, 5).await, "silence");
    }
}

#[actix_web::test]
async fn a_service_that_nobody_listens_for_is_missed_alike() {
    for service in [Service::Orders, Service::Customers] {
        // As long as it is bound nobody else gets the port, and nobody listens.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let mut twins = Twins::start(&Setup {
            down: Some((service, socket.local_addr().unwrap())),
            ..TOLD
        });
        assert_degraded(&screens(&mut twins, 5).await, "nobody");
        place(
            &mut twins,
            Client::Web,
            "key",
            &order(Client::Web, 9, "one"),
        )
        .await;
    }
}

#[actix_web::test]
async fn customers_that_there_are_not_are_missed_alike() {
    // Each is asked for once: that there is nothing is remembered, but for a moment.
    let mut twins = Twins::start(&Setup {
        customers: 300,
        ..TOLD
    });
    for client in [Client::Web, Client::Mobile] {
        let list = twins.get(client, "/orders?limit=100").await;
        assert_eq!(list.status, 200);
        assert_eq!(list.header("cache-control"), Some("no-store"));
    }
    let mut twins = Twins::start(&Setup {
        customers: 1,
        ..TOLD
    });
    for id in 2..20 {
        let client = [Client::Web, Client::Mobile][id % 2];
        twins.get(client, &format!("/orders/{id}")).await;
    }
    twins.get(Client::Web, "/customers/77").await;
    twins.get(Client::Mobile, "/home/77").await;
}

#[actix_web::test]
async fn customers_are_asked_for_one_by_one_alike() {
    let mut twins = Twins::start(&Setup {
        no_batch: Some(501),
        ..TOLD
    });
    screens(&mut twins, 5).await;
    twins.get(Client::Web, "/orders?limit=100").await;
    screens(&mut twins, 6).await;
}
