//! The policies over several endpoints.

use std::time::Duration;

use bff_shared::upstream::{BudgetConfig, Config, ErrorKind};

use super::calls::{Upstream, failed};
use super::frames::Raw;
use super::server::{Answer, Server};

const PLENTY: BudgetConfig = BudgetConfig {
    percent: 100,
    per_second: 1000,
};

fn hedging(config: &mut Config) {
    config.hedge.enabled = true;
    config.hedge.after_at_least = Duration::from_millis(5);
    config.hedge.budget = PLENTY;
    // While nothing is known, a hedge is made after a tenth of it.
    config.attempt_timeout = Duration::from_millis(500);
}

#[actix_web::test]
async fn that_one_of_two_says_nothing_is_not_noticed() {
    let silent = Server::frames(async |mut raw: Raw| raw.until_closed().await);
    let good = Server::good();
    let upstream = Upstream::at(vec![silent.endpoint(), good.endpoint()], hedging);
    for id in 0..30 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    assert!(silent.connections() >= 1, "it was tried");
}

#[actix_web::test]
async fn whoever_loses_against_a_hedge_is_told_so() {
    let slow = Server::start(async |mut call| call.until_given_up().await);
    let good = Server::good();
    let upstream = Upstream::at(vec![slow.endpoint(), good.endpoint()], hedging);
    let mut id = 0;
    while slow.count() == 0 {
        assert_eq!(upstream.get(id).await, Ok(id));
        id += 1;
    }
    slow.until(|seen| seen.resets == [h2::Reason::CANCEL]).await;
}

#[actix_web::test]
async fn what_writes_is_never_asked_of_two() {
    let slow = Server::start(async |call| {
        tokio::time::sleep(Duration::from_millis(120)).await;
        let id = call.received.id();
        call.give(Answer::thing(id)).await;
    });
    let other = Server::good();
    let upstream = Upstream::at(vec![slow.endpoint(), other.endpoint()], hedging);
    for id in 0..6 {
        assert_eq!(upstream.change(id).await, Ok(id));
    }
    assert_eq!(slow.count() + other.count(), 6);
}

#[actix_web::test]
async fn who_is_always_unavailable_is_left_alone() {
    let bad = Server::answering(|_| Answer::only("14"));
    let good = Server::good();
    let upstream = Upstream::at(vec![bad.endpoint(), good.endpoint()], |config| {
        config.retry.repeats = 1;
        config.retry.budget = PLENTY;
        config.breaker.consecutive_failures = 3;
        config.breaker.open = Duration::from_secs(60);
        config.breaker.open_at_most = Duration::from_secs(60);
    });
    for id in 0..100 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    assert!((1..=3).contains(&bad.count()), "{}", bad.count());
}

#[actix_web::test]
async fn an_open_circuit_asks_nobody() {
    let bad = Server::answering(|_| Answer::code("13"));
    let upstream = Upstream::with(&bad, |config| {
        config.breaker.consecutive_failures = 2;
        config.breaker.open = Duration::from_secs(60);
        config.breaker.open_at_most = Duration::from_secs(60);
    });
    // Faster than a certain pace they count as one.
    let mut id = 0;
    while upstream.endpoint()["breaker"] == "closed" {
        failed(upstream.get(id).await, ErrorKind::Unavailable);
        id += 1;
    }
    let asked = bad.count();
    let error = failed(upstream.change(id).await, ErrorKind::CircuitOpen);
    assert!(!error.maybe_processed(), "{error}");
    assert_eq!(bad.count(), asked);
}

#[actix_web::test]
async fn calls_are_spread_over_those_that_are_well() {
    let servers = [Server::good(), Server::good()];
    let endpoints = servers.iter().map(Server::endpoint).collect();
    let upstream = Upstream::at(endpoints, |_| {});
    for id in 0..200 {
        assert_eq!(upstream.get(id).await, Ok(id));
    }
    for server in &servers {
        assert!(server.count() > 0);
        assert_eq!(server.connections(), 1);
    }
}
