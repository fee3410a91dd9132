//! What is asked of the order service, and what is asked anew after a write.

use std::rc::Rc;
use std::time::Duration;

use tokio::task::LocalSet;

use super::*;
use crate::domain::customer::CustomerId;
use crate::upstream::transport::scripted::{Asked, Outcome, Scripted, says};
use crate::upstream::{Cluster, Config, Deadline, Instant, Target};

const FOR_A_MINUTE: &[(&str, &str)] = &[("cache-control", "max-age=60")];
const ORDER: &str = r#"{"id":5,"description":"d","customerId":7,"lines":[]}"#;
const LIST: &str = r#"{"items":[],"nextCursor":null}"#;

fn client(mut script: impl FnMut(&Asked) -> Outcome + 'static) -> (OrderClient, Rc<Scripted>) {
    let transport = Rc::new(Scripted::by(move |asked| {
        (Duration::from_millis(1), script(asked))
    }));
    let mut config = Config::new(vec![Target::parse("http://10.0.0.1").unwrap()]);
    config.retry.repeats = 0;
    let cluster = Cluster::new("orders", config);
    let client = Client::with_transport(cluster, Rc::<Scripted>::clone(&transport));
    (OrderClient::new(client), transport)
}

/// Orders and lists are kept for a minute; to a write it says `written`.
fn keeping(written: fn() -> Outcome) -> (OrderClient, Rc<Scripted>) {
    client(move |asked| match &*asked.target {
        _ if asked.method == http::Method::POST => written(),
        target if target.starts_with("/orders/") => says(200, FOR_A_MINUTE, order(target)),
        _ => says(200, FOR_A_MINUTE, LIST),
    })
}

fn order(target: &str) -> &'static str {
    if target == "/orders/5" {
        ORDER
    } else {
        r#"{"id":6,"description":"d","customerId":7,"lines":[]}"#
    }
}

fn paused(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(LocalSet::new().run_until(test));
}

fn context() -> Context {
    Context::new(Deadline::after(Instant::now(), Duration::from_secs(60)))
}

fn id(number: u64) -> OrderId {
    OrderId::new(number).unwrap()
}

fn new_order() -> NewOrder {
    NewOrder {
        customer_id: CustomerId::new(7).unwrap(),
        description: String::new(),
        currency: "EUR".to_owned(),
        lines: Vec::new(),
    }
}

fn key() -> HeaderValue {
    HeaderValue::from_static("\"k\"")
}

/// Asks for both orders and a list, and says which of them the service was asked for.
async fn asked_for(client: &OrderClient, transport: &Scripted) -> Vec<String> {
    let before = transport.attempts();
    client.get(&context(), id(5)).await.unwrap();
    client.get(&context(), id(6)).await.unwrap();
    let query = OrderQuery::default();
    client.list(&context(), &query).await.unwrap();
    let asked = transport.asked.borrow();
    let targets = asked[before..].iter().map(|asked| asked.target.clone());
    targets.collect()
}

#[test]
fn after_a_cancellation_its_order_and_all_lists_are_asked_for_anew_whatever_came_of_it() {
    let outcomes: [fn() -> Outcome; 5] = [
        || says(200, &[], ORDER),
        || says(409, &[], ""),
        || says(404, &[], ""),
        || says(503, &[], ""),
        || says(200, &[], "?"),
    ];
    for written in outcomes {
        paused(async {
            let (client, transport) = keeping(written);
            assert_eq!(asked_for(&client, &transport).await.len(), 3);
            assert!(asked_for(&client, &transport).await.is_empty());
            _ = client.cancel(&context(), id(5), None).await;
            let expected = ["/orders/5", "/orders"];
            assert_eq!(asked_for(&client, &transport).await, expected);
        });
    }
}

#[test]
fn after_an_order_was_placed_too() {
    paused(async {
        let (client, transport) = keeping(|| says(201, &[], ORDER));
        asked_for(&client, &transport).await;
        let placed = client.place(&context(), &new_order(), key()).await.unwrap();
        assert!(matches!(&*placed.value, Written::Done(order) if order.id == id(5)));
        let expected = ["/orders/5", "/orders"];
        assert_eq!(asked_for(&client, &transport).await, expected);
    });
}

#[test]
fn also_where_the_caller_left_before_it_was_over() {
    paused(async {
        let (client, transport) = keeping(|| says(200, &[], ORDER));
        asked_for(&client, &transport).await;
        let context = context();
        let mut call = Box::pin(client.cancel(&context, id(5), Some(key())));
        assert!(futures_util::poll!(&mut call).is_pending());
        drop(call);
        let expected = ["/orders/5", "/orders"];
        assert_eq!(asked_for(&client, &transport).await, expected);
    });
}

#[test]
fn where_no_thing_was_named_not_found_is_no_answer() {
    paused(async {
        let (client, _) = client(|_| says(404, &[], ""));
        let kind = |outcome: Result<(), Error>| outcome.unwrap_err().kind();
        let query = OrderQuery::default();
        let listed = client.list(&context(), &query).await.map(drop);
        let placed = client.place(&context(), &new_order(), key()).await;
        let got = client.get(&context(), id(5)).await.map(drop);
        let cancelled = client.cancel(&context(), id(5), None).await.map(drop);
        let kinds = [listed, placed.map(drop), got, cancelled].map(kind);
        let (invalid, missing) = (ErrorKind::InvalidResponse, ErrorKind::NotFound);
        assert_eq!(kinds, [invalid, invalid, missing, missing]);
    });
}

#[test]
fn another_order_than_the_one_asked_for_is_refused() {
    paused(async {
        let (client, _) = client(|_| says(200, &[], ORDER));
        let outcome = client.get(&context(), id(6)).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidResponse);
        assert!(client.get(&context(), id(5)).await.is_ok());
    });
}

#[test]
fn a_cursor_that_the_service_does_not_take_is_no_failure_and_one_that_was_not_sent_is() {
    paused(async {
        let (client, _) = client(|_| says(400, &[], ""));
        let with_cursor = OrderQuery {
            cursor: Some("&odd = ü".to_owned()),
            ..OrderQuery::default()
        };
        let listed = client.list(&context(), &with_cursor).await.unwrap();
        assert!(listed.value.page().is_none());
        let outcome = client.list(&context(), &OrderQuery::default()).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidResponse);
    });
}
