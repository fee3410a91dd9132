//! Every example of an answer that is no problem is a real one.

use std::collections::BTreeMap;

use mock_services::fault::Fault;
use mock_services::raw::{self, Answer};
use serde_json::Value;

use super::{examples, operation};
use crate::helpers::{TestApp, kill, spawn_app, spawn_stale};

/// The examples of an operation's success that nobody has compared yet.
struct Shown(BTreeMap<(String, String), Value>);

impl Shown {
    fn of(id: &str) -> Self {
        let mut examples = examples(id);
        examples.retain(|(status, _), _| status.starts_with('2'));
        Self(examples)
    }

    /// Compares an answer with the example `name`, but for what is another one each time.
    fn is(&mut self, name: &str, answer: &Answer) {
        let example = self.0.remove(&(answer.status.to_string(), name.to_owned()));
        let mut example = example.unwrap_or_else(|| panic!("no example {name} of {answer:?}"));
        let mut body = answer.json();
        for value in [&mut body, &mut example] {
            for place in ["/nextCursor", "/sources/customer/ageSeconds"] {
                if let Some(found) = value.pointer_mut(place) {
                    assert!(!found.take().is_null(), "{name}");
                }
            }
        }
        if name == "placed" {
            for value in [&mut body, &mut example] {
                assert!(value["placedAt"].take().is_string());
            }
        }
        assert_eq!(body, example, "{name}");
    }

    fn end(self) {
        assert!(self.0.is_empty(), "nobody compares {:?}", self.0);
    }
}

#[actix_web::test]
async fn those_of_an_order() {
    let mut shown = Shown::of("getOrder");
    let app = spawn_app().await;
    shown.is("complete", &app.get("/orders/1").await);
    let TestApp {
        addr, customers, ..
    } = app;
    let _port = kill(customers).await;
    shown.is(
        "withoutCustomer",
        &raw::get(addr, "/orders/1").await.unwrap(),
    );
    let app = spawn_stale();
    app.get("/orders/1").await;
    app.customers.faults().set(vec![Fault::status(503)]);
    shown.is("staleCustomer", &app.get("/orders/1").await);
    shown.end();
}

#[actix_web::test]
async fn those_of_lists() {
    let mut shown = Shown::of("listOrders");
    let app = spawn_app().await;
    let target = "/orders?customerId=56&limit=2";
    shown.is("firstPage", &app.get(target).await);
    let last = "/orders?customerId=56&status=delivered";
    shown.is("lastPage", &app.get(last).await);
    app.customers.faults().set(vec![Fault::status(503)]);
    shown.is("listWithoutCustomers", &app.get(target).await);
    shown.end();
}

#[actix_web::test]
async fn those_of_the_first_screen() {
    let mut shown = Shown::of("getHome");
    let app = spawn_app().await;
    shown.is("home", &app.get("/home/56").await);
    app.customers.faults().set(vec![Fault::status(503)]);
    shown.is("homeWithoutCustomer", &app.get("/home/56").await);
    app.customers.faults().clear();
    app.orders.faults().set(vec![Fault::status(503)]);
    shown.is("homeWithoutOrders", &app.get("/home/56").await);
    shown.end();
}

#[actix_web::test]
async fn those_of_writes_and_what_is_sent() {
    let app = spawn_app().await;
    let content = &operation("placeOrder")["requestBody"]["content"]["application/json"];
    let order = &content["examples"]["newOrder"]["value"];
    assert_eq!(*order, crate::writes::order());
    let mut shown = Shown::of("placeOrder");
    shown.is("placed", &app.post("/orders", Some("a"), order).await);
    shown.end();
    let mut shown = Shown::of("cancelOrder");
    shown.is("cancelled", &app.cancel(1, None).await);
    shown.end();
}
