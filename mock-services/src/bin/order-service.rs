//! The order service as a program.

use std::process::ExitCode;

use mock_services::{
    cli::{self, Service},
    orders,
};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main(Service {
        name: "order-service",
        about: "An order service that makes up its orders",
        listen: "127.0.0.1:8081",
        grpc_listen: "127.0.0.1:8091",
        start: orders::start,
    })
}
