//! Serves the Backend for Frontend of the web client.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    bff_web::PROGRAM.run().await
}
