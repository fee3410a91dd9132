//! The fault matrix: every fault, of either service, over HTTP or gRPC, at each endpoint of both BFFs, of one instance of
//! two or of all, with nothing in the cache or something stale. What is expected of each is stated in `table` and `cell`, and written
//! for users into docs/fault-matrix.md:
//!
//! ```sh
//! UPDATE=1 cargo test -p demo --test matrix    # after a change of what is stated
//! ONLY=Web/Order cargo test -p demo --test matrix    # only the cells with this in their names
//! ```

#![expect(
    clippy::unwrap_used,
    reason = "a test may fail by panicking, helpers included"
)]

mod cell;
mod check;
mod known;
mod report;
mod run;
mod stack;
mod table;

use std::fs;
use std::rc::Rc;

use actix_web::rt;
use bff_shared::upstream::Protocol;
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use cell::{Cell, Client};

/// Cells under way at once. Most of their time is waiting.
const AT_ONCE: usize = 16;

#[actix_web::test]
async fn every_cell_of_the_web_is_as_stated() {
    run_all(Protocol::Http, Client::Web).await;
}

#[actix_web::test]
async fn every_cell_of_the_app_is_as_stated() {
    run_all(Protocol::Http, Client::Mobile).await;
}

#[actix_web::test]
async fn every_cell_of_the_web_over_grpc_is_as_stated() {
    run_all(Protocol::Grpc, Client::Web).await;
}

#[actix_web::test]
async fn every_cell_of_the_app_over_grpc_is_as_stated() {
    run_all(Protocol::Grpc, Client::Mobile).await;
}

async fn run_all(protocol: Protocol, client: Client) {
    let only = switch("ONLY").unwrap_or_default();
    let places = Rc::new(Semaphore::new(AT_ONCE));
    let cells = Cell::all_of(protocol, client).into_iter();
    let cells = cells.filter(|cell| cell.to_string().contains(&only));
    let running = cells.map(|cell| {
        let places = Rc::clone(&places);
        rt::spawn(async move {
            let _place = places.acquire().await.unwrap();
            run::run(cell).await
        })
    });
    let running: Vec<_> = running.collect();
    let count = running.len();
    let outcomes = join_all(running).await;
    let failed: Vec<_> = outcomes
        .into_iter()
        .filter_map(|outcome| outcome.unwrap().err())
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {count} cells are not as stated:\n{}",
        failed.len(),
        failed.join("\n\n")
    );
}

#[test]
fn the_page_for_users_says_what_is_stated() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fault-matrix.md");
    let page = report::page();
    if switch("UPDATE").is_some() {
        fs::write(path, &page).unwrap();
    }
    assert!(
        fs::read_to_string(path).unwrap() == page,
        "docs/fault-matrix.md is another; UPDATE=1 cargo test -p demo --test matrix writes it anew"
    );
}

/// A switch for whoever runs the test.
#[expect(
    clippy::disallowed_methods,
    reason = "no setting of a program's, but of the person before the screen"
)]
fn switch(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
