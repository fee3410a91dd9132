//! The customer service as a program.

use std::process::ExitCode;

use mock_services::{
    cli::{self, Service},
    customers,
};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main(Service {
        name: "customer-service",
        about: "A customer service that makes up its customers",
        listen: "127.0.0.1:8082",
        grpc_listen: "127.0.0.1:8092",
        start: customers::start,
    })
}
