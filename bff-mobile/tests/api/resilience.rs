//! What the app notices of services that fail.

use mock_services::fault::Fault;
use mock_services::{Options, customers};
use serde_json::Value;

use crate::helpers::{endpoint, problem, spawn_over, until};

#[actix_web::test]
async fn one_of_two_instances_that_fails_is_not_noticed() {
    let options = Options::default();
    let failing = customers::start(&options).unwrap();
    failing.faults().set(vec![Fault::status(503)]);
    let app = spawn_over([&options; 2], |config| {
        let endpoints = &mut config.services.customers.endpoints;
        endpoints.push(endpoint(&failing.url()));
    });

    for id in 1..=40 {
        let body = app.get(&format!("/orders/{id}")).await.json();
        assert_eq!(body["sources"], Value::Null, "{body}");
    }
}

#[actix_web::test]
async fn a_service_that_fails_again_and_again_is_left_alone_and_the_answers_say_so() {
    let options = Options::default();
    let app = spawn_over([&options; 2], |_| {});
    app.customers.faults().set(vec![Fault::status(503)]);

    let mut id = 1;
    until("it is left alone", async || {
        id += 1;
        let body = app.get(&format!("/orders/{id}")).await.json();
        let customer = &body["sources"]["customer"];
        assert_eq!(customer["state"], "default", "{body}");
        customer["reason"] == "circuitOpen"
    })
    .await;

    app.orders.faults().set(vec![Fault::status(503)]);
    until("the order service is left alone", async || {
        id += 1;
        let answer = app.get(&format!("/orders/{id}")).await;
        problem(&answer, 503, "upstreamUnavailable");
        answer.header("retry-after").is_some()
    })
    .await;
}
