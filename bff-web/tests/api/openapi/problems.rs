//! Every example of a problem is a real answer, and every problem has an example.

use std::collections::BTreeMap;
use std::time::Duration;

use bff_web::Config;
use mock_services::fault::{BodyFault, Fault};
use mock_services::raw::{self, Answer};
use serde_json::{Value, json};

use super::examples_of;
use crate::helpers::recorder::Recorder;
use crate::helpers::{TestApp, problem, spawn_app, spawn_over, spawn_with, until};
use crate::writes::new_order;

const JSON: (&str, &str) = ("Content-Type", "application/json");
const KEY: (&str, &str) = ("Idempotency-Key", "key");

/// A request that is answered well, to be spoilt.
struct Good {
    operation: &'static str,
    method: &'static str,
    target: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

impl Good {
    fn get(operation: &'static str, target: &'static str) -> Self {
        Self {
            operation,
            method: "GET",
            target,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    fn post(operation: &'static str, target: &'static str, body: String) -> Self {
        Self {
            method: "POST",
            headers: vec![JSON, KEY],
            body,
            ..Self::get(operation, target)
        }
    }

    async fn send(&self, app: &TestApp) -> Answer {
        raw::send(
            app.addr,
            self.method,
            self.target,
            &self.headers,
            &self.body,
        )
        .await
        .unwrap()
    }

    /// With both services failing in this way.
    async fn send_despite(&self, app: &TestApp, fault: Fault) -> Answer {
        app.orders.faults().set(vec![fault.clone()]);
        app.customers.faults().set(vec![fault]);
        self.send(app).await
    }

    /// What every operation can end in.
    async fn provoke_common(&self) -> Vec<Answer> {
        let app = spawn_app().await;
        assert!(self.send(&app).await.status < 300, "{}", self.operation);
        let mut answers = Vec::new();
        for fault in [
            Fault::status(500),
            Fault::status(429),
            Fault::body(BodyFault::WrongShape),
        ] {
            answers.push(self.send_despite(&app, fault).await);
        }
        let long = format!("{}?{}", self.target, "1".repeat(3_000));
        answers.push(self.send_otherwise(&app, self.method, &long, &[]).await);
        let large = "x".repeat(20_000);
        let large = [("X-Large", &*large)];
        answers.push(
            self.send_otherwise(&app, self.method, self.target, &large)
                .await,
        );
        answers.push(self.send_otherwise(&app, "DELETE", self.target, &[]).await);
        let bad_host = format!(
            "{} {} HTTP/1.1\r\nHost: a b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            self.method, self.target
        );
        answers.push(raw::exchange(app.addr, bad_host.as_bytes()).await.unwrap());
        let impatient =
            spawn_with(|config| config.server.deadline = Duration::from_millis(50)).await;
        answers.push(self.send_despite(&impatient, Fault::hang()).await);
        answers.push(self.send_one_too_many().await);
        answers
    }

    async fn send_otherwise(
        &self,
        app: &TestApp,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        raw::send(app.addr, method, target, headers, "")
            .await
            .unwrap()
    }

    async fn send_one_too_many(&self) -> Answer {
        let app = spawn_with(|config| config.server.max_requests = 1).await;
        app.orders.faults().set(vec![Fault::hang()]);
        let _hanging = actix_web::rt::spawn(raw::get(app.addr, "/orders/1"));
        until("the order service is asked", async || {
            app.orders.requests() == 1
        })
        .await;
        self.send(&app).await
    }

    /// What an operation that takes a body can end in.
    async fn provoke_with_bodies(&self) -> Vec<Answer> {
        let app = spawn_with(|config: &mut Config| {
            config.server.body_timeout = Duration::from_millis(100);
        })
        .await;
        let large = " ".repeat(65 * 1024);
        let too_large = raw::send(app.addr, self.method, self.target, &self.headers, &large);
        let too_large = too_large.await.unwrap();
        let never_sent = format!(
            "{} {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Idempotency-Key: key\r\nContent-Length: 9\r\n\r\n",
            self.method, self.target
        );
        let too_slow = raw::exchange(app.addr, never_sent.as_bytes())
            .await
            .unwrap();
        vec![too_large, too_slow]
    }

    /// What comes of what the order service says to it.
    async fn provoke_refusals(&self, said: &[(&str, &[(&str, &str)])]) -> Vec<Answer> {
        let (orders, customers) = (Recorder::orders().await, Recorder::customers().await);
        let bff = spawn_over(&[&orders.url()], &[&customers.url()], |_| {});
        let mut answers = Vec::new();
        for (status, headers) in said {
            orders.say(status, headers, "{}");
            let answer = raw::send(
                bff.addr,
                self.method,
                self.target,
                &self.headers,
                &self.body,
            );
            answers.push(answer.await.unwrap());
        }
        answers
    }
}

/// Compares what was provoked with what the document shows of `operation`.
fn assert_shown(operation: &str, answers: Vec<Answer>) {
    let provoked = answers.into_iter().map(|answer| {
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        let mut body = problem(&answer, answer.status, &code);
        body["requestId"].take();
        ((answer.status.to_string(), code), body)
    });
    let provoked: BTreeMap<_, _> = provoked.collect();

    let mut documented = examples_of(operation);
    documented.retain(|(status, _), _| !status.starts_with('2'));
    for body in documented.values_mut() {
        assert!(body["requestId"].take().is_string(), "{body}");
    }
    // A fault of our own cannot be brought about from outside.
    let internal = documented
        .remove(&("500".to_owned(), "internal".to_owned()))
        .unwrap();
    let keys = |of: &BTreeMap<(String, String), Value>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&provoked), keys(&documented), "{operation}");
    assert_eq!(provoked, documented, "{operation}");
    assert_eq!(
        (&internal["code"], &internal["status"]),
        (&"internal".into(), &500.into())
    );
}

#[actix_web::test]
async fn those_of_reads() {
    let wrong = [
        ("/orders/1", vec!["/orders/abc", "/orders/20000"]),
        ("/orders", vec!["/orders?limit=0", "/orders?cursor=x"]),
        ("/customers/56", vec!["/customers/abc", "/customers/20000"]),
    ];
    let app = spawn_app().await;
    for (operation, (target, wrong)) in ["get /orders/{id}", "get /orders", "get /customers/{id}"]
        .into_iter()
        .zip(wrong)
    {
        let mut answers = Good::get(operation, target).provoke_common().await;
        for target in wrong {
            answers.push(app.get(target).await);
        }
        assert_shown(operation, answers);
    }
}

#[actix_web::test]
async fn those_of_placing() {
    let good = Good::post("post /orders", "/orders", new_order().to_string());
    let mut answers = good.provoke_common().await;
    answers.extend(good.provoke_with_bodies().await);
    answers.extend(
        good.provoke_refusals(&[
            ("400 Bad Request", &[]),
            ("409 Conflict", &[("Retry-After", "1")]),
            ("422 Unprocessable Content", &[]),
        ])
        .await,
    );
    let app = spawn_app().await;
    let mut order = new_order();
    order["lines"][0]["quantity"] = json!(0);
    for (headers, body) in [
        (&[JSON][..], "{}"),
        (&[JSON, ("Idempotency-Key", "a b")], "{}"),
        (&[JSON, KEY], "{"),
        (&[KEY], "{}"),
        (&[JSON, KEY], &order.to_string()),
    ] {
        answers.push(app.post("/orders", headers, body).await);
    }

    assert_shown(good.operation, answers);
}

#[actix_web::test]
async fn those_of_cancelling() {
    let operation = "post /orders/{id}/cancel";
    let good = Good::post(operation, "/orders/1/cancel", String::new());
    let mut answers = good.provoke_common().await;
    answers.extend(good.provoke_with_bodies().await);
    answers.extend(
        good.provoke_refusals(&[
            ("409 Conflict", &[]),
            ("409 Conflict", &[("Retry-After", "1")]),
            ("422 Unprocessable Content", &[]),
        ])
        .await,
    );
    let app = spawn_app().await;
    for (target, headers) in [
        ("/orders/abc/cancel", &[][..]),
        ("/orders/20000/cancel", &[]),
        ("/orders/1/cancel", &[("Idempotency-Key", "a b")]),
    ] {
        answers.push(app.post(target, headers, "").await);
    }

    assert_shown(good.operation, answers);
}
