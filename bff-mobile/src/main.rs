//! Serves the Backend for Frontend of the mobile app.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> ExitCode {
    bff_mobile::PROGRAM.run().await
}
