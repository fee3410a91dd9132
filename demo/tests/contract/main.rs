//! The contract of both BFFs holds whatever their services speak: the whole API, asked of stacks with services on HTTP,
//! on gRPC, and one on each, is answered alike to the byte, and costs the services the same calls.
//!
//! What may differ is stated in `mask`: the time of day, durations, when an order was placed just now, and the validator
//! of an `ETag`, which is made of the bytes that services sent. Ages and lifetimes, told in whole seconds, may be apart
//! by the time that went by between two questions.

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

mod coverage;
mod degraded;
mod mask;
mod reads;
mod stack;
mod twins;
mod wire;
mod writes;

use std::time::Duration;

use stack::{Client, Setup};
use twins::Twins;

#[actix_web::test]
async fn the_whole_api_is_the_same_where_services_say_how_long_answers_are_good() {
    let setup = Setup {
        cache_control: Some("max-age=600"),
        ..Setup::default()
    };
    whole_api(&setup).await;
}

#[actix_web::test]
async fn the_whole_api_is_the_same_where_only_the_settings_say_so() {
    let setup = Setup {
        default_ttl: Duration::from_secs(600),
        ..Setup::default()
    };
    whole_api(&setup).await;
}

#[actix_web::test]
async fn the_whole_api_is_the_same_where_nobody_says_so() {
    whole_api(&Setup::default()).await;
}

#[actix_web::test]
async fn a_list_costs_two_calls_however_long_it_is() {
    for limit in [1, 20, 100] {
        let mut twins = Twins::start(&Setup::default());
        for client in [Client::Web, Client::Mobile] {
            let before = twins.calls();
            let list = twins.get(client, &format!("/orders?limit={limit}")).await;
            let shown = list.json()["items"].as_array().map(Vec::len);
            // Of one service one page, of the other one the customers of all orders on it.
            assert_eq!((shown, twins.calls() - before), (Some(limit), 2));
        }
    }
}

async fn whole_api(setup: &Setup) {
    let mut twins = Twins::start(setup);
    reads::all(&mut twins).await;
    writes::all(&mut twins).await;
    coverage::assert_covered(&twins.asked);
    assert!(twins.calls() > 100, "hardly anything was asked of services");
}
