//! Every example of a problem is a real answer, and every problem has one.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use mock_services::fault::{BodyFault, Fault};
use mock_services::raw::{self, Answer};
use serde_json::json;

use super::examples;
use crate::helpers::{TestApp, problem, service, spawn_app, spawn_with, until};
use crate::writes::order;

type Headers<'a> = &'a [(&'a str, &'a str)];

const JSON: (&str, &str) = ("Content-Type", "application/json");
const KEY: (&str, &str) = ("Idempotency-Key", "a");

/// A request that is answered well where nothing is wrong.
#[derive(Clone)]
struct Good {
    id: &'static str,
    method: &'static str,
    target: &'static str,
    body: String,
}

impl Good {
    fn get(id: &'static str, target: &'static str) -> Self {
        Self {
            id,
            method: "GET",
            target,
            body: String::new(),
        }
    }

    fn post(id: &'static str, target: &'static str, body: String) -> Self {
        Self {
            id,
            method: "POST",
            target,
            body,
        }
    }

    async fn send(&self, app: &TestApp) -> Answer {
        self.send_to(app, self.method, self.target, &[JSON, KEY])
            .await
    }

    async fn send_to(
        &self,
        app: &TestApp,
        method: &str,
        target: &str,
        headers: Headers<'_>,
    ) -> Answer {
        raw::send(app.addr, method, target, headers, &self.body)
            .await
            .unwrap()
    }

    /// What every operation may be answered with.
    async fn provoke(&self) -> Vec<Answer> {
        let app = spawn_app().await;
        assert!(self.send(&app).await.status < 300, "{}", self.id);
        let mut answers = Vec::new();
        for fault in [
            Fault::status(500),
            Fault::status(429),
            Fault::body(BodyFault::WrongShape),
        ] {
            app.orders.faults().set(vec![fault.clone()]);
            app.customers.faults().set(vec![fault]);
            answers.push(self.send(&app).await);
        }
        let (long, large) = ("1".repeat(3_000), "x".repeat(20_000));
        let long = format!("{}?{long}", self.target);
        answers.push(self.send_to(&app, self.method, &long, &[]).await);
        let large = [("X-Large", &*large)];
        answers.push(self.send_to(&app, self.method, self.target, &large).await);
        answers.push(self.send_to(&app, "DELETE", self.target, &[]).await);
        let bad_host = format!(
            "{} {} HTTP/1.1\r\nHost: a b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            self.method, self.target
        );
        answers.push(raw::exchange(app.addr, bad_host.as_bytes()).await.unwrap());

        let impatient =
            spawn_with(|config| config.server.deadline = Duration::from_millis(50)).await;
        impatient.orders.faults().set(vec![Fault::hang()]);
        impatient.customers.faults().set(vec![Fault::hang()]);
        answers.push(self.send(&impatient).await);
        let busy = spawn_with(|config| config.server.max_requests = 1).await;
        busy.orders.faults().set(vec![Fault::hang()]);
        let _hanging = actix_web::rt::spawn(raw::get(busy.addr, "/orders/1"));
        until("one request hangs", async || busy.orders.requests() == 1).await;
        answers.push(self.send(&busy).await);
        answers
    }

    /// What a body may be answered with that does not arrive or is too large.
    async fn provoke_with_bodies(&self) -> Vec<Answer> {
        let app =
            spawn_with(|config| config.server.body_timeout = Duration::from_millis(100)).await;
        let large = Self {
            body: " ".repeat(65 * 1024),
            ..self.clone()
        };
        let never_sent = format!(
            "{} {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Idempotency-Key: a\r\nContent-Length: 9\r\n\r\n",
            self.method, self.target
        );
        let too_slow = raw::exchange(app.addr, never_sent.as_bytes()).await;
        vec![large.send(&app).await, too_slow.unwrap()]
    }

    /// What comes of a refusal by the order service.
    async fn provoke_refusals(&self, refusals: &[(u16, bool)]) -> Vec<Answer> {
        let mut answers = Vec::new();
        for &(status, retry_after) in refusals {
            let orders = service(move |_| {
                let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
                if retry_after {
                    response.insert_header(("Retry-After", "1"));
                }
                response.finish()
            });
            let app = spawn_with(|config| config.services.orders.endpoints = vec![orders]).await;
            answers.push(self.send(&app).await);
        }
        answers
    }

    /// Compares `answers` with the examples: each has one, and each is one's.
    fn shows(&self, answers: Vec<Answer>) {
        let mut provoked = BTreeMap::new();
        for answer in answers {
            let code = answer.json()["code"].as_str().unwrap().to_owned();
            let mut body = problem(&answer, answer.status, &code);
            body["requestId"].take();
            provoked.insert((answer.status.to_string(), code), body);
        }
        let mut documented = examples(self.id);
        documented.retain(|(status, name), _| !status.starts_with('2') && name != "internal");
        for body in documented.values_mut() {
            assert!(body["requestId"].take().is_string(), "{body}");
        }
        assert_eq!(
            provoked.keys().collect::<Vec<_>>(),
            documented.keys().collect::<Vec<_>>(),
            "{}",
            self.id
        );
        assert_eq!(provoked, documented, "{}", self.id);
    }
}

#[actix_web::test]
async fn those_of_reads() {
    let app = spawn_app().await;
    for (good, wrong) in [
        (
            Good::get("getOrder", "/orders/1"),
            ["/orders/abc", "/orders/20000"],
        ),
        (
            Good::get("listOrders", "/orders"),
            ["/orders?limit=0&page=2", "/orders?cursor=x"],
        ),
        (
            Good::get("getHome", "/home/56"),
            ["/home/abc", "/home/20000"],
        ),
    ] {
        let mut answers = good.provoke().await;
        for target in wrong {
            answers.push(app.get(target).await);
        }
        good.shows(answers);
    }
}

#[actix_web::test]
async fn those_of_placing() {
    let good = Good::post("placeOrder", "/orders", order().to_string());
    let mut answers = good.provoke().await;
    answers.extend(good.provoke_with_bodies().await);
    let refusals = [(400, false), (409, true), (422, false)];
    answers.extend(good.provoke_refusals(&refusals).await);
    let app = spawn_app().await;
    let mut wrong = order();
    wrong.as_object_mut().unwrap().remove("title");
    wrong["items"][0]["count"] = json!(0);
    for (headers, body) in [
        (&[JSON][..], "{}"),
        (&[JSON, ("Idempotency-Key", "a b")], "{}"),
        (&[JSON, KEY], "[]"),
        (&[KEY], "{}"),
        (&[JSON, KEY], &wrong.to_string()),
    ] {
        answers.push(app.post_with("/orders", headers, body).await);
    }
    good.shows(answers);
}

#[actix_web::test]
async fn those_of_cancelling() {
    let good = Good::post("cancelOrder", "/orders/1/cancel", String::new());
    let mut answers = good.provoke().await;
    answers.extend(good.provoke_with_bodies().await);
    let refusals = [(409, false), (409, true), (422, false)];
    answers.extend(good.provoke_refusals(&refusals).await);
    let app = spawn_app().await;
    answers.push(app.post_with("/orders/abc/cancel", &[], "").await);
    answers.push(app.cancel(20_000, None).await);
    answers.push(app.cancel(1, Some("a b")).await);
    good.shows(answers);
}
