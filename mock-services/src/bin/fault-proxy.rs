//! The fault proxy as a program.

use std::process::ExitCode;

use mock_services::cli;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::fault_proxy()
}
